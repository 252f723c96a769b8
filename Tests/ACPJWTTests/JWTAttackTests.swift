// SPDX-License-Identifier: Apache-2.0

import ACPServer
import Crypto
import CryptoExtras
import Foundation
import Synchronization
import Testing

@testable import ACPJWT

/// Tokens that must not be accepted, each with the reason that is logged.
@Suite("Tokens that are rejected")
struct JWTAttackTests {
    private static let key = SigningKey.p256(P256.Signing.PrivateKey())
    private static let issuer: TestIssuer = {
        let issuer = TestIssuer()
        try? issuer.publish([("k1", key)])
        return issuer
    }()

    private func expectRejected(
        _ token: String, _ reason: String, _ configuration: JWTConfiguration? = nil, issuer: TestIssuer = issuer,
        sourceLocation: SourceLocation = #_sourceLocation
    ) async throws {
        let verifier = issuer.verifier(configuration)
        let principal = try await verifier.principal(token)
        #expect(principal == nil, sourceLocation: sourceLocation)
        #expect(
            issuer.log.messages.contains { $0.contains("a token was rejected") && $0.contains(reason) },
            "\(issuer.log.messages.last ?? "")", sourceLocation: sourceLocation)
        for part in token.split(separator: ".") where part.utf8.count > 20 {
            #expect(!issuer.log.messages.contains { $0.contains(part) }, sourceLocation: sourceLocation)
        }
    }

    @Test("The token that the others differ from is accepted")
    func valid() async throws {
        let principal = try await Self.issuer.verifier().principal(try Self.issuer.token(Self.key))
        #expect(principal?.id == "https://id.example.com|ada")
        #expect(principal?.roles == [.call] && principal?.claims["sub"] == "ada")
    }

    @Test("A token without a signature is rejected", arguments: ["none", "None", "NONE", "nOnE", ""])
    func none(algorithm: String) async throws {
        let payload = String(decoding: try ACPJSON.encode(JSONValue.object(Self.issuer.claims())), as: UTF8.self)
        let header = #"{"alg":"\#(algorithm)","kid":"k1"}"#
        let content = "\(base64(header.utf8)).\(base64(payload.utf8))"
        try await expectRejected("\(content).", "algorithm")
        let signature = base64(try Self.key.sign(content, "ES256"))
        try await expectRejected("\(content).\(signature)", "algorithm")
        let signed = "\(base64(#"{"alg":"ES256","kid":"k1"}"#.utf8)).\(base64(payload.utf8))"
        try await expectRejected("\(signed).", "signature is wrong")
    }

    @Test("A public key is never used as a secret", arguments: ["HS256", "HS384", "HS512"])
    func confusion(algorithm: String) async throws {
        let rsa = try SigningKey.rsa()
        let issuer = TestIssuer()
        // Also if the issuer publishes a secret by mistake.
        try issuer.publish([("k1", rsa), ("k2", .secret(Array("0123456789abcdef0123456789abcdef".utf8)))])
        guard case .rsa(let key) = rsa else { return }
        let secrets = [
            Array(key.publicKey.pemRepresentation.utf8), Array(key.publicKey.derRepresentation),
            Array(try key.publicKey.getKeyPrimitives().modulus), try ACPJSON.encode(JSONValue.object(rsa.members())),
        ]
        for secret in secrets {
            try await expectRejected(
                try issuer.token(.secret(secret), algorithm), "algorithm", issuer: issuer)
        }
        let secret = SigningKey.secret(Array("0123456789abcdef0123456789abcdef".utf8))
        try await expectRejected(try issuer.token(secret, id: "k2", algorithm), "algorithm", issuer: issuer)
        try await expectRejected(try issuer.token(secret, id: "k2", "RS256"), "key is unknown", issuer: issuer)
        try await expectRejected(try issuer.token(Self.key, id: "k1", "ES256"), "not for its algorithm", issuer: issuer)
    }

    @Test("An algorithm that the configuration does not allow, or the key is not for, is rejected")
    func algorithms() async throws {
        let rsa = try SigningKey.rsa()
        let issuer = TestIssuer()
        try issuer.publish([("k1", rsa)])
        var configuration = issuer.configuration
        configuration.algorithms = [.ps256]
        try await expectRejected(try issuer.token(rsa, "RS256"), "algorithm", configuration, issuer: issuer)
        #expect(try await issuer.verifier(configuration).principal(try issuer.token(rsa, "PS256")) != nil)
        var members = try rsa.members()
        (members["kid"], members["alg"]) = ("k1", "RS256")
        try issuer.publish(members: [members])
        try await expectRejected(try issuer.token(rsa, "PS256"), "not for its algorithm", issuer: issuer)
    }

    @Test("Times are checked, with the difference of clocks that is allowed")
    func times() async throws {
        let issuer = Self.issuer
        let now = issuer.time.withLock(\.self)
        func token(_ changes: [String: JSONValue?]) throws -> String {
            try issuer.token(Self.key, claims: issuer.claims(changes))
        }
        try await expectRejected(try token(["exp": .number(now - 30)]), "expired")
        try await expectRejected(try token(["exp": 0]), "expired")
        try await expectRejected(try token(["exp": -1]), "expired")
        try await expectRejected(try token(["exp": nil]), "no time of expiry")
        try await expectRejected(try token(["nbf": .number(now + 31)]), "not valid yet")
        let verifier = issuer.verifier()
        #expect(try await verifier.principal(try token(["exp": .number(now - 29)])) != nil)
        #expect(try await verifier.principal(try token(["nbf": .number(now + 30)])) != nil)
        #expect(try await verifier.principal(try token(["exp": .number(now + 0.5)])) != nil)
        let accepted = try token(["exp": .number(now + 100)])
        let other = TestIssuer()
        try other.publish([("k1", Self.key)])
        let caching = other.verifier()
        #expect(try await caching.principal(accepted) != nil)
        other.time.withLock { $0 += 131 }
        #expect(try await caching.principal(accepted) == nil, "a token that was verified expires as well")
    }

    @Test("Tokens of other issuers, and for other audiences, are rejected")
    func names() async throws {
        let issuer = Self.issuer
        let audience = TestIssuer.audience
        let cases: [([String: JSONValue?], String)] = [
            (["iss": nil], "issuer"), (["iss": "https://id.example.com/"], "issuer"),
            (["iss": "https://evil.example"], "issuer"),
            (["iss": ["https://id.example.com"]], "issuer"), (["iss": 1], "issuer"), (["aud": nil], "audience"),
            (["aud": "https://other.example"], "audience"), (["aud": []], "audience"),
            (["aud": ["https://other.example"]], "audience"), (["aud": .string(audience.uppercased())], "audience"),
            (["aud": .string("\(audience) https://other.example")], "audience"),
        ]
        for (changes, reason) in cases {
            try await expectRejected(try issuer.token(Self.key, claims: issuer.claims(changes)), reason)
        }
        let several = issuer.claims(["aud": ["https://other.example", .string(audience)]])
        #expect(try await issuer.verifier().principal(try issuer.token(Self.key, claims: several)) != nil)
    }

    @Test("Claims of other types than expected are rejected")
    func types() async throws {
        let issuer = Self.issuer
        let values: [JSONValue] = [nil, true, [], [:], "soon", "1800000300"]
        for value in values {
            for claim in ["exp", "nbf", "iat"] {
                try await expectRejected(
                    try issuer.token(Self.key, claims: issuer.claims([claim: value])), "\(claim)")
            }
        }
        for value in [nil, true, 1, ["ada"], ["name": "ada"], "", "a\u{0}da", "a\nb"] as [JSONValue] {
            try await expectRejected(try issuer.token(Self.key, claims: issuer.claims(["sub": value])), "sub")
        }
        try await expectRejected(
            try issuer.token(Self.key, claims: issuer.claims(["sub": .string(String(repeating: "a", count: 240))])),
            "sub")
        for value in [1, true, ["acp:call", 1], [:], nil] as [JSONValue] {
            try await expectRejected(try issuer.token(Self.key, claims: issuer.claims(["scope": value])), "scope")
        }
        for value in [true, 1, ["x", nil], [:], nil] as [JSONValue] {
            try await expectRejected(try issuer.token(Self.key, claims: issuer.claims(["aud": value])), "aud")
        }
    }

    @Test("A claim or a member of the header that occurs twice is rejected, in whatever order and depth")
    func duplicates() async throws {
        let issuer = Self.issuer
        let header = #"{"alg":"ES256","kid":"k1"}"#
        let claims = String(decoding: try ACPJSON.encode(JSONValue.object(issuer.claims())), as: UTF8.self).dropLast()
        let payloads = [
            #"\#(claims),"sub":"eve"}"#, #"\#(claims),"sub":"ada"}"#, #"\#(claims),"s\u0075b":"eve"}"#,
            #"\#(claims),"exp":9999999999}"#, #"\#(claims),"x":{"a":1,"a":1}}"#, #"\#(claims),"x":[{"a":[],"a":{}}]}"#,
        ]
        for payload in payloads {
            try await expectRejected(
                try issuer.token(Self.key, "ES256", header: header, payload: payload), "several members")
        }
        for header in [#"{"alg":"none","alg":"ES256","kid":"k1"}"#, #"{"alg":"ES256","kid":"k0","kid":"k1"}"#] {
            try await expectRejected(
                try issuer.token(Self.key, "ES256", header: header, payload: "\(claims)}"), "several members")
        }
        let nested = #"\#(claims),"x":{"a":[1,{"b":{}},[],[[]]],"c":"{,:["}}"#
        #expect(
            try await issuer.verifier().principal(
                try issuer.token(Self.key, "ES256", header: header, payload: nested)) != nil)
    }

    @Test("Other headers cannot change how a token is verified")
    func headers() async throws {
        let issuer = Self.issuer
        let payload = String(decoding: try ACPJSON.encode(JSONValue.object(issuer.claims())), as: UTF8.self)
        let own = SigningKey.p256(P256.Signing.PrivateKey())
        let jwk = String(decoding: try ACPJSON.encode(JSONValue.object(try own.members())), as: UTF8.self)
        let cases: [(SigningKey, String, String)] = [
            (own, #"{"alg":"ES256","kid":"k1","jwk":\#(jwk)}"#, "signature is wrong"),
            (own, #"{"alg":"ES256","kid":"k1","jku":"https://evil.example/jwks.json"}"#, "signature is wrong"),
            (own, #"{"alg":"ES256","jwk":\#(jwk)}"#, "signature is wrong"),
            (Self.key, #"{"alg":"ES256","kid":"k1","crit":["exp"]}"#, "crit"),
            (Self.key, #"{"alg":"ES256","kid":"k1","crit":["b64"],"b64":false}"#, "crit"),
            (Self.key, #"{"alg":"ES256","kid":"k1","typ":"logout+jwt"}"#, "typ"),
            (Self.key, #"{"alg":"ES256","kid":"k1","typ":1}"#, "typ"),
            (Self.key, #"{"alg":"ES256","kid":1}"#, "kid"), (Self.key, #"{"alg":"ES256","kid":""}"#, "kid"),
            (Self.key, #"{"alg":["ES256"],"kid":"k1"}"#, "algorithm"), (Self.key, #"{"kid":"k1"}"#, "algorithm"),
            (Self.key, #"["ES256"]"#, "object"), (Self.key, "ES256", "JSON"), (Self.key, "", "JSON"),
            (Self.key, #"{"alg":"ES256","kid":"../../etc/passwd"}"#, "unknown"),
        ]
        for (key, header, reason) in cases {
            try await expectRejected(try issuer.token(key, "ES256", header: header, payload: payload), reason)
        }
        for type in ["at+jwt", "JWT", "application/at+JWT"] {
            let header = #"{"alg":"ES256","kid":"k1","typ":"\#(type)"}"#
            #expect(
                try await issuer.verifier().principal(
                    try issuer.token(Self.key, "ES256", header: header, payload: payload)) != nil)
        }
    }

    @Test("Texts that are no tokens, changed ones and huge ones are rejected")
    func forms() async throws {
        let issuer = Self.issuer
        let token = try issuer.token(Self.key)
        let parts = token.split(separator: ".").map { String($0) }
        for text in [
            "x", "..", ".", "a.b", "a.b.c", "\(token).x", "\(parts[0]).\(parts[1])", "\(parts[0])..\(parts[2])",
            "\(parts[0])=.\(parts[1]).\(parts[2])", "\(parts[0]).\(parts[1]).\(parts[2])==",
            "\(parts[0]).\(parts[1]).*",
        ] {
            let principal = try await issuer.verifier().principal(text)
            #expect(principal == nil, "\(text)")
        }
        let other = try issuer.token(Self.key, claims: issuer.claims(["sub": "eve"])).split(separator: ".")
        try await expectRejected("\(parts[0]).\(other[1]).\(parts[2])", "signature is wrong")
        let zeros = base64([UInt8](repeating: 0, count: 64))
        try await expectRejected("\(parts[0]).\(parts[1]).\(zeros)", "signature is wrong")
        let large = issuer.claims(["x": .string(String(repeating: "x", count: 8_192))])
        try await expectRejected(try issuer.token(Self.key, claims: large), "8192 bytes")
        let deep = String(repeating: "[", count: 3_000)
        try await expectRejected(
            try issuer.token(Self.key, "ES256", header: #"{"alg":"ES256","kid":"k1","x":\#(deep)}"#, payload: "{}"),
            "JSON")
        let verifier = issuer.verifier()
        #expect(try await verifier.principal(token, scheme: "Basic") == nil)
        #expect(try await verifier.principal(token, scheme: "bearer") != nil)
    }

    @Test("Two issuers never share a principal")
    func issuers() async throws {
        let other = TestIssuer()
        let otherKey = SigningKey.p256(P256.Signing.PrivateKey())
        try other.publish([("k1", otherKey)])
        var configuration = other.configuration
        configuration.issuer = "https://id.example.org"
        let claims = other.claims(["iss": "https://id.example.org", "sub": "ada"])
        let token = try other.token(otherKey, claims: claims)
        let principal = try await other.verifier(configuration).principal(token)
        #expect(principal?.id == "https://id.example.org|ada")
        try await expectRejected(token, "signature is wrong")
        try await expectRejected(
            try other.token(otherKey, claims: other.claims()), "issuer", configuration, issuer: other)
        configuration.issuer = "https://id.example.com|https://id.example.org"
        let error = try #require(throws: ServerError.self) { try configuration.validate() }
        #expect(error.message.contains("issuer"))
    }
}
