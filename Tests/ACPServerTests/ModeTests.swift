// SPDX-License-Identifier: Apache-2.0

import ACPClient
import ACPServer
import NIOHTTP1
import Testing

@Suite("Modes of runs")
struct ModeTests {
    @Test("A sync run returns the ended run, with its id in a header")
    func sync() async throws {
        try await withServer { serving in
            let answer = try await serving.run("greeter", "Ada")
            #expect(answer.status == 200)
            #expect(answer.headers.first(name: "Content-Type") == "application/json")
            let run = try answer.decode(Run.self)
            #expect(run.status == .completed && run.text == "Hello, Ada!")
            #expect(answer.headers.first(name: "Run-ID") == run.id.rawValue)
            #expect(run.sessionID != nil && run.finishedAt != nil)
            #expect(try await serving.client.fetchRun(run.id) == run, "what was answered is what is stored")
        }
    }

    @Test("A request without a mode is a sync one, and requires no content type")
    func defaults() async throws {
        try await withServer { serving in
            let answer = try await serving.post("/runs", #"{"agent_name":"echo","input":[{"parts":[]}]}"#)
            #expect(answer.status == 200)
            #expect(try answer.decode(Run.self).status == .completed)
            let typed = try await serving.post(
                "/runs", RunningServer.runJSON("echo"), headers: ["Content-Type": "text/plain; charset=utf-8"])
            #expect(typed.status == 200)
        }
    }

    @Test("An async run returns 202 and the created run, while its handler continues")
    func async() async throws {
        let gate = Signal<Void>()
        try await withServer(agents: { server in
            try server.addAgent("gated") { context in
                try await gate.wait()
                return "through"
            }
        }) { serving in
            let answer = try await serving.run("gated", mode: .async)
            #expect(answer.status == 202)
            let run = try answer.decode(Run.self)
            #expect(run.status == .created && run.output.isEmpty)
            #expect(answer.headers.first(name: "Run-ID") == run.id.rawValue)
            #expect(try await serving.client.fetchRun(run.id).status == .inProgress)
            gate.send()
            let done = try await serving.client.wait(for: run.id, until: .terminal)
            #expect(done.status == .completed && done.text == "through")
        }
    }

    @Test("A stream begins with run.created, ends with run.completed, and has message events in between")
    func stream() async throws {
        try await withServer { serving in
            let answer = try await serving.run("echo", mode: .stream)
            #expect(answer.status == 200)
            #expect(answer.headers.first(name: "Content-Type") == "text/event-stream")
            #expect(answer.headers.first(name: "Cache-Control") == "no-store")
            #expect(answer.headers.first(name: "X-Accel-Buffering") == "no")
            let events = SentEvent.parse(answer.text)
            #expect(
                events.map(\.kind) == [
                    "run.created", "run.in-progress", "message.created", "message.part", "message.completed",
                    "run.completed",
                ])
            #expect(events.first?.event?.run?.id.rawValue == answer.headers.first(name: "Run-ID"))
        }
    }

    @Test("Every line of a stream is an id or data, and events have no name")
    func lines() async throws {
        try await withServer { serving in
            let text = try await serving.run("echo", "a\\nb", mode: .stream).text
            let lines = text.split(separator: "\n")
            #expect(lines.allSatisfy { $0.hasPrefix("id: ") || $0.hasPrefix("data: ") })
            #expect(lines.count == 12)
            #expect(text.hasSuffix("\n\n"))
        }
    }

    @Test("The events of a stream are the stored ones, byte by byte, and their ids are their indexes")
    func streamIsLog() async throws {
        try await withServer(agents: { server in
            try server.addAgent("chatty") { context in
                for index in 0..<300 { try await context.yield("word \(index) ") }
                try await context.yield(generic: ["progress": 0.5])
                try await context.yield(
                    MessagePart.artifact(name: "a.svg", contentType: "image/svg+xml", content: "<svg/>"))
                try await context.yield(Message("whole"))
            }
        }) { serving in
            let answer = try await serving.run("chatty", mode: .stream)
            let sent = SentEvent.parse(answer.text)
            let id = try RunID(validating: try #require(answer.headers.first(name: "Run-ID")))
            #expect(sent.map(\.id) == sent.indices.map { $0 })
            let list = try await serving.get("/runs/\(id)/events")
            #expect(list.text == #"{"events":["# + sent.map(\.json).joined(separator: ",") + "]}")
            let stored = try await serving.server.engine.events(of: id)
            #expect(stored.map { String(decoding: $0.json, as: UTF8.self) } == sent.map(\.json))
            #expect(try await serving.events("/runs/\(id)/events") == sent)
        }
    }

    @Test("All kinds of output of handlers are sent as documented")
    func outputs() async throws {
        try await withServer(agents: { server in
            try server.addAgent("part") { _ in MessagePart(contentType: "text/html", content: "<b>") }
            try server.addAgent("message") { _ in Message("a message", role: .user) }
            try server.addAgent("several") { _ in [Message("one"), Message("two")] }
            try server.addAgent("none") { _ in String?.none }
            try server.addAgent("nothing") { _ in }
            try server.addAgent("sequence") { _ in
                AsyncStream {
                    $0.yield("a"); $0.yield("b"); $0.finish()
                }
            }
            try server.addAgent(Typed())
        }) { serving in
            func run(_ name: AgentName) async throws -> Run { try await serving.client.run(agent: name, input: "x") }
            #expect(try await run("part").output[0].parts[0].contentType == "text/html")
            #expect(try await run("message").output.map(\.role) == [.agent("message")])
            #expect(try await run("several").output.map(\.text) == ["one", "two"])
            #expect(try await run("none").output.isEmpty)
            #expect(try await run("nothing").status == .completed)
            let sequence = try await run("sequence")
            #expect(sequence.output.count == 1 && sequence.output[0].parts.map(\.content) == ["a", "b"])
            #expect(try await run("typed").text == "typed said x")
        }
    }

    @Test("A handler that throws fails its run with its error, in every mode")
    func failing() async throws {
        let agents: (ACPServer) throws -> Void = { server in
            try server.addExamples()
            try server.addAgent("thrower") { _ in throw NeverHappened(description: "the disk is full") }
        }
        try await withServer(agents: agents) { serving in
            let run = try await serving.run("failer")
            #expect(run.status == 200, "that the agent failed is said by the run")
            let failure = try run.decode(Run.self)
            #expect(failure.status == .failed)
            #expect(failure.error == ACPError("out_of_luck", "this agent always fails", data: ["luck": 0]))

            let events = SentEvent.parse(try await serving.run("failer", mode: .stream).text)
            #expect(events.last?.kind == "run.failed")
            #expect(events.last?.event?.run?.error == failure.error)

            let started = try await serving.client.start(agent: "thrower", input: "x")
            let ended = try await serving.client.wait(for: started.id)
            #expect(ended.error?.code == .serverError)
            #expect(ended.error?.message == "agent thrower failed: see the server's log for run \(started.id)")
            try await serving.expectStillServing()
        }
    }
}

private struct Typed: Agent {
    let manifest = AgentManifest(name: "typed", description: "An agent that is a type")

    func run(_ context: RunContext) async throws {
        try await context.yield("typed said \(context.input[0].text)")
    }
}
