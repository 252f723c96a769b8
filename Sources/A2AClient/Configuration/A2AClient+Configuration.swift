// SPDX-License-Identifier: Apache-2.0

import A2ACore
import ACPClient
import Foundation
import Logging

extension A2AClient {
    /// The timeouts of a client, as those of `ACPClient`. ``Configuration/timeouts`` describes their use.
    public typealias Timeouts = ACPClient.Timeouts
    /// When a stream reconnects, as the streams of `ACPClient` do.
    public typealias ReconnectionPolicy = ACPClient.ReconnectionPolicy

    /// The configuration of a client: token, headers, choice of the interface, timeouts, TLS and reconnection.
    ///
    /// The types of the timeouts, the TLS settings and the reconnection policy belong to `ACPClient`: import it as well
    /// to change them. Descriptions of the configuration contain neither the token nor the values of headers.
    public struct Configuration: Sendable {
        /// The token that is sent as `Authorization: Bearer …` with every request to the agent, and to no other server.
        /// If `nil`, which is the default, none is sent.
        public var bearerToken: String?
        /// Headers that are sent with every request to the agent. Defaults to none.
        public var headers: [String: String]
        /// The URIs of the extensions to activate, which are sent in the header `A2A-Extensions`. Defaults to none.
        public var extensions: [String]
        /// The bindings to prefer, most preferred first. Interfaces of other bindings are used if the card offers none
        /// of these. Defaults to none, so that the agent's own order counts.
        public var preferredBindings: [A2A.ProtocolBinding]
        /// Verifies the signatures of agent cards. If `nil`, which is the default, cards need no signature; otherwise a
        /// card without a valid one is an error with code ``A2AClientError/Code-swift.struct/untrustedCard``.
        public var cardVerifier: A2A.AgentCardVerifier?
        /// How long an agent card is used before it is fetched again, if its response has no `Cache-Control`. Defaults
        /// to 5 minutes.
        public var cardLifetime: Duration
        /// Whether the token and the headers are sent to an interface of another origin (scheme, host and port) than
        /// the URL of the agent. Defaults to `false`: such an interface is then an error, except if there is no token
        /// and no header, if the card was passed by the caller, or if its signature was verified.
        public var trustsOtherOrigins: Bool
        /// Whether the server creates one task for all sends with the same `Idempotency-Key`, so that a send whose
        /// response was lost can be repeated. If `nil`, which is the default, the agent card is asked for the extension
        /// `A2A.Extensions.idempotentSending`.
        public var deduplicatesSends: Bool?
        /// How long the client waits for connections, responses and events. `run` is the timeout of blocking sends,
        /// `request` the one of all other requests.
        public var timeouts: Timeouts
        /// The TLS settings of `https` connections.
        public var tls: TLSSettings
        /// When and how often a stream reconnects, and a send is repeated.
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

        /// Creates a configuration. The parameters have the defaults that the properties document.
        public init(
            bearerToken: String? = nil,
            headers: [String: String] = [:],
            extensions: [String] = [],
            preferredBindings: [A2A.ProtocolBinding] = [],
            cardVerifier: A2A.AgentCardVerifier? = nil,
            cardLifetime: Duration = .seconds(300),
            trustsOtherOrigins: Bool = false,
            deduplicatesSends: Bool? = nil,
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
            self.extensions = extensions
            self.preferredBindings = preferredBindings
            self.cardVerifier = cardVerifier
            self.cardLifetime = cardLifetime
            self.trustsOtherOrigins = trustsOtherOrigins
            self.deduplicatesSends = deduplicatesSends
            self.timeouts = timeouts
            self.tls = tls
            self.reconnection = reconnection
            self.maximumResponseBytes = maximumResponseBytes
            self.maximumConnections = maximumConnections
            self.logger = logger
            self.onStreamConnectionChange = onStreamConnectionChange
        }
    }

    /// A change of a stream's connection while its task continues.
    public enum StreamConnectionChange: Sendable, Hashable {
        /// The connection was lost for a reason. The stream reconnects by itself.
        case lost(task: A2A.TaskID?, reason: String)
        /// The stream is connected again.
        case restored(task: A2A.TaskID?)
    }
}

extension A2AClient.Configuration: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    /// A description without the token and the values of headers.
    public var description: String {
        let token = bearerToken == nil ? "none" : "set"
        let names = headers.keys.sorted()
        return "A2AClient.Configuration(bearerToken: \(token), headers: \(names), timeouts: \(timeouts))"
    }

    /// The same as ``description``.
    public var debugDescription: String { description }

    /// Empty, because `dump` and debuggers would show the token.
    public var customMirror: Mirror { Mirror(self, children: []) }
}

extension A2AClient.Configuration {
    /// Whether requests have credentials, which must not be sent to any server.
    var hasCredentials: Bool { bearerToken != nil || !headers.isEmpty }

    /// The configuration of the transport.
    var transport: ACPClient.Configuration {
        var headers = headers
        headers[A2A.Version.headerName] = A2A.Version.v1.description
        if let value = A2A.Extensions.headerValue(extensions) { headers[A2A.Extensions.headerName] = value }
        return ACPClient.Configuration(
            bearerToken: bearerToken, headers: headers, timeouts: timeouts, tls: tls, reconnection: reconnection,
            maximumResponseBytes: maximumResponseBytes, maximumConnections: maximumConnections, logger: logger)
    }

    /// Returns a text of a server without the secrets of this client, which a careless server may repeat.
    func redacting(_ text: String) -> String {
        var secrets = [bearerToken].compactMap { $0 }
        for (name, value) in headers {
            let name = name.lowercased()
            guard ["authorization", "cookie", "key", "token", "secret"].contains(where: name.contains) else { continue }
            secrets.append(value)
            if let credentials = value.split(separator: " ").last { secrets.append(String(credentials)) }
        }
        return secrets.filter { !$0.isEmpty }.reduce(text) { $0.replacingOccurrences(of: $1, with: "[redacted]") }
    }
}
