// SPDX-License-Identifier: Apache-2.0

import ACPServer
import Crypto
import CryptoExtras
import Foundation
import HTTPTypes
import Logging
import Synchronization

@testable import ACPJWT

/// A key of an issuer that signs tokens. It uses the cryptography itself, and nothing of what is tested.
enum SigningKey: Sendable {
    case p256(P256.Signing.PrivateKey)
    case p384(P384.Signing.PrivateKey)
    case p521(P521.Signing.PrivateKey)
    case ed25519(Curve25519.Signing.PrivateKey)
    case rsa(_RSA.Signing.PrivateKey)
    /// A shared secret.
    case secret([UInt8])

    static func rsa() throws -> SigningKey { .rsa(try _RSA.Signing.PrivateKey(keySize: .bits2048)) }

    func sign(_ text: String, _ algorithm: String) throws -> [UInt8] {
        let data = Data(text.utf8)
        switch self {
        case .p256(let key): return Array(try key.signature(for: data).rawRepresentation)
        case .p384(let key): return Array(try key.signature(for: data).rawRepresentation)
        case .p521(let key): return Array(try key.signature(for: data).rawRepresentation)
        case .ed25519(let key): return Array(try key.signature(for: data))
        case .secret(let secret):
            return Array(HMAC<SHA256>.authenticationCode(for: data, using: SymmetricKey(data: secret)))
        case .rsa(let key):
            let padding = algorithm.hasPrefix("PS") ? _RSA.Signing.Padding.PSS : .insecurePKCS1v1_5
            let signature =
                switch algorithm.suffix(3) {
                case "384": try key.signature(for: SHA384.hash(data: data), padding: padding)
                case "512": try key.signature(for: SHA512.hash(data: data), padding: padding)
                default: try key.signature(for: SHA256.hash(data: data), padding: padding)
                }
            return Array(signature.rawRepresentation)
        }
    }

    /// The members of the public key in a set, without `kid`.
    func members() throws -> JSONObject {
        func point(_ curve: String, _ raw: Data) -> JSONObject {
            let half = raw.count / 2
            return [
                "kty": "EC", "crv": .string(curve), "x": .string(base64(raw.prefix(half))),
                "y": .string(base64(raw.suffix(half))),
            ]
        }
        switch self {
        case .p256(let key): return point("P-256", key.publicKey.rawRepresentation)
        case .p384(let key): return point("P-384", key.publicKey.rawRepresentation)
        case .p521(let key): return point("P-521", key.publicKey.rawRepresentation)
        case .ed25519(let key):
            return ["kty": "OKP", "crv": "Ed25519", "x": .string(base64(key.publicKey.rawRepresentation))]
        case .rsa(let key):
            let numbers = try key.publicKey.getKeyPrimitives()
            return [
                "kty": "RSA", "n": .string(base64(numbers.modulus)), "e": .string(base64(numbers.publicExponent)),
            ]
        case .secret(let secret): return ["kty": "oct", "k": .string(base64(secret))]
        }
    }
}

func base64(_ bytes: some Sequence<UInt8>) -> String {
    Data(bytes).base64EncodedString().replacing("+", with: "-").replacing("/", with: "_").replacing("=", with: "")
}

/// Signs tokens, and publishes its keys.
final class TestIssuer: Sendable {
    static let name = "https://id.example.com"
    static let audience = "https://agents.example.com"

    private let published = Mutex<Result<[UInt8], AuthenticationUnavailable>>(.success([]))
    private let loads = Atomic(0)
    /// Seconds since 1970.
    let time = Mutex(1_800_000_000.0)
    let clock = Mutex(ContinuousClock.now)
    let log = TestLog()

    /// How often the keys were loaded.
    var loadCount: Int { loads.load(ordering: .relaxed) }

