// SPDX-License-Identifier: Apache-2.0

import ACPCore
@testable import ACPRuntime
import ACPStorage
import Testing

@Suite("Following", .timeLimit(.minutes(5)))
struct FollowTests {
    @Test("Following an active or ended run from any index returns exactly the events from there on")
    func everyIndex() async throws {
        let engine = makeEngine()
        try engine.agents.addAgent("writer") { context in
            for number in 0..<20 {
                try await context.yield(Message("\(number)"))
                await Task.yield()
            }
        }
        let id = try await engine.start("writer")
        let live = try await withThrowingTaskGroup(of: (Int, [Event]).self) { group in
            for offset in [-5, 0, 1, 2, 17, 62, 63, 64, 500] {
                group.addTask { (offset, try await collect(engine.follow(id, from: offset), from: max(0, offset))) }
            }
            return try await group.reduce(into: [:]) { $0[$1.0] = $1.1 }
        }
        let stored = try await engine.storage.events(of: id)
        #expect(stored.count == 63)
        for (offset, events) in live { #expect(events == Array(stored.dropFirst(max(0, offset))), "from \(offset)") }
        for offset in 0...65 {
            #expect(try await engine.followed(id, from: offset) == Array(stored.dropFirst(offset)), "from \(offset)")
        }
    }

    @Test("Following an unknown run is refused, and following a run that is deleted ends with an error")
    func unknown() async throws {
        let engine = makeEngine()
        #expect(await refusal { _ = try await engine.followed(RunID()) } == "unknown run")
        #expect(await refusal { _ = try await engine.settledRun(RunID(), after: 0) } == "unknown run")
        #expect(await refusal { _ = try await engine.fetchRun(RunID()) } == "unknown run")
        // A run that no process executes: it was saved directly.
        let run = Run(agentName: "a", status: .inProgress)
        try await engine.storage.save(run)
        try await engine.storage.append(.runCreated(run), to: run.id)
        async let followed = refusal { _ = try await engine.followed(run.id) }
        try await engine.storage.deleteRun(run.id)
        #expect(await followed == "unknown run")
    }

    @Test("A follower that has fallen behind gets an error when the run is deleted")
    func deletedBehind() async throws {
        let storage = ScriptedStorage()
        let engine = makeEngine(storage)
        let (said, end) = (Latch(), Latch())
        try engine.agents.addAgent("writer") { context in
            for number in 0..<(RunLog.recentEvents * 2) { try await context.yield(.text("\(number)")) }
            said.open()
            await end.wait()
        }
        let id = try await engine.start("writer")
        await said.wait()
        try await eventually("all is stored") { try await storage.eventCount(of: id) > RunLog.recentEvents * 2 }
        #expect(try await storage.deleteRun(id))
        #expect(await refusal { _ = try await engine.followed(id) } == "unknown run")
        end.open()
    }

    @Test("Following until settled ends with a question, following until terminal does not")
    func ends() async throws {
        let engine = makeEngine()
        try engine.agents.addAgent("questioner") { context in try await context.awaitMessage("?") }
        let run = try await engine.call("questioner")
        #expect(try await engine.followed(run.id, until: .settled).last?.kind == .runAwaiting)
        let whole = Task { try await engine.followed(run.id) }
        let rest = Task { try await engine.followed(run.id, from: 3, until: .settled) }
        try await engine.resume(run.id, "x")
        #expect(try await rest.value.map(\.kind).first == .runInProgress)
        #expect(try await rest.value.map(\.kind).last == .runCompleted)
        let events = try await whole.value
        #expect(events.filter { $0.kind.isSettled }.map(\.kind) == [.runAwaiting, .runCompleted])
        #expect(events == (try await engine.storage.events(of: run.id)))
        #expect(try await engine.followed(run.id, until: .settled).count == 3, "the first question, then as before")
        #expect(try await engine.settledRun(run.id, after: 500).status == .completed)
    }

    @Test("Waiting for more events than a run will ever have ends with the run")
    func beyondTheEnd() async throws {
        let engine = makeEngine()
        let latch = Latch()
        try engine.agents.addAgent("quick") { _ in await latch.wait() }
        let id = try await engine.start("quick")
        async let settled = engine.settledRun(id, after: 10_000)
        async let followed = engine.followed(id, from: 10_000)
        latch.open()
        #expect(try await settled.status == .completed)
        #expect(try await followed.isEmpty)
    }

    @Test("A slow follower reads from storage what is no longer in memory, in bounded pages, and misses nothing")
    func slowFollower() async throws {
        let storage = ScriptedStorage()
        let engine = makeEngine(storage)
        let begun = Latch()
        let count = RunLog.recentEvents * 4
        try engine.agents.addAgent("writer") { context in
            await begun.wait()
            for number in 0..<count { try await context.yield(.text("\(number)")) }
        }
        let id = try await engine.start("writer")
        var iterator = engine.follow(id).makeAsyncIterator()
        let first = try #require(try await iterator.next())
        #expect(first.offset == 0 && first.events.count == 2)
        begun.open()
        _ = try await engine.settledRun(id, after: 0)
        var next = 2
        while let batch = try await iterator.next() {
            #expect(batch.offset == next)
            #expect(batch.events.count <= RunLog.recentEvents)
            next += batch.events.count
        }
        #expect(next == count + 5)
        let reads = storage.record.eventReads
        #expect(!reads.isEmpty && reads.allSatisfy { $0.limit ?? .max <= RunEvents.pageSize })
        #expect(reads.count <= next / RunEvents.pageSize + 4, "pages grow to their full size at once")
        #expect(try await iterator.next() == nil, "there is nothing after the end")
    }

    @Test("A follower of a run that is executed here does not read from storage while it keeps up")
    func keepsUp() async throws {
        let storage = ScriptedStorage()
        let engine = makeEngine(storage)
        let latch = Latch()
        try engine.agents.addAgent("writer") { context in
            await latch.wait()
            for number in 0..<100 { try await context.yield(.text("\(number)")) }
        }
        let id = try await engine.start("writer")
        let followers = (0..<5).map { _ in Task { try await engine.followed(id) } }
        latch.open()
        for follower in followers { #expect(try await follower.value.count == 105) }
        _ = try await engine.settledRun(id, after: 0)
    }

    @Test("A cancelled follower ends with that, and the run is not affected", arguments: [true, false])
    func cancelledFollower(here: Bool) async throws {
        let storage = MemoryStorage()
        let engine = makeEngine(storage)
        let other = here ? engine : makeEngine(storage)
        let (latch, waiting) = (Latch(), Latch())
        try engine.agents.addAgent("busy") { _ in await latch.wait() }
        let id = try await engine.start("busy")
        let follower = Task {
            for try await _ in other.follow(id) { waiting.open() }
            try Task.checkCancellation()
        }
        let settled = Task { try await other.settledRun(id, after: 0) }
        await waiting.wait()
        follower.cancel()
        settled.cancel()
        await #expect(throws: CancellationError.self) { try await follower.value }
        await #expect(throws: CancellationError.self) { _ = try await settled.value }
        latch.open()
        #expect(try await engine.endedRun(id).status == .completed)
    }

    @Test("A run continues if the caller of a sync request is cancelled")
    func callerGoesAway() async throws {
        let engine = makeEngine()
        let latch = Latch()
        let id = Shared<RunID?>(nil)
        try engine.agents.addAgent("busy") { context in
            id.set(context.runID)
            await latch.wait()
            return "done"
        }
        let caller = Task { try await engine.call("busy") }
        try await eventually("the handler has started") { id.value != nil }
        caller.cancel()
        await #expect(throws: CancellationError.self) { _ = try await caller.value }
        latch.open()
        #expect(try await engine.endedRun(try #require(id.value)).text == "done")
    }

    @Test("A run starts even if its caller is cancelled while it is being created")
    func callerGoesAwayEarly() async throws {
        let storage = ScriptedStorage()
        let engine = makeEngine(storage)
        try engine.agents.addAgent("quick") { _ in "done" }
        storage.onCommit(1, .lostAnswer)
        let hold = storage.holdCommits()
        let caller = Task { try await engine.call("quick") }
        try await eventually("the run is being created") { storage.record.commits.count == 1 }
        caller.cancel()
        hold.open()
        _ = await caller.result
        let id = storage.record.commits[0].run
        #expect(try await engine.endedRun(id).text == "done")
        #expect(engine.activeRuns == 0)
    }

    @Test("A woken follower gets an empty batch, in the run's process and in another one, and misses nothing")
    func woken() async throws {
        let storage = MemoryStorage()
        let engine = makeEngine(storage)
        let reader = makeEngine(storage)
        let gate = Latch()
        try engine.agents.addAgent("waits") { _ in
            await gate.wait()
            return "done"
        }
        let id = try await engine.start("waits")
        for following in [engine, reader] {
            let wake = FollowerWake()
            var events = following.follow(id, wake: wake).makeAsyncIterator()
            #expect(try await events.next()?.events.map(\.kind) == [.runCreated, .runInProgress])
            for _ in 0..<3 {
                wake.send()
                #expect(try await events.next()?.events.isEmpty == true)
            }
        }
        let wake = FollowerWake()
        var late = reader.follow(id, from: 2, wake: wake).makeAsyncIterator()
        wake.send()
        #expect(try await late.next()?.events.isEmpty == true)
        gate.open()
        var kinds: [Event.Kind] = []
        while let batch = try await late.next() {
            kinds += batch.events.map(\.kind)
            wake.send()
        }
        #expect(kinds == [.messageCreated, .messagePart, .messageCompleted, .runCompleted])
    }

    @Test("A follower in another process reads no event twice, and the run itself at most once a second")
    func readsLittle() async throws {
        let storage = MemoryStorage()
        let engine = makeEngine(storage)
        let counted = ScriptedStorage(storage)
        let reader = makeEngine(counted)
        try engine.agents.addAgent("questioner") { context in _ = try await context.awaitMessage("?") }
        let id = try await engine.call("questioner").id
        let start = ContinuousClock.now
        let wake = FollowerWake()
        var events = reader.follow(id, wake: wake).makeAsyncIterator()
        #expect(try await events.next()?.events.count == 3)
        for number in 3..<20 {
            // An empty batch shows that the follower has found nothing more, and waits.
            wake.send()
            #expect(try await events.next()?.events.isEmpty == true)
            try storage.append(EncodedEvent(.generic(["number": .integer(Int64(number))])), to: id)
            let batch = try #require(try await events.next())
            #expect(batch.offset == number && batch.events.count == 1)
        }
        #expect(Double(counted.record.recordReads) <= (ContinuousClock.now - start) / .seconds(1))
        let offsets = counted.record.eventReads.map(\.offset)
        #expect(offsets.filter { $0 < 20 } == offsets && offsets.count <= 18 + counted.record.recordReads)
    }

    @Test("A follower in another process gets the end of a damaged run, which has no event, also after others")
    func endWithoutEvent() async throws {
        let storage = MemoryStorage()
        let engine = makeEngine(storage)
        let reader = makeEngine(storage)
        try engine.agents.addAgent("questioner") { context in _ = try await context.awaitMessage("?") }
        var run = try await engine.call("questioner")
        let wake = FollowerWake()
        var events = reader.follow(run.id, wake: wake).makeAsyncIterator()
        #expect(try await events.next()?.events.count == 3)
        wake.send()
        #expect(try await events.next()?.events.isEmpty == true)
        try storage.append(EncodedEvent(.generic(1)), to: run.id)
        run.status = .failed
        try await storage.save(run)
        #expect(try await events.next()?.events.count == 1)
        #expect(try await events.next()?.events == nil)
    }

    @Test("Waking a follower does not read from storage")
    func wokenWithoutReading() async throws {
        let storage = MemoryStorage()
        let engine = makeEngine(storage)
        let counted = ScriptedStorage(storage)
        let reader = makeEngine(counted)
        try engine.agents.addAgent("questioner") { context in _ = try await context.awaitMessage("?") }
        let id = try await engine.call("questioner").id
        let wake = FollowerWake()
        var events = reader.follow(id, wake: wake).makeAsyncIterator()
        #expect(try await events.next()?.events.count == 3)
        wake.send()
        #expect(try await events.next()?.events.isEmpty == true)
        let reads = (counted.record.eventReads.count, counted.record.recordReads)
        for _ in 0..<5 {
            wake.send()
            #expect(try await events.next()?.events.isEmpty == true)
        }
        #expect((counted.record.eventReads.count, counted.record.recordReads) == reads)
    }
}
