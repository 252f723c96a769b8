// SPDX-License-Identifier: Apache-2.0

import ACPTestSupport
import Crypto
import NIOHTTP1
import Testing

@testable import A2AServer

@Suite("Cards of A2A agents")
struct CardTests {
    private static func card(
        _ manifest: AgentManifest, _ configuration: A2AConfiguration = A2AConfiguration(),
        authentication: Authentication? = nil
    ) -> A2A.AgentCard {
        CardBuilder(configuration: configuration, authentication: authentication)
            .card(of: manifest, at: "https://agents.example.com")
    }

    @Test("A manifest without metadata makes a card in which everything required has a value")
    func plain() throws {
        let card = Self.card(AgentManifest(name: "greeter"))
        #expect(card.violations.isEmpty)
        #expect(card.name == "greeter" && card.description == "The agent greeter." && card.version == "1.0.0")
        let url = "https://agents.example.com/a2a/greeter"
        #expect(
            card.supportedInterfaces == [
                A2A.AgentInterface(url: url, binding: .jsonRPC), A2A.AgentInterface(url: url, binding: .httpJSON),
            ])
        #expect(card.capabilities.streaming == true && card.capabilities.pushNotifications == true)
        #expect(card.capabilities.extensions.map(\.uri) == [A2A.Extensions.idempotentSending])
        #expect(card.capabilities.extendedAgentCard == nil)
        #expect(card.defaultInputModes == ["text/plain", "application/json", "*/*"])
        #expect(
            card.skills == [
                A2A.AgentSkill(id: "greeter", name: "greeter", description: "The agent greeter.", tags: ["greeter"])
            ])
        #expect(card.provider == nil && card.documentationURL == nil && card.securitySchemes.isEmpty)
        #expect(try A2AJSON.decode(from: A2AJSON.encode(card), isComplete: true) == card)
    }

    @Test("Metadata become the provider, the documentation, the version and the skills")
    func metadata() {
        let manifest = AgentManifest(
            name: "planner", description: "Plans trips", inputContentTypes: ["text/plain", "image/*"],
            outputContentTypes: ["application/json", "application/json"],
            metadata: AgentMetadata(
                capabilities: [
                    AgentCapability(name: "Train Travel", description: "Plans with trains"),
                    AgentCapability(name: "train travel!", description: ""),
                    AgentCapability(name: "旅", description: "x"),
                ],
                domains: ["travel"], tags: ["Planning", "travel", ""],
                author: AgentMetadata.Person(name: "Ada", url: "https://ada.example.com"),
                links: [
                    AgentLink(type: .homepage, url: "https://planner.example.com"),
                    AgentLink(type: .documentation, url: "https://docs.example.com"),
                ],
                extra: ["version": "2.1.0"]))
        let card = Self.card(manifest)
        #expect(card.provider == A2A.AgentProvider(url: "https://ada.example.com", organization: "Ada"))
        #expect(card.documentationURL == "https://docs.example.com" && card.version == "2.1.0")
        #expect(card.defaultInputModes == ["text/plain", "image/*"] && card.defaultOutputModes == ["application/json"])
        #expect(card.skills.map(\.id) == ["train-travel", "train-travel-2", "skill"])
        #expect(card.skills.map(\.description) == ["Plans with trains", "Plans trips", "x"])
        #expect(card.skills.allSatisfy { $0.tags == ["Planning", "travel"] })
        let configured = Self.card(
            manifest,
            A2AConfiguration(
                version: "3.0.0", provider: A2A.AgentProvider(url: "https://acme.example.com", organization: "Acme")))
        #expect(configured.version == "3.0.0" && configured.provider?.organization == "Acme")
    }

    @Test("Schemes are those of the configuration, else those of the server's tokens")
    func schemes() {
        let manifest = AgentManifest(name: "a")
        let key = A2A.SecurityScheme.apiKey(A2A.APIKeySecurityScheme(location: "header", name: "X-Key"))
        let own = Self.card(manifest, A2AConfiguration(securitySchemes: ["key": key]), authentication: .bearer("t"))
        #expect(own.securitySchemes == ["key": key])
        #expect(own.securityRequirements == [A2A.SecurityRequirement(["key": []])])
        #expect(Self.card(manifest, authentication: .custom { _ in true }).securitySchemes.isEmpty)
        #expect(Self.card(manifest, authentication: .bearer("t")).securitySchemes.keys.sorted() == ["bearer"])
    }

    @Test("Capabilities, extensions and the operator's changes are in the card")
    func configured() {
        let card = Self.card(
            AgentManifest(name: "a"),
            A2AConfiguration(
                hasStreaming: false, hasPushNotifications: false, servesVersion03: true,
                extensions: [A2A.AgentExtension(uri: "urn:a", isRequired: true)],
                card: { manifest, card in card.with { $0.iconURL = "https://icons.example.com/\(manifest.name)" } },
                extendedCard: { _, card in card }))
        #expect(card.capabilities.streaming == false && card.capabilities.pushNotifications == false)
        #expect(card.capabilities.extendedAgentCard == true && card.capabilities.extensions.first?.uri == "urn:a")
        #expect(card.iconURL == "https://icons.example.com/a")
        #expect(card.supportedInterfaces.map(\.protocolVersion) == ["1.0", "1.0", "0.3"])
    }

    @Test("The card at the root is that of the default agent, of the only one, or none")
    func root() async throws {
        let path = "/.well-known/agent-card.json"
        try await withBindings { server async throws in
            let response = try await server.send(.GET, path, headers: [:])
            #expect(response.status == 404)
            let message = try #require(response.error?.message)
            #expect(message.contains("/a2a/{agent}/") && message.contains("A2AConfiguration.defaultAgent"))
        }
        try await withBindings(A2AConfiguration(defaultAgent: "questioner")) { server async throws in
            let card = try await server.send(.GET, path, headers: [:]).decode(A2A.AgentCard.self)
            #expect(card.name == "questioner")
            #expect(card.supportedInterfaces.first?.url == "\(server.url)/a2a/questioner")
        }
        try await withBindings(A2AConfiguration(defaultAgent: "nobody")) { server async throws in
            #expect(try await server.send(.GET, path, headers: [:]).error?.message.contains("nobody") == true)
        }
        try await withBindings(agents: { try $0.addAgent("only") { _ in "x" } }) { server async throws in
            #expect(try await server.send(.GET, path, headers: [:]).decode(A2A.AgentCard.self).name == "only")
        }
        try await withBindings(agents: { _ in }) { server async throws in
            #expect(try await server.send(.GET, path, headers: [:]).status == 404)
        }
    }

    @Test("Clients that have the card get 304")
    func caching() async throws {
        let path = "/a2a/echo/.well-known/agent-card.json"
        try await withBindings(A2AConfiguration(cardLifetime: .seconds(60))) { server async throws in
            let first = try await server.send(.GET, path, headers: [:])
            #expect(first.type == "application/json")
            #expect(first.headers.first(name: "Cache-Control") == "public, max-age=60")
            let tag = try #require(first.headers.first(name: "ETag"))
            let date = try #require(first.headers.first(name: "Last-Modified"))
            #expect(tag.hasPrefix("W/\"") && HTTPDate.time(date) != nil)
            let later = HTTPDate.text(.now + .seconds(60))
            for (headers, status) in [
                (["If-None-Match": tag], 304), (["If-None-Match": String(tag.dropFirst(2))], 304),
                (["If-None-Match": "*"], 304), (["If-None-Match": "\"x\", \(tag)"], 304),
                (["If-None-Match": "\"x\""], 200),
                (["If-Modified-Since": date], 304), (["If-Modified-Since": later], 304),
                (["If-Modified-Since": "Sun, 06 Nov 1994 08:49:37 GMT"], 200), (["If-Modified-Since": "x"], 200),
                (["If-None-Match": "\"x\"", "If-Modified-Since": later], 200),
            ] as [(HTTPHeaders, Int)] {
                let response = try await server.send(.GET, path, headers: headers)
                #expect(response.status == status, "\(headers)")
                #expect(response.body.isEmpty == (status == 304))
                #expect(response.headers.first(name: "ETag") == tag)
            }
            let head = try await server.send(.HEAD, path, headers: [:])
            #expect(head.status == 200 && head.body.isEmpty && head.headers.first(name: "ETag") == tag)
        }
    }

    @Test("Cards are signed, with a tag that does not depend on the signatures")
    func signed() async throws {
        let key = P256.Signing.PrivateKey()
        let signer = A2A.AgentCardSigner(key: .es256(key), keyID: "k1")
        var tags: Set<String> = []
        var signatures: Set<String> = []
        for signer in [signer, signer, nil] {
            let builder = CardBuilder(configuration: A2AConfiguration(signer: signer), authentication: nil)
            let card = try CardStore(builder: builder).card(of: AgentManifest(name: "a"), at: "http://h")
            tags.insert(card.tag)
            let decoded = try A2AJSON.decode(A2A.AgentCard.self, from: card.json)
            #expect(decoded.signatures.isEmpty == (signer == nil))
            for signature in decoded.signatures { signatures.insert(signature.signature) }
        }
        #expect(tags.count == 1 && signatures.count == 2)
    }

    @Test("URLs in cards are those at which the client reaches the server")
    func urls() async throws {
        func url(_ configuration: ServerConfiguration, _ headers: HTTPHeaders) async throws -> String? {
            try await withBindings(server: configuration) { server async throws in
                let card = try await server.send(.GET, "/a2a/echo/.well-known/agent-card.json", headers: headers)
                return try card.decode(A2A.AgentCard.self).supportedInterfaces.first?.url
            }
        }
        let forwarded: HTTPHeaders = [
            "Host": "internal", "X-Forwarded-Proto": "https", "X-Forwarded-Host": "agents.example.com",
            "X-Forwarded-Prefix": "/v1",
        ]
        let named = ServerConfiguration.binding.with { $0.browsers.allowedHosts = ["internal"] }
        #expect(try await url(named, forwarded) == "http://internal/a2a/echo")
        #expect(
            try await url(named.with { $0.trustedProxies = .all }, forwarded)
                == "https://agents.example.com/v1/a2a/echo")
        #expect(
            try await url(named.with { $0.publicURL = "https://public.example.com/acp/" }, forwarded)
                == "https://public.example.com/acp/a2a/echo")
    }

    @Test("A card that the operator has made invalid is an error that names the field")
    func broken() async throws {
        let configuration = A2AConfiguration(card: { _, card in card.with { $0.skills = [] } })
        try await withBindings(configuration) { server async throws in
            let response = try await server.send(.GET, "/a2a/echo/.well-known/agent-card.json", headers: [:])
            #expect(response.status == 500 && response.error?.message.contains("skills") == true, "\(response.text)")
        }
    }

    @Test("The extended card is the operator's, over each binding", arguments: TestBinding.allCases)
    func extended(binding: TestBinding) async throws {
        let configuration = A2AConfiguration(
            extendedCard: { _, card in card.with { $0.description = "More" } },
            signer: A2A.AgentCardSigner(key: .es256(P256.Signing.PrivateKey()), keyID: "k1"))
        try await withBindings(configuration) { server async throws in
            let response = try await binding.call(.getExtendedAgentCard, on: server)
            let card = try binding.result(response, as: A2A.AgentCard.self)
            #expect(card.description == "More" && !card.signatures.isEmpty)
            #expect(card.supportedInterfaces.first?.url == "\(server.url)/a2a/echo")
        }
    }

    @Test("Dates in headers are those of RFC 9110")
    func dates() throws {
        let time = try #require(Timestamp("1994-11-06T08:49:37.9Z"))
        #expect(HTTPDate.text(time) == "Sun, 06 Nov 1994 08:49:37 GMT")
        #expect(HTTPDate.time("Sun, 06 Nov 1994 08:49:37 GMT") == Timestamp("1994-11-06T08:49:37Z"))
        #expect(HTTPDate.text(Timestamp(microseconds: 0)) == "Thu, 01 Jan 1970 00:00:00 GMT")
        #expect(try HTTPDate.text(#require(Timestamp("2026-11-27T00:00:00Z"))) == "Fri, 27 Nov 2026 00:00:00 GMT")
        for text in ["", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994", "Sun, 06 Nux 1994 08:49:37 GMT"]
        {
            #expect(HTTPDate.time(text) == nil)
        }
    }
}
