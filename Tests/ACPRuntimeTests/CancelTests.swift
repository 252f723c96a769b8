// SPDX-License-Identifier: Apache-2.0

import ACPCore
import ACPRuntime
import ACPStorage
import Testing

@Suite("Cancelling", .timeLimit(.minutes(5)))
struct CancelTests {
    private func slow(_ configuration: EngineConfiguration = configuration()) throws -> RunEngine {
        let engine = makeEngine(MemoryStorage(), configuration)
        try engine.agents.addAgent("slow") { context in
            try await context.yield("one ")
            try await untilCancelled()
        }
        return engine
    }

    @Test("Cancelling cancels the handler's task, and the run ends as cancelled with its output so far")
    func running() async throws {
        let engine = try slow()
        let id = try await engine.start("slow")
        try await eventually("there is output") { try await engine.fetchRun(id).text == "one " }
        let cancelling = try await engine.cancel(id)
        #expect(cancelling.status == .cancelling)
        let run = try await engine.endedRun(id)
        #expect(run.status == .cancelled && run.error == nil && run.finishedAt != nil)
        #expect(run.output.map(\.text) == ["one "] && run.output[0].isOpen == false)
        #expect(
            try await engine.storage.kinds(id) == [
                "run.created", "run.in-progress", "message.created", "message.part", "message.completed",
                "run.cancelled",
            ])
        #expect(try await engine.storage.history(of: try #require(run.sessionID)).isEmpty)
        try await expectSound(id, in: engine.storage)
    }

    @Test("A run that is being cancelled has status cancelling, in storage as well")
    func statusMeanwhile() async throws {
        let engine = makeEngine()
        let latch = Latch()
        try engine.agents.addAgent("stubborn") { _ in await latch.wait() }
        let id = try await engine.start("stubborn")
        _ = try await engine.cancel(id)
        #expect(try await engine.fetchRun(id).status == .cancelling)
        try await eventually("it is stored") { try await engine.storage.run(id)?.status == .cancelling }
        #expect(try await engine.cancel(id).status == .cancelling, "cancelling twice is allowed")
        #expect(await refusal { try await engine.deleteRun(id) } == "not ended but cancelling")
        latch.open()
        #expect(try await engine.endedRun(id).status == .cancelled)
        try await expectSound(id, in: engine.storage)
    }

    @Test("A run can be cancelled before its handler has started")
    func beforeBeginning() async throws {
        let storage = ScriptedStorage()
        let engine = makeEngine(storage)
        let wasCancelled = Shared<Bool?>(nil)
        try engine.agents.addAgent("early") { _ in
            wasCancelled.set(Task.isCancelled)
            try await untilCancelled()
        }
        // The run is stored, but the reply to that is pending: others can see the run, its handler has not started.
        let hold = storage.holdCommits()
        storage.onCommit(1, .lostAnswer)
        async let started = engine.start("early")
        try await eventually("the commit is in flight") { storage.record.commits.count == 1 }
        let id = storage.record.commits[0].run
        #expect(try await engine.cancel(id).status == .cancelling)
        #expect(wasCancelled.value == nil)
        hold.open()
        _ = try await started
        #expect(try await engine.endedRun(id).status == .cancelled)
        try await expectSound(id, in: storage)
    }

    @Test("A run can be cancelled while it awaits an answer")
    func awaiting() async throws {
        let engine = makeEngine()
        let thrown = Shared<String?>(nil)
        try engine.agents.addAgent("questioner") { context in
            do {
                _ = try await context.awaitMessage("?")
            } catch {
                thrown.set("\(type(of: error))")
                throw error
            }
        }
        let run = try await engine.call("questioner")
        #expect(try await engine.cancel(run.id).status == .cancelling)
        let ended = try await engine.endedRun(run.id)
        #expect(ended.status == .cancelled && ended.awaitRequest == nil)
        #expect(thrown.value == "CancellationError")
        #expect(await refusal { try await engine.resume(run.id, "x") } == "not awaiting but cancelled")
        try await expectSound(run.id, in: engine.storage)
    }

    @Test("A run that is being cancelled accepts no answer, although its handler still waits")
    func cancellingTakesNoAnswer() async throws {
        let engine = makeEngine()
        let latch = Latch()
        try engine.agents.addAgent("questioner") { context in
            _ = try? await context.awaitMessage("?")
            await latch.wait()
        }
        let run = try await engine.call("questioner")
        _ = try await engine.cancel(run.id)
        #expect(await refusal { try await engine.resume(run.id, "x") } == "not awaiting but cancelling")
        latch.open()
        #expect(try await engine.endedRun(run.id).status == .cancelled)
    }

    @Test("Cancelling a run that has ended is refused, however it ended")
    func afterEnd() async throws {
        let engine = try slow()
        try engine.agents.addAgent("quick") { _ in "done" }
        try engine.agents.addAgent("failer") { _ in throw ACPError("own", "x") }
        for (agent, status) in [("quick", "completed"), ("failer", "failed")] as [(AgentName, String)] {
            let run = try await engine.call(agent)
            #expect(await refusal { _ = try await engine.cancel(run.id) } == "ended already: \(status)")
        }
        let id = try await engine.start("slow")
        _ = try await engine.cancel(id)
        _ = try await engine.endedRun(id)
        #expect(await refusal { _ = try await engine.cancel(id) } == "ended already: cancelled")
        #expect(await refusal { _ = try await engine.cancel(RunID()) } == "unknown run")
    }

    @Test("Cancelling while the end is being stored comes too late, and is refused when the end is stored")
    func whileEnding() async throws {
        let storage = ScriptedStorage()
        let engine = makeEngine(storage)
        try engine.agents.addAgent("quick") { _ in "done" }
        let hold = storage.holdHistory()
        let id = try await engine.start("quick")
        try await eventually("the end is in flight with its block") { storage.record.historyAppends == 1 }
        async let cancelled = refusal { _ = try await engine.cancel(id) }
        hold.open()
        #expect(await cancelled == "ended already: completed")
        try await expectSound(id, in: storage)
    }

    @Test("A handler that ignores the cancellation is abandoned after the grace period, and has no effect from then on")
    func ignored() async throws {
        let engine = makeEngine(MemoryStorage(), configuration(cancellationGrace: .milliseconds(20)))
        let (latch, tried) = (Latch(), Latch())
        let thrown = Shared<[String]>([])
        try engine.agents.addAgent("deaf") { context in
            await latch.wait()
            // An unstructured task does not even see the cancellation.
            await Task {
                do {
                    try await context.yield("late")
                } catch {
                    thrown.change { $0.append("\(type(of: error))") }
                }
                do {
                    _ = try await context.awaitMessage("late?")
                } catch {
                    thrown.change { $0.append("\(type(of: error))") }
                }
            }.value
            tried.open()
            return "very late"
        }
        let id = try await engine.start("deaf")
        _ = try await engine.cancel(id)
        let run = try await engine.endedRun(id)
        #expect(run.status == .cancelled && run.output.isEmpty)
        latch.open()
        await tried.wait()
        #expect(thrown.value == ["CancellationError", "CancellationError"])
        #expect(try await engine.fetchRun(id) == run)
        #expect(try await engine.storage.kinds(id) == ["run.created", "run.in-progress", "run.cancelled"])
        try await expectSound(id, in: engine.storage)
    }

    @Test("A handler may clean up within the grace period, but sends no more output")
    func cleansUp() async throws {
        let engine = makeEngine()
        let cleaned = Latch()
        try engine.agents.addAgent("tidy") { context in
            do {
                try await untilCancelled()
            } catch {
                await #expect(throws: CancellationError.self) { try await context.yield("bye") }
                try await Task { try await context.session.setState("cleaned up") }.value
                cleaned.open()
                throw ACPError("own_code", "a failure while cleaning up does not make a cancelled run a failed one")
            }
        }
        let id = try await engine.start("tidy", session: "s-1")
        _ = try await engine.cancel(id)
        let run = try await engine.endedRun(id)
        #expect(cleaned.isOpen)
        #expect(run.status == .cancelled && run.output.isEmpty && run.error == nil)
        #expect(try await engine.storage.session("s-1")?.state != nil)
    }

    @Test("A cancelled run whose handler completes ends as cancelled, and leaves no history")
    func completesAnyway() async throws {
        let engine = makeEngine()
        let latch = Latch()
        try engine.agents.addAgent("deaf") { _ in await latch.wait() }
        let id = try await engine.start("deaf", session: "s-1")
        _ = try await engine.cancel(id)
        latch.open()
        #expect(try await engine.endedRun(id).status == .cancelled)
        #expect(try await engine.storage.history(of: "s-1").isEmpty)
    }

    @Test("At any moment of a short run, cancelling either succeeds or is refused as too late")
    func anyMoment() async throws {
        let engine = makeEngine()
        try engine.agents.addAgent("short") { context in
            for number in 0..<5 {
                try await context.yield("\(number)")
                await Task.yield()
            }
        }
        for round in 0..<200 {
            let id = try await engine.start("short")
            for _ in 0..<(round % 20) { await Task.yield() }
            let refused = await refusal { _ = try await engine.cancel(id) }
            let run = try await engine.endedRun(id)
            #expect(run.status == (refused == nil ? .cancelled : .completed), "\(refused ?? "accepted")")
            try await expectSound(id, in: engine.storage)
        }
        #expect(engine.activeRuns == 0)
    }
}
