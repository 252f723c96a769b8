// SPDX-License-Identifier: Apache-2.0

import ACPServer
import Foundation

/// Where the public keys of an issuer come from: a set of JSON Web Keys (JWKS, RFC 7517).
///
/// Keys of types and algorithms that are not supported are ignored, and so are those for encryption. Private parts of keys
/// are never used.
public struct JWTKeys: Sendable {
    enum Source: Sendable {
        case file(String)
        case url(String)
        case bytes([UInt8])
        case custom(@Sendable () async throws -> [UInt8])
    }

    let source: Source
    /// How long keys are used before they are loaded again, in the background. Defaults to 10 minutes, or for a file, which
    /// is only read if it has changed, 5 seconds.
    public var lifetime: Duration
    /// The shortest time between two attempts to load keys. They are loaded when their ``lifetime`` has passed, and when a
    /// token names a key that is unknown. Defaults to 30 seconds, or for a file, 5 seconds.
    public var minimumInterval: Duration
    /// How long keys are used if they cannot be loaded again. Then requests with tokens of the issuer are rejected with 503.
    /// Defaults to 1 day.
    public var maximumAge: Duration
    /// Whether keys may be loaded over plain HTTP from other hosts than this machine. Use it in closed networks only.
    /// Defaults to `false`.
    public var allowsPlainHTTP: Bool

    private init(_ source: Source, lifetime: Duration, minimumInterval: Duration) {
        self.source = source
        self.lifetime = lifetime
        self.minimumInterval = minimumInterval
        maximumAge = max(.seconds(86_400), lifetime * 2)
        allowsPlainHTTP = false
    }

    /// Keys in a file, which is read again when it changes.
    public static func file(_ path: String) -> JWTKeys {
        JWTKeys(.file(path), lifetime: .seconds(5), minimumInterval: .seconds(5))
    }

    /// Keys at a URL, such as `https://id.example.com/.well-known/jwks.json`. They are loaded with the first request.
    ///
    /// It must begin with `https://`; `http://` is accepted for this machine, and with ``allowsPlainHTTP``. What has been
    /// loaded is used until something else can be loaded.
    public static func url(_ url: String) -> JWTKeys {
        JWTKeys(.url(url), lifetime: .seconds(600), minimumInterval: .seconds(30))
    }

    /// Keys as JSON.
    public static func bytes(_ json: [UInt8]) -> JWTKeys {
        JWTKeys(.bytes(json), lifetime: .seconds(365 * 86_400), minimumInterval: .seconds(30))
    }

    /// Keys that a closure loads, as JSON: from a URL with a proxy or an authority of your own, for example.
    public static func custom(_ load: @escaping @Sendable () async throws -> [UInt8]) -> JWTKeys {
        JWTKeys(.custom(load), lifetime: .seconds(600), minimumInterval: .seconds(30))
    }

    /// - Throws: `ServerError` with code `invalidConfiguration`.
    func validate(_ algorithms: Set<JWTConfiguration.Algorithm>) throws(ServerError) {
        guard lifetime > .zero, minimumInterval >= .zero, maximumAge >= lifetime else {
            throw .invalidConfiguration(
                "JWTConfiguration.keys: lifetime must be positive, minimumInterval must not be negative, and maximumAge must not be shorter than lifetime"
            )
        }
        switch source {
        case .file(let path): try Self.check(try Self.read(path), "of \(path)", algorithms)
        case .bytes(let json): try Self.check(json, "of JWTConfiguration.keys", algorithms)
        case .url(let url): try checkURL(url)
        case .custom: break
        }
    }

    static func read(_ path: String) throws(ServerError) -> [UInt8] {
        let (bytes, fault) = ConfigurationFile.read(path)
        guard let bytes else { throw .invalidConfiguration("the keys (JWTConfiguration.keys) in \(path): \(fault)") }
        return bytes
    }

    private static func check(
        _ json: [UInt8], _ source: String, _ algorithms: Set<JWTConfiguration.Algorithm>
    ) throws(ServerError) {
        do throws(KeySetFault) {
            _ = try KeyDescription.keys(in: json, algorithms)
        } catch {
            throw .invalidConfiguration("the keys \(source) are not valid: \(error.reason)")
        }
    }

    private func checkURL(_ text: String) throws(ServerError) {
        guard let url = URL(string: text), let host = url.host(), !host.isEmpty, url.user() == nil,
            isSchemeAllowed(url)
        else {
            throw .invalidConfiguration(
                "JWTConfiguration.keys is not a valid URL: use one that begins with https://, or allowsPlainHTTP")
        }
    }

    /// Whether keys may be loaded from a URL with its scheme.
    func isSchemeAllowed(_ url: URL) -> Bool {
        switch url.scheme?.lowercased() {
        case "https": true
        case "http": allowsPlainHTTP || ["localhost", "127.0.0.1", "::1"].contains(url.host() ?? "")
        default: false
        }
    }
}
