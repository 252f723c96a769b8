// SPDX-License-Identifier: Apache-2.0

import ACPClient
import NIOHTTP1
import Testing

@testable import ACPServer

@Suite("Sessions of servers with several host names")
struct OriginTests {
    @Sendable private static func agents(_ server: ACPServer) throws {
        try server.addExamples()
        try server.addAgent("everything") { context in
            for message in try await context.session.history() + context.input { try await context.yield(message) }
        }
        try server.addAgent("count") { context in
            "\(try await context.session.updateState(as: Int.self) { ($0 ?? 0) + 1 })"
        }
    }

    /// Two servers on one storage, which are called by different names: their ports.
    private static func servingTwo(
        _ configuration: ServerConfiguration = .quick, token: String? = nil,
        _ body: @escaping @Sendable (RunningServer, RunningServer) async throws -> Void
    ) async throws {
        let storage = MemoryStorage()
        try await withServer(storage, configuration: configuration, token: token, agents: agents) { one in
            try await withServer(storage, configuration: configuration, token: token, agents: agents) { other in
                try await body(one, other)
            }
        }
    }

    private static func call(
        _ serving: RunningServer, _ agent: AgentName, _ descriptor: SessionDescriptor
    ) async throws -> Run {
        try await serving.client.run(
            RunCreateRequest(agentName: agent, input: [Message("hi")], session: descriptor))
    }

    private static func signed() throws -> ServerConfiguration {
        let signing = try URLSigning(keys: ["a key that nobody guesses"])
        return .quick.with {
            $0.authentication = .bearer("the-token")
            $0.urlSigning = signing
        }
    }

