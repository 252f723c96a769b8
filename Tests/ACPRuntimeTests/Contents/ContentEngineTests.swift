// SPDX-License-Identifier: Apache-2.0

import ACPCore
import ACPStorage
import Testing

@testable import ACPRuntime

@Suite("Runs with large contents", .timeLimit(.minutes(5)))
struct ContentEngineTests {
    private let large = content(5_000, 1)
    private let configuration: EngineConfiguration

    init() {
        var configuration = ACPRuntimeTests.configuration()
        configuration.inlineContentLimit = 1_000
        self.configuration = configuration
    }

    @Test("Agents, callers and followers get contents, which are stored once for the run and once for the history")
    func invisible() async throws {
        let scripted = ScriptedStorage()
        let engine = makeEngine(scripted, configuration)
        try engine.agents.addAgent("echo") { context in
            let before = try await context.session.history()
            #expect(before.flatMap(\.parts).allSatisfy { $0.content != nil })
            for message in context.input { try await context.yield(message) }
        }
        for _ in 0..<2 {
            let run = try await engine.call("echo", Message(large), session: "s")
            #expect(run.text == large)
            #expect(try await engine.fetchRun(run.id) == run)
            let events = try await engine.followed(run.id)
            #expect(events.contains(.messagePart(.text(large))))
            #expect(events.last == .runCompleted(run))
            try await expectSound(run.id, in: engine.storage)
            let raw = try await scripted.base.events(of: run.id, from: 0, limit: nil)
            #expect(raw.allSatisfy { $0.json.count < 2_000 })
        }
        let history = try await engine.storage.history(of: "s", from: 0, limit: nil)
        #expect(history.items.count == 4)
        #expect(try history.items.allSatisfy { try ContentJSON.references(in: ACPJSON.encode($0)).isEmpty })
        // The echo of the input is the same content.
        #expect(scripted.record.commits.reduce(0) { $0 + $1.contents.count } == 2)
    }

    @Test("A run with a large input and a large question continues in another process, and gets both unchanged")
    func replay() async throws {
        let processes = Processes()
        // Larger than the default limit of engines.
        let large = content(70_000)
        let serve: (AgentRegistry) throws -> Void = { agents in
            try agents.addAgent("asks") { context in
                let input = context.input.map(\.text).joined()
                try await context.yield(input)
                let answer = try await context.awaitMessage(Message(input))
                return "\(input == large) \(answer.text == large)"
            }
        }
        let leaving = try await processes.process(serve: serve)
        let staying = try await processes.process(serve: serve)
        let announcements = try await staying.link.announcements(to: staying.id)
        let waiting = try await leaving.engine.call("asks", Message(large), session: "s")
        #expect(waiting.status == .awaiting)
        #expect(waiting.awaitRequest?.message?.text == large)
        let raw = try await processes.storage.events(of: waiting.id, from: 0, limit: nil)
        #expect(raw.allSatisfy { $0.json.count < 2_000 })
        await leaving.engine.shutdown()
        var heard = announcements.makeAsyncIterator()
        #expect(await heard.next() == .departure)
        await staying.engine.recover()
        #expect(try await staying.engine.fetchRun(waiting.id).awaitRequest?.message?.text == large)
        let (_, count) = try await staying.engine.resume(waiting.id, large)
        let ended = try await staying.engine.settledRun(waiting.id, after: count)
        #expect(ended.status == .completed)
        #expect(ended.output.map(\.text) == [large, "true true"])
        try await expectSound(waiting.id, in: staying.engine.storage)
    }

    @Test("Without a limit, all contents are stored in their documents")
    func off() async throws {
        let scripted = ScriptedStorage()
        var configuration = configuration
        configuration.inlineContentLimit = nil
        let engine = makeEngine(scripted, configuration)
        try engine.agents.addAgent("large") { [large] _ in large }
        let run = try await engine.call("large")
        #expect(try await scripted.base.run(run.id) == run)
        #expect(scripted.record.commits.allSatisfy { $0.contents.isEmpty })
    }

    @Test("A repeated request with an idempotency key is recognised by its large input")
    func idempotency() async throws {
        let engine = makeEngine(MemoryStorage(), configuration)
        try engine.agents.addAgent("a") { _ in "done" }
        let request = RunRequest(agent: "a", input: [Message(large)], session: "s", idempotencyKey: "key")
        let first = try await engine.execute(request)
        #expect(try await engine.execute(request).id == first.id)
        let other = RunRequest(agent: "a", input: [Message(large + "!")], session: "s", idempotencyKey: "key")
        await #expect(throws: RunEngineError.self) { try await engine.execute(other) }
    }
}