    func publish(_ keys: [(id: String?, key: SigningKey)]) throws {
        try publish(
            members: keys.map { id, key in
                var members = try key.members()
                members["kid"] = id.map { .string($0) }
                return members
            })
    }

    func publish(members: [JSONObject]) throws {
        let json = try ACPJSON.encode(JSONValue.object(["keys": .array(members.map { .object($0) })]))
        published.withLock { $0 = .success(json) }
    }

    func fail() { published.withLock { $0 = .failure(AuthenticationUnavailable("no route to the issuer")) } }

    func pass(_ duration: Duration) {
        clock.withLock { $0 += duration }
        time.withLock { $0 += duration / .seconds(1) }
    }

    /// The keys, which the verifier loads.
    var keys: JWTKeys {
        .custom { [self] in
            loads.add(1, ordering: .relaxed)
            return try published.withLock(\.self).get()
        }
    }

    var configuration: JWTConfiguration {
        JWTConfiguration(issuer: Self.name, audience: [Self.audience], keys: keys)
    }

    func verifier(_ configuration: JWTConfiguration? = nil) -> JWTVerifier {
        let configuration = configuration ?? self.configuration
        let keys = KeyStore(configuration.keys, configuration.algorithms, logger: log.logger) {
            [self] in clock.withLock(\.self)
        }
        return JWTVerifier(configuration, keys: keys, logger: log.logger) { [self] in time.withLock(\.self) }
    }

    /// The claims of a valid token, with changes.
    func claims(_ changes: [String: JSONValue?] = [:]) -> JSONObject {
        var claims: JSONObject = [
            "iss": .string(Self.name), "aud": .string(Self.audience), "sub": "ada", "scope": "openid acp:call",
            "exp": .number(time.withLock(\.self) + 300), "iat": .number(time.withLock(\.self)),
        ]
        for (name, value) in changes { claims[name] = value }
        return claims
    }

    func token(
        _ key: SigningKey, id: String? = "k1", _ algorithm: String = "ES256", claims: JSONObject? = nil
    ) throws -> String {
        var header: JSONObject = ["alg": .string(algorithm), "typ": "JWT"]
        header["kid"] = id.map { .string($0) }
        let payload = try ACPJSON.encode(JSONValue.object(claims ?? self.claims()))
        return try token(
            key, algorithm, header: String(decoding: try ACPJSON.encode(JSONValue.object(header)), as: UTF8.self),
            payload: String(decoding: payload, as: UTF8.self))
    }

    /// Signs a header and a payload of any form.
    func token(_ key: SigningKey, _ algorithm: String, header: String, payload: String) throws -> String {
        let content = "\(base64(header.utf8)).\(base64(payload.utf8))"
        return "\(content).\(base64(try key.sign(content, algorithm)))"
    }
}

extension JWTVerifier {
    /// Returns the principal of a token, or `nil` if it is rejected.
    func principal(_ token: String, scheme: String = "Bearer") async throws -> Principal? {
        var request = HTTPRequest(method: .get, scheme: "http", authority: "localhost", path: "/")
        request.headerFields[.authorization] = "\(scheme) \(token)"
        switch try await outcome(of: request) {
        case .accepted(let principal): return principal
        case .denied: return nil
        case .unavailable(let error): throw error
        }
    }
}

/// Everything that is logged.
final class TestLog: Sendable {
    private let lines = Mutex<[String]>([])

    var messages: [String] { lines.withLock(\.self) }

    var logger: Logger {
        var logger = Logger(label: "test") { _ in Handler(log: self) }
        logger.logLevel = .trace
        return logger
    }

    private struct Handler: LogHandler {
        let log: TestLog
        var metadata: Logger.Metadata = [:]
        var logLevel = Logger.Level.trace

        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { metadata[key] }
            set { metadata[key] = newValue }
        }

        func log(event: LogEvent) {
            log.lines.withLock { $0.append("\(event.level): \(event.message) \(event.metadata ?? [:])") }
        }
    }
}
