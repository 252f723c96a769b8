// SPDX-License-Identifier: Apache-2.0

import A2ACore
import ACPLinks
import ACPRuntime
import Crypto

/// How a server sends push notifications.
///
/// Clients choose the URLs that notifications are posted to. To prevent them from reaching services that only the server
/// can reach (server-side request forgery), the server posts only to public addresses by default.
///
/// ## Deliveries
///
/// The events of a task are posted to each URL in order, each at least once. The next event follows when a receiver has
/// acknowledged the one before with a status of 2xx. An attempt that has failed is repeated after a pause that doubles each
/// time, or after the pause that the receiver asks for with `Retry-After`:
///
/// | response | what happens |
/// |---|---|
/// | 2xx | The event is delivered. |
/// | 408, 425, 429, 5xx, none in time, no connection | The attempt is repeated. |
/// | 410 | The configuration gets no further events. |
/// | any other | The event is given up. Redirects are not followed. |
///
/// Receivers can drop repetitions by the header `webhook-id`, which consists of the task's id and the number of the
/// event.
///
/// ## Signatures
///
/// With ``signingKeys``, each delivery is signed in the form of Standard Webhooks: the header `webhook-signature` contains
/// `v1,` and the HMAC-SHA256, or `v1a,` and the Ed25519 signature, in base64, of `webhook-id`, `.`, `webhook-timestamp`, `.`
/// and the body. Receivers should refuse timestamps, which are seconds since 1970, that differ from their clock by more than
/// five minutes, so that nobody can repeat a delivery later.
public struct PushConfiguration: Sendable {
    /// The hosts to which the server posts whatever their addresses are.
    public var allowedHosts: [AllowedHost]
    /// Whether the server also posts to addresses of this machine and of private networks. Use it for development and in
    /// closed networks only.
    public var allowsPrivateAddresses: Bool
    /// How long one attempt may take.
    public var timeout: Duration
    /// How long connecting to one address may take.
    public var connectTimeout: Duration
    /// How often the delivery of an event is attempted before it is given up.
    public var maximumAttempts: Int
    /// The number of consecutive events that are given up after all attempts. Then the configuration gets no further
    /// events.
    public var maximumFailedEvents: Int
    /// The pause before the second attempt.
    public var firstRetryDelay: Duration
    /// The longest pause between two attempts, unless the receiver asks for a longer one, which is limited to an hour.
    public var maximumRetryDelay: Duration
    /// The largest number of configurations that a task can have.
    public var maximumConfigurations: Int
    /// The keys that sign deliveries, each with a signature of its own. Two keys at the same time allow receivers to
    /// change from one to the other.
    public var signingKeys: [PushSigningKey]

    /// Creates a configuration.
    ///
    /// - Parameters:
    ///   - allowedHosts: The hosts to which the server posts whatever their addresses are. Defaults to none.
    ///   - allowsPrivateAddresses: Whether the server posts to private addresses. Defaults to `false`.
    ///   - timeout: How long one attempt may take. Defaults to 15 seconds.
    ///   - connectTimeout: How long connecting may take. Defaults to 4 seconds.
    ///   - maximumAttempts: How often a delivery is attempted. Defaults to 10, which takes about six minutes.
    ///   - maximumFailedEvents: How many consecutive events may fail. Defaults to 3.
    ///   - firstRetryDelay: The pause before the second attempt. Defaults to 1 second.
    ///   - maximumRetryDelay: The longest pause. Defaults to 5 minutes.
    ///   - maximumConfigurations: The largest number of configurations of a task. Defaults to 16.
    ///   - signingKeys: The keys that sign deliveries. Defaults to none.
    public init(
        allowedHosts: [AllowedHost] = [],
        allowsPrivateAddresses: Bool = false,
        timeout: Duration = .seconds(15),
        connectTimeout: Duration = .seconds(4),
        maximumAttempts: Int = 10,
        maximumFailedEvents: Int = 3,
        firstRetryDelay: Duration = .seconds(1),
        maximumRetryDelay: Duration = .seconds(300),
        maximumConfigurations: Int = 16,
        signingKeys: [PushSigningKey] = []
    ) {
        self.allowedHosts = allowedHosts
        self.allowsPrivateAddresses = allowsPrivateAddresses
        self.timeout = timeout
        self.connectTimeout = connectTimeout
        self.maximumAttempts = maximumAttempts
        self.maximumFailedEvents = maximumFailedEvents
        self.firstRetryDelay = firstRetryDelay
        self.maximumRetryDelay = maximumRetryDelay
        self.maximumConfigurations = maximumConfigurations
        self.signingKeys = signingKeys
    }

    /// Checks the configuration.
    ///
    /// - Throws: `RunEngineError` with code `invalidConfiguration` if a number or a duration is out of its range.
    public func validate() throws(RunEngineError) {
        let violation: String? =
            if [maximumAttempts, maximumFailedEvents, maximumConfigurations].contains(where: { $0 < 1 }) {
                "maximumAttempts, maximumFailedEvents and maximumConfigurations must be at least 1"
            } else if [timeout, connectTimeout, firstRetryDelay].contains(where: { $0 <= .zero }) {
                "timeout, connectTimeout and firstRetryDelay must be positive"
            } else if maximumRetryDelay < firstRetryDelay {
                "maximumRetryDelay must not be shorter than firstRetryDelay"
            } else {
                nil
            }
        if let violation { throw .invalidConfiguration("push notifications: \(violation)") }
    }

    var links: LinkConfiguration {
        LinkConfiguration(
            allowedHosts: allowedHosts, allowsPrivateAddresses: allowsPrivateAddresses, timeout: timeout,
            connectTimeout: connectTimeout, maximumRedirects: 0, maximumLoadsPerHost: 16)
    }
}

/// A key that signs push notifications.
public enum PushSigningKey: Sendable {
    /// A secret that the server shares with its receivers, for HMAC-SHA256. Use at least 24 random bytes.
    case secret(SymmetricKey)
    /// A private key for Ed25519. Receivers get its public key.
    case ed25519(Curve25519.Signing.PrivateKey)

    /// Returns the signature of a delivery, as it is in the header.
    func signature(of id: String, at timestamp: String, _ body: [UInt8]) throws -> String {
        var content = Array("\(id).\(timestamp).".utf8)
        content += body
        switch self {
        case .secret(let key):
            let code = HMAC<SHA256>.authenticationCode(for: content, using: key)
            return "v1,\(Base64.text(Array(code)))"
        case .ed25519(let key): return "v1a,\(Base64.text(Array(try key.signature(for: content))))"
        }
    }
}
