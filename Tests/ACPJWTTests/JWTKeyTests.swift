// SPDX-License-Identifier: Apache-2.0

import ACPServer
import ACPTestSupport
import Crypto
import Foundation
import HTTPTypes
import Synchronization
import Testing

@testable import ACPJWT

@Suite("Keys of issuers")
struct JWTKeyTests {
    private static let first = SigningKey.p256(P256.Signing.PrivateKey())
    private static let second = SigningKey.p256(P256.Signing.PrivateKey())

    @Test("Tokens of all algorithms are accepted")
    func algorithms() async throws {
        let issuer = TestIssuer()
        let rsa = try SigningKey.rsa()
        let keys: [(id: String?, key: SigningKey)] = [
            ("p256", Self.first), ("p384", .p384(P384.Signing.PrivateKey())),
            ("p521", .p521(P521.Signing.PrivateKey())),
            ("ed", .ed25519(Curve25519.Signing.PrivateKey())), ("rsa", rsa),
        ]
        try issuer.publish(keys)
        let verifier = issuer.verifier()
        let cases = [
            ("ES256", 0), ("ES384", 1), ("ES512", 2), ("EdDSA", 3), ("RS256", 4), ("RS384", 4), ("RS512", 4),
            ("PS256", 4), ("PS384", 4), ("PS512", 4),
        ]
        #expect(Set(cases.map(\.0)) == Set(JWTConfiguration.Algorithm.allCases.map(\.rawValue)))
        for (algorithm, index) in cases {
            let token = try issuer.token(keys[index].key, id: keys[index].id, algorithm)
            #expect(try await verifier.principal(token)?.id == "https://id.example.com|ada", "\(algorithm)")
            // Without a key id, the only key for the algorithm is meant.
            let unnamed = try issuer.token(keys[index].key, id: nil, algorithm)
            #expect(try await verifier.principal(unnamed) != nil, "\(algorithm)")
        }
        #expect(issuer.loadCount == 1)
        try issuer.publish([("a", Self.first), ("b", Self.second)])
        #expect(
            try await issuer.verifier().principal(try issuer.token(Self.first, id: nil)) == nil, "which one is unknown")
    }

    @Test("Keys that cannot verify signatures are ignored")
    func ignored() async throws {
        let issuer = TestIssuer()
        func members(_ changes: [String: JSONValue?]) throws -> JSONObject {
            var members = try Self.first.members()
            members["kid"] = "k1"
            for (name, value) in changes { members[name] = value }
            return members
        }
        let useless: [[String: JSONValue?]] = [
            ["use": "enc"], ["key_ops": ["sign"]], ["kty": "oct"], ["kty": nil], ["crv": "P-384"], ["x": nil],
            ["x": "AAAA"], ["alg": "ES384"], ["alg": "HS256"], ["alg": 1], ["kty": "RSA"],
        ]
        for changes in useless {
            try issuer.publish(members: [try members(changes)])
            await #expect(throws: AuthenticationUnavailable.self, "\(changes)") {
                try await issuer.verifier().principal(try issuer.token(Self.first))
            }
            try issuer.publish(members: [try members(changes), try members(["use": "sig", "key_ops": ["verify"]])])
            #expect(try await issuer.verifier().principal(try issuer.token(Self.first)) != nil)
        }
        // A point that is not on the curve.
        try issuer.publish(members: [try members(["x": .string(base64([UInt8](repeating: 1, count: 32)))])])
        await #expect(throws: AuthenticationUnavailable.self) {
            try await issuer.verifier().principal(try issuer.token(Self.first))
        }
    }

    @Test("New keys are found when a token names one, and old ones stop being accepted")
    func rotation() async throws {
        let issuer = TestIssuer()
        try issuer.publish([("k1", Self.first)])
        let verifier = issuer.verifier()
        let old = try issuer.token(Self.first)
        let new = try issuer.token(Self.second, id: "k2")
        #expect(try await verifier.principal(old) != nil)
        try issuer.publish([("k2", Self.second), ("k1", Self.first)])
        #expect(try await verifier.principal(new) == nil, "the keys were loaded a moment ago")
        #expect(issuer.loadCount == 1)
        issuer.pass(.seconds(30))
        #expect(try await verifier.principal(new) != nil)
        #expect(try await verifier.principal(old) != nil)
        #expect(issuer.loadCount == 2)
        try issuer.publish([("k2", Self.second)])
        let late = try issuer.token(Self.first, claims: issuer.claims(["exp": .number(4_000_000_000)]))
        #expect(try await verifier.principal(late) != nil, "the keys are not old enough to be loaded again")
        issuer.pass(.seconds(600))
        // The keys are loaded in the background.
        _ = try await verifier.principal(late)
        try await eventually("the key is gone") { try await verifier.principal(late) == nil }
        let current = try issuer.token(Self.second, id: "k2")
        #expect(try await verifier.principal(current) != nil)
        #expect(issuer.loadCount == 3)
    }

    @Test("Unknown key ids cannot make the server load keys more often than configured")
    func flood() async throws {
        let issuer = TestIssuer()
        try issuer.publish([("k1", Self.first)])
        let verifier = issuer.verifier()
        let tokens = try (0..<50).map { try issuer.token(Self.second, id: "unknown-\($0)") }
        try await withThrowingTaskGroup(of: Void.self) { group in
            for token in tokens {
                group.addTask {
                    let principal = try await verifier.principal(token)
                    #expect(principal == nil)
                }
            }
            try await group.waitForAll()
        }
        #expect(issuer.loadCount == 1)
        for _ in 0..<3 {
            issuer.pass(.seconds(30))
            for token in try (0..<10).map({ try issuer.token(Self.second, id: "unknown-\($0)") }) {
                #expect(try await verifier.principal(token) == nil)
            }
        }
        #expect(issuer.loadCount == 4)
    }

    @Test("Without keys, requests cannot be decided; keys that cannot be loaded again are used until they are too old")
    func outage() async throws {
        let issuer = TestIssuer()
        issuer.fail()
        let verifier = issuer.verifier()
        func token() throws -> String { try issuer.token(Self.first) }
        await #expect(throws: AuthenticationUnavailable.self) { try await verifier.principal(try token()) }
        try issuer.publish([("k1", Self.first)])
        await #expect(throws: AuthenticationUnavailable.self) { try await verifier.principal(try token()) }
        issuer.pass(.seconds(30))
        #expect(try await verifier.principal(try token()) != nil)
        issuer.fail()
        for _ in 0..<23 {
            issuer.pass(.seconds(3_600))
            #expect(try await verifier.principal(try token()) != nil)
        }
        try await eventually("the log") { issuer.log.messages.contains { $0.contains("could not be loaded") } }
        issuer.pass(.seconds(3_600))
        await #expect(throws: AuthenticationUnavailable.self) { try await verifier.principal(try token()) }
        #expect(try await verifier.principal("no.token.x") == nil, "what is no token needs no keys")
    }

    @Test("A token is verified once, in bounded memory")
    func cache() async throws {
        var tokens = VerifiedTokens(maximum: 10)
        func digest(_ index: Int) -> TokenDigest { TokenDigest(of: "token \(index)".utf8) }
        func entry(_ index: Int, keys: Int = 1) -> VerifiedTokens.Entry {
            .init(principal: Principal(id: PrincipalID(rawValue: "p\(index)")!), end: 100, keys: keys)
        }
        for index in 0..<100 {
            tokens.insert(entry(index), for: digest(index))
            #expect(tokens.count <= 10)
            #expect(tokens.principal(of: digest(index), at: 99, keys: 1)?.id.rawValue == "p\(index)")
        }
        #expect(tokens.principal(of: digest(99), at: 100, keys: 1) == nil, "it has expired")
        #expect(tokens.principal(of: digest(99), at: 99, keys: 2) == nil, "the keys have changed")
        #expect(tokens.principal(of: digest(0), at: 99, keys: 1) == nil, "it is forgotten")
        var none = VerifiedTokens(maximum: 0)
        none.insert(entry(0), for: digest(0))
        #expect(none.count == 0)
    }

    @Test("Scopes become roles, in all forms in which issuers write them")
    func scopes() async throws {
        let issuer = TestIssuer()
        try issuer.publish([("k1", Self.first)])
        let cases: [([String: JSONValue?], Set<Principal.Role>)] = [
            (["scope": nil], []), (["scope": "openid"], []), (["scope": "acp:read openid"], [.read]),
            (["scope": "acp:call  acp:administer"], [.call, .administer]), (["scope": ["acp:read", "x"]], [.read]),
            (["scope": nil, "scp": ["acp:call"]], [.call]),
            (["scope": "acp:read", "scp": "acp:call"], [.read, .call]),
            (["scope": "ACP:CALL acp:calls"], []),
        ]
        for (changes, roles) in cases {
            let token = try issuer.token(Self.first, claims: issuer.claims(changes))
            #expect(try await issuer.verifier().principal(token)?.roles == roles, "\(changes)")
        }
        var configuration = issuer.configuration
        configuration.roles = ["admins": [.administer]]
        configuration.scopeClaims = ["groups"]
        configuration.defaultRoles = [.read]
        configuration.principalClaim = "email"
        let token = try issuer.token(
            Self.first, claims: issuer.claims(["groups": ["admins", "acp:call"], "email": "ada@example.com"]))
        let principal = try await issuer.verifier(configuration).principal(token)
        #expect(principal?.roles == [.read, .administer])
        #expect(principal?.id == "https://id.example.com|ada@example.com")
    }

    @Test("A file of keys is read again when it changes")
    func file() async throws {
        let issuer = TestIssuer()
        let path = NSTemporaryDirectory() + "/jwks-\(UUID()).json"
        defer { try? FileManager.default.removeItem(atPath: path) }
        func write(_ key: SigningKey) throws {
            var members = try key.members()
            members["kid"] = "k1"
            let json = try ACPJSON.encode(JSONValue.object(["keys": [.object(members)]]))
            try Data(json).write(to: URL(fileURLWithPath: path), options: .atomic)
        }
        try write(Self.first)
        var configuration = issuer.configuration
        configuration.keys = .file(path)
        try configuration.validate()
        let verifier = issuer.verifier(configuration)
        #expect(try await verifier.principal(try issuer.token(Self.first)) != nil)
        try write(Self.second)
        issuer.pass(.seconds(5))
        try await eventually("the new key") { try await verifier.principal(try issuer.token(Self.second)) != nil }
        #expect(try await verifier.principal(try issuer.token(Self.first)) == nil)
    }

    @Test("Configurations that are not valid are refused, with the name of the property")
    func validation() throws {
        let issuer = TestIssuer()
        let cases: [((inout JWTConfiguration) -> Void, String)] = [
            ({ $0.issuer = "" }, "issuer"), ({ $0.issuer = "a|b" }, "issuer"), ({ $0.issuer = "a\nb" }, "issuer"),
            ({ $0.audience = [] }, "audience"), ({ $0.audience = [""] }, "audience"),
            ({ $0.algorithms = [] }, "algorithms"), ({ $0.principalClaim = "" }, "principalClaim"),
            ({ $0.clockSkew = .seconds(-1) }, "clockSkew"), ({ $0.clockSkew = .seconds(3_601) }, "clockSkew"),
            ({ $0.maximumTokenSize = 1 }, "maximumTokenSize"), ({ $0.cachedTokens = -1 }, "cachedTokens"),
            ({ $0.keys = .file("/no/such/file") }, "the file does not exist"), ({ $0.keys = .bytes([]) }, "not JSON"),
            ({ $0.keys = .bytes(Array("{}".utf8)) }, "keys"),
            ({ $0.keys = .bytes(Array(#"{"keys":[]}"#.utf8)) }, "none of"),
            ({ $0.keys = .url("http://id.example.com/jwks") }, "https://"),
            ({ $0.keys = .url("file:///etc/x") }, "URL"),
            ({ $0.keys = .url("https://user:word@id.example.com/jwks") }, "URL"),
            ({ $0.keys = .url("https://") }, "URL"),
            ({ $0.keys.lifetime = .zero }, "lifetime"),
        ]
        for (change, name) in cases {
            var configuration = issuer.configuration
            change(&configuration)
            let error = try #require(throws: ServerError.self, "\(name)") {
                try Authentication.jwt(configuration)
            }
            #expect(error.code == .invalidConfiguration && error.message.contains(name), "\(error.message)")
        }
        for url in ["https://id.example.com/jwks", "http://localhost:9/jwks", "http://127.0.0.1/jwks"] {
            var configuration = issuer.configuration
            configuration.keys = .url(url)
            try configuration.validate()
        }
    }
}
