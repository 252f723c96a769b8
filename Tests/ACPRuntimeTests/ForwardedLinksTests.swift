// SPDX-License-Identifier: Apache-2.0

import ACPCore
import ACPStorage
import Testing

@testable import ACPRuntime

@Suite("Signed links that are forwarded again", .timeLimit(.minutes(5)))
struct ForwardedLinksTests {
    private static func signed(_ url: String, _ expires: Int) -> String {
        SessionLink(signing: url, expires: expires, signature: String(repeating: "s", count: 43)).url
    }

    /// Returns the requested URL.
    private struct Loader: ResourceLoader {
        func load(_ request: ResourceRequest) async throws -> LoadedResource {
            LoadedResource(bytes: try ACPJSON.encode(Message(request.url)), contentType: "application/json")
        }
    }

    @Test("The link that is valid for longer is used, whether it was stored or forwarded")
    func freshest() {
        let forwardedLinks = ForwardedLinks([Self.signed("http://a/1", 7), Self.signed("http://a/1", 9), "http://a/2"])
        #expect(forwardedLinks.freshest(of: Self.signed("http://a/1", 5)) == Self.signed("http://a/1", 9))
        #expect(forwardedLinks.freshest(of: Self.signed("http://a/1", 11)) == Self.signed("http://a/1", 11))
        #expect(forwardedLinks.freshest(of: "http://a/1") == "http://a/1")
        #expect(forwardedLinks.freshest(of: "http://a/2") == "http://a/2")
        #expect(ForwardedLinks().freshest(of: Self.signed("http://a/1", 5)) == Self.signed("http://a/1", 5))
    }

    @Test("A run reads with the signatures of its request, and the history has each message once")
    func run() async throws {
        let storage = MemoryStorage()
        let engine = makeEngine(storage, configuration(resourceLoader: Loader()))
        try engine.agents.addAgent("historian") { context in
            for try await message in context.session.historyMessages() where message.text.hasPrefix("http") {
                return message.text
            }
            return ""
        }
        for expires in [5, 9, 7] {
            let link = Self.signed("http://a/1", expires)
            let run = try await engine.execute(
                RunRequest(agent: "historian", input: ["?"], session: "s-1", forwardedHistory: [link]))
            #expect(run.text == link)
        }
        #expect(
            try await engine.call("historian", session: "s-1").text == Self.signed("http://a/1", 5), "what was kept")
        let links = try await storage.history(of: "s-1").filter { if case .link = $0 { true } else { false } }
        #expect(links == [.link(Self.signed("http://a/1", 5))])
    }
}
