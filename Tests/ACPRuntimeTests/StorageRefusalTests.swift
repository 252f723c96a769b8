// SPDX-License-Identifier: Apache-2.0

import ACPCore
import ACPStorage
import Testing

@testable import ACPRuntime

/// Whatever a storage refuses, no run is left that no process executes or ends.
@Suite("A storage that refuses", .timeLimit(.minutes(5)))
struct StorageRefusalTests {
    /// The operations that an engine uses.
    static let operations = [
        "commit(_:)", "record(of:)", "input(of:)", "events(of:from:limit:)", "eventCount(of:)", "claim(_:for:from:)",
        "runs(ownedBy:limit:)", "session(_:)", "save(_:expecting:)", "heartbeat(of:timeToLive:)", "lostProcesses()",
        "forget(_:)", "send(_:to:)", "signals(to:)", "enqueue(_:in:)", "dequeue(_:from:)", "changes(of:)",
    ]

    /// The kinds of errors, and nil for a reply that is lost. A closed storage accepts nothing any more.
    static let codes: [StorageError.Code?] = [
        .cannotConnect, .timedOut, .outcomeUnknown, .refused, .corruptData, .incomplete, .fenced, .conflict, .cancelled,
        .notFound, .full, nil,
    ]

    private func serve(_ agents: AgentRegistry) throws {
        try agents.addAgent("talker") { context in
            for number in 0..<3 {
                try await context.yield(Message("\(number)"))
                await Task.yield()
            }
        }
        try agents.addAgent("questioner", policy: AgentPolicy(recovery: .replay)) { context in
            "You said \(try await context.awaitMessage("?").text)"
        }
        try agents.addAgent("busy") { _ in try await untilCancelled() }
        try agents.addAgent("turns", policy: AgentPolicy(sessionRuns: .queue)) { context in
            try await context.yield("my turn")
        }
    }

    /// The requests of callers, in two processes. A refused one is not repeated.
    private func callers(_ first: RunEngine, _ second: RunEngine) async {
        async let talk: Void = { _ = try? await first.call("talker") }()
        async let turns: Void = {
            let session = SessionID()
            async let one = try? first.start("turns", session: session)
            async let two = try? first.start("turns", session: session)
            _ = await (one, two)
        }()
        async let question: Void = {
            guard let id = try? await first.start("questioner") else { return }
            _ = try? await second.resume(id, "Ada")
            await first.handle(.signal(id))
        }()
        async let cancel: Void = {
            guard let id = try? await first.start("busy") else { return }
            _ = try? await second.cancel(id)
            await first.handle(.signal(id))
        }()
        _ = await (talk, turns, question, cancel)
    }

    @Test("A creation that may be stored is reported as such, also if the storage refuses later attempts")
    func refusedInDoubt() async throws {
        let storage = ScriptedStorage()
        let engine = makeEngine(storage)
        try serve(engine.agents)
        storage.onCommit(1, .lostAnswer)
        storage.onCommit(2, .failure(StorageError(.refused, "it is read-only")))
        let error = await #expect(throws: RunEngineError.self) { _ = try await engine.call("talker") }
        #expect(error?.storageError?.code == .outcomeUnknown)
        #expect(error.map { "\($0)".contains("it is read-only") } == true, "the remedy is named")
        let id = storage.record.commits[0].run
        try await eventually("the run that no process executes has ended") {
            try await storage.run(id)?.status == .failed
        }
        try await expectSound(id, in: storage)
        await engine.shutdown()
    }

