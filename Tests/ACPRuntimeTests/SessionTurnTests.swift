// SPDX-License-Identifier: Apache-2.0

import ACPCore
import ACPStorage
import Synchronization
import Testing

@testable import ACPRuntime

@Suite("Runs of one session", .timeLimit(.minutes(5)))
struct SessionTurnTests {
    /// Counts how many handlers work at the same time.
    private final class Overlap: Sendable {
        private let state = Mutex((now: 0, most: 0))
        func enter() { state.withLock { $0 = ($0.now + 1, max($0.most, $0.now + 1)) } }
        func leave() { state.withLock { $0.now -= 1 } }
        var most: Int { state.withLock { $0.most } }
    }

    private func counting(_ overlap: Overlap) -> (AgentRegistry) throws -> Void {
        { agents in
            try agents.addAgent("worker") { context in
                overlap.enter()
                defer { overlap.leave() }
                for word in 0..<3 { try await context.yield("\(word) ") }
                await Task.yield()
            }
        }
    }

    @Test("Queued runs wait for each other, also in two processes, and lose no history")
    func queue() async throws {
        let processes = Processes()
        let overlap = Overlap()
        let members = [
            try await processes.process(sessionRuns: .queue, serve: counting(overlap)),
            try await processes.process(sessionRuns: .queue, serve: counting(overlap)),
        ]
        let services = members.map { member in Task { try await member.engine.run() } }
        defer { for service in services { service.cancel() } }
        let runs = try await withThrowingTaskGroup(of: RunID.self) { group in
            for number in 0..<40 {
                group.addTask { try await members[number % 2].engine.start("worker", session: "shared") }
            }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        for run in runs {
            #expect(try await members[0].engine.endedRun(run).status == .completed)
            try await expectSound(run, in: processes.storage)
        }
        #expect(overlap.most == 1)
        #expect(try await processes.storage.history(of: "shared").count == 80)
        try await eventually("all runs have ended") {
            members.allSatisfy { $0.engine.queuedRuns == 0 && $0.engine.activeRuns == 0 }
        }
        for service in services { service.cancel() }
    }

    @Test("Runs overlap by default, and lose no history")
    func overlap() async throws {
        let processes = Processes()
        let members = [
            try await processes.process(serve: counting(Overlap())),
            try await processes.process(serve: counting(Overlap())),
        ]
        try await withThrowingTaskGroup(of: Void.self) { group in
            for number in 0..<40 {
                group.addTask { _ = try await members[number % 2].engine.call("worker", session: "shared") }
            }
            try await group.waitForAll()
        }
        let history = try await processes.storage.history(of: "shared")
        #expect(history.count == 80)
        for index in stride(from: 0, to: 80, by: 2) {
            guard case .message(let input) = history[index], case .message(let output) = history[index + 1] else {
                Issue.record("an entry is no message")
                continue
            }
            #expect(input.role == .user && output.text == "0 1 2 ", "each run's block is whole")
        }
    }

    @Test("Runs are refused if so configured, and leave nothing behind")
    func refuse() async throws {
        let processes = Processes()
        let latch = Latch()
        let serve: (AgentRegistry) throws -> Void = { agents in try agents.addAgent("busy") { _ in await latch.wait() }
        }
        let first = try await processes.process(sessionRuns: .refuse, serve: serve)
        let second = try await processes.process(sessionRuns: .refuse, serve: serve)
        let id = try await first.engine.start("busy", session: "shared")
        for engine in [first.engine, second.engine] {
            #expect(await refusal { _ = try await engine.start("busy", session: "shared") } == "session busy")
            _ = try await engine.start("busy", session: SessionID())
        }
        #expect(try await processes.storage.runs(RunQuery(.session("shared"))).total == 1)
        latch.open()
        _ = try await first.engine.endedRun(id)
        _ = try await second.engine.call("busy", session: "shared")
    }

    @Test(
        "A run that is started when another has ended is neither refused nor queued, even before the turn is passed on",
        arguments: [AgentPolicy.SessionRuns.refuse, .queue])
    func afterAnswer(policy: AgentPolicy.SessionRuns) async throws {
        let storage = ScriptedStorage()
        let engine = makeEngine(storage, configuration(sessionRuns: policy))
        try engine.agents.addAgent("counter") { context in "\(try await context.session.history().count)" }
        let (reached, hold) = storage.scriptedCoordination.holdNextDequeue()
        #expect(try await engine.call("counter", session: "s").text == "0")
        await reached.wait()
        #expect(try await engine.call("counter", session: "s").text == "2")
        hold.open()
        #expect(try await engine.call("counter", session: "s").text == "4")
        try await eventually("all have ended") { engine.activeRuns == 0 && engine.queuedRuns == 0 }
    }

    @Test("An agent's policy takes precedence over the engine's configuration")
    func agentDecides() async throws {
        let latch = Latch()
        let engine = makeEngine(MemoryStorage(), configuration(sessionRuns: .refuse))
        try engine.agents.addAgent("free", policy: AgentPolicy(sessionRuns: .overlap)) { _ in await latch.wait() }
        try engine.agents.addAgent("strict") { _ in await latch.wait() }
        _ = try await engine.start("strict", session: "s")
        _ = try await engine.start("free", session: "s")
        #expect(await refusal { _ = try await engine.start("strict", session: "s") } == "session busy")
        latch.open()
    }

    @Test("A run that is cancelled while it is queued never starts, and the next ones get their turn")
    func cancelWaiting() async throws {
        let latch = Latch()
        let engine = makeEngine(
            MemoryStorage(), configuration(maximumQueuedRuns: 10, sessionRuns: .queue))
        try engine.agents.addAgent("busy") { _ in await latch.wait() }
        let service = Task { try await engine.run() }
        let runs = try await (0..<3).asyncMap { _ in try await engine.start("busy", session: "s") }
        try await eventually("the first run being active") { engine.queuedRuns == 2 }
        #expect(try await engine.cancel(runs[1]).status == .cancelling)
        #expect(try await engine.endedRun(runs[1]).status == .cancelled)
        #expect(try await engine.storage.kinds(runs[1]) == ["run.created", "run.cancelled"])
        latch.open()
        #expect(try await engine.endedRun(runs[2]).status == .completed)
        service.cancel()
    }

    @Test("If the process of the run whose turn it is ends, the other runs continue")
    func ownerDies() async throws {
        let processes = Processes()
        let (never, open) = (Latch(), Latch())
        open.open()
        func serve(_ latch: Latch) -> (AgentRegistry) throws -> Void {
            { agents in try agents.addAgent("busy") { _ in await latch.wait() } }
        }
        let owner = try await processes.process(sessionRuns: .queue, serve: serve(never))
        let other = try await processes.process(sessionRuns: .queue, serve: serve(open))
        let first = try await owner.engine.start("busy", session: "s")
        let second = try await other.engine.start("busy", session: "s")
        let third = try await owner.engine.start("busy", session: "s")
        owner.die()
        processes.clock.pass(processes.lease)
        try await eventually("the queued runs have ended") {
            try await other.tick()
            return try await processes.storage.run(third)?.status.isTerminal == true
        }
        #expect(try await processes.storage.run(first)?.status == .failed)
        #expect(try await processes.storage.run(second)?.status == .completed)
        #expect(try await processes.storage.run(third)?.status == .completed)
        never.open()
    }

    @Test("A run that was deleted does not keep its turn")
    func goneRun() async throws {
        let processes = Processes()
        let member = try await processes.process(sessionRuns: .queue, serve: counting(Overlap()))
        _ = try await processes.storage.coordination.enqueue("gone", in: "s")
        #expect(try await member.engine.call("worker", session: "s").status == .completed)
    }

    @Test("A run that ends while its turn is checked leaves the queue of its session", .timeLimit(.minutes(1)))
    func endsDuringCheck() async throws {
        let processes = Processes()
        let (latch, isAsked, canContinue) = (Latch(), Latch(), Latch())
        let member = try await processes.process(sessionRuns: .queue) { agents in
            try agents.addAgent("busy") { _ in await latch.wait() }
        }
        let first = try await member.engine.start("busy", session: "s")
        let second = try await member.engine.start("busy", session: "s")
        try await eventually("the second run is queued") {
            try await processes.storage.coordination.enqueue(second, in: "s") == first
        }
        member.link.aroundCalls(before: { name in
            guard name == "enqueue(_:in:)" else { return }
            isAsked.open()
            await canContinue.wait()
        })
        let check = Task { try await member.tick() }
        await isAsked.wait()
        _ = try await member.engine.cancel(second)
        #expect(try await member.engine.endedRun(second).status == .cancelled)
        try await eventually("it has passed its turn on") { member.engine.execution(of: second) == nil }
        member.link.aroundCalls()
        canContinue.open()
        try await check.value
        latch.open()
        #expect(try await member.engine.endedRun(first).status == .completed)
        try await eventually("the queue of the session is empty") {
            let next = try await processes.storage.coordination.enqueue("other", in: "s")
            _ = try await processes.storage.coordination.dequeue("other", from: "s")
            return next == "other"
        }
    }
}
