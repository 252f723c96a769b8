// SPDX-License-Identifier: Apache-2.0

import ACPCore
import ACPMetrics
import ACPStorage
import ACPTestSupport
import InMemoryTracing
import Synchronization
import Testing
import Tracing

@testable import ACPRuntime

@Suite("Awaiting runs that leave memory", .timeLimit(.minutes(5)))
struct LeavingTests {
    private let processes = Processes()
    /// How often the handler was called, and how often it did what must not be repeated.
    private let calls = Shared()
    private let effects = Shared()

    private static let interviewed = ["Hello", "Ada it is", "Ada from Rome"]

    private func interview(_ agents: AgentRegistry) throws {
        let policy = AgentPolicy(recovery: .replay)
        try agents.addAgent("interview", policy: policy) { [calls, effects] context in
            calls.increment()
            if !context.isReplaying { effects.increment() }
            try await context.yield(Message("Hello"))
            let name = try await context.awaitMessage("Name?").text
            if !context.isReplaying { effects.increment() }
            try await context.yield(Message("\(name) it is"))
            let city = try await context.awaitMessage("City?").text
            if !context.isReplaying { effects.increment() }
            return "\(name) from \(city)"
        }
    }

    private func leaving(cancellationGrace: Duration = .seconds(300)) async throws -> Process {
        try await processes.process(cancellationGrace: cancellationGrace, leavesMemory: true, serve: interview)
    }

