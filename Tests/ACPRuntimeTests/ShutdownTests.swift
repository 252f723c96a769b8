// SPDX-License-Identifier: Apache-2.0

import ACPCore
@testable import ACPRuntime
import ACPStorage
import Testing

@Suite("Shutting down", .timeLimit(.minutes(5)))
struct ShutdownTests {
    @Test("A shutdown refuses new runs, lets active runs finish, and answers their callers")
    func finishes() async throws {
        let engine = makeEngine()
        let latch = Latch()
        try engine.agents.addAgent("busy") { _ in
            await latch.wait()
            return "done"
        }
        let runs = [try await engine.start("busy"), try await engine.start("busy")]
        let callers = runs.map { id in Task { try await engine.settledRun(id, after: 0) } }
        #expect(engine.acceptsRuns)
        async let shutdown: Void = engine.shutdown()
        try await eventually("the shutdown has started") { !engine.acceptsRuns }
        #expect(await refusal { _ = try await engine.start("busy") } == "shutting down")
        latch.open()
        await shutdown
        for caller in callers { #expect(try await caller.value.text == "done") }
        for id in runs { #expect(try await engine.storage.run(id)?.status == .completed) }
        await engine.shutdown()
    }

    @Test("A run that is active after the grace period fails with an error that names the reason")
    func failsRest() async throws {
        let engine = makeEngine(MemoryStorage(), configuration(shutdownGrace: .milliseconds(10)))
        let latch = Latch()
        try engine.agents.addAgent("deaf") { context in
            try await context.yield("so far")
            await latch.wait()
        }
        let id = try await engine.start("deaf")
        await engine.shutdown()
        let run = try #require(try await engine.storage.run(id))
        #expect(run.status == .failed && run.text == "so far")
        #expect(run.error?.message.contains("shut down") == true)
        try await expectSound(id, in: engine.storage)
        latch.open()
    }

    @Test("A run that was being cancelled ends as cancelled, not as failed")
    func cancellingRun() async throws {
        let engine = makeEngine(MemoryStorage(), configuration(shutdownGrace: .milliseconds(10)))
        let latch = Latch()
        try engine.agents.addAgent("deaf") { _ in await latch.wait() }
        let id = try await engine.start("deaf")
        _ = try await engine.cancel(id)
        await engine.shutdown()
        #expect(try await engine.storage.run(id)?.status == .cancelled)
        latch.open()
    }

    @Test("Runs that await an answer fail at once if the storage is not durable")
    func awaitingInMemory() async throws {
        let engine = makeEngine()
        try engine.agents.addAgent("questioner") { context in try await context.awaitMessage("?") }
        let run = try await engine.call("questioner")
        await engine.shutdown()
        let ended = try #require(try await engine.storage.run(run.id))
        #expect(ended.status == .failed && ended.awaitRequest == nil)
        #expect(ended.error?.message.contains("awaited an answer") == true)
        try await expectSound(run.id, in: engine.storage)
    }

    @Test("Runs that await an answer are kept if the storage is durable")
    func awaitingDurably() async throws {
        let storage = ScriptedStorage(isDurable: true)
        let engine = makeEngine(storage)
        let thrown = Shared<String?>(nil)
        try engine.agents.addAgent("questioner") { context in
            do {
                return try await context.awaitMessage("?")
            } catch {
                thrown.set("\(type(of: error))")
                throw error
            }
        }
        let run = try await engine.call("questioner")
        await engine.shutdown()
        try await eventually("the handler is cancelled") { thrown.value == "CancellationError" }
        #expect(try await storage.run(run.id) == run)
        #expect(engine.execution(of: run.id) == nil)
        try await expectSound(run.id, in: storage)
    }

    @Test("A run that asks during the shutdown is released when its question is stored")
    func asksMeanwhile() async throws {
        let storage = ScriptedStorage(isDurable: true)
        let engine = makeEngine(storage)
        let latch = Latch()
        try engine.agents.addAgent("questioner") { context in
            await latch.wait()
            _ = try await context.awaitMessage("?")
        }
        let id = try await engine.start("questioner")
        let hold = storage.holdCommits()
        async let shutdown: Void = engine.shutdown()
        latch.open()
        try await eventually("the question is in flight") { storage.record.commits.count == 2 }
        #expect(engine.execution(of: id) != nil)
        hold.open()
        await shutdown
        #expect(try await storage.run(id)?.status == .awaiting)
    }

    @Test("A run whose question is stored only after the grace period is released as well")
    func asksAfterGrace() async throws {
        let storage = ScriptedStorage(isDurable: true)
        let log = Log()
        let engine = RunEngine(
            storage: storage, configuration: configuration(shutdownGrace: .milliseconds(10)), logger: log.logger)
        let latch = Latch()
        try engine.agents.addAgent("questioner") { context in
            await latch.wait()
            _ = try await context.awaitMessage("?")
        }
        let id = try await engine.start("questioner")
        let hold = storage.holdCommits()
        latch.open()
        try await eventually("the question is in flight") { storage.record.commits.count == 2 }
        async let shutdown: Void = engine.shutdown()
        try await eventually("the grace period is over") { log.lines.contains { $0.text.contains("grace period") } }
        hold.open()
        await shutdown
        #expect(try await storage.run(id)?.status == .awaiting)
    }

    @Test("An awaiting run whose handler ignores its cancellation does not prolong the shutdown")
    func cancelledWhileAwaiting() async throws {
        let storage = ScriptedStorage(isDurable: true)
        let engine = makeEngine(storage, configuration(shutdownGrace: .milliseconds(10)))
        let latch = Latch()
        try engine.agents.addAgent("questioner") { context in
            _ = try? await context.awaitMessage("?")
            await latch.wait()
        }
        let run = try await engine.call("questioner")
        _ = try await engine.cancel(run.id)
        await engine.shutdown()
        #expect(try await storage.run(run.id)?.status == .cancelled)
        latch.open()
    }

    @Test("A storage that is down does not keep the process from ending", arguments: [true, false])
    func storageIsDown(awaits: Bool) async throws {
        let storage = ScriptedStorage()
        let engine = makeEngine(
            storage, configuration(shutdownGrace: .milliseconds(10), storageTimeout: .milliseconds(10)))
        let latch = Latch()
        try engine.agents.addAgent("agent") { context in
            if awaits { _ = try await context.awaitMessage("?") }
            await latch.wait()
        }
        let id = try await engine.start("agent")
        if awaits { _ = try await engine.settledRun(id, after: 0) }
        storage.onEveryCommit { _ in .failure(StorageError(.cannotConnect, "down")) }
        await engine.shutdown()
        #expect(engine.execution(of: id) == nil)
        #expect(engine.activeRuns == 0)
        latch.open()
    }

    @Test("A cancelled shutdown still stores the ends of runs")
    func hurried() async throws {
        let engine = makeEngine()
        let latch = Latch()
        try engine.agents.addAgent("deaf") { _ in await latch.wait() }
        let id = try await engine.start("deaf")
        let service = Task { try await engine.run() }
        service.cancel()
        try await service.value
        #expect(try await engine.storage.run(id)?.status == .failed)
        #expect(!engine.acceptsRuns)
        latch.open()
    }

    @Test("A run that is being created during the shutdown ends as well")
    func creatingMeanwhile() async throws {
        let storage = ScriptedStorage()
        let engine = makeEngine(storage, configuration(shutdownGrace: .milliseconds(1)))
        let begun = Shared()
        try engine.agents.addAgent("deaf") { _ in
            begun.increment()
            try await untilCancelled()
        }
        let hold = storage.holdCommits()
        async let started = engine.start("deaf")
        try await eventually("it is being created") { storage.record.commits.count == 1 }
        let id = storage.record.commits[0].run
        async let shutdown: Void = engine.shutdown()
        try await eventually("it is ending") { engine.execution(of: id)?.isEnding == true }
        hold.open()
        _ = try await started
        await shutdown
        #expect(try await storage.run(id)?.status == .failed)
        try await expectSound(id, in: storage)
    }

    @Test("A caller whose run was not stored before the process ended does not get it as created")
    func creatingWhileStorageIsDown() async throws {
        let storage = ScriptedStorage(isDurable: true)
        let engine = makeEngine(
            storage, configuration(shutdownGrace: .milliseconds(10), storageTimeout: .seconds(60)))
        try engine.agents.addAgent("agent", policy: AgentPolicy(recovery: .replay)) { _ in }
        storage.onEveryCommit { _ in .failure(StorageError(.outcomeUnknown, "lost")) }
        let started = Task { try await engine.start("agent") }
        try await eventually("it is being created") { !storage.record.commits.isEmpty }
        await engine.shutdown()
        let error = await #expect(throws: RunEngineError.self) { _ = try await started.value }
        #expect(error?.storageError?.code == .outcomeUnknown)
        #expect(try await storage.run(storage.record.commits[0].run) == nil)
    }
}

extension RunExecution {
    fileprivate var isEnding: Bool {
        read { if case .creating(let creation) = $0.state { creation.outcome != nil } else { false } }
    }
}