    private func expectEnds(_ operation: String, _ code: StorageError.Code?, call number: Int) async throws {
        let processes = Processes()
        let first = try await processes.process(serve: serve)
        let second = try await processes.process(serve: serve)
        let calls = Shared()
        first.link.onCall { name in
            guard name == operation,
                calls.change({ calls in
                    calls += 1; return calls == number
                })
            else { return nil }
            return code.map { .failure(StorageError($0, "the storage says so")) } ?? .lostReply
        }
        let what: Comment =
            "call \(number) of \(operation) with \(code.map(String.init(describing:)) ?? "a lost reply")"
        let isDone = Shared(false)
        async let calling: Void = {
            await callers(first.engine, second.engine)
            isDone.set(true)
        }()
        try await eventually("every run has ended: \(what)") {
            for process in [first, second] {
                try? await process.tick()
                await process.engine.handle(.gap)
            }
            let unfinished = try await processes.storage.runs(RunQuery(.all, limit: 100)).items.filter {
                !$0.status.isTerminal
            }
            // A run that is active or queued ends when it is cancelled.
            for run in unfinished where run.agentName == "busy" || run.status == .awaiting {
                _ = try? await second.engine.cancel(run.id)
            }
            return isDone.value && unfinished.isEmpty
        }
        await calling
        for run in try await processes.storage.runs(RunQuery(.all, limit: 100)).items {
            try await expectSound(run.id, in: processes.storage)
            try await second.engine.deleteRun(run.id)
        }
        #expect(first.engine.activeRuns == 0, what)
    }