    private func expectInterviewed(_ run: Run) async throws {
        #expect(run.status == .completed && run.output.map(\.text) == Self.interviewed, "\(run)")
        try await expectSound(run.id, in: processes.storage)
        let history = try await processes.storage.history(of: #require(run.sessionID))
        #expect(history.count == 4, "the input and three messages, once")
    }

    // MARK: Answering

    @Test("A run that has left memory continues with its answer, as often as it asks, and repeats no effect")
    func sameProcess() async throws {
        let process = try await leaving()
        let engine = process.engine
        let asked = try await engine.call("interview")
        try await processes.letLeave(asked.id, process)
        #expect(engine.state.withLock { $0.dormant.count } == 1)
        #expect(try await engine.fetchRun(asked.id) == asked)
        #expect(try await engine.runs(RunQuery(.unfinished(.awaiting))).items == [asked])
        #expect(try await processes.storage.kinds(asked.id).last == "run.awaiting", "nothing was written")

        let (going, first) = try await engine.resume(asked.id, "Ada")
        #expect(going.status == .inProgress)
        let again = try await engine.settledRun(asked.id, after: first)
        #expect(again.status == .awaiting && again.awaitRequest?.message?.text == "City?")
        try await processes.letLeave(asked.id, process)
        let (_, second) = try await engine.resume(asked.id, "Rome")
        try await expectInterviewed(try await engine.settledRun(asked.id, after: second))
        #expect(calls.value == 3 && effects.value == 3)
        #expect(engine.state.withLock { $0.dormant.isEmpty })
        let refused = await refusal { try await engine.resume(asked.id, "late") }
        #expect(refused == "not awaiting but completed")
    }

    @Test("A run that asked before the engine ran as a service leaves memory")
    func askedBefore() async throws {
        let process = try await processes.process(leavesMemory: false, serve: interview)
        let run = try await process.engine.call("interview")
        processes.clock.pass(Processes.departureDelay)
        try await process.engine.renewLease()
        process.engine.leaveMemory()
        #expect(process.engine.execution(of: run.id)?.read(\.isLeaving) == false, "nothing would receive its answer")
        process.engine.startLettingRunsLeave()
        try await processes.letLeave(run.id, process)
        let (_, count) = try await process.engine.resume(run.id, "Ada")
        #expect(try await process.engine.settledRun(run.id, after: count).awaitRequest?.message?.text == "City?")
    }

    @Test("A run that has left memory is answered through another process")
    func otherProcess() async throws {
        let owner = try await leaving()
        let other = try await leaving()
        let run = try await owner.engine.call("interview")
        try await processes.letLeave(run.id, owner)
        let (_, first) = try await other.engine.resume(run.id, "Ada")
        await owner.engine.handle(.signal(run.id))
        _ = try await other.engine.settledRun(run.id, after: first)
        try await processes.letLeave(run.id, owner)
        let (_, second) = try await other.engine.resume(run.id, "Rome")
        // The announcement was lost.
        await owner.engine.handle(.gap)
        try await expectInterviewed(try await other.engine.settledRun(run.id, after: second))
        #expect(effects.value == 3)
    }

    @Test("A run that has left memory continues in another process when its own has ended")
    func killed() async throws {
        let owner = try await leaving()
        let other = try await leaving()
        let run = try await owner.engine.call("interview")
        try await processes.letLeave(run.id, owner)
        owner.die()
        try await other.engine.renewLease()
        processes.clock.pass(processes.lease)
        try await other.tick()
        let (_, first) = try await other.engine.resume(run.id, "Ada")
        _ = try await other.engine.settledRun(run.id, after: first)
        try await processes.letLeave(run.id, other)
        // The former owner has been suspended only.
        owner.comeBack()
        try await owner.tick()
        #expect(owner.engine.state.withLock { $0.dormant.isEmpty })
        let (_, second) = try await owner.engine.resume(run.id, "Rome")
        await other.engine.handle(.signal(run.id))
        try await expectInterviewed(try await owner.engine.settledRun(run.id, after: second))
    }

    @Test("An answer that is sent while the run leaves memory is taken", arguments: [true, false])
    func answeredMeanwhile(_ isByOther: Bool) async throws {
        let process = try await leaving()
        let engine = process.engine
        let sender = try await isByOther ? leaving() : process
        let run = try await engine.call("interview")
        sender.link.aroundCalls { [processes] name in
            guard name == "send(_:to:)" else { return }
            sender.link.aroundCalls()
            try await processes.letLeave(run.id, process)
        }
        let (_, count) = try await sender.engine.resume(run.id, "Ada")
        if isByOther { await engine.handle(.signal(run.id)) }
        let again = try await engine.settledRun(run.id, after: count)
        #expect(again.awaitRequest?.message?.text == "City?")
        try await expectSound(run.id, in: processes.storage)
    }

    @Test("The handler has stopped before the run leaves memory and continues, also if it is answered meanwhile")
    func slowHandler() async throws {
        let (latch, atWork, most) = (Latch(), Shared(), Shared())
        let process = try await processes.process(leavesMemory: true) { agents in
            try agents.addAgent("slow", policy: AgentPolicy(recovery: .replay)) { context in
                most.set(
                    max(
                        most.value,
                        atWork.change { count in
                            count += 1; return count
                        }))
                defer { atWork.change { $0 -= 1 } }
                do {
                    return try await context.awaitMessage("?").text
                } catch {
                    await latch.wait()
                    // This has no effect either.
                    try? await context.yield("not sent")
                    throw ACPError(.serverError, "stopped")
                }
            }
        }
        let engine = process.engine
        let run = try await engine.call("slow")
        try await eventually("it leaves") {
            processes.clock.pass(Processes.departureDelay)
            try await engine.renewLease()
            engine.leaveMemory()
            return engine.execution(of: run.id)?.read(\.isLeaving) == true
        }
        let (_, count) = try await engine.resume(run.id, "yes")
        #expect(engine.execution(of: run.id) != nil, "its handler is at work")
        #expect(await refusal { try await engine.resume(run.id, "no") } == "not awaiting but in-progress")
        latch.open()
        try await eventually("it has left") { engine.state.withLock { $0.dormant.count } == 1 }
        await engine.recover()
        #expect(try await engine.settledRun(run.id, after: count).text == "yes")
        #expect(most.value == 1)
        try await expectSound(run.id, in: processes.storage)
    }

    @Test("A run leaves memory after the grace period although its handler does not stop")
    func stubbornHandler() async throws {
        let (latch, stopped) = (Latch(), Latch())
        let process = try await processes.process(cancellationGrace: .milliseconds(10), leavesMemory: true) { agents in
            try agents.addAgent("stubborn", policy: AgentPolicy(recovery: .replay)) { context in
                do {
                    return try await context.awaitMessage("?").text
                } catch {
                    await latch.wait()
                    await #expect(throws: CancellationError.self) { try await context.session.setState("late") }
                    stopped.open()
                    throw error
                }
            }
        }
        let run = try await process.engine.call("stubborn")
        try await processes.letLeave(run.id, process)
        let (_, count) = try await process.engine.resume(run.id, "yes")
        #expect(try await process.engine.settledRun(run.id, after: count).text == "yes")
        latch.open()
        await stopped.wait()
        #expect(
            try await processes.storage.session(#require(run.sessionID))?.state == nil, "it stores nothing any more")
    }

    @Test(
        "A repeated request with an idempotency key finds the run that has left memory, and no signal is lost meanwhile"
    )
    func repeatedRequest() async throws {
        let process = try await leaving()
        let engine = process.engine
        let request = RunRequest(agent: "interview", input: ["hi"], idempotencyKey: "key")
        let run = try await engine.execute(request)
        try await processes.letLeave(run.id, process)
        let commits = Shared()
        process.link.onCommit { _ in commits.increment() }
        #expect(try await engine.start(request) == run)
        #expect(commits.value == 0, "it is not created again: signals to it would reach the second execution")
        #expect(engine.state.withLock { $0.dormant.count } == 1)
        let (_, count) = try await engine.resume(run.id, "Ada")
        #expect(try await engine.settledRun(run.id, after: count).awaitRequest?.message?.text == "City?")
    }

    @Test("A run that has left memory and has expired in storage can be created again with its idempotency key")
    func expiredKey() async throws {
        let process = try await leaving()
        let request = RunRequest(agent: "interview", input: ["hi"], idempotencyKey: "key")
        let run = try await process.engine.execute(request)
        try await processes.letLeave(run.id, process)
        #expect(try await processes.storage.deleteRun(run.id))
        #expect(await refusal { _ = try await process.engine.start(request) } != nil, "it was just deleted")
        #expect(try await process.engine.execute(request).id == run.id)
    }

    @Test("A run that leaves memory while the shutdown begins is handed over")
    func shutDownWhileLeaving() async throws {
        let latch = Latch()
        let process = try await processes.process(leavesMemory: true) { agents in
            try agents.addAgent("slow", policy: AgentPolicy(recovery: .replay)) { context in
                do {
                    return try await context.awaitMessage("?").text
                } catch {
                    await latch.wait()
                    throw error
                }
            }
        }
        let run = try await process.engine.call("slow")
        processes.clock.pass(Processes.departureDelay)
        try await process.engine.renewLease()
        process.engine.leaveMemory()
        #expect(process.engine.execution(of: run.id)?.read(\.isLeaving) == true)
        await process.engine.shutdown()
        latch.open()
        #expect(try await processes.storage.record(of: run.id)?.owner?.process == .released)
    }

    // MARK: Other ends

    @Test("A run that has left memory can be cancelled, in its own process and in others", arguments: [true, false])
    func cancelled(_ isByOther: Bool) async throws {
        let process = try await leaving()
        let canceller = try await isByOther ? leaving() : process
        let run = try await process.engine.call("interview")
        try await processes.letLeave(run.id, process)
        #expect(try await canceller.engine.cancel(run.id).status == .cancelling)
        if isByOther { await process.engine.handle(.signal(run.id)) }
        #expect(try await canceller.engine.endedRun(run.id).status == .cancelled)
        #expect(calls.value == 1, "the handler does not run again for that")
        try await expectSound(run.id, in: processes.storage)
    }

    @Test("A run that is cancelled while it leaves memory is cancelled")
    func cancelledMeanwhile() async throws {
        let engine = try await leaving().engine
        let run = try await engine.call("interview")
        processes.clock.pass(Processes.departureDelay)
        engine.leaveMemory()
        #expect(try await engine.cancel(run.id).status == .cancelling)
        #expect(try await engine.endedRun(run.id).status == .cancelled)
        try await expectSound(run.id, in: processes.storage)
    }

    @Test("Runs that have left memory are handed over at shutdown")
    func handedOver() async throws {
        let process = try await leaving()
        let staying = try await leaving()
        let run = try await process.engine.call("interview")
        try await processes.letLeave(run.id, process)
        await process.engine.shutdown()
        try await staying.tick()
        #expect(try await processes.storage.runs(ownedBy: staying.id, limit: 10) == [run.id])
        let (_, count) = try await staying.engine.resume(run.id, "Ada")
        #expect(try await staying.engine.settledRun(run.id, after: count).status == .awaiting)
    }

    @Test("A run that has left memory and is not stored any more is forgotten")
    func deleted() async throws {
        let process = try await leaving()
        let run = try await process.engine.call("interview")
        try await processes.letLeave(run.id, process)
        #expect(try await processes.storage.deleteRun(run.id))
        await process.engine.handle(.signal(run.id))
        #expect(process.engine.state.withLock { $0.dormant.isEmpty })
    }

    @Test("A run that could not be continued is continued later")
    func storageFails() async throws {
        let process = try await leaving()
        let run = try await process.engine.call("interview")
        try await processes.letLeave(run.id, process)
        process.link.onCall { $0 == "signals(to:)" ? .failure(StorageError(.timedOut, "no reply")) : nil }
        let (_, count) = try await process.engine.resume(run.id, "Ada")
        #expect(process.engine.state.withLock { $0.dormant.count } == 1)
        process.link.onCall(nil)
        try await process.tick()
        #expect(try await process.engine.settledRun(run.id, after: count).awaitRequest?.message?.text == "City?")
    }

    // MARK: Watching

    @Test("Followers and callers that wait see the run leave, continue and end as if it had stayed")
    func followed() async throws {
        let process = try await leaving()
        let engine = process.engine
        let run = try await engine.call("interview")
        async let followed = engine.followed(run.id)
        async let settled = engine.settledRun(run.id, after: 6)
        try await processes.letLeave(run.id, process)
        try await engine.resume(run.id, "Ada")
        #expect(try await settled.awaitRequest?.message?.text == "City?")
        try await processes.letLeave(run.id, process)
        try await engine.resume(run.id, "Rome")
        let events = try await followed
        #expect(try await events == processes.storage.events(of: run.id, from: 0, limit: nil).map { try $0.decode() })
        #expect(events.last?.run?.status == .completed)
    }

    @Test("Runs that have left memory count as awaiting, and hold no capacity")
    func metrics() async throws {
        let factory = PrometheusMetrics()
        let process = try await processes.process(
            maximumActiveRuns: 1, leavesMemory: true, metricsFactory: factory, serve: interview)
        for _ in 0..<3 { try await processes.letLeave(try await process.engine.call("interview").id, process) }
        process.engine.recordMetrics()
        let samples = MetricSamples(factory.text())
        #expect(samples["acp_runs_awaiting"] == 3)
        #expect(samples["acp_runs_active"] == 0)
    }

    @Test("The span of a run ends when it leaves memory, and the next one is linked to it")
    func traced() async throws {
        let tracer = InMemoryTracer()
        let process = try await processes.process(leavesMemory: true, tracer: tracer, serve: interview)
        let run = try await process.engine.call("interview")
        try await processes.letLeave(run.id, process)
        let first = try #require(tracer.finishedSpans.first { $0.operationName == "run interview" })
        #expect(first.attributes.get("acp.run.status") == .string("awaiting"))
        let (_, count) = try await process.engine.resume(run.id, "Ada")
        _ = try await process.engine.settledRun(run.id, after: count)
        try await process.engine.resume(run.id, "Rome")
        func spans() -> [FinishedInMemorySpan] { tracer.finishedSpans.filter { $0.operationName == "run interview" } }
        try await eventually("the run's second span has ended") { spans().count == 2 }
        let second = try #require(spans().last)
        #expect(second.links.map(\.context.inMemorySpanContext?.spanID) == [first.spanContext.spanID])
        #expect(second.attributes.get("acp.run.resumed") == .bool(true))
    }

    // MARK: Staying

    @Test("Runs stay in memory if their agents cannot be run again, or are not to be")
    func policies() async throws {
        let process = try await processes.process(leavesMemory: true) { agents in
            let policies = [
                "plain": AgentPolicy(), "kept": AgentPolicy(recovery: .replay, leavesMemory: false),
                "repeated": AgentPolicy(recovery: .replay), "chosen": AgentPolicy(leavesMemory: true),
                "short": AgentPolicy(recovery: .replay, awaitTimeout: .seconds(5)),
            ]
            for (name, policy) in policies {
                try agents.addAgent(#require(AgentName(rawValue: name)), policy: policy) { context in
                    try await context.awaitMessage("?").text
                }
            }
        }
        var runs: [AgentName: RunID] = [:]
        for name: AgentName in ["plain", "kept", "short", "repeated", "chosen"] {
            runs[name] = try await process.engine.call(name).id
        }
        for name: AgentName in ["repeated", "chosen"] {
            let run = try #require(runs[name])
            try await processes.letLeave(run, process)
        }
        for name: AgentName in ["plain", "kept", "short"] {
            let run = try #require(runs[name])
            #expect(process.engine.execution(of: run) != nil, "\(name)")
        }
    }

    @Test("Runs stay in memory on storage that does not outlive the process, and if the time is nil")
    func unsuitable() async throws {
        let volatile = makeEngine(MemoryStorage())
        let disabled = RunEngine(
            storage: Link(to: MemoryStorage()),
            configuration: configuration().with { $0.awaitingRunsLeaveMemoryAfter = nil })
        for engine in [volatile, disabled] {
            engine.state.withLock { $0.canLeaveMemory = true }
            try interview(engine.agents)
            _ = try await engine.call("interview")
            #expect(engine.state.withLock { $0.departures.isEmpty })
        }
        #expect(throws: RunEngineError.self) {
            try configuration().with { $0.awaitingRunsLeaveMemoryAfter = .milliseconds(99) }.validate()
        }
    }
}
