// SPDX-License-Identifier: Apache-2.0

import ACPCore
import ACPStorage
import Testing

@testable import ACPRuntime

@Suite("Creating a run once", .timeLimit(.minutes(5)))
struct IdempotencyTests {
    private func serve(_ agents: AgentRegistry) throws {
        try agents.addAgent("echo") { context in context.input }
        try agents.addAgent("other") { context in context.input }
    }

    private func request(
        _ key: String?, agent: AgentName = "echo", _ text: String = "hello", session: SessionID? = nil
    ) -> RunRequest {
        RunRequest(agent: agent, input: [Message(text)], session: session, idempotencyKey: key)
    }

    @Test("Requests with the same key get the same run, in every process, while it is stored")
    func same() async throws {
        let processes = Processes()
        let first = try await processes.process(serve: serve)
        let second = try await processes.process(serve: serve)
        let run = try await first.engine.execute(request("key"))
        #expect(try await first.engine.start(request("key")) == run)
        #expect(try await second.engine.execute(request("key")) == run)
        #expect(try await first.engine.execute(request("another key")).id != run.id)
        #expect(try await first.engine.execute(request(nil)).id != first.engine.execute(request(nil)).id)
        #expect(try await processes.storage.history(of: #require(run.sessionID)).count == 2, "it ran once")
    }

    @Test("A request whose run was deleted does not run again, also if it is repeated to another process")
    func deleted() async throws {
        let processes = Processes()
        let first = try await processes.process(serve: serve)
        let second = try await processes.process(serve: serve)
        let run = try await first.engine.execute(request("key"))
        try await first.engine.deleteRun(run.id)
        for process in [first, second] {
            #expect(await refusal { _ = try await process.engine.execute(request("key")) } == "storage: deleted")
        }
        #expect(try await processes.storage.run(run.id) == nil)
        #expect(first.engine.activeRuns + second.engine.activeRuns == 0)
        #expect(try await first.engine.execute(request("another key")).status == .completed)
    }

    @Test("A creation that is repeated after its run has ended elsewhere and was deleted does not bring it back")
    func repeatedLate() async throws {
        let processes = Processes()
        let first = try await processes.process(storageTimeout: .milliseconds(1), serve: serve)
        let second = try await processes.process(serve: serve)
        for isStored in [false, true] {
            let key = "key \(isStored)"
            // The first process cannot reach the storage, or its first attempt arrives and nobody knows.
            let isCut = Shared(true)
            let attempts = Shared(0)
            first.link.onCall { name in
                guard name == "commit(_:)" else { return nil }
                attempts.change { $0 += 1 }
                guard isCut.value else { return nil }
                return isStored && attempts.value == 1 ? .lostReply : .failure(StorageError(.outcomeUnknown, "cut"))
            }
            #expect(await refusal { _ = try await first.engine.execute(request(key)) } == "storage: outcomeUnknown")
            let id = RunID(idempotencyKey: key)
            if isStored {
                // It waits for its owner, which cannot end it; an operator removes it.
                #expect(try await processes.storage.deleteRun(id, forGood: true))
            } else {
                #expect(try await second.engine.execute(request(key)).status == .completed)
                try await second.engine.deleteRun(id)
            }
            let failures = attempts.value
            isCut.set(false)
            try await eventually("the first process has tried again") { attempts.value > failures }
            try await eventually("the first process has given the run up") { first.engine.execution(of: id) == nil }
            #expect(try await processes.storage.run(id) == nil)
            first.link.onCall(nil)
        }
    }

    @Test("Of many concurrent requests in two processes, one creates the run")
    func atOnce() async throws {
        let processes = Processes()
        let engines = [
            try await processes.process(serve: serve).engine, try await processes.process(serve: serve).engine,
        ]
        for round in 0..<20 {
            let runs = try await withThrowingTaskGroup(of: Run.self) { group in
                for number in 0..<10 {
                    group.addTask { try await engines[number % 2].execute(request("key \(round)")) }
                }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            #expect(Set(runs.map(\.id)).count == 1)
            #expect(runs.allSatisfy { $0.status == .completed })
            try await expectSound(runs[0].id, in: processes.storage)
        }
        #expect(try await processes.storage.runs(RunQuery()).total == 20)
        for engine in engines { #expect(engine.activeRuns == 0) }
    }

    @Test("A key that was used for another request is refused")
    func reused() async throws {
        let engine = makeEngine()
        try serve(engine.agents)
        _ = try await engine.execute(request("key", session: "s"))
        #expect(await refusal { _ = try await engine.execute(request("key", "other words")) } == "key reused")
        #expect(await refusal { _ = try await engine.execute(request("key", agent: "other")) } == "key reused")
        #expect(await refusal { _ = try await engine.execute(request("key", session: "other")) } == "key reused")
        _ = try await engine.execute(request("key"))
        #expect(await refusal { _ = try await engine.execute(request("")) } == "invalid input")
        let long = String(repeating: "x", count: 256)
        #expect(await refusal { _ = try await engine.execute(request(long)) } == "invalid input")
    }

    @Test("A creation whose reply was lost, and that is requested again, creates the run once")
    func lostAnswer() async throws {
        let storage = ScriptedStorage()
        let engine = makeEngine(storage)
        try serve(engine.agents)
        storage.onCommit(1, .lostAnswer)
        let run = try await engine.execute(request("key"))
        #expect(try await engine.execute(request("key")) == run)
        try await expectSound(run.id, in: storage)
    }

    @Test("The id derived from a key is a UUID, always the same, and different for another key")
    func ids() {
        let id = RunID(idempotencyKey: "key")
        #expect(id == RunID(idempotencyKey: "key"))
        #expect(id != RunID(idempotencyKey: "Key"))
        #expect(
            id.rawValue.wholeMatch(of: /[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}/) != nil)
    }
}
