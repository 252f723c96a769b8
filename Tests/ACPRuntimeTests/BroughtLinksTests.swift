// SPDX-License-Identifier: Apache-2.0

import ACPCore
import ACPStorage
import Testing

@testable import ACPRuntime

@Suite("Signed links that are brought again", .timeLimit(.minutes(5)))
struct BroughtLinksTests {
    private static func signed(_ url: String, _ expires: Int) -> String {
        SessionLink(signing: url, expires: expires, signature: String(repeating: "s", count: 43)).url
    }

    /// Says what it was asked for.
    private struct Loader: ResourceLoader {
        func load(_ request: ResourceRequest) async throws -> Resource {
            Resource(bytes: try ACPJSON.encode(Message(request.url)), contentType: "application/json")
        }
    }

    @Test("The one that lasts longest is used, whether it was kept or brought")
    func freshest() {
        let brought = BroughtLinks([Self.signed("http://a/1", 7), Self.signed("http://a/1", 9), "http://a/2"])
        #expect(brought.freshest(of: Self.signed("http://a/1", 5)) == Self.signed("http://a/1", 9))
        #expect(brought.freshest(of: Self.signed("http://a/1", 11)) == Self.signed("http://a/1", 11))
        #expect(brought.freshest(of: "http://a/1") == "http://a/1")
        #expect(brought.freshest(of: "http://a/2") == "http://a/2")
        #expect(BroughtLinks().freshest(of: Self.signed("http://a/1", 5)) == Self.signed("http://a/1", 5))
    }

    @Test("A run reads with the signatures that came with it, and the history keeps each message once")
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
