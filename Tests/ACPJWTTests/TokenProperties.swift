// SPDX-License-Identifier: Apache-2.0

import ACPServer
import ACPTestSupport
import Crypto
import Foundation
import HTTPTypes
import Logging

@testable import ACPJWT

/// Verifies tokens and reads sets of keys. Nothing is accepted that one of the issuer's keys has not signed with the key's
/// own algorithm, that is for another issuer or audience, or that is not valid now.
///
/// - Parameter input: The first byte chooses what the rest is: a token; a header and a payload to be signed, separated by a
///   line break; or a set of keys. The second byte is the position of a change to a signed token.
func checkToken(_ input: [UInt8]) async throws {
    guard input.count > 2 else { return }
    let rest = input[2...]
    switch input[0] % 4 {
    case 0: try await TokenProperties.shared.check(String(decoding: rest, as: UTF8.self))
    case 1, 2:
        let parts = rest.split(separator: UInt8(ascii: "\n"), maxSplits: 1, omittingEmptySubsequences: false)
        guard parts.count == 2 else { return }
        try await TokenProperties.shared.checkSigned(
            header: Array(parts[0]), payload: Array(parts[1]), isEd25519: input[0] % 4 == 1, position: Int(input[1]))
    default: try await TokenProperties.checkKeys(Array(rest))
    }
}

/// An issuer with two fixed keys. Whether a token is genuine is found by the cryptography itself, and by Foundation.
private struct TokenProperties: Sendable {
    static let shared = TokenProperties()
    static let issuer = "https://id.example.com"
    static let audience = "https://agents.example.com"
    /// Seconds since 1970.
    static let now = 1_800_000_000.0
    static let skew = 30.0

    private let edKey: Curve25519.Signing.PrivateKey
    private let ecKey: P256.Signing.PrivateKey
    private let verifier: JWTVerifier

    private init() {
        let bytes = Data((1...32).map { UInt8($0) })
        guard let edKey = try? Curve25519.Signing.PrivateKey(rawRepresentation: bytes),
            let ecKey = try? P256.Signing.PrivateKey(rawRepresentation: bytes)
        else { fatalError("the fixed keys are not valid") }
        (self.edKey, self.ecKey) = (edKey, ecKey)
        let point = ecKey.publicKey.rawRepresentation
        let keys = """
            {"keys": [
              {"kty": "OKP", "crv": "Ed25519", "kid": "ed", "x": "\(Self.encoded(edKey.publicKey.rawRepresentation))"},
              {"kty": "EC", "crv": "P-256", "kid": "ec", "x": "\(Self.encoded(point.prefix(32)))",
               "y": "\(Self.encoded(point.suffix(32)))"}]}
            """
        let configuration = JWTConfiguration(
            issuer: Self.issuer, audience: [Self.audience], keys: .bytes(Array(keys.utf8)), cachedTokens: 8)
        let logger = Logger(label: "fuzz") { _ in SwiftLogNoOpLogHandler() }
        verifier = JWTVerifier(
            configuration, keys: KeyStore(configuration.keys, configuration.algorithms, logger: logger),
            logger: logger, now: { Self.now })
    }

    static func encoded(_ bytes: some Sequence<UInt8>) -> String {
        Data(bytes).base64EncodedString().replacing("+", with: "-").replacing("/", with: "_").replacing("=", with: "")
    }

    private func isAccepted(_ token: String) async throws -> Bool {
        var request = HTTPRequest(method: .get, scheme: "http", authority: "localhost", path: "/")
        request.headerFields[.authorization] = "Bearer \(token)"
        if case .accepted = try await verifier.outcome(of: request) { return true }
        return false
    }

    /// Verifies a token of any form.
    func check(_ token: String) async throws {
        guard try await isAccepted(token) else { return }
        // A header field has no white space around it, and no control characters.
        try demand(isGenuine(token.trimmingCharacters(in: .whitespaces)), "a token that is not genuine was accepted")
    }

    /// Signs a header and a payload of any form, and changes the token in each part.
    func checkSigned(header: [UInt8], payload: [UInt8], isEd25519: Bool, position: Int) async throws {
        let content = "\(Self.encoded(header)).\(Self.encoded(payload))"
        let data = Data(content.utf8)
        guard
            let signature = isEd25519
                ? try? edKey.signature(for: data) : try? ecKey.signature(for: data).rawRepresentation
        else { throw PropertyViolation("the content cannot be signed") }
        let token = "\(content).\(Self.encoded(signature))"
        let isAccepted = try await isAccepted(token)
        try demand(!isAccepted || isGenuine(token), "a token that is not genuine was accepted")

        var changed = Array(signature)
        changed[position % changed.count] ^= 1 << UInt8(position / changed.count % 8)
        var others = [
            "\(content).\(Self.encoded(changed))", "\(content).", content, "\(content).\(Self.encoded(signature))A",
            "\(content).\(Self.encoded(signature)).x", "\(content).\(Self.encoded(signature))=",
        ]
        if !payload.isEmpty {
            var other = payload
            other[position % other.count] ^= 1 << UInt8(position % 7)
            others.append("\(Self.encoded(header)).\(Self.encoded(other)).\(Self.encoded(signature))")
        }
        for other in others {
            let isAccepted = try await self.isAccepted(other)
            try demand(!isAccepted, "a token with a wrong signature was accepted: \(other)")
        }
    }

    /// Whether a token is one that must be accepted at the most.
    private func isGenuine(_ token: String) -> Bool {
        let parts = token.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 3, let header = Self.object(parts[0]), let claims = Self.object(parts[1]),
            let signature = Self.decoded(parts[2])
        else { return false }
        let content = Data("\(parts[0]).\(parts[1])".utf8)
        let isSigned: Bool
        switch header["alg"] as? String {
        case "EdDSA": isSigned = edKey.publicKey.isValidSignature(signature, for: content)
        case "ES256":
            guard let signature = try? P256.Signing.ECDSASignature(rawRepresentation: signature) else { return false }
            isSigned = ecKey.publicKey.isValidSignature(signature, for: content)
        default: isSigned = false
        }
        let audiences = claims["aud"] as? [Any] ?? [claims["aud"] as Any]
        guard isSigned, header["crit"] == nil, claims["iss"] as? String == Self.issuer,
            audiences.contains(where: { $0 as? String == Self.audience }), claims["sub"] is String,
            let expiry = claims["exp"] as? Double, Self.now < expiry + Self.skew
        else { return false }
        return (claims["nbf"] as? Double).map { $0 <= Self.now + Self.skew } ?? true
    }

    private static func decoded(_ text: Substring) -> Data? {
        let plain = text.replacing("-", with: "+").replacing("_", with: "/")
        return Data(base64Encoded: plain + String(repeating: "=", count: (4 - plain.utf8.count % 4) % 4))
    }

    private static func object(_ text: Substring) -> [String: Any]? {
        decoded(text).flatMap { try? JSONSerialization.jsonObject(with: $0) } as? [String: Any]
    }

    /// Reads a set of keys. Only asymmetric keys with an accepted algorithm are used.
    static func checkKeys(_ json: [UInt8]) async throws {
        guard let set = try? await KeySet(json: json, [.es256, .edDSA], generation: 1) else { return }
        try demand(!set.keys.isEmpty && set.keys.count <= 1_000, "a set has no keys, or too many")
        for key in set.keys {
            try demand(Set(key.verifiers.keys).isSubset(of: [.es256, .edDSA]), "an algorithm is not accepted")
        }
    }
}
