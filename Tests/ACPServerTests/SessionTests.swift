// SPDX-License-Identifier: Apache-2.0

import ACPClient
import ACPServer
import NIOHTTP1
import Testing

@Suite("Sessions")
struct SessionTests {
    @Test("A run without a session creates one, which both paths describe")
    func descriptor() async throws {
        try await withServer { serving in
            let run = try await serving.client.run(agent: "counter", input: "one")
            let id = try #require(run.sessionID)
            let singular = try await serving.get("/session/\(id)")
            let plural = try await serving.get("/sessions/\(id)")
            #expect(singular.status == 200 && singular.body == plural.body)
            let descriptor = try singular.decode(SessionDescriptor.self)
            #expect(descriptor.id == id)
            #expect(descriptor.plain.history == (0..<2).map { "\(serving.url)/sessions/\(id)/history/\($0)" })
            #expect(descriptor.plain.state == "\(serving.url)/sessions/\(id)/state?v=1")
        }
    }

    @Test("Each history URL returns its message, input before output, in the order of the runs")
    func history() async throws {
        try await withServer { serving in
            let session = serving.client.session("history-test")
            for text in ["Ada", "Grace"] { _ = try await session.run(agent: "greeter", input: text) }
            let messages = try await session.messages()
            #expect(messages.map(\.text) == ["Ada", "Hello, Ada!", "Grace", "Hello, Grace!"])
            #expect(messages.map(\.role) == [.user, .agent("greeter"), .user, .agent("greeter")])
        }
    }

    @Test("The state URL returns the bytes and the content type that the agent stored")
    func state() async throws {
        let bytes: [UInt8] = [0, 255, 10, 13, 34]
        try await withServer(agents: { server in
            try server.addExamples()
            try server.addAgent("binary") { context in
                try await context.session.setRawState(SessionState(bytes: bytes, contentType: "application/x-thing"))
            }
            try server.addAgent("forgetful") { context in try await context.session.setRawState(nil) }
        }) { serving in
            _ = try await serving.client.run(agent: "counter", input: "x", session: "s")
            let json = try await serving.get("/sessions/s/state")
            #expect(json.text == "1" && json.headers.first(name: "Content-Type") == "application/json")
            _ = try await serving.client.run(agent: "binary", input: "x", session: "s")
            let raw = try await serving.get("/sessions/s/state")
            #expect(raw.body == bytes && raw.headers.first(name: "Content-Type") == "application/x-thing")
            _ = try await serving.client.run(agent: "forgetful", input: "x", session: "s")
            try await serving.get("/sessions/s/state").expectError(404, .notFound)
            #expect(try await serving.client.sessionDescriptor("s").state == nil)
        }
    }

    @Test("A content type that would break the head of the response is not sent")
    func oddContentType() async throws {
        try await withServer(agents: { server in
            try server.addExamples()
            try server.addAgent("injector") { context in
                try await context.session.setRawState(
                    SessionState(bytes: [1], contentType: "text/plain\r\nX-Injected: yes"))
            }
        }) { serving in
            _ = try await serving.client.run(agent: "injector", input: "x", session: "s")
            let answer = try await serving.get("/sessions/s/state")
            #expect(answer.body == [1] && answer.headers.first(name: "X-Injected") == nil)
        }
    }

    @Test("Sessions keep their state between runs, and are isolated from each other")
    func apart() async throws {
        try await withServer { serving async throws in
            for expected in ["Count: 1", "Count: 2", "Count: 3"] {
                #expect(try await serving.client.run(agent: "counter", input: "x", session: "a").text == expected)
            }
            #expect(try await serving.client.run(agent: "counter", input: "x", session: "b").text == "Count: 1")
        }
    }

    @Test("A session exists from the start of its first run")
    func beginning() async throws {
        try await withServer { serving in
            let run = try await serving.client.run(agent: "questioner", input: "x", session: "early")
            #expect(run.status == .awaiting)
            #expect(try await serving.client.sessionDescriptor("early") == SessionDescriptor(id: "early"))
        }
    }

    @Test("A deleted session has no state and no history, and its runs remain")
    func delete() async throws {
        try await withServer { serving in
            let run = try await serving.client.run(agent: "counter", input: "x", session: "doomed")
            let answer = try await serving.send(.DELETE, "/sessions/doomed")
            #expect(answer.status == 204 && answer.body.isEmpty)
            try await serving.get("/sessions/doomed/history/0").expectError(404, .notFound)
            try await serving.get("/sessions/doomed/state").expectError(404, .notFound)
            #expect(try await serving.client.fetchRun(run.id).status == .completed)
            try await serving.send(.DELETE, "/sessions/never-was").expectError(404, .notFound)
            #expect(try await serving.client.run(agent: "counter", input: "x", session: "doomed").text == "Count: 1")
        }
    }

