// SPDX-License-Identifier: Apache-2.0

import ACPCore
import Logging
public import Tracing

extension ACPClient {
    /// The configuration of a client: token, headers, timeouts, TLS and reconnection.
    ///
    /// Descriptions of the configuration contain neither the token nor the values of headers.
    public struct Configuration: Sendable {
        /// The token that is sent as `Authorization: Bearer …` with every request to the server, and to no other
        /// server. If `nil`, which is the default, none is sent.
        public var bearerToken: String?
        /// Headers that are sent with every request to the server. Defaults to none.
        public var headers: [String: String]
        /// How long the client waits for connections, responses and events.
        public var timeouts: Timeouts
        /// The TLS settings of `https` connections.
        public var tls: TLSSettings
        /// When and how often a stream reconnects.
        public var reconnection: ReconnectionPolicy
        /// The maximum size of a response and of a single event, in bytes. Defaults to 64 MiB.
        public var maximumResponseBytes: Int
        /// The maximum number of concurrent requests, and separately of concurrent streams. Further ones wait. Defaults
        /// to 1,024.
        public var maximumConnections: Int
        /// Receives a message of level `debug` for each request and each reconnection. If `nil`, which is the default,
        /// nothing is logged.
        public var logger: Logger?
        /// Called when a stream loses its connection, once for each outage, and when it is connected again. It is
        /// called by the task that reads the stream. Defaults to `nil`.
        public var onStreamConnectionChange: (@Sendable (StreamConnectionChange) -> Void)?
        /// Creates a span for each request, and sends its context to the server. If `nil`, which is the default, the tracer
        /// with which `InstrumentationSystem` was bootstrapped when the client is created. Without a tracer, the W3C trace
        /// context with which a handler was called is passed on.
        public var tracer: (any Tracer)?

        /// Creates a configuration. The parameters have the defaults that the properties document.
        public init(
            bearerToken: String? = nil,
            headers: [String: String] = [:],
            timeouts: Timeouts = Timeouts(),
            tls: TLSSettings = TLSSettings(),
            reconnection: ReconnectionPolicy = ReconnectionPolicy(),
            maximumResponseBytes: Int = 64 * 1024 * 1024,
            maximumConnections: Int = 1_024,
            logger: Logger? = nil,
            onStreamConnectionChange: (@Sendable (StreamConnectionChange) -> Void)? = nil,
            tracer: (any Tracer)? = nil
        ) {
            self.bearerToken = bearerToken
            self.headers = headers
            self.timeouts = timeouts
            self.tls = tls
            self.reconnection = reconnection
            self.maximumResponseBytes = maximumResponseBytes
            self.maximumConnections = maximumConnections
            self.logger = logger
            self.onStreamConnectionChange = onStreamConnectionChange
            self.tracer = tracer
        }
    }

    /// A change of a stream's connection while its run continues.
    public enum StreamConnectionChange: Sendable, Hashable {
        /// The connection was lost for a reason. The stream reconnects by itself.
        case lost(run: RunID?, reason: String)
        /// The stream is connected again. No event was missed.
        case restored(run: RunID?)
    }

    /// The timeouts of a client. None of them cancels a run: a run continues when its client disconnects.
    public struct Timeouts: Sendable, Hashable {
        /// The timeout for establishing a connection, including TLS. Defaults to 10 seconds.
        public var connect: Duration
        /// The timeout for responses to all requests except synchronous runs and resumes. Defaults to 30 seconds.
        public var request: Duration
        /// The timeout for the response to a synchronous run or resume. Defaults to 10 minutes.
        public var run: Duration
        /// How long a stream may be silent before its connection is replaced. Defaults to 60 seconds. Servers of this
        /// package send keep-alive comments more often than that.
        public var streamIdle: Duration

        /// Creates timeouts. The parameters have the defaults that the properties document.
        public init(
            connect: Duration = .seconds(10),
            request: Duration = .seconds(30),
            run: Duration = .seconds(600),
            streamIdle: Duration = .seconds(60)
        ) {
            self.connect = connect
            self.request = request
            self.run = run
            self.streamIdle = streamIdle
        }
    }

    /// When a stream reconnects after it has lost its connection.
    ///
    /// The delay doubles with every failed attempt, up to a limit. Half of the delay is random, so that many clients do
    /// not reconnect at the same moment.
    public struct ReconnectionPolicy: Sendable, Hashable {
        /// The delay before the first attempt. Defaults to 250 milliseconds. A `retry:` field of the server overrides
        /// it.
        public var initialDelay: Duration
        /// The maximum delay. Defaults to 15 seconds. A longer `Retry-After` of the server is respected up to 5
        /// minutes.
        public var maximumDelay: Duration
        /// The number of consecutive failed attempts after which the stream throws. Defaults to 10. If 0, streams do
        /// not reconnect.
        public var maximumAttempts: Int

        /// Creates a policy. The parameters have the defaults that the properties document.
        public init(
            initialDelay: Duration = .milliseconds(250),
            maximumDelay: Duration = .seconds(15),
            maximumAttempts: Int = 10
        ) {
            self.initialDelay = initialDelay
            self.maximumDelay = maximumDelay
            self.maximumAttempts = maximumAttempts
        }

        /// A policy with which streams do not reconnect.
        public static let never = ReconnectionPolicy(maximumAttempts: 0)
    }
}

extension ACPClient.Configuration: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    /// A description without the token and the values of headers.
    public var description: String {
        let token = bearerToken == nil ? "none" : "set"
        let names = headers.keys.sorted()
        return "ACPClient.Configuration(bearerToken: \(token), headers: \(names), timeouts: \(timeouts))"
    }

    /// The same as ``description``.
    public var debugDescription: String { description }

    /// Empty, because `dump` and debuggers would show the token.
    public var customMirror: Mirror { Mirror(self, children: []) }
}
