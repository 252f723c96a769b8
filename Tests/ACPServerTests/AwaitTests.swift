// SPDX-License-Identifier: Apache-2.0

import ACPClient
import ACPServer
import NIOHTTP1
import Testing

@Suite("Questions and answers")
struct AwaitTests {
    private static let answer = #""await_resume":{"type":"message","message":{"parts":[{"content":"Ada"}]}}"#

    private static func resumeJSON(_ mode: RunMode) -> String { #"{\#(answer),"mode":"\#(mode.rawValue)"}"# }

    @Test("A sync run that asks a question returns as awaiting, with the question")
    func syncAwait() async throws {
        try await withServer { serving in
            let run = try await serving.run("questioner").decode(Run.self)
            #expect(run.status == .awaiting)
            #expect(run.awaitRequest?.message?.text == "What is your name?")
            #expect(run.awaitRequest?.message?.role == .agent("questioner"))
            #expect(try await serving.client.fetchRun(run.id) == run)
        }
    }

    @Test("A stream ends with the question")
    func streamAwait() async throws {
        try await withServer { serving in
            let events = SentEvent.parse(try await serving.run("questioner", mode: .stream).text)
            #expect(events.map(\.kind) == ["run.created", "run.in-progress", "run.awaiting"])
        }
    }

    @Test("A sync resume returns the ended run", arguments: RunMode.allCases)
    func syncResume(asked: RunMode) async throws {
        try await withServer { serving in
            let id = try await serving.askedRun(asked)
            let answer = try await serving.post("/runs/\(id)", Self.resumeJSON(.sync))
            #expect(answer.status == 200)
            #expect(answer.headers.first(name: "Run-ID") == id.rawValue)
            let run = try answer.decode(Run.self)
            #expect(run.status == .completed && run.text == "Hello, Ada!" && run.awaitRequest == nil)
        }
    }

    @Test("An async resume returns 202 and the run in progress", arguments: RunMode.allCases)
    func asyncResume(asked: RunMode) async throws {
        try await withServer { serving in
            let id = try await serving.askedRun(asked)
            let answer = try await serving.post("/runs/\(id)", Self.resumeJSON(.async))
            #expect(answer.status == 202)
            #expect(answer.headers.first(name: "Run-ID") == id.rawValue)
            let run = try answer.decode(Run.self)
            #expect(run.status == .inProgress && run.awaitRequest == nil)
            #expect(try await serving.client.wait(for: id, until: .terminal).text == "Hello, Ada!")
        }
    }

    @Test(
        "A streamed resume begins with run.in-progress and continues the numbers of the events",
        arguments: RunMode.allCases)
    func streamResume(asked: RunMode) async throws {
        try await withServer { serving in
            let id = try await serving.askedRun(asked)
            let events = try await serving.events("/runs/\(id)", .POST, json: Self.resumeJSON(.stream))
            #expect(
                events.map(\.kind) == [
                    "run.in-progress", "message.created", "message.part", "message.completed", "run.completed",
                ])
            #expect(events.compactMap(\.id) == [3, 4, 5, 6, 7])
        }
    }

    @Test("A run that asks twice receives its answers in order, and earlier output is not sent again")
    func twice() async throws {
        try await withServer(agents: { server in
            try server.addAgent("twice") { context in
                try await context.yield("first, ")
                let first = try await context.awaitMessage("one?")
                try await context.yield("then \(first.text), ")
                let second = try await context.awaitMessage("two?")
                return "then \(second.text)"
            }
        }) { serving in
            let asked = try await serving.client.run(agent: "twice", input: "x")
            let again = try await serving.client.resume(asked.id, with: "1")
            #expect(again.status == .awaiting && again.awaitRequest?.message?.text == "two?")
            let run = try await serving.client.resume(asked.id, with: "2")
            #expect(run.output.map(\.text) == ["first, ", "then 1, ", "then 2"])
        }
    }

    @Test("Of two concurrent answers one is accepted, and the other receives 403")
    func race() async throws {
        try await withServer { serving in
            for _ in 0..<20 {
                let id = try await serving.askedRun(.sync)
                let statuses = try await withThrowingTaskGroup(of: Int.self) { group in
                    for _ in 0..<2 {
                        group.addTask { try await serving.post("/runs/\(id)", Self.resumeJSON(.sync)).status }
                    }
                    return try await group.reduce(into: []) { $0.append($1) }
                }
                #expect(statuses.sorted() == [200, 403])
            }
        }
    }

    @Test("An answer to a run that does not await one is rejected in every mode", arguments: RunMode.allCases)
    func nothingAwaited(mode: RunMode) async throws {
        let gate = Signal<Void>()
        try await withServer(agents: { try $0.addGated(gate) }) { serving in
            let ended = try await serving.client.run(agent: "echo", input: "x").id
            let running = try await serving.client.start(agent: "gated", input: "x").id
            for id in [ended, running] {
                let answer = try await serving.post("/runs/\(id)", Self.resumeJSON(mode))
                #expect(try answer.expectError(403, .conflict).message.contains(id.rawValue))
            }
            gate.send()
            #expect(try await serving.client.wait(for: running).status == .completed)
        }
    }

    @Test("An answer that is not a message fails a run that expects one, and is passed to a run that does not")
    func otherAnswers() async throws {
        try await withServer(agents: { server in
            try server.addExamples()
            try server.addAgent("approver") { context in
                guard case .other(let answer) = try await context.awaitAnswer(to: .other(["approve": "delete it?"]))
                else { return "a message" }
                return "\(answer["approved"] == true)"
            }
        }) { serving in
            let asked = try await serving.client.run(agent: "approver", input: "x")
            #expect(asked.awaitRequest == .other(["approve": "delete it?"]))
            let run = try await serving.client.resume(asked.id, with: AwaitResume.other(["approved": true]))
            #expect(run.text == "true")
            let id = try await serving.askedRun(.sync)
            let failed = try await serving.client.resume(id, with: AwaitResume.other(["type": "shrug"]))
            #expect(failed.status == .failed && failed.error?.code == .invalidInput)
        }
    }

    @Test("The body of a resume can contain the run's id, but no other one")
    func runIDInBody() async throws {
        try await withServer { serving in
            let id = try await serving.askedRun(.sync)
            let other = RunID()
            let refused = try await serving.post("/runs/\(id)", #"{\#(Self.answer),"run_id":"\#(other)"}"#)
            #expect(try refused.expectError(400, .invalidInput).message.contains(other.rawValue))
            let taken = try await serving.post("/runs/\(id)", #"{\#(Self.answer),"run_id":"\#(id)"}"#)
            #expect(taken.status == 200)
        }
    }
}

extension RunningServer {
    /// A run of the questioner that has asked.
    func askedRun(_ mode: RunMode) async throws -> RunID {
        let answer = try await run("questioner", mode: mode)
        let id = try RunID(validating: answer.headers.first(name: "Run-ID") ?? "")
        try await eventually("the question") { try await client.fetchRun(id).status == .awaiting }
        return id
    }
}
