// SPDX-License-Identifier: Apache-2.0

import Crypto
import Foundation

/// Signs the URLs of messages and states, so that they can be read by whoever was given one, until it expires, and by nobody who
/// guesses an id.
///
/// ```swift
/// var configuration = ServerConfiguration(authentication: .bearer(token))
/// configuration.urlSigning = try URLSigning(keys: [secret])
/// ```
///
/// The URLs in session descriptors then end in `?expires=…&signature=…`. With one, a message or a state can be read without a
/// credential, which is how another server loads it; without, it takes the credential that ``ServerConfiguration/authentication``
/// asks for. Descriptors themselves are protected by the authentication alone: without one, whoever knows the id of a session gets
/// URLs that are signed.
///
/// Server processes that share a storage need the same keys.
public struct URLSigning: Sendable {
    /// The shortest key that is accepted, in bytes.
    public static let minimumKeyLength = 16

    private let keys: [SymmetricKey]
    private let lifetime: Int
    private let now: @Sendable () -> Date

    /// - Parameters:
    ///   - keys: Secrets of at least 16 bytes; `openssl rand -hex 32` makes a good one. The first one signs, all are accepted: to
    ///     change the key, put the new one in front, and take the old one away when what it signed has expired.
    ///   - lifetime: For how long a URL can be used, rounded to seconds: one day unless said otherwise, and up to an eighth longer,
    ///     so that a descriptor that is asked for twice names the same URLs most of the time.
    /// - Throws: ``ServerError`` with `invalidSigning` without a key, with one that is too short, or with a lifetime that is
    ///   shorter than a second or longer than ten years.
    public init(keys: [String], lifetime: Duration = .seconds(86_400)) throws(ServerError) {
        try self.init(keys: keys, lifetime: lifetime) { Date() }
    }

    /// With a clock of the caller's.
    init(keys: [String], lifetime: Duration, now: @escaping @Sendable () -> Date) throws(ServerError) {
        guard !keys.isEmpty else { throw .invalidSigning("there is no key: give at least one") }
        for key in keys where key.utf8.count < Self.minimumKeyLength {
            throw .invalidSigning(
                "a key has \(key.utf8.count) bytes: \(Self.minimumKeyLength) or more are expected, from `openssl rand -hex 32` for example"
            )
        }
        guard lifetime >= .seconds(1), lifetime <= .seconds(315_360_000) else {
            throw .invalidSigning("the lifetime has to be 1 second to 10 years")
        }
        self.keys = keys.map { SymmetricKey(data: Array($0.utf8)) }
        self.lifetime = Int(lifetime.components.seconds)
        self.now = now
    }

    /// The URL of a resource below a server's base, signed. What stands in its query besides is not.
    func url(of resource: SessionResource, at base: ServerBase, query: String = "") -> String {
        let step = max(1, lifetime / 8)
        let end = Int(now().timeIntervalSince1970) + lifetime
        let expires = (end + step - 1) / step * step
        let code = HMAC<SHA256>.authenticationCode(for: Self.text(resource, expires), using: keys[0])
        return SessionLink(
            signing: base.description + resource.path + query, expires: expires, signature: code.base64URL
        ).url
    }

    /// What a signature is worth.
    enum Verdict: Equatable {
        /// For how many seconds it can still be used.
        case valid(remaining: Int)
        case expired
        case forged
    }

    /// Checks what a request says. The time this takes does not depend on how much of the signature is right.
    func verdict(on resource: SessionResource, expires: String?, signature: String?) -> Verdict {
        guard let expires = expires.flatMap({ Int($0) }), let code = signature.flatMap({ [UInt8](base64URL: $0) })
        else {
            return .forged
        }
        let text = Self.text(resource, expires)
        let isGenuine = keys.reduce(false) { found, key in
            HMAC<SHA256>.isValidAuthenticationCode(code, authenticating: text, using: key) || found
        }
        guard isGenuine else { return .forged }
        let remaining = expires - Int(now().timeIntervalSince1970)
        return remaining > 0 ? .valid(remaining: remaining) : .expired
    }

    /// Whether a URL that leads to a resource carries a signature of this server that has not expired.
    func signed(_ url: String, for resource: SessionResource) -> Bool {
        let link = SessionLink(url)
        let verdict = verdict(on: resource, expires: link.expires.map { "\($0)" }, signature: link.signature)
        if case .valid = verdict { return true }
        return false
    }

    /// What is signed. The path is that of this server: a prefix that a proxy takes off is none of it.
    private static func text(_ resource: SessionResource, _ expires: Int) -> Data {
        Data("acp-resource\n\(resource.path)\n\(expires)".utf8)
    }
}

extension URLSigning: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    /// Without the keys.
    public var description: String { "URLSigning(\(keys.count) keys, lifetime: \(lifetime) s)" }
    public var debugDescription: String { description }
    /// Empty, because `dump` and debuggers would show the keys.
    public var customMirror: Mirror { Mirror(self, children: []) }
}

extension Sequence<UInt8> {
    /// Base64 for URLs, without padding.
    var base64URL: String {
        Data(self).base64EncodedString().replacing("+", with: "-").replacing("/", with: "_").replacing("=", with: "")
    }
}

extension [UInt8] {
    /// The bytes of a text that ``Swift/Sequence/base64URL`` gave.
    fileprivate init?(base64URL text: String) {
        let plain = text.replacing("-", with: "+").replacing("_", with: "/")
        let padding = String(repeating: "=", count: (4 - plain.utf8.count % 4) % 4)
        guard let data = Data(base64Encoded: plain + padding) else { return nil }
        self = [UInt8](data)
    }
}
