// SPDX-License-Identifier: Apache-2.0

import ACPClient
import ACPCore
import Crypto
import HTTPTestSupport
import HTTPTypes
import Hummingbird
import NIOHTTP1
import Testing

@testable import A2AClient

@Suite("Places of agent cards")
struct CardLocationTests {
    @Test(arguments: [
        ("http://h", ["http://h/.well-known/agent-card.json"]),
        ("http://h/", ["http://h/.well-known/agent-card.json"]),
        ("http://h:1/a2a/echo", ["http://h:1/a2a/echo/.well-known/agent-card.json", "http://h:1/a2a/echo"]),
        ("http://h/.well-known/agent-card.json", ["http://h/.well-known/agent-card.json"]),
        ("https://h/cards/echo.json", ["https://h/cards/echo.json"]),
        ("https://h/card?agent=echo", ["https://h/card?agent=echo"]),
    ])
    func theCardIsLookedForBelowTheURLAndAtIt(url: String, candidates: [String]) throws {
        #expect(try CardLocation(url).candidates == candidates)
    }

    @Test(arguments: ["", "h", "ftp://h", "http://", "http://user:secret@h"])
    func aURLThatIsNotOneOfAnAgentIsRejectedWithoutItsPassword(url: String) throws {
        let error = try #require(throws: A2AClientError.self) { try CardLocation(url) }
        #expect(error.code == .invalidURL)
        #expect(!error.description.contains("secret"))
    }
}

@Suite("Caching of agent cards")
struct CardCacheTests {
    @Test(arguments: [
        ([("Cache-Control", "public, max-age=60")], Duration.seconds(60)),
        ([("Cache-Control", "max-age=\"60\""), ("Age", "20")], .seconds(40)),
        ([("Cache-Control", "max-age=10"), ("Age", "20")], .zero),
        ([("Cache-Control", "max-age=60, no-cache")], .zero),
        ([("Cache-Control", "no-store")], .zero),
        ([("Cache-Control", "max-age=-5")], .zero),
        ([("Cache-Control", "private")], nil),
        ([("Cache-Control", "max-age=soon")], nil),
        ([], nil),
    ])
    func theHeadersLimitHowLongACardIsUsed(headers: [(String, String)], freshness: Duration?) {
        #expect(HTTPHeaders(headers).freshness == freshness)
    }

    @Test func aCardIsUsedUntilItsTimeIsOver() {
        var cache = CardCache()
        let now = ContinuousClock.now
        let entry = CardCache.Entry(
            card: card([]), json: nil, url: "http://h", isVerified: false,
            endpoint: .failure(A2AClientError(.closed, "")))
        cache.store(entry, headers: ["ETag": "\"1\""], at: now, lifetime: .seconds(10))
        #expect(cache.entityTag == "\"1\"")
        #expect(cache.fresh(at: now + .seconds(9)) != nil)
        #expect(cache.fresh(at: now + .seconds(10)) == nil)
        cache.confirm(headers: ["Cache-Control": "max-age=5"], at: now + .seconds(10), lifetime: .seconds(10))
        #expect(cache.entityTag == "\"1\"")
        #expect(cache.fresh(at: now + .seconds(14)) != nil)
        #expect(cache.fresh(at: now + .seconds(15)) == nil)
        cache.pin(entry)
        #expect(cache.fresh(at: now + .seconds(1_000_000)) != nil)
    }
}

@Suite("Choice of the interface")
struct InterfaceChoiceTests {
    private let grpc = A2A.AgentInterface(url: "h:1", binding: .grpc)
    private let rpc = A2A.AgentInterface(url: "http://h/rpc", binding: .jsonRPC)
    private let http = A2A.AgentInterface(url: "http://h/http", binding: .httpJSON)
    private let old = A2A.AgentInterface(url: "http://h/old", binding: .jsonRPC, protocolVersion: "0.3")

    @Test func theFirstSupportedInterfaceIsChosen() throws {
        #expect(try InterfaceChoice.choose(from: card([grpc, old, http, rpc]), preferred: []) == http)
        #expect(try InterfaceChoice.choose(from: card([rpc, http]), preferred: []) == rpc)
    }

    @Test func aPreferredBindingIsChosenIfTheCardOffersIt() throws {
        #expect(try InterfaceChoice.choose(from: card([rpc, http]), preferred: [.httpJSON]) == http)
        #expect(try InterfaceChoice.choose(from: card([rpc, http]), preferred: [.grpc, .httpJSON]) == http)
        #expect(try InterfaceChoice.choose(from: card([rpc]), preferred: [.httpJSON]) == rpc)
    }

    @Test(arguments: [("1.0", true), ("1.0.1", true), ("1.1", false), ("2.0", false), ("0.3", false), ("", false)])
    func theVersionMustBeOneDotZero(version: String, isSupported: Bool) {
        var interface = rpc
        interface.protocolVersion = version
        let chosen = try? InterfaceChoice.choose(from: card([interface]), preferred: [])
        #expect((chosen != nil) == isSupported)
    }

    @Test func theErrorNamesWhatTheCardOffers() throws {
        let error = try #require(throws: A2AClientError.self) {
            try InterfaceChoice.choose(from: card([grpc, old]), preferred: [])
        }
        #expect(error.code == .noSupportedInterface)
        for text in ["GRPC 1.0 at h:1", "JSONRPC 0.3 at http://h/old", "HTTP+JSON"] {
            #expect(error.message.contains(text), "\(error)")
        }
        let empty = try #require(throws: A2AClientError.self) {
            try InterfaceChoice.choose(from: card([]), preferred: [])
        }
        #expect(empty.message.contains("0.3"))
    }
}

