// SPDX-License-Identifier: Apache-2.0

import ACPCore
@testable import ACPRuntime
import ACPStorage
import Testing

@Suite("A storage that fails", .timeLimit(.minutes(5)))
struct StorageFaultTests {
    private let down = StorageError(.cannotConnect, "the storage is down")

    /// An agent that sends a message, waits for the test, and sends another one.
    private func twoHalves(_ engine: RunEngine) throws -> Latch {
        let latch = Latch()
        try engine.agents.addAgent("halves") { context in
            try await context.yield(Message("first"))
            await latch.wait()
            try await context.yield(Message("second"))
            return "third"
        }
        return latch
    }

    private func expectComplete(_ id: RunID, in storage: ScriptedStorage) async throws {
        let message = ["message.created", "message.part", "message.completed"]
        var expected = ["run.created", "run.in-progress"]
        for _ in 0..<3 { expected += message }
        expected.append("run.completed")
        #expect(try await storage.kinds(id) == expected)
        #expect(try await storage.run(id)?.text == "first\nsecond\nthird")
        try await expectSound(id, in: storage)
    }

    @Test("Each event is stored once if the reply to any commit is lost", arguments: 1...6)
    func lostAnswer(number: Int) async throws {
        let storage = ScriptedStorage()
        let engine = makeEngine(storage)
        storage.onCommit(number, .lostAnswer)
        try twoHalves(engine).open()
        let run = try await engine.call("halves")
        #expect(run.status == .completed)
        try await expectComplete(run.id, in: storage)
    }

    @Test("Each event is stored once if every second reply is lost and every third attempt fails")
    func manyFaults() async throws {
        let storage = ScriptedStorage()
        let engine = makeEngine(storage)
        for number in 2..<60 {
            if number % 3 == 0 {
                storage.onCommit(number, .failure(down))
            } else if number % 2 == 0 {
                storage.onCommit(number, .lostAnswer)
            }
        }
        try engine.agents.addAgent("writer") { context in
            for number in 0..<30 {
                try await context.yield(.text("\(number) "))
                try await context.yield(generic: number)
                await Task.yield()
            }
        }
        let id = try await engine.start("writer")
        let followed = try await engine.followed(id)
        #expect(followed.count == 65, "two at the start, a message of 30 parts, 30 generic events, the end")
        #expect(followed == (try await storage.events(of: id)))
        try await expectSound(id, in: storage)
    }

    @Test("A cancellation is stored once if the reply to its commit, which has no events, is lost")
    func lostCancelling() async throws {
        let storage = ScriptedStorage()
        let engine = makeEngine(storage)
        let latch = Latch()
        try engine.agents.addAgent("stubborn") { _ in await latch.wait() }
        let id = try await engine.start("stubborn")
        storage.onCommit(2, .lostAnswer)
        _ = try await engine.cancel(id)
        try await eventually("it is tried again") { storage.record.commits.count == 3 }
        latch.open()
        #expect(try await engine.endedRun(id).status == .cancelled)
        try await expectSound(id, in: storage)
    }

    @Test("A run that is stored although its caller was refused ends as failed, and is not executed")
    func creationInDoubt() async throws {
        let storage = ScriptedStorage()
        let engine = makeEngine(storage, configuration(storageTimeout: .milliseconds(1)))
        try twoHalves(engine).open()
        // It arrives, but its reply is lost, and then the storage cannot be reached any more.
        storage.onCommit(1, .lostAnswer)
        storage.onEveryCommit { [down] _ in .failure(down) }
        let refused = await refusal { _ = try await engine.start("halves") }
        #expect(refused?.hasPrefix("storage: ") == true)
        #expect(engine.activeRuns == 0, "it uses no capacity")
        let id = try #require(storage.record.commits.first?.run)
        #expect(try await storage.run(id)?.status == .inProgress)
        storage.onEveryCommit(nil)
        #expect(try await engine.settledOrStalled(id).status == .failed)
        #expect(try await storage.kinds(id) == ["run.created", "run.in-progress", "run.failed"], "it was not executed")
        try await expectSound(id, in: storage)
    }

    @Test("Waiting callers get the storage's error after the timeout, and the run completes when the storage is back")
    func stall() async throws {
        let storage = ScriptedStorage()
        let engine = makeEngine(storage, configuration(storageTimeout: .milliseconds(1)))
        let latch = try twoHalves(engine)
        let id = try await engine.start("halves")
        try await eventually("the first half is stored") { try await storage.eventCount(of: id) == 5 }
        storage.onEveryCommit { [down] _ in .failure(down) }
        async let followed = refusal { _ = try await engine.followed(id, from: 5) }
        async let settled = refusal { _ = try await engine.settledRun(id, after: 0) }
        latch.open()
        #expect(await followed == "storage: cannotConnect")
        #expect(await settled == "storage: cannotConnect")
        #expect(try await engine.fetchRun(id).status == .inProgress)
        storage.onEveryCommit(nil)
        try await eventually("the run completes") { try await storage.run(id)?.status == .completed }
        #expect(try await engine.endedRun(id).status == .completed)
        try await expectComplete(id, in: storage)
        #expect(engine.activeRuns == 0)
    }