    @Test("A descriptor under another host name creates no duplicates", arguments: [false, true])
    func history(isSigned: Bool) async throws {
        try await Self.servingTwo(isSigned ? Self.signed() : .quick, token: isSigned ? "the-token" : nil) {
            one, other in
            var descriptor = SessionDescriptor(id: "s")
            var counts: [Int] = []
            for server in [one, other, one, other] {
                let run = try await Self.call(server, "everything", descriptor)
                #expect(run.status == .completed, "\(run.error?.message ?? "")")
                counts.append(run.output.count)
                descriptor = try await server.client.sessionDescriptor("s")
            }
            #expect(counts == [1, 3, 7, 15])
            #expect(descriptor.history.count == 30)
            #expect(
                descriptor.plain.history.map { $0.prefix { $0 != "?" } }
                    == (0..<30).map { "\(other.url)/sessions/s/history/\($0)" })
        }
    }

    @Test("A state under another host name is recognized as the stored one", arguments: [false, true])
    func state(isSigned: Bool) async throws {
        try await Self.servingTwo(isSigned ? Self.signed() : .quick, token: isSigned ? "the-token" : nil) {
            one, other in
            let first = try await Self.call(one, "count", SessionDescriptor(id: "s"))
            #expect(first.text == "1")
            let old = try await one.client.sessionDescriptor("s")
            #expect(old.state != nil)
            for expected in 2...4 {
                #expect(try await Self.call(other, "count", old).text == "\(expected)", "an old one undoes nothing")
            }
            #expect(try await one.client.sessionDescriptor("s").plain.state == "\(one.url)/sessions/s/state?v=4")
        }
    }

    @Test("A server with two host names recognizes itself")
    func oneServer() async throws {
        let configuration = ServerConfiguration.quick.with { $0.browsers.allowedHosts = ["agents.internal"] }
        try await withServer(configuration: configuration, agents: Self.agents) { serving in
            _ = try await Self.call(serving, "count", SessionDescriptor(id: "s"))
            for name in ["localhost", "agents.internal", "127.0.0.1"] {
                let answer = try await serving.get("/sessions/s", headers: ["Host": "\(name):\(serving.port)"])
                let descriptor = try answer.decode(SessionDescriptor.self)
                #expect(descriptor.history.first?.hasPrefix("http://\(name):") == true)
                _ = try await Self.call(serving, "count", descriptor)
            }
            #expect(try await serving.client.sessionDescriptor("s").history.count == 8)
            #expect(try await serving.get("/sessions/s/state").text == "4")
        }
    }

    @Test("Links to other sessions and to expired messages are not duplicated either")
    func links() async throws {
        try await Self.servingTwo { one, other in
            _ = try await Self.call(one, "echo", SessionDescriptor(id: "first"))
            let first = try await one.client.sessionDescriptor("first")
            let expired = "\(one.url)/sessions/gone/history/5"
            _ = try await Self.call(one, "echo", SessionDescriptor(id: "second", history: first.history + [expired]))
            for server in [other, one, other] {
                let descriptor = try await (server.port == one.port ? other : one).client.sessionDescriptor("second")
                _ = try await Self.call(server, "echo", descriptor)
            }
            #expect(try await one.client.sessionDescriptor("second").history.count == 3 + 4 * 2)
        }
    }

    @Test("A server with another session of the same id is not mistaken for this one")
    func foreign() async throws {
        try await withServer(agents: Self.agents) { one in
            try await withServer(agents: Self.agents) { foreign in
                for server in [one, foreign] { _ = try await Self.call(server, "count", SessionDescriptor(id: "s")) }
                let descriptor = try await foreign.client.sessionDescriptor("s")
                #expect(try await Self.call(one, "echo", descriptor).status == .completed)
                let known = try await one.client.sessionDescriptor("s")
                #expect(known.history[2..<4] == descriptor.history[...], "kept as they are, in order")
                #expect(known.history.count == 6)
                #expect(known.state == descriptor.state)
                // The same again changes nothing.
                _ = try await Self.call(one, "echo", descriptor)
                #expect(try await one.client.sessionDescriptor("s").history.count == 8)
            }
        }
    }

    @Test("A mark is valid for one resource of one session, and cannot be forged")
    func forged() async throws {
        try await Self.servingTwo { one, other in
            for id: SessionID in ["s", "secret"] { _ = try await Self.call(one, "echo", SessionDescriptor(id: id)) }
            let mark = try #require(
                SessionLink(try await one.client.sessionDescriptor("s").history[0]).origin)
            let secretMark = try #require(
                SessionLink(try await one.client.sessionDescriptor("secret").history[0]).origin)
            let forged = [
                "http://evil.example/sessions/s/history/1?acp-origin=\(mark)",
                "http://evil.example/sessions/secret/history/0?acp-origin=\(mark)",
                "http://evil.example/sessions/secret/history/0?x=1&acp-origin=\(secretMark)",
                "http://evil.example/sessions/s/history/0?acp-origin=\(String(mark.reversed()))",
            ]
            _ = try await Self.call(other, "echo", SessionDescriptor(id: "s", history: forged))
            let history = try await other.client.sessionDescriptor("s").history
            #expect(Array(history[2..<6]) == forged, "they lead to where they say")
        }
    }

    @Test("Descriptors without marks are recognized by their host name")
    func unmarked() async throws {
        try await Self.servingTwo { one, other in
            _ = try await Self.call(one, "count", SessionDescriptor(id: "s"))
            let plain = try await one.client.sessionDescriptor("s").plain
            _ = try await Self.call(one, "count", plain)
            #expect(try await one.client.sessionDescriptor("s").history.count == 4, "under the same name")
            _ = try await Self.call(other, "echo", SessionDescriptor(id: "s", history: plain.history))
            let marked = try await one.client.sessionDescriptor("s")
            #expect(marked.history.count == 8, "links to itself, as it cannot be known")
        }
    }

    @Test("The key of a session is stored with it once, and never sent")
    func key() async throws {
        let storage = MemoryStorage()
        try await withServer(storage, agents: Self.agents) { serving in
            _ = try await Self.call(serving, "echo", SessionDescriptor(id: "s"))
            #expect(try await storage.session("s") == nil, "a run alone stores none")
            let first = try await serving.get("/sessions/s")
            let key = try #require(try await storage.session("s")?.originKey)
            #expect(key.utf8.count >= 40 && !first.text.contains(key))
            #expect(try await serving.get("/sessions/s").body == first.body)
            #expect(try await storage.session("s")?.version == 1)
            _ = try await serving.client.run(agent: "count", input: "x", session: "s")
            #expect(try await storage.session("s")?.originKey == key)
        }
    }
}
