// SPDX-License-Identifier: Apache-2.0

import ACPClient
import AsyncHTTPClient
import NIOHTTP1
import Testing

@testable import ACPServer

@Suite("Forwarded sessions", .timeLimit(.minutes(5)))
struct TravellingSessionTests {
    private static func addAgents(_ server: ACPServer) throws {
        try server.addExamples()
        try server.addAgent("recall") { context in
            try await context.session.history().map(\.text).joined(separator: "|")
        }
        try server.addAgent("peek") { context in
            try await context.session.state(as: Int.self).map { "\($0)" } ?? "none"
        }
        try server.addAgent("sizes") { context in
            var sizes: [String] = []
            for part in context.input.flatMap(\.parts) { sizes.append("\(try await part.data(in: context).count)") }
            return sizes.joined(separator: ",")
        }
    }

    private func withServer<Result: Sendable>(
        links: LinkConfiguration? = LinkConfiguration(), publicURL: String? = nil,
        _ body: @escaping @Sendable (RunningServer) async throws -> Result
    ) async throws -> Result {
        let configuration = ServerConfiguration.quick.with {
            $0.links = links
            $0.publicURL = publicURL
        }
        return try await ACPServerTests.withServer(configuration: configuration, agents: Self.addAgents, body)
    }

    /// A run with a session that is brought along.
    private func call(
        _ serving: RunningServer, _ agent: AgentName, _ descriptor: SessionDescriptor, _ text: String = "hi"
    ) async throws -> Run {
        let request = RunCreateRequest(agentName: agent, input: [Message(text)], session: descriptor)
        return try await serving.send(.POST, "/runs", .bytes(try ACPJSON.encode(request))).decode(Run.self)
    }

    /// Returns the error of a failed run about its link.
    private func linkError(_ run: Run) -> String? { run.error?.data?["link_error"]?.stringValue }

