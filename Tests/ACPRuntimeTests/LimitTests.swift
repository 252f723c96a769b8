// SPDX-License-Identifier: Apache-2.0

import ACPCore
@testable import ACPRuntime
import ACPStorage
import Synchronization
import Testing

@Suite("Limits", .timeLimit(.minutes(5)))
struct LimitTests {
    @Test("No more runs than the limit are active, and one that ends frees capacity")
    func tooMany() async throws {
        let engine = makeEngine(MemoryStorage(), configuration(maximumActiveRuns: 2))
        let latch = Latch()
        try engine.agents.addAgent("busy") { _ in await latch.wait() }
        let first = try await engine.start("busy")
        _ = try await engine.start("busy")
        #expect(engine.activeRuns == 2)
        #expect(await refusal { _ = try await engine.start("busy") } == "more than 2 runs")
        latch.open()
        _ = try await engine.endedRun(first)
        _ = try await engine.call("busy")
    }

    @Test("Runs above the limit are queued in the order of their requests, and further ones are refused")
    func queue() async throws {
        let engine = makeEngine(MemoryStorage(), configuration(maximumActiveRuns: 2, maximumQueuedRuns: 3))
        let latches = (0..<5).map { _ in Latch() }
        try engine.agents.addAgent("busy") { context in
            await latches[Int(context.input[0].text) ?? 0].wait()
        }
        var runs: [RunID] = []
        for number in 0..<5 { runs.append(try await engine.start("busy", Message("\(number)"))) }
        #expect(engine.activeRuns == 2 && engine.queuedRuns == 3)
        #expect(await refusal { _ = try await engine.start("busy") } == "more than 2 runs")
        #expect(try await engine.storage.kinds(runs[2]) == ["run.created"])
        latches[1].open()
        _ = try await engine.endedRun(runs[1])
        try await eventually("a queued run has started") { try await engine.fetchRun(runs[2]).status == .inProgress }
        #expect(try await engine.fetchRun(runs[3]).status == .created)
        for latch in latches { latch.open() }
        for run in runs {
            #expect(try await engine.endedRun(run).status == .completed)
            try await expectSound(run, in: engine.storage)
        }
        #expect(engine.activeRuns == 0 && engine.queuedRuns == 0)
    }

    @Test("A queued run that is cancelled never starts")
    func cancelWaiting() async throws {
        let engine = makeEngine(MemoryStorage(), configuration(maximumActiveRuns: 1, maximumQueuedRuns: 3))
        let latch = Latch()
        try engine.agents.addAgent("busy") { _ in await latch.wait() }
        let running = try await engine.start("busy")
        let waiting = try await engine.start("busy")
        _ = try await engine.cancel(waiting)
        #expect(try await engine.endedRun(waiting).status == .cancelled)
        #expect(engine.queuedRuns == 0)
        latch.open()
        #expect(try await engine.endedRun(running).status == .completed)
    }

    @Test("Runs that await an answer do not count as active until they are answered")
    func awaitingIsFree() async throws {
        let engine = makeEngine(MemoryStorage(), configuration(maximumActiveRuns: 1))
        let latch = Latch()
        try engine.agents.addAgent("questioner") { context in
            _ = try await context.awaitMessage("?")
            await latch.wait()
        }
        var runs: [RunID] = []
        for _ in 0..<5 { runs.append(try await engine.call("questioner").id) }
        #expect(engine.activeRuns == 0)
        for run in runs { try await engine.resume(run, "go") }
        #expect(engine.activeRuns == 5, "an answer is never refused for lack of capacity")
        #expect(await refusal { _ = try await engine.start("questioner") } == "more than 1 runs")
        latch.open()
        for run in runs { _ = try await engine.endedRun(run) }
        #expect(engine.activeRuns == 0)
    }

    @Test("A caller that has seen a run's end or question finds its capacity free", arguments: [true, false])
    func placeIsFreeAtOnce(asks: Bool) async throws {
        let engine = makeEngine(MemoryStorage(), configuration(maximumActiveRuns: 1))
        try engine.agents.addAgent("quick") { context in
            try await context.yield("x")
            if asks { _ = try await context.awaitMessage("?") }
        }
        for _ in 0..<200 {
            _ = try await engine.call("quick")
            let id = try await engine.start("quick")
            _ = try await engine.followed(id, until: .settled)
        }
    }