    @Test(
        "Unknown resources are not found",
        arguments: [
            "/session/nobody", "/sessions/nobody", "/sessions/nobody/state", "/sessions/nobody/history/0",
            "/sessions/here/history/2", "/sessions/here/history/-1", "/sessions/here/history/x",
            "/sessions/here/history/9223372036854775807", "/sessions/here/history/99999999999999999999",
            "/sessions/a%20b", "/sessions/..%2Fagents", "/sessions/here/more",
        ])
    func missing(path: String) async throws {
        try await withServer { serving in
            _ = try await serving.client.run(agent: "echo", input: "x", session: "here")
            try await serving.get(path).expectError(404, .notFound)
            try await serving.expectStillServing()
        }
    }

    @Test("An id can be percent-encoded in a path")
    func percentEncoded() async throws {
        try await withServer { serving in
            _ = try await serving.client.run(agent: "echo", input: "x", session: "a~b.c")
            #expect(try await serving.get("/sessions/a%7Eb%2ec").decode(SessionDescriptor.self).id == "a~b.c")
            #expect(try await serving.get("/agents/%65cho").decode(AgentManifest.self).name == "echo")
            #expect(try await serving.get("/runs?session_id=a%7Eb.c").decode(RunsListResponse.self).total == 1)
        }
    }

    // MARK: Sessions that come from elsewhere

    private static func forwardJSON(_ descriptor: SessionDescriptor, text: String = "hi") throws -> String {
        let json = String(decoding: try ACPJSON.encode(descriptor), as: UTF8.self)
        return #"{"agent_name":"echo","session":\#(json),"input":[{"parts":[{"content":"\#(text)"}]}]}"#
    }

    @Test("A session of another server keeps its messages' URLs in order and once, before its new messages")
    func forwarded() async throws {
        try await withServer { serving in
            let foreign = (0..<3).map { "http://other.example/sessions/moved/history/\($0)" }
            let descriptor = SessionDescriptor(id: "moved", history: foreign + [foreign[1]])
            for text in ["one", "two"] {
                #expect(try await serving.post("/runs", Self.forwardJSON(descriptor, text: text)).status == 200)
            }
            let history = try await serving.client.sessionDescriptor("moved").plain.history
            #expect(history == foreign + (3..<7).map { "\(serving.url)/sessions/moved/history/\($0)" })
            #expect(try await serving.get("/sessions/moved/history/3").decode(Message.self).text == "one")
            let error = try await serving.get("/sessions/moved/history/1").expectError(404, .notFound)
            #expect(error.message.contains(foreign[1]), "the message says where it is")
        }
    }

    @Test("A descriptor of this server can be sent back without duplicates")
    func ownDescriptor() async throws {
        try await withServer { serving in
            _ = try await serving.client.run(agent: "echo", input: "one", session: "own")
            let descriptor = try await serving.client.sessionDescriptor("own")
            #expect(try await serving.post("/runs", Self.forwardJSON(descriptor, text: "two")).status == 200)
            let after = try await serving.client.sessionDescriptor("own")
            #expect(after.plain.history == (0..<4).map { "\(serving.url)/sessions/own/history/\($0)" })
        }
    }

    @Test("URLs of another session of this server are stored as links")
    func otherSession() async throws {
        try await withServer { serving in
            _ = try await serving.client.run(agent: "echo", input: "one", session: "first")
            let history = try await serving.client.sessionDescriptor("first").history
            let descriptor = SessionDescriptor(id: "second", history: history)
            #expect(try await serving.post("/runs", Self.forwardJSON(descriptor)).status == 200)
            let second = try await serving.client.sessionDescriptor("second")
            #expect(Array(second.plain.history.prefix(2)) == history.map { SessionLink($0).identity })
            #expect(try await serving.client.messages(of: "second").map(\.text) == ["one", "one", "hi", "hi"])
        }
    }

    @Test("A server with a public URL uses and recognizes it", arguments: ["", "/"])
    func publicURL(end: String) async throws {
        let base = "https://agents.example.com/acp"
        let configuration = ServerConfiguration.quick.with { $0.publicURL = base + end }
        try await withServer(configuration: configuration) { serving in
            _ = try await serving.client.run(agent: "counter", input: "one", session: "p")
            let descriptor = try await serving.client.sessionDescriptor("p")
            #expect(descriptor.plain.history == (0..<2).map { "\(base)/sessions/p/history/\($0)" })
            #expect(descriptor.plain.state == "\(base)/sessions/p/state?v=1")
            #expect(try await serving.post("/runs", Self.forwardJSON(descriptor)).status == 200)
            #expect(try await serving.client.sessionDescriptor("p").history.count == 4)
        }
    }

    @Test("A session id that contradicts the session is rejected, an equal one is accepted")
    func contradiction() async throws {
        try await withServer { serving in
            func json(_ id: String) -> String {
                #"{"agent_name":"echo","session_id":"\#(id)","session":{"id":"s"},"input":[{"parts":[]}]}"#
            }
            let error = try await serving.post("/runs", json("other")).expectError(400, .invalidInput)
            #expect(error.message.contains("other"))
            #expect(try await serving.post("/runs", json("s")).decode(Run.self).sessionID == "s")
        }
    }
}