    @Test("A session moves between servers and back, and all agents read its whole history in order")
    func travel() async throws {
        try await withServer(links: .development) { a in
            try await self.withServer(links: .development) { b in
                _ = try await a.client.run(agent: "echo", input: "one", session: "s")
                var descriptor = try await a.client.sessionDescriptor("s")
                #expect(try await self.call(b, "echo", descriptor, "two").text == "two")
                descriptor = try await b.client.sessionDescriptor("s")
                #expect(descriptor.history.count == 4)
                #expect(try await self.call(a, "echo", descriptor, "three").text == "three")
                descriptor = try await a.client.sessionDescriptor("s")
                // A has its own messages and those of B, each once.
                #expect(try await self.call(b, "recall", descriptor).text == "one|one|two|two|three|three")
                #expect(
                    try await self.call(a, "recall", try await b.client.sessionDescriptor("s")).status == .completed)
            }
        }
    }

    @Test("The server's own resources are read without HTTP, whatever session they belong to")
    func own() async throws {
        // Nothing on this machine may be loaded over HTTP here.
        try await withServer { serving async throws in
            _ = try await serving.client.run(agent: "counter", input: "one", session: "first")
            let first = try await serving.client.sessionDescriptor("first")
            let second = SessionDescriptor(id: "second", history: first.history.reversed(), state: first.state)
            #expect(try await self.call(serving, "recall", second).text == "Count: 1|one")
            #expect(try await self.call(serving, "peek", second).text == "1")
            let moved = try await serving.client.sessionDescriptor("second")
            #expect(Array(moved.plain.history.prefix(2)) == second.plain.history)
            #expect(try #require(first.plain.state).hasPrefix(try #require(moved.plain.state)))
            let error = try await serving.get("/sessions/second/state").expectError(404, .notFound)
            #expect(error.message.contains("/sessions/first/state"))
            #expect(try await self.call(serving, "counter", moved).text == "Count: 2")
            #expect(
                try await serving.client.sessionDescriptor("second").plain.state
                    == "\(serving.url)/sessions/second/state?v=2"
            )
            #expect(try await serving.get("/sessions/first/state").text == "1")
            // The same under another name of the server, and with a query.
            let other = first.history.map { $0.replacing("127.0.0.1", with: "localhost") + "?signature=x" }
            let json = try ACPJSON.encode(
                RunCreateRequest(
                    agentName: "recall", input: ["hi"], session: SessionDescriptor(id: "third", history: other + other))
            )
            let answer = try await serving.send(
                .POST, "/runs", .bytes(json), headers: ["Host": "localhost:\(serving.port)"])
            #expect(try answer.decode(Run.self).text == "one|Count: 1")
        }
    }

    @Test("A content URL below the public URL is read without HTTP")
    func ownContent() async throws {
        try await withServer(publicURL: "https://agents.example/acp") { serving async throws in
            _ = try await serving.client.run(agent: "counter", input: "one", session: "s")
            let part = MessagePart(contentURL: "https://agents.example/acp/sessions/s/state")
            #expect(try await serving.client.run(agent: "sizes", input: Message(parts: [part])).text == "1")
            let gone = MessagePart(contentURL: "https://agents.example/acp/sessions/t/state")
            let run = try await serving.client.run(agent: "sizes", input: Message(parts: [gone]))
            #expect(self.linkError(run) == "not_found")
        }
    }

    @Test("Expired messages of a session remain in its history, and reading them is an error")
    func expired() async throws {
        try await withServer { serving async throws in
            let gone = (0..<3).map { "\(serving.url)/sessions/s/history/\($0)" }
            let descriptor = SessionDescriptor(id: "s", history: gone)
            for _ in 0..<2 {
                let run = try await self.call(serving, "recall", descriptor)
                #expect(run.status == .failed)
                #expect(run.error?.message.contains("expired") == true)
                #expect(self.linkError(run) == "not_found")
                #expect(try await serving.client.sessionDescriptor("s").plain.history == gone)
            }
            let error = try await serving.get("/sessions/s/history/1").expectError(404, .notFound)
            #expect(error.message.contains("expired"))
            // What is said later does not appear in their place.
            #expect(try await self.call(serving, "echo", descriptor).status == .completed)
            #expect(try await self.call(serving, "recall", descriptor).status == .failed)

            let other = SessionDescriptor(id: "t", history: ["\(serving.url)/sessions/never/history/0"])
            let failed = try await self.call(serving, "recall", other)
            #expect(failed.error?.message.contains("never") == true)
        }
    }

    @Test("A link that must not be loaded fails the run that reads it, with the remedy, and no other run")
    func refused() async throws {
        try await ResourceServer.serving {
            try await $0.answer("secret")
        } _: { other in
            try await withServer { serving async throws in
                let descriptor = SessionDescriptor(
                    id: "s", history: [other.url("/0?signature=secret")], state: other.url("/state"))
                for agent: AgentName in ["recall", "peek"] {
                    let error = try #require(try await self.call(serving, agent, descriptor).error)
                    #expect(error.code == .serverError)
                    #expect(error.data?["link_error"] == "refused")
                    #expect(error.message.contains("--link-host") && !error.message.contains("signature"))
                }
                #expect(try await self.call(serving, "echo", descriptor).status == .completed)
                #expect(try await serving.client.sessionDescriptor("s").history.first == descriptor.history[0])
            }
            #expect(other.connections == 0)
        }
    }

    @Test("An allowed host is loaded from, and no other one")
    func allowed() async throws {
        try await ResourceServer.serving {
            try await $0.answer(#"{"parts":[{"content":"hello"}]}"#)
        } _: { other in
            let links = LinkConfiguration(allowedHosts: [try AllowedHost("127.0.0.1:\(other.port)")])
            try await withServer(links: links) { serving async throws in
                let descriptor = SessionDescriptor(id: "s", history: [other.url("/0")])
                #expect(try await self.call(serving, "recall", descriptor).text == "hello")
                let elsewhere = SessionDescriptor(
                    id: "t", history: ["http://127.0.0.1:\(serving.port)0/x", "http://localhost/"])
                #expect(try await self.call(serving, "recall", elsewhere).status == .failed)
            }
        }
    }

    @Test("A server with disabled loading reports it")
    func none() async throws {
        try await withServer(links: nil) { serving async throws in
            let descriptor = SessionDescriptor(id: "s", history: ["http://other.example/0"])
            let run = try await self.call(serving, "recall", descriptor)
            #expect(self.linkError(run) == "unavailable")
        }
    }

    @Test("A server that does not respond fails its reader in time, while other runs continue")
    func hanging() async throws {
        let gone = try await ResourceServer.serving { _ in
        } _: {
            $0.url("/")
        }
        try await ResourceServer.serving {
            try await $0.hang()
        } _: { other in
            try await withServer(links: .development.with { $0.timeout = .milliseconds(500) }) { serving async throws in
                let slow = SessionDescriptor(id: "slow", history: [other.url("/0")])
                async let failed = self.call(serving, "recall", slow)
                try await eventually("it is being loaded") { !other.targets.isEmpty }
                #expect(try await serving.client.run(agent: "echo", input: "quick").text == "quick")
                let late = try await failed
                #expect(self.linkError(late) == "timed_out")
                let missing = SessionDescriptor(id: "missing", history: [gone])
                let run = try await self.call(serving, "recall", missing)
                #expect(self.linkError(run) == "cannot_connect")
            }
        }
    }

    @Test("A state is loaded from the previous server until one is stored here")
    func state() async throws {
        try await ResourceServer.serving {
            try await $0.answer("41")
        } _: { other in
            try await withServer(links: .development) { serving async throws in
                let descriptor = SessionDescriptor(id: "s", state: other.url("/state"))
                #expect(try await self.call(serving, "echo", descriptor).status == .completed)
                #expect(other.targets.isEmpty)
                #expect(try await serving.client.sessionDescriptor("s").state == descriptor.state)
                #expect(try await serving.client.run(agent: "peek", input: "?", session: "s").text == "41")
                #expect(try await self.call(serving, "counter", descriptor).text == "Count: 42")
                #expect(try await self.call(serving, "counter", descriptor).text == "Count: 43")
                #expect(other.targets == ["/state", "/state"])
                let own = try await serving.client.sessionDescriptor("s").plain.state
                #expect(own == "\(serving.url)/sessions/s/state?v=3")
            }
        }
    }

    @Test("An agent reads the content of parts from any source")
    func parts() async throws {
        try await ResourceServer.serving {
            try await $0.answer(String(repeating: "x", count: 5_000))
        } _: { other in
            try await withServer(links: .development) { serving async throws in
                let message = Message(parts: [
                    .text("abc"), .data([1, 2], contentType: "a/b"), MessagePart(contentURL: other.url("/file")),
                    MessagePart(contentURL: "data:,12345"),
                ])
                #expect(try await serving.client.run(agent: "sizes", input: message).text == "3,2,5000,5")
                let path = Message(parts: [MessagePart(contentURL: "/sessions/s/state")])
                let run = try await serving.client.run(agent: "sizes", input: path)
                #expect(self.linkError(run) == "invalid_url")
            }
        }
    }

    @Test(
        "A forwarded link that is not a URL of HTTP is rejected",
        arguments: ["/sessions/s/history/0", "file:///etc/passwd", "", "data:,x", "http:x"])
    func noURL(url: String) async throws {
        try await withServer { serving async throws in
            for descriptor in [SessionDescriptor(id: "s", history: [url]), SessionDescriptor(id: "s", state: url)] {
                let request = RunCreateRequest(agentName: "echo", input: ["hi"], session: descriptor)
                let answer = try await serving.send(.POST, "/runs", .bytes(try ACPJSON.encode(request)))
                let error = try answer.expectError(422, .invalidInput)
                #expect(error.message.contains("session."))
            }
        }
    }
}

extension LinkConfiguration {
    /// Loads from this machine.
    fileprivate static var development: LinkConfiguration {
        LinkConfiguration(allowsPrivateAddresses: true, timeout: .seconds(60), connectTimeout: .seconds(30))
    }

    fileprivate func with(_ change: (inout LinkConfiguration) -> Void) -> LinkConfiguration {
        var configuration = self
        change(&configuration)
        return configuration
    }
}