    @Test("A run that could not be created uses no capacity and leaves nothing behind")
    func failedCreation() async throws {
        let storage = ScriptedStorage()
        let engine = makeEngine(storage, configuration(maximumActiveRuns: 1))
        try engine.agents.addAgent("quick") { _ in "done" }
        for code in [StorageError.Code.cannotConnect, .refused, .full] {
            storage.onCommit(storage.record.commits.count + 1, .failure(StorageError(code, "no")))
            #expect(await refusal { _ = try await engine.call("quick") } == "storage: \(code)")
        }
        #expect(engine.activeRuns == 0)
        #expect(try await engine.runs(RunQuery()).total == 0)
        #expect(try await engine.call("quick").text == "done")
    }

    @Test("A handler that produces output faster than it is stored is suspended, and all of it is stored in the end")
    func backPressure() async throws {
        let storage = ScriptedStorage()
        let engine = makeEngine(storage)
        let said = Shared()
        let begun = Latch()
        try engine.agents.addAgent("flood") { context in
            await begun.wait()
            for number in 0..<100_000 {
                try await context.yield(.text("\(number)"))
                said.increment()
            }
        }
        let id = try await engine.start("flood")
        let hold = storage.holdCommits()
        begun.open()
        let execution = try #require(engine.execution(of: id))
        try await eventually("the handler is suspended behind a commit") {
            storage.record.commits.count == 2 && execution.read { $0.log.isFull }
        }
        let waiting = execution.read { $0.log.eventCount - $0.log.committed }
        // What is in flight, what is pending, and the message that the first part opened.
        #expect(waiting <= 2 * RunLog.pendingEvents + 1)
        #expect(said.value <= waiting)
        for _ in 0..<100 { await Task.yield() }
        #expect(said.value <= waiting, "it does not continue")
        #expect(storage.record.commits.count == 2)
        hold.open()
        let run = try await engine.endedRun(id)
        #expect(run.output.first?.parts.count == 100_000)
        #expect(run.output.first?.parts.last?.content == "99999")
        let record = storage.record
        #expect(record.mostAtOnce == 1, "at most one commit of a run at a time")
        #expect(record.commits.allSatisfy { $0.events.count <= RunLog.pendingEvents + 1 })
        let covered = record.commits.compactMap { $0.snapshot?.eventCount }.reduce(0, +)
        #expect(covered <= 5 * 100_000, "the size of all snapshots together stays proportional to the log")
        #expect(try await storage.eventCount(of: id) == 100_005)
    }

    @Test("A suspended handler can be cancelled")
    func cancelledWhileHeldUp() async throws {
        let storage = ScriptedStorage()
        let engine = makeEngine(storage)
        let begun = Latch()
        let thrown = Shared<String?>(nil)
        try engine.agents.addAgent("flood") { context in
            await begun.wait()
            do {
                while true { try await context.yield("x") }
            } catch {
                thrown.set("\(type(of: error))")
                throw error
            }
        }
        let id = try await engine.start("flood")
        let hold = storage.holdCommits()
        begun.open()
        let execution = try #require(engine.execution(of: id))
        try await eventually("the handler is suspended") { execution.read { $0.log.isFull } }
        _ = try await engine.cancel(id)
        try await eventually("the handler is cancelled") { thrown.value == "CancellationError" }
        hold.open()
        #expect(try await engine.endedRun(id).status == .cancelled)
        try await expectSound(id, in: storage)
    }

    @Test("A burst of output needs far fewer round trips than events")
    func roundTrips() async throws {
        let storage = ScriptedStorage()
        let engine = makeEngine(storage)
        let (begun, said) = (Latch(), Latch())
        try engine.agents.addAgent("burst") { context in
            await begun.wait()
            for number in 0..<1_000 { try await context.yield("\(number) ") }
            said.open()
        }
        let id = try await engine.start("burst")
        let hold = storage.holdCommits()
        begun.open()
        await said.wait()
        hold.open()
        _ = try await engine.endedRun(id)
        // The creation, the first events, all that were added meanwhile, the end.
        #expect(storage.record.commits.count <= 5)
        #expect(storage.record.historyAppends == 1)
        #expect(storage.record.commits.map(\.expecting) == storage.record.commits.map(\.expecting).sorted())
        #expect(storage.record.commits.dropFirst().allSatisfy { $0.input == nil }, "the input is stored once")
        try await expectSound(id, in: storage)
    }
}
