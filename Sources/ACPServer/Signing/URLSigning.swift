// SPDX-License-Identifier: Apache-2.0

import Crypto
import Foundation

/// Signs the URLs of messages and session states, so that a URL grants access until it expires, and guessing an id does
/// not.
///
/// ```swift
/// var configuration = ServerConfiguration(authentication: .bearer(token))
/// configuration.urlSigning = try URLSigning(keys: [secret])
/// ```
///
/// The URLs in session descriptors then end in `?expires=…&signature=…`. With such a URL, a message or a state can be
/// read without a credential, which is how another server loads it. Without a signature, the credential that
/// ``ServerConfiguration/authentication`` requires is needed. Descriptors themselves are protected by the
/// authentication alone: without authentication, anyone who knows the id of a session receives signed URLs.
///
/// Server processes that share a storage need the same keys.
public struct URLSigning: Sendable {
    /// The shortest key that is accepted, in bytes.
    public static let minimumKeyLength = 16

    private let keys: [SymmetricKey]
    private let lifetime: Int
    private let now: @Sendable () -> Date

    /// Creates a signer.
    ///
    /// - Parameters:
    ///   - keys: Secrets of at least 16 bytes, such as the output of `openssl rand -hex 32`. The first key signs, all
    ///     keys are accepted. To change the key, insert the new one at the start, and remove the old one when the URLs
    ///     that it signed have expired.
    ///   - lifetime: How long a URL can be used, in whole seconds. Defaults to one day. URLs are valid for up to an
    ///     eighth longer, so that descriptors that are fetched shortly after one another contain the same URLs most of
    ///     the time.
    /// - Throws: ``ServerError`` with code `invalidSigning` if there is no key, a key is too short, or the lifetime is
    ///   shorter than a second or longer than ten years.
    public init(keys: [String], lifetime: Duration = .seconds(86_400)) throws(ServerError) {
        try self.init(keys: keys, lifetime: lifetime) { Date() }
    }

    /// Creates a signer with a clock.
    init(keys: [String], lifetime: Duration, now: @escaping @Sendable () -> Date) throws(ServerError) {
        guard !keys.isEmpty else { throw .invalidSigning("no key is given: at least one is required") }
        for key in keys where key.utf8.count < Self.minimumKeyLength {
            throw .invalidSigning(
                "a key has \(key.utf8.count) bytes, at least \(Self.minimumKeyLength) are required: use the output of `openssl rand -hex 32`, for example"
            )
        }
        guard lifetime >= .seconds(1), lifetime <= .seconds(315_360_000) else {
            throw .invalidSigning("the lifetime must be between 1 second and 10 years")
        }
        self.keys = keys.map { SymmetricKey(data: Array($0.utf8)) }
        self.lifetime = Int(lifetime.components.seconds)
        self.now = now
    }

    /// Returns the signed URL of a resource below a server's base. The rest of its query is not signed.
    func url(of resource: SessionResource, at base: ServerBase, query: String = "") -> String {
        let step = max(1, lifetime / 8)
        let end = Int(now().timeIntervalSince1970) + lifetime
        let expires = (end + step - 1) / step * step
        let code = HMAC<SHA256>.authenticationCode(for: Self.text(resource, expires), using: keys[0])
        return SessionLink(
            signing: base.description + resource.path + query, expires: expires, signature: code.base64URL
        ).url
    }

    /// The result of checking a signature.
    enum SignatureValidity: Equatable {
        /// The URL can be used for a number of seconds.
        case valid(remaining: Int)
        case expired
        case invalid
    }

    /// Checks the signature of a request. The duration does not depend on how much of the signature is correct.
    func validity(of resource: SessionResource, expires: String?, signature: String?) -> SignatureValidity {
        guard let expires = expires.flatMap({ Int($0) }), let code = signature.flatMap({ [UInt8](base64URL: $0) })
        else {
            return .invalid
        }
        let text = Self.text(resource, expires)
        let isGenuine = keys.reduce(false) { found, key in
            HMAC<SHA256>.isValidAuthenticationCode(code, authenticating: text, using: key) || found
        }
        guard isGenuine else { return .invalid }
        let remaining = expires - Int(now().timeIntervalSince1970)
        return remaining > 0 ? .valid(remaining: remaining) : .expired
    }

    /// Whether the URL of a resource has a signature of this server that has not expired.
    func isSigned(_ url: String, for resource: SessionResource) -> Bool {
        let link = SessionLink(url)
        let validity = validity(of: resource, expires: link.expires.map { "\($0)" }, signature: link.signature)
        if case .valid = validity { return true }
        return false
    }

    /// Returns the text that is signed. It contains the path on this server, without a prefix that a proxy removes.
    private static func text(_ resource: SessionResource, _ expires: Int) -> Data {
        Data("acp-resource\n\(resource.path)\n\(expires)".utf8)
    }
}

extension URLSigning: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    /// A description without the keys.
    public var description: String { "URLSigning(\(keys.count) keys, lifetime: \(lifetime) s)" }
    /// The same as ``description``.
    public var debugDescription: String { description }
    /// Empty, because `dump` and debuggers would show the keys.
    public var customMirror: Mirror { Mirror(self, children: []) }
}

extension Sequence<UInt8> {
    /// The bytes in the URL-safe alphabet of Base64, without padding.
    var base64URL: String {
        Data(self).base64EncodedString().replacing("+", with: "-").replacing("/", with: "_").replacing("=", with: "")
    }
}

extension [UInt8] {
    /// Decodes a text that ``Swift/Sequence/base64URL`` returned.
    fileprivate init?(base64URL text: String) {
        let plain = text.replacing("-", with: "+").replacing("_", with: "/")
        let padding = String(repeating: "=", count: (4 - plain.utf8.count % 4) % 4)
        guard let data = Data(base64Encoded: plain + padding) else { return nil }
        self = [UInt8](data)
    }
}
