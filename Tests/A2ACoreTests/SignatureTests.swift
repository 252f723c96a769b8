// SPDX-License-Identifier: Apache-2.0

import A2ACore
import ACPCore
import Crypto
import Testing

@Suite("Signatures of cards")
struct SignatureTests {
    static let keys: [A2A.SigningKey] = [.es256(P256.Signing.PrivateKey()), .ed25519(Curve25519.Signing.PrivateKey())]

    static var card: A2A.AgentCard {
        var card = Fixture.card
        card.signatures = []
        return card
    }

    static func reasons(_ verify: () throws(A2A.SignatureError) -> Void) -> [A2A.SignatureError.Reason] {
        do {
            try verify()
            return []
        } catch {
            return error.reasons
        }
    }

    /// A signature with any header.
    static func signed(_ card: A2A.AgentCard, header: JSONObject, by key: P256.Signing.PrivateKey) throws
        -> A2A.AgentCard
    {
        let protected = base64(try ACPJSON.encode(header))
        let input = protected + "." + base64(try card.canonicalJSON())
        let signature = try key.signature(for: Array(input.utf8)).rawRepresentation
        var card = card
        card.signatures = [A2A.AgentCardSignature(protected: protected, signature: base64(Array(signature)))]
        return card
    }

    static func base64(_ bytes: [UInt8]) -> String {
        MessagePart.data(bytes, contentType: "x").content?.replacing("+", with: "-").replacing("/", with: "_")
            .replacing("=", with: "") ?? ""
    }

    @Test("A signed card is valid for the key that signed it, as a value and as JSON", arguments: keys)
    func roundTrip(key: A2A.SigningKey) throws {
        let signed = try A2A.AgentCardSigner(key: key, keyID: "k1", keySetURL: "https://example.com/jwks").sign(
            Self.card)
        let verifier = A2A.AgentCardVerifier(keys: ["k1": key.verificationKey])
        #expect(try verifier.verify(signed) == "k1")
        let json = try A2AJSON.encode(signed)
        #expect(try verifier.verify(json: json) == signed)
        let header = try ACPJSON.decode(
            JSONObject.self, from: try #require(bytes(signed.signatures[0].protected)))
        #expect(
            header == [
                "alg": .string(key.algorithm.rawValue), "kid": "k1", "typ": "JOSE", "jku": "https://example.com/jwks",
            ])
    }

    private func bytes(_ base64URL: String) -> [UInt8]? {
        let part: A2A.Part? = try? decode(#"{"raw":"\#(base64URL)"}"#)
        if case .raw(let bytes) = part?.content { return bytes }
        return nil
    }

    @Test("A card that was changed after it was signed is refused", arguments: keys)
    func tampering(key: A2A.SigningKey) throws {
        let verifier = A2A.AgentCardVerifier(keys: ["k1": key.verificationKey])
        let signed = try A2A.AgentCardSigner(key: key, keyID: "k1").sign(Self.card)
        let changes: [(inout A2A.AgentCard) -> Void] = [
            { $0.supportedInterfaces[0].url = "https://evil.example" }, { $0.capabilities.streaming = nil },
            { $0.securityRequirements = [] }, { $0.skills[0].tags.append("x") }, { $0.iconURL = nil },
            { $0.name += " " },
        ]
        for change in changes {
            var card = signed
            change(&card)
            #expect(
                Self.reasons { () throws(A2A.SignatureError) in try verifier.verify(card) }.allSatisfy {
                    $0 == .invalid(keyID: "k1")
                })
            #expect(throws: A2A.SignatureError.self) { try verifier.verify(card) }
        }
    }

