// SPDX-License-Identifier: Apache-2.0

import ACPCore
import Crypto

extension A2A {
    /// An algorithm of a signature, under its name in JSON Web Signatures.
    public enum SignatureAlgorithm: String, Sendable, Hashable, CaseIterable {
        /// ECDSA on the curve P-256 with SHA-256.
        case es256 = "ES256"
        /// Ed25519. It is written as `EdDSA`, and read under its newer name `Ed25519` as well.
        case ed25519 = "EdDSA"

        /// Returns the algorithm of a name. If `nil`, the name is not known.
        public init?(name: String) {
            switch name {
            case "ES256": self = .es256
            case "EdDSA", "Ed25519": self = .ed25519
            default: return nil
            }
        }
    }

    /// A private key that signs agent cards.
    public enum SigningKey: Sendable {
        /// A key for ``SignatureAlgorithm/es256``.
        case es256(P256.Signing.PrivateKey)
        /// A key for ``SignatureAlgorithm/ed25519``.
        case ed25519(Curve25519.Signing.PrivateKey)

        /// The algorithm of the key.
        public var algorithm: SignatureAlgorithm {
            switch self {
            case .es256: .es256
            case .ed25519: .ed25519
            }
        }

        /// The key that verifies what this one signs.
        public var verificationKey: VerificationKey {
            switch self {
            case .es256(let key): .es256(key.publicKey)
            case .ed25519(let key): .ed25519(key.publicKey)
            }
        }

        /// Signs bytes.
        func signature(for bytes: [UInt8]) throws -> [UInt8] {
            switch self {
            case .es256(let key): Array(try key.signature(for: bytes).rawRepresentation)
            case .ed25519(let key): Array(try key.signature(for: bytes))
            }
        }
    }

    /// A public key that verifies signatures of agent cards.
    public enum VerificationKey: Sendable {
        /// A key for ``SignatureAlgorithm/es256``.
        case es256(P256.Signing.PublicKey)
        /// A key for ``SignatureAlgorithm/ed25519``.
        case ed25519(Curve25519.Signing.PublicKey)

        /// The algorithm of the key.
        public var algorithm: SignatureAlgorithm {
            switch self {
            case .es256: .es256
            case .ed25519: .ed25519
            }
        }

        /// Creates the key of a JSON Web Key (RFC 7517).
        ///
        /// Returns `nil` if it is a key of another kind, or is broken.
        public init?(jwk: JSONObject) {
            func bytes(_ name: String) -> [UInt8]? { jwk[name]?.stringValue.flatMap { Base64.bytes($0) } }
            switch (jwk["kty"]?.stringValue, jwk["crv"]?.stringValue) {
            case ("EC", "P-256"):
                guard let x = bytes("x"), let y = bytes("y"), x.count == 32, y.count == 32,
                    let key = try? P256.Signing.PublicKey(rawRepresentation: x + y)
                else { return nil }
                self = .es256(key)
            case ("OKP", "Ed25519"):
                guard let x = bytes("x"), let key = try? Curve25519.Signing.PublicKey(rawRepresentation: x) else {
                    return nil
                }
                self = .ed25519(key)
            default: return nil
            }
        }

        /// Returns the key as a JSON Web Key (RFC 7517).
        ///
        /// - Parameter keyID: The identifier of the key.
        public func jwk(keyID: String) -> JSONObject {
            switch self {
            case .es256(let key):
                let point = Array(key.rawRepresentation)
                return [
                    "kty": "EC", "crv": "P-256", "kid": .string(keyID), "use": "sig", "alg": "ES256",
                    "x": .string(Base64.urlText(point[..<32])), "y": .string(Base64.urlText(point[32...])),
                ]
            case .ed25519(let key):
                return [
                    "kty": "OKP", "crv": "Ed25519", "kid": .string(keyID), "use": "sig", "alg": "EdDSA",
                    "x": .string(Base64.urlText(Array(key.rawRepresentation))),
                ]
            }
        }

        /// Whether a signature is one of the bytes by this key.
        func isValid(_ signature: [UInt8], for bytes: [UInt8]) -> Bool {
            switch self {
            case .es256(let key):
                guard signature.count == 64, let value = try? P256.Signing.ECDSASignature(rawRepresentation: signature)
                else { return false }
                return key.isValidSignature(value, for: bytes)
            case .ed25519(let key): return key.isValidSignature(signature, for: bytes)
            }
        }
    }
}
