// SPDX-License-Identifier: Apache-2.0

import ACPCore
import Logging

extension ACPClient {
    /// How a client reaches its server. The defaults suit most.
    ///
    /// Nothing here is shown when the configuration is printed but what is free of secrets: neither the token nor the
    /// values of headers.
    public struct Configuration: Sendable {
        /// Sent as `Authorization: Bearer …` with every request to the server, and never to another one. None unless set.
        public var bearerToken: String?
        /// Sent with every request to the server. None unless set.
        public var headers: [String: String]
        public var timeouts: Timeouts
        public var tls: TLSSettings
        /// When and how often a broken stream is taken up again.
        public var reconnection: ReconnectionPolicy
        /// The largest answer and the largest single event that are accepted, in bytes: 64 MiB unless set.
        public var maximumResponseBytes: Int
        /// How many requests, and besides them how many streams, may be under way at once: 1,024 unless set. More of
        /// them wait.
        public var maximumConnections: Int
        /// Gets one line per request and per reconnection, at debug level. Silent unless set.
        public var logger: Logger?
        /// Called when a stream loses its connection and takes itself up again, once for each outage, and when it is connected
        /// again. Called by the task that reads the stream. None unless set.
        public var onStreamConnectionChange: (@Sendable (StreamConnectionChange) -> Void)?

        public init(
            bearerToken: String? = nil,
            headers: [String: String] = [:],
            timeouts: Timeouts = Timeouts(),
            tls: TLSSettings = TLSSettings(),
            reconnection: ReconnectionPolicy = ReconnectionPolicy(),
            maximumResponseBytes: Int = 64 * 1024 * 1024,
            maximumConnections: Int = 1_024,
            logger: Logger? = nil,
            onStreamConnectionChange: (@Sendable (StreamConnectionChange) -> Void)? = nil
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
        }
    }

    /// What happens to the connection of a stream while its run goes on.
    public enum StreamConnectionChange: Sendable, Hashable {
        /// The connection was lost, for that reason. The stream connects again by itself.
        case lost(run: RunID?, reason: String)
        /// The stream is connected again. No event was missed.
        case restored(run: RunID?)
    }

    /// How long the client waits for what. None of them cancels a run: a run goes on when its client goes away.
    public struct Timeouts: Sendable, Hashable {
        /// Until a connection stands, TLS included: 10 seconds unless set.
        public var connect: Duration
        /// Until an answer is there that the server can give at once, that is, all but the next: 30 seconds unless set.
        public var request: Duration
        /// Until a synchronous run or resume has its answer: 10 minutes unless set.
        public var run: Duration
        /// How long a stream may be silent before its connection counts as lost and is replaced: 60 seconds unless set.
        /// Servers of this package send a sign of life more often than that.
        public var streamIdle: Duration

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

    /// When a broken stream is taken up again: after a delay that doubles with every attempt that brought nothing, up to
    /// a limit. Half of the delay is random, so that many clients do not come back at the same moment.
    public struct ReconnectionPolicy: Sendable, Hashable {
        /// 250 milliseconds unless set, or what the server asks for with `retry:`.
        public var initialDelay: Duration
        /// 15 seconds unless set. A longer `Retry-After` of the server is respected up to five minutes.
        public var maximumDelay: Duration
        /// How many attempts in a row may bring nothing before the stream ends with an error: 10 unless set, 0 for none.
        public var maximumAttempts: Int

        public init(
            initialDelay: Duration = .milliseconds(250),
            maximumDelay: Duration = .seconds(15),
            maximumAttempts: Int = 10
        ) {
            self.initialDelay = initialDelay
            self.maximumDelay = maximumDelay
            self.maximumAttempts = maximumAttempts
        }

        /// A broken stream is not taken up again.
        public static let never = ReconnectionPolicy(maximumAttempts: 0)
    }
}

extension ACPClient.Configuration: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    public var description: String {
        let token = bearerToken == nil ? "none" : "set"
        let names = headers.keys.sorted()
        return "ACPClient.Configuration(bearerToken: \(token), headers: \(names), timeouts: \(timeouts))"
    }

    public var debugDescription: String { description }

    /// Empty, because `dump` and debuggers would show the token.
    public var customMirror: Mirror { Mirror(self, children: []) }
}