    @Test("Every run ends, whatever the storage refuses and with whatever error", arguments: operations)
    func everyRunEnds(operation: String) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            for code in Self.codes {
                for number in [1, 2, 4] {
                    group.addTask { try await expectEnds(operation, code, call: number) }
                }
            }
            try await group.waitForAll()
        }
    }

    @Test("A full storage suspends runs until there is space, and their callers get its error")
    func full() async throws {
        let storage = ScriptedStorage()
        let engine = makeEngine(storage, configuration(storageTimeout: .milliseconds(1)))
        let latch = Latch()
        try engine.agents.addAgent("ticker") { context in
            await latch.wait()
            for number in 0..<40 { try await context.yield(Message("\(number)")) }
        }
        let id = try await engine.start("ticker")
        storage.onEveryCommit { _ in .failure(StorageError(.full, "the disk is full")) }
        latch.open()
        #expect(await refusal { _ = try await engine.settledRun(id, after: 0) } == "storage: full")
        #expect(await refusal { _ = try await engine.followed(id, from: 2) } == "storage: full")
        storage.onEveryCommit(nil)
        let run = try await engine.settledOrStalled(id)
        #expect(run.status == .completed && run.output.count == 40)
        try await expectSound(id, in: storage)
        try await engine.deleteRun(id)
    }

    @Test("A cancellation while the storage is full takes effect when there is space")
    func cancelledWhileFull() async throws {
        let storage = ScriptedStorage()
        let engine = makeEngine(storage, configuration(storageTimeout: .milliseconds(1)))
        try engine.agents.addAgent("busy") { context in
            try await context.yield("working")
            try await untilCancelled()
        }
        let id = try await engine.start("busy")
        storage.onEveryCommit { _ in .failure(StorageError(.full, "the disk is full")) }
        #expect(try await engine.cancel(id).status == .cancelling)
        storage.onEveryCommit(nil)
        #expect(try await engine.settledOrStalled(id).status == .cancelled)
        #expect(engine.activeRuns == 0)
    }

    @Test("A run of which a part is missing fails with an error that names the part")
    func incomplete() async throws {
        let storage = ScriptedStorage()
        let engine = makeEngine(storage)
        let (latch, stopped) = (Latch(), Latch())
        try engine.agents.addAgent("ticker") { context in
            await latch.wait()
            try await context.yield("tick")
            do {
                try await untilCancelled()
            } catch {
                stopped.open()
                throw error
            }
        }
        let id = try await engine.start("ticker")
        async let settled = engine.settledRun(id, after: 0)
        storage.onCommit(2, .failure(StorageError(.incomplete, "the key acp:owner:\(id) is gone")))
        latch.open()
        let run = try await settled
        #expect(run.status == .failed)
        #expect(run.error?.message.contains("acp:owner:\(id) is gone") == true)
        await stopped.wait()
        #expect(try await engine.endedRun(id).status == .failed)
        try await expectSound(id, in: storage)
        try await engine.deleteRun(id)
        #expect(engine.activeRuns == 0)
    }

    @Test("If a run's snapshot and events are missing, callers and followers still get its end")
    func nothingLeft() async throws {
        let storage = ScriptedStorage()
        let engine = makeEngine(storage)
        let (latch, said) = (Latch(), Shared(RunID()))
        try engine.agents.addAgent("ticker") { context in
            for number in 0..<5 { try await context.yield(Message("\(number)")) }
            await latch.wait()
            try await context.yield("tick")
        }
        let id = try await engine.start("ticker")
        said.set(id)
        try await eventually("some events are stored") { try await storage.eventCount(of: id) == 17 }
        async let settled = engine.settledRun(id, after: 0)
        async let followed = engine.followed(id, from: 17)
        _ = try await storage.deleteRun(id)
        storage.onEveryCommit { commit in
            .failure(StorageError(.incomplete, "the key acp:run:\(commit.run) is gone"))
        }
        latch.open()
        #expect(try await settled.status == .failed)
        #expect(try await followed.map(\.kind) == [.runFailed])
        #expect(try await storage.run(id)?.status == .failed)
        try await engine.deleteRun(id)
    }

    @Test("A run that was deleted is abandoned, and its callers get an error")
    func deleted() async throws {
        let storage = ScriptedStorage()
        let engine = makeEngine(storage)
        let latch = Latch()
        try engine.agents.addAgent("ticker") { context in
            await latch.wait()
            try await context.yield("tick")
        }
        let id = try await engine.start("ticker")
        async let settled = refusal { _ = try await engine.settledRun(id, after: 0) }
        _ = try await storage.deleteRun(id)
        latch.open()
        #expect(await settled == "unknown run")
        #expect(engine.activeRuns == 0)
    }

    @Test("Callers get an error at the storage timeout, however long an attempt takes")
    func storageTimeout() async throws {
        let storage = ScriptedStorage()
        let engine = makeEngine(storage, configuration(storageTimeout: .milliseconds(100)))
        let latch = Latch()
        try engine.agents.addAgent("quick") { _ in await latch.wait() }
        let id = try await engine.start("quick")
        storage.onCommit(2, .failure(StorageError(.timedOut, "no reply")))
        let first = storage.holdCommits()
        latch.open()
        try await eventually("the first attempt is in flight") { storage.record.commits.count == 2 }
        let second = storage.holdCommits()
        first.open()
        #expect(await refusal { _ = try await engine.settledRun(id, after: 0) } == "storage: timedOut")
        #expect(storage.record.commits.count == 3, "the second attempt continues")
        second.open()
        #expect(try await engine.settledOrStalled(id).status == .completed)
    }

    @Test("A process whose heartbeat is refused is not ready until one is accepted")
    func readiness() async throws {
        let processes = Processes()
        let process = try await processes.process(serve: serve)
        try await process.engine.checkReadiness()
        process.link.onCall { $0 == "heartbeat(of:timeToLive:)" ? .failure(StorageError(.refused, "read-only")) : nil }
        try? await process.engine.renewLease()
        #expect(await refusal { try await process.engine.checkReadiness() } == "storage: refused")
        process.link.onCall { $0 == "commit(_:)" ? .failure(StorageError(.full, "no room")) : nil }
        try await process.engine.renewLease()
        try await process.engine.checkReadiness()
        #expect(await refusal { _ = try await process.engine.start("talker") } == "storage: full")
        #expect(await refusal { try await process.engine.checkReadiness() } == "storage: full")
        process.link.onCall(nil)
        try await process.engine.renewLease()
        try await process.engine.checkReadiness()
        // Without a recent heartbeat, one is sent.
        processes.clock.pass(.seconds(60))
        process.die()
        #expect(await refusal { try await process.engine.checkReadiness() } == "storage: cannotConnect")
    }
}