    @Test("Answering or cancelling a run that cannot be written fails after the timeout")
    func stalledControl() async throws {
        let storage = ScriptedStorage()
        let engine = makeEngine(storage, configuration(storageTimeout: .milliseconds(1)))
        let latch = Latch()
        try engine.agents.addAgent("questioner") { context in
            await latch.wait()
            _ = try await context.awaitMessage("?")
        }
        try engine.agents.addAgent("quick") { _ in await latch.wait() }
        let (asks, ends) = (try await engine.start("questioner"), try await engine.start("quick"))
        storage.onEveryCommit { [down] _ in .failure(down) }
        latch.open()
        try await eventually("one run asks") { engine.execution(of: asks)?.status == .awaiting }
        try await eventually("one run ends") { engine.execution(of: ends)?.status == .completed }
        #expect(await refusal { try await engine.resume(asks, "x") } == "storage: cannotConnect")
        #expect(await refusal { _ = try await engine.cancel(ends) } == "storage: cannotConnect")
        storage.onEveryCommit(nil)
        #expect(try await engine.settledOrStalled(asks).status == .awaiting)
        try await engine.resume(asks, "x")
        #expect(try await engine.settledOrStalled(asks, after: 3).status == .completed)
        #expect(try await engine.settledOrStalled(ends).status == .completed)
    }

    @Test("A run whose history cannot be appended completes when it can")
    func historyFault() async throws {
        let storage = ScriptedStorage()
        let engine = makeEngine(storage)
        for number in 1...3 {
            storage.onHistoryAppend(number, number == 2 ? .lostAnswer : .failure(StorageError(.timedOut, "slow")))
        }
        try engine.agents.addAgent("quick") { _ in "done" }
        #expect(try await engine.call("quick", session: "s-1").status == .completed)
        #expect(try await storage.history(of: "s-1").count == 2)
        #expect(storage.record.historyAppends == 4)
    }

    @Test(
        "If the storage reports another owner, the handler is cancelled, and readers continue with what is stored",
        arguments: [StorageError.Code.fenced, .conflict, .notFound])
    func fenced(code: StorageError.Code) async throws {
        let storage = ScriptedStorage()
        let engine = makeEngine(storage)
        let latch = Latch()
        let thrown = Shared<String?>(nil)
        try engine.agents.addAgent("loser") { context in
            await latch.wait()
            try await context.yield("not for the log")
            do {
                try await untilCancelled()
            } catch {
                thrown.set("\(type(of: error))")
                throw error
            }
        }
        let id = try await engine.start("loser", session: "s-1")
        let follower = Task { try await engine.followed(id) }
        let settled = Task { try await engine.settledRun(id, after: 0) }
        // Another process has taken the run over.
        let winner = RunOwner(process: ProcessID())
        let owner = try #require(try await storage.record(of: id)?.owner)
        #expect(try await storage.claim(id, for: winner, from: owner))
        if code != .fenced { storage.onEveryCommit { $0.owner == owner ? .failure(StorageError(code, "no")) : nil } }
        latch.open()
        try await eventually("the handler is cancelled") { thrown.value == "CancellationError" }
        #expect(engine.execution(of: id) == nil)
        #expect(engine.activeRuns == 0)
        #expect(try await storage.kinds(id) == ["run.created", "run.in-progress"])

        var composer = RunComposer(try #require(try await storage.run(id)))
        let end = try composer.end(.failed(ACPError("winner", "said the winner")), now: .now)
        try await storage.commit(
            RunCommit(
                run: id, expecting: 2, events: [end.event],
                snapshot: RunSnapshot(composer.run, json: end.runJSON, eventCount: 3), owner: winner))
        #expect(try await follower.value.map(\.kind) == [.runCreated, .runInProgress, .runFailed])
        #expect(try await settled.value.error?.code == "winner")
        #expect(try await storage.history(of: "s-1").isEmpty)
    }
}

extension RunEngine {
    /// Returns the run when it has settled, on a storage that has just come back.
    func settledOrStalled(_ id: RunID, after eventCount: Int = 0) async throws -> Run {
        while true {
            do {
                return try await settledRun(id, after: eventCount)
            } catch let error as RunEngineError where error.code == .storage {
                try await Task.sleep(for: .milliseconds(5))
            }
        }
    }
}
