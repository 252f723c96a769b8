// SPDX-License-Identifier: Apache-2.0

import ACPServer
import JWTKit

/// Why a set of keys cannot be used.
struct KeySetFault: Error, CustomStringConvertible {
    let reason: String
    var description: String { reason }
}

/// A public key for signatures, as a set of keys describes it.
struct KeyDescription: Sendable {
    let id: String?
    /// The algorithms for which the key may be used, of those that are accepted.
    let algorithms: [JWTConfiguration.Algorithm]
    private let form: Form

    private enum Form {
        case rsa(modulus: String, exponent: String)
        case ecdsa(x: String, y: String, ECDSACurve)
        case ed25519(x: String)
    }

    /// Reads the keys of a set that can be used.
    ///
    /// - Throws: ``KeySetFault`` if the JSON is not that of a set, or no key can be used.
    static func keys(
        in json: [UInt8], _ accepted: Set<JWTConfiguration.Algorithm>
    ) throws(KeySetFault) -> [KeyDescription] {
        let value: JSONValue
        do throws(ACPError) {
            value = try ACPJSON.decode(JSONValue.self, from: json)
        } catch {
            throw KeySetFault(reason: "they are not JSON")
        }
        guard let keys = value["keys"]?.arrayValue else {
            throw KeySetFault(reason: "an object with the member \"keys\", an array, is expected (JWKS, RFC 7517)")
        }
        guard keys.count <= 1_000 else { throw KeySetFault(reason: "there are more than 1,000") }
        let usable = keys.compactMap { $0.objectValue }.compactMap { KeyDescription($0, accepted) }
        guard !usable.isEmpty else {
            throw KeySetFault(
                reason: "none of the \(keys.count) keys can verify a signature of the algorithms that are accepted")
        }
        return usable
    }

    /// Returns `nil` if the key cannot be used.
    private init?(_ key: JSONObject, _ accepted: Set<JWTConfiguration.Algorithm>) {
        if let use = key["use"], use != "sig" { return nil }
        if let operations = key["key_ops"], operations.arrayValue?.contains("verify") != true { return nil }
        let supported: [JWTConfiguration.Algorithm]
        switch key["kty"]?.stringValue {
        case "RSA":
            guard let modulus = key["n"]?.stringValue, let exponent = key["e"]?.stringValue,
                let bytes = Base64URL.bytes(modulus), bytes.drop(while: { $0 == 0 }).count >= 256,
                bytes.count <= 2_048, Base64URL.bytes(exponent)?.isEmpty == false
            else { return nil }
            form = .rsa(modulus: modulus, exponent: exponent)
            supported = [.rs256, .rs384, .rs512, .ps256, .ps384, .ps512]
        case "EC":
            guard let curve = Self.curve(key["crv"]?.stringValue), let x = key["x"]?.stringValue,
                let y = key["y"]?.stringValue, Base64URL.bytes(x)?.count == curve.size,
                Base64URL.bytes(y)?.count == curve.size
            else { return nil }
            form = .ecdsa(x: x, y: y, curve.curve)
            supported = [curve.algorithm]
        case "OKP":
            guard key["crv"] == "Ed25519", let x = key["x"]?.stringValue, Base64URL.bytes(x)?.count == 32 else {
                return nil
            }
            form = .ed25519(x: x)
            supported = [.edDSA]
        // Among them are symmetric keys, which must never verify what a public key is for.
        default: return nil
        }
        var algorithms = supported.filter { accepted.contains($0) }
        if let algorithm = key["alg"] { algorithms = algorithms.filter { algorithm == .string($0.rawValue) } }
        guard !algorithms.isEmpty else { return nil }
        self.algorithms = algorithms
        id = key["kid"]?.stringValue
    }

    private static func curve(
        _ name: String?
    ) -> (curve: ECDSACurve, algorithm: JWTConfiguration.Algorithm, size: Int)? {
        switch name {
        case "P-256": (.p256, .es256, 32)
        case "P-384": (.p384, .es384, 48)
        case "P-521": (.p521, .es512, 66)
        default: nil
        }
    }

    /// Returns the key for one of its algorithms.
    ///
    /// - Throws: If the numbers of the key are not those of a key.
    func verifier(for algorithm: JWTConfiguration.Algorithm) async throws -> any JWTAlgorithm {
        let name: JWKIdentifier = "key"
        let kind = JWK.Algorithm(rawValue: algorithm.rawValue)
        let key: JWK =
            switch form {
            case .rsa(let modulus, let exponent):
                .rsa(kind, identifier: name, modulus: modulus, exponent: exponent)
            case .ecdsa(let x, let y, let curve): .ecdsa(kind, identifier: name, x: x, y: y, curve: curve)
            case .ed25519(let x): .octetKeyPair(kind, identifier: name, x: x, y: nil, curve: .ed25519)
            }
        return try await JWTKeyCollection().add(jwk: key).getKey(for: name, alg: algorithm.rawValue)
    }
}

/// The public keys of an issuer, ready to verify signatures.
struct KeySet: Sendable {
    struct Key: Sendable {
        let id: String?
        let verifiers: [JWTConfiguration.Algorithm: any JWTAlgorithm]
    }

    let keys: [Key]
    /// Distinguishes it from the sets that were loaded before.
    let generation: Int

    /// - Throws: ``KeySetFault``.
    init(json: [UInt8], _ accepted: Set<JWTConfiguration.Algorithm>, generation: Int) async throws {
        var keys: [Key] = []
        for description in try KeyDescription.keys(in: json, accepted) {
            var verifiers: [JWTConfiguration.Algorithm: any JWTAlgorithm] = [:]
            for algorithm in description.algorithms {
                verifiers[algorithm] = try? await description.verifier(for: algorithm)
            }
            if !verifiers.isEmpty { keys.append(Key(id: description.id, verifiers: verifiers)) }
        }
        guard !keys.isEmpty else { throw KeySetFault(reason: "the numbers of the keys are not valid") }
        self.keys = keys
        self.generation = generation
    }

    /// Returns the keys that may have signed a token: those with the id or, if the token names none, the only one for the
    /// algorithm.
    func verifiers(for id: String?, _ algorithm: JWTConfiguration.Algorithm) -> [any JWTAlgorithm] {
        let found = keys.lazy.filter { id == nil || $0.id == id }.compactMap { $0.verifiers[algorithm] }
        return id == nil && found.count > 1 ? [] : Array(found)
    }

    /// Whether there is a key with an id.
    func contains(_ id: String) -> Bool { keys.contains { $0.id == id } }
}