    @Test("A signature by another key, of an unknown key, or of an algorithm that is not accepted is refused")
    func otherKeys() throws {
        let key = P256.Signing.PrivateKey()
        let signed = try A2A.AgentCardSigner(key: .es256(key), keyID: "k1").sign(Self.card)
        func reason(_ verifier: A2A.AgentCardVerifier) -> A2A.SignatureError.Reason? {
            Self.reasons { () throws(A2A.SignatureError) in try verifier.verify(signed) }.first
        }
        #expect(reason(.init(keys: ["k1": .es256(P256.Signing.PrivateKey().publicKey)])) == .invalid(keyID: "k1"))
        #expect(reason(.init(keys: ["k2": .es256(key.publicKey)])) == .unknownKey("k1"))
        #expect(
            reason(.init(keys: ["k1": .ed25519(Curve25519.Signing.PrivateKey().publicKey)]))
                == .wrongAlgorithm(keyID: "k1", "ES256"))
        #expect(
            reason(.init(keys: ["k1": .es256(key.publicKey)], algorithms: [.ed25519])) == .algorithmNotAllowed("ES256"))
    }

    @Test(
        "A header that names no algorithm, another one, or something critical is refused",
        arguments: [
            (["alg": "none", "kid": "k1"], .algorithmNotAllowed("none")),
            (["alg": "HS256", "kid": "k1"], .algorithmNotAllowed("HS256")),
            (["alg": "es256", "kid": "k1"], .algorithmNotAllowed("es256")),
            (["alg": "EdDSA", "kid": "k1"], .wrongAlgorithm(keyID: "k1", "EdDSA")),
            (["kid": "k1"], .malformed("the protected header has no alg")),
            (["alg": "ES256"], .malformed("the protected header has no kid")),
            (["alg": "ES256", "kid": 1], .malformed("the protected header has no kid")),
            (
                ["alg": "ES256", "kid": "k1", "crit": ["b64"], "b64": false],
                .malformed("the protected header has crit, which is not supported")
            ),
        ] as [(JSONObject, A2A.SignatureError.Reason)])
    func headers(header: JSONObject, reason: A2A.SignatureError.Reason) throws {
        let key = P256.Signing.PrivateKey()
        let card = try Self.signed(Self.card, header: header, by: key)
        let verifier = A2A.AgentCardVerifier(keys: ["k1": .es256(key.publicKey)])
        #expect(Self.reasons { () throws(A2A.SignatureError) in try verifier.verify(card) } == [reason])
    }

    @Test(
        "A signature that is malformed is refused",
        arguments: [
            ("", "AAAA"), ("not base64!", "AAAA"), ("e30", "AAAA"), ("W10", "AAAA"),
            ("eyJhbGciOiJFUzI1NiIsImtpZCI6ImsxIn0", ""),
            ("eyJhbGciOiJFUzI1NiIsImtpZCI6ImsxIn0", "A"), ("eyJhbGciOiJFUzI1NiIsImtpZCI6ImsxIn0", "AAAA"),
        ])
    func malformed(protected: String, signature: String) {
        var card = Self.card
        card.signatures = [A2A.AgentCardSignature(protected: protected, signature: signature)]
        let verifier = A2A.AgentCardVerifier(keys: ["k1": .es256(P256.Signing.PrivateKey().publicKey)])
        #expect(throws: A2A.SignatureError.self) { try verifier.verify(card) }
    }

    @Test("A card without signatures is refused")
    func notSigned() {
        let verifier = A2A.AgentCardVerifier(keys: [:])
        #expect(Self.reasons { () throws(A2A.SignatureError) in try verifier.verify(Self.card) } == [.notSigned])
        #expect(throws: A2A.SignatureError.self) { try verifier.verify(json: Array("{".utf8)) }
    }

    @Test("One valid signature among others is enough")
    func oneOfMany() throws {
        let key = P256.Signing.PrivateKey()
        var card = try A2A.AgentCardSigner(key: .es256(P256.Signing.PrivateKey()), keyID: "old").sign(Self.card)
        card.signatures.insert(A2A.AgentCardSignature(protected: "??", signature: ""), at: 0)
        card = try A2A.AgentCardSigner(key: .es256(key), keyID: "new").sign(card)
        #expect(try A2A.AgentCardVerifier(keys: ["new": .es256(key.publicKey)]).verify(card) == "new")
    }

    @Test("A card with fields that are not known is valid as it was received")
    func unknownFields() throws {
        let key = P256.Signing.PrivateKey()
        var object = try #require(try JSONValue(encoding: Self.card).objectValue)
        object["fromTheFuture"] = ["a": [1, 2]]
        let content = #"{"a":[1,2]}"#
        #expect(
            content
                == (try tree(content)).objectValue.map {
                    String(decoding: (try? ACPJSON.encode($0)) ?? [], as: UTF8.self)
                })
        // The members are ASCII, so the order of their names is that of their bytes.
        let canonical = try ACPJSON.encode(sorted(.object(object)))
        let protected = Self.base64(Array(#"{"alg":"ES256","kid":"k1"}"#.utf8))
        let signature = try key.signature(for: Array((protected + "." + Self.base64(canonical)).utf8)).rawRepresentation
        object["signatures"] = [["protected": .string(protected), "signature": .string(Self.base64(Array(signature)))]]
        let verifier = A2A.AgentCardVerifier(keys: ["k1": .es256(key.publicKey)])
        #expect(try verifier.verify(json: ACPJSON.encode(object)).name == "Echo")
        object["fromTheFuture"] = ["a": [1, 3]]
        #expect(throws: A2A.SignatureError.self) { try verifier.verify(json: ACPJSON.encode(object)) }
    }

    private func sorted(_ value: JSONValue) -> JSONValue {
        switch value {
        case .array(let elements): .array(elements.map(sorted))
        case .object(let members):
            .object(
                JSONObject(uniqueKeysWithValues: members.sorted { $0.key < $1.key }.map { ($0.key, sorted($0.value)) }))
        default: value
        }
    }

    @Test("A card that holds empty values is signed in both forms, another one once")
    func bothForms() throws {
        let key = A2A.SigningKey.ed25519(Curve25519.Signing.PrivateKey())
        let signer = A2A.AgentCardSigner(key: key, keyID: "k1")
        // The fixture has requirements without scopes.
        let signed = try signer.sign(Self.card)
        #expect(signed.signatures.count == 2)
        var plain = Self.card
        plain.securityRequirements = []
        plain.skills[0].securityRequirements = []
        #expect(try signer.sign(plain).signatures.count == 1)
        var second = signed
        second.signatures.removeFirst()
        #expect(throws: A2A.SignatureError.self) {
            try A2A.AgentCardVerifier(keys: ["k1": key.verificationKey]).verify(second)
        }
        let tolerant = A2A.AgentCardVerifier(
            keys: ["k1": key.verificationKey], forms: [.standard, .withoutEmptyValues])
        #expect(try tolerant.verify(second) == "k1")
    }

    @Test("A key is the same after a round trip as a JSON Web Key", arguments: keys)
    func jwk(key: A2A.SigningKey) throws {
        let jwk = key.verificationKey.jwk(keyID: "k1")
        #expect(jwk["kid"] == "k1")
        let read = try #require(A2A.VerificationKey(jwk: jwk))
        #expect(read.jwk(keyID: "k1") == jwk)
    }

    @Test(
        "Values that are not a JSON Web Key of a known kind are refused",
        arguments: [
            [:], ["kty": "RSA", "n": "AA", "e": "AQAB"], ["kty": "EC", "crv": "P-384", "x": "AA", "y": "AA"],
            ["kty": "EC", "crv": "P-256", "x": "AA", "y": "AA"], ["kty": "OKP", "crv": "Ed25519", "x": "AA"],
            ["kty": "OKP", "crv": "X25519", "x": "AA"], ["kty": "oct", "k": "AA"],
        ] as [JSONObject])
    func noJWK(jwk: JSONObject) {
        #expect(A2A.VerificationKey(jwk: jwk) == nil)
    }
}
