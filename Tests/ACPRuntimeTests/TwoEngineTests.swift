// SPDX-License-Identifier: Apache-2.0

import ACPCore
import ACPRuntime
import ACPStorage
import Testing

@Suite("Two engines on one storage", .timeLimit(.minutes(5)))
struct TwoEngineTests {
    /// Runs a step while an engine receives signals from the other one.
    private func serving(
        _ engine: RunEngine, _ step: () async throws -> Void
    ) async throws {
        let service = Task { try await engine.run() }
        defer { service.cancel() }
        try await step()
        service.cancel()
        try await service.value
    }

    private func pair() throws -> (owner: RunEngine, other: RunEngine) {
        let storage = MemoryStorage()
        let owner = makeEngine(storage)
        try owner.agents.addAgent("questioner") { context in
            let answer = try await context.awaitMessage("?")
            return "You said \(answer.text)"
        }
        try owner.agents.addAgent("busy") { context in
            try await context.yield("on it")
            try await untilCancelled()
        }
        return (owner, makeEngine(storage))
    }

    @Test("A run is followed from the other engine as from its own")
    func follow() async throws {
        let (owner, other) = try pair()
        let latch = Latch()
        try owner.agents.addAgent("writer") { context in
            await latch.wait()
            for number in 0..<200 {
                try await context.yield(Message("\(number)"))
                await Task.yield()
            }
        }
        let id = try await owner.start("writer")
        let followers = [owner, other].flatMap { engine in
            [0, 1, 100].map { offset in (offset, Task { try await engine.followed(id, from: offset) }) }
        }
        async let settled = other.settledRun(id, after: 0)
        latch.open()
        let stored = try await owner.endedRun(id)
        #expect(try await settled == stored)
        let events = try await owner.storage.events(of: id)
        #expect(events.count == 603)
        for (offset, follower) in followers { #expect(try await follower.value == Array(events.dropFirst(offset))) }
    }

    @Test("A run is answered from the other engine")
    func resume() async throws {
        let (owner, other) = try pair()
        try await serving(owner) {
            let run = try await owner.call("questioner")
            #expect(try await other.settledRun(run.id, after: 0) == run)
            let (going, eventCount) = try await other.resume(run.id, "hi")
            #expect(going.status == .inProgress && going.awaitRequest == nil && eventCount == 3)
            let ended = try await other.settledRun(run.id, after: eventCount)
            #expect(ended.text == "You said hi")
            #expect(await refusal { try await other.resume(run.id, "again") } == "not awaiting but completed")
            try await expectSound(run.id, in: owner.storage)
        }
    }

    @Test("Of concurrent answers from both engines, one is accepted")
    func resumeRace() async throws {
        let (owner, other) = try pair()
        try await serving(owner) {
            for _ in 0..<30 {
                let run = try await owner.call("questioner")
                async let here = refusal { try await owner.resume(run.id, "here") }
                async let there = refusal { try await other.resume(run.id, "there") }
                let outcomes = await [here, there]
                #expect(outcomes.filter { $0 == nil }.count == 1, "\(outcomes)")
                let ended = try await other.endedRun(run.id)
                #expect(ended.text == (outcomes[0] == nil ? "You said here" : "You said there"))
                try await expectSound(run.id, in: owner.storage)
            }
        }
    }

    @Test("A run is cancelled from the other engine, running or awaiting", arguments: ["busy", "questioner"])
    func cancel(agent: String) async throws {
        let (owner, other) = try pair()
        try await serving(owner) {
            let id = try await owner.start(AgentName(stringLiteral: agent))
            if agent == "questioner" { _ = try await owner.settledRun(id, after: 0) }
            #expect(try await other.cancel(id).status == .cancelling)
            #expect(try await other.endedRun(id).status == .cancelled)
            #expect(await refusal { _ = try await other.cancel(id) } == "ended already: cancelled")
            try await expectSound(id, in: owner.storage)
        }
    }

    @Test("A list shows a run with the same status as the run itself, in both engines")
    func statusInLists() async throws {
        let (owner, other) = try pair()
        let id = try await owner.start("busy")
        // Its owner does not listen, so that only the signal shows it.
        _ = try await other.cancel(id)
        #expect(try await other.fetchRun(id).status == .cancelling)
        for engine in [owner, other] {
            let listed = try await engine.runs(RunQuery(.agent("busy"))).items.map(\.status)
            #expect(listed == [try await engine.fetchRun(id).status])
        }
        _ = try await owner.cancel(id)
        #expect(try await owner.endedRun(id).status == .cancelled)
    }

    @Test("A signal that was sent before its owner listened is found with the next announcement")
    func earlySignal() async throws {
        let (owner, other) = try pair()
        let id = try await owner.start("busy")
        _ = try await other.cancel(id)
        try await serving(owner) {
            // Signals are stored, not only announced; listening starts a moment after the service has.
            try await eventually("the owner is notified") {
                _ = try? await other.storage.coordination.send(
                    .resume(.other([:]), eventCount: .random(in: 1_000..<1_000_000)), to: id)
                return try await other.fetchRun(id).status == .cancelled
            }
        }
    }

    @Test("A run of neither engine can be read by both")
    func looking() async throws {
        let (owner, other) = try pair()
        try owner.agents.addAgent("quick") { _ in "done" }
        let run = try await owner.call("quick")
        #expect(try await other.fetchRun(run.id) == run)
        #expect(try await other.runs(RunQuery(.agent("quick"))).items == [run])
        #expect(try await other.events(of: run.id).count == 6)
        try await other.deleteRun(run.id)
        #expect(await refusal { _ = try await owner.fetchRun(run.id) } == "unknown run")
    }
}