@Suite("A cancellation and an answer at the same moment", .timeLimit(.minutes(5)))
struct CancelRaceTests {
    @Test("An acknowledged cancellation ends the run as cancelled, or reports that it had ended")
    func race() async throws {
        let processes = Processes()
        func serve(_ agents: AgentRegistry) throws {
            try agents.addAgent("questioner") { context in "You said \(try await context.awaitMessage("?").text)" }
        }
        let owner = try await processes.process(serve: serve)
        let others = [try await processes.process(), try await processes.process()]
        for round in 0..<100 {
            let id = try await owner.engine.call("questioner").id
            async let refused = refusal { _ = try await others[0].engine.cancel(id) }
            async let resumed = refusal { try await others[1].engine.resume(id, "Ada") }
            async let heard: Void = {
                // The owner is notified of the answer, of the cancellation, or of both, in any order.
                for _ in 0..<round % 7 { await Task.yield() }
                await owner.engine.handle(.signal(id))
            }()
            let (refusal, _, _) = await (refused, resumed, heard)
            await owner.engine.handle(.signal(id))
            let run = try await owner.engine.endedRun(id)
            if refusal == nil {
                #expect(run.status == .cancelled)
            } else {
                #expect(refusal == "ended already: completed" && run.status == .completed)
            }
            try await expectSound(id, in: processes.storage)
        }
    }

    @Test("A cancellation that the owner has not received ends the run as cancelled, without history")
    func unheard() async throws {
        let processes = Processes()
        let latch = Latch()
        let owner = try await processes.process { agents in
            try agents.addAgent("busy") { context in
                try await context.yield("done")
                await latch.wait()
            }
        }
        let other = try await processes.process()
        let session = SessionID()
        let id = try await owner.engine.start("busy", session: session)
        #expect(try await other.engine.cancel(id).status == .cancelling)
        latch.open()
        let run = try await owner.engine.endedRun(id)
        #expect(run.status == .cancelled && run.text == "done")
        try await expectSound(id, in: processes.storage)
        #expect(try await processes.storage.history(of: session).isEmpty)
        #expect(try await processes.storage.session(session) != nil)
    }

    @Test("A process that has lost a run and does not know it learns of the run's end when it cancels the run")
    func cancelledByFormerOwner() async throws {
        let processes = Processes()
        func serve(_ agents: AgentRegistry) throws {
            try agents.addAgent("questioner") { context in "You said \(try await context.awaitMessage("?").text)" }
        }
        let former = try await processes.process(serve: serve)
        let id = try await former.engine.call("questioner").id
        former.die()
        processes.clock.pass(processes.lease)
        let owner = try await processes.process(serve: serve)
        await owner.engine.recover()
        try await owner.engine.resume(id, "Ada")
        #expect(try await owner.engine.endedRun(id).status == .completed)
        former.comeBack()
        #expect(await refusal { _ = try await former.engine.cancel(id) } == "ended already: completed")
        try await expectSound(id, in: processes.storage)
    }

    @Test("A cancellation is not acknowledged if another process may complete the run")
    func cancelledWithoutStorage() async throws {
        let processes = Processes()
        func serve(_ agents: AgentRegistry) throws {
            try agents.addAgent("questioner") { context in "You said \(try await context.awaitMessage("?").text)" }
        }
        let former = try await processes.process(storageTimeout: .milliseconds(1), serve: serve)
        let id = try await former.engine.call("questioner").id
        former.die()
        #expect(await refusal { _ = try await former.engine.cancel(id) } == "storage: cannotConnect")
        processes.clock.pass(processes.lease)
        let owner = try await processes.process(serve: serve)
        await owner.engine.recover()
        try await owner.engine.resume(id, "Ada")
        #expect(try await owner.engine.endedRun(id).status == .completed)
    }
}