@Suite("Discovery of agents")
struct DiscoveryTests {
    private func discovered(_ headers: HTTPFields = [:], url: String = "http://127.0.0.1:1/rpc") throws -> Response {
        try a2a(card([A2A.AgentInterface(url: url, binding: .jsonRPC)]), headers: headers)
    }

    @Test func theCardIsFetchedOnceAndConfirmedWithItsETag() async throws {
        let server = ScriptedServer([
            { _ in try discovered([.eTag: "\"v1\"", .cacheControl: "max-age=60"]) },
            { _ in Response(status: .notModified, headers: [.eTag: "\"v1\""]) },
        ])
        try await server.serveAtURL { url in
            let client = try A2AClient(url + "/agents/echo/")
            let first = try await client.card().name
            #expect(first == "Echo")
            let second = try await client.card().name
            #expect(second == "Echo")
            #expect(server.lines == ["GET /agents/echo/.well-known/agent-card.json"])
            let refreshed = try await client.refreshCard().name
            #expect(refreshed == "Echo")
            #expect(server.seen.last?.headers[.ifNoneMatch] == "\"v1\"")
            #expect(server.seen.allSatisfy { $0.headers[.version] == "1.0" })
            try await client.close()
        }
    }

    @Test func aURLThatIsTheCardItselfIsUsed() async throws {
        let server = ScriptedServer([{ _ in text("not here", status: .notFound) }, { _ in try discovered() }])
        try await server.serveAtURL { url in
            let client = try A2AClient(url + "/cards/echo")
            let name = try await client.card().name
            #expect(name == "Echo")
            #expect(server.lines == ["GET /cards/echo/.well-known/agent-card.json", "GET /cards/echo"])
            try await client.close()
        }
    }

    @Test func anErrorNamesTheURLThatIsNotACard() async throws {
        let server = ScriptedServer([{ _ in text("<html>", status: .notFound) }])
        try await server.serveAtURL { url in
            let client = try A2AClient(url)
            let error = await clientError { _ = try await client.card() }
            #expect(error?.status == 404)
            #expect(error?.message.contains("/.well-known/agent-card.json") == true, "\(String(describing: error))")
            try await client.close()
        }
    }

    @Test func aStaleCardIsUsedWhileItsServerIsUnavailable() async throws {
        let server = ScriptedServer([
            { _ in try discovered([.cacheControl: "no-cache"]) },
            { _ in text("busy", status: .serviceUnavailable) },
        ])
        try await server.serveAtURL { url in
            let client = try A2AClient(url)
            let first = try await client.card().name
            #expect(first == "Echo")
            let second = try await client.card().name
            #expect(second == "Echo")
            #expect(server.lines.count == 2)
            do {
                let error = await clientError { try await client.refreshCard() }
                #expect(error?.status == 503)
            }
            try await client.close()
        }
    }

    @Test func aTokenIsNotSentToAnotherOriginThatTheCardNames() async throws {
        let server = ScriptedServer([{ _ in try discovered() }])
        try await server.serveAtURL { url in
            let client = try A2AClient(url, configuration: .init(bearerToken: "secret-token"))
            let error = await clientError { _ = try await client.task("t") }
            #expect(error?.code == .untrustedInterface)
            #expect(error?.description.contains("secret-token") == false)
            #expect(server.seen.first?.headers[.authorization] == "Bearer secret-token")
            let name = try await client.card().name
            #expect(name == "Echo")
            try await client.close()
            // Without a token there is nothing to protect.
            let other = try A2AClient(url)
            let url = try await other.interface().url
            #expect(url == "http://127.0.0.1:1/rpc")
            try await other.close()
        }
    }

    @Test func theSignatureOfACardIsVerifiedIfKeysAreGiven() async throws {
        let key = P256.Signing.PrivateKey()
        let signer = A2A.AgentCardSigner(key: .es256(key), keyID: "k1")
        let unsigned = card([A2A.AgentInterface(url: "http://127.0.0.1:1/rpc", binding: .jsonRPC)])
        let signed = try signer.sign(unsigned)
        var forged = signed
        forged.name = "Another"
        let cards = [signed, forged, unsigned]
        let server = ScriptedServer(cards.map { card in { @Sendable _ in try a2a(card) } })
        try await server.serveAtURL { url in
            let verifier = A2A.AgentCardVerifier(keys: ["k1": .es256(key.publicKey)])
            let client = try A2AClient(url, configuration: .init(bearerToken: "t", cardVerifier: verifier))
            let verified = try await client.card()
            #expect(verified == signed)
            // The author of the card is known, so that the interface may have another origin.
            let url = try await client.interface().url
            #expect(url == "http://127.0.0.1:1/rpc")
            do {
                let error = await clientError { try await client.refreshCard() }
                #expect(error?.code == .untrustedCard)
            }
            let error = await clientError { try await client.refreshCard() }
            #expect(error?.code == .untrustedCard)
            #expect(error?.message.contains("it is not signed") == true)
            try await client.close()
        }
        #expect(throws: A2AClientError.self) {
            _ = try A2AClient(
                card: forged, configuration: .init(cardVerifier: .init(keys: ["k1": .es256(key.publicKey)])))
        }
    }

    @Test func theExtendedCardReplacesTheCachedOne() async throws {
        var extended = card([])
        extended.name = "Extended"
        let answer = extended
        let server = ScriptedServer([{ _ in try result(answer) }])
        try await server.serve { client in
            let first = try await client.card().name
            #expect(first == "Echo")
            let extendedName = try await client.extendedCard().name
            #expect(extendedName == "Extended")
            let last = try await client.card().name
            #expect(last == "Extended")
            #expect(server.seen.first?.rpcMethod == "GetExtendedAgentCard")
        }
    }
}
