// SPDX-License-Identifier: Apache-2.0

import ACPCore
import ACPStorage
import Testing

@testable import ACPRuntime

@Suite("Runs that leave memory while something else happens to them", .timeLimit(.minutes(5)))
struct LeavingInterleavingTests {
    private let processes = Processes()

    private func process() async throws -> Process {
        try await processes.process(leavesMemory: true) { agents in
            try agents.addAgent("asker", policy: AgentPolicy(leavesMemory: true)) { context in
                try await context.yield("well, ")
                let first = try await context.awaitMessage("first?").text
                try await context.yield(first)
                return try await context.awaitMessage("second?").text
            }
        }
    }

    /// Lets a run leave memory if it can at this moment.
    private func tryToLeave(_ run: RunID, _ process: Process) async throws {
        processes.clock.pass(Processes.departureDelay)
        try await process.engine.renewLease()
        process.engine.leaveMemory()
        if process.engine.execution(of: run)?.read(\.isLeaving) == true {
            try await eventually("its handler has stopped") { process.engine.execution(of: run) == nil }
        }
    }

    /// Lets a run of the owner leave memory before one of the sender's calls to the storage.
    private func leave(_ run: RunID, _ owner: Process, before moment: Int, of sender: Process) {
        let calls = Shared()
        sender.link.aroundCalls(before: { _ in
            let number = calls.change { count in
                count += 1
                return count
            }
            guard number == moment + 1 else { return }
            sender.link.aroundCalls()
            try await tryToLeave(run, owner)
        })
    }

    @Test("Of several answers to a run that has left memory, one is taken")
    func contested() async throws {
        // The run asks again only after all answers to the first question were sent: a late one would answer the second.
        let latch = Latch()
        let process = try await processes.process(leavesMemory: true) { agents in
            try agents.addAgent("interview", policy: AgentPolicy(recovery: .replay)) { context in
                let name = try await context.awaitMessage("Name?").text
                await latch.wait()
                return "\(name) from \(try await context.awaitMessage("City?").text)"
            }
        }
        let engine = process.engine
        let run = try await engine.call("interview")
        try await processes.letLeave(run.id, process)
        let accepted: [String] = await withTaskGroup(of: String?.self) { group in
            for number in 0..<20 {
                group.addTask { try? await engine.resume(run.id, "\(number)").run.exchange.last?.text }
            }
            return await group.reduce(into: [String]()) { names, name in if let name { names.append(name) } }
        }
        #expect(accepted.count == 1)
        latch.open()
        try await eventually("it asks again") {
            try await engine.fetchRun(run.id).awaitRequest?.message?.text == "City?"
        }
        let (_, count) = try await engine.resume(run.id, "Rome")
        let ended = try await engine.settledRun(run.id, after: count)
        #expect(ended.output.last?.text == "\(accepted.first ?? "") from Rome")
        try await expectSound(run.id, in: processes.storage)
    }

    @Test("An answer is taken at whatever moment the run leaves memory", arguments: 0..<12, [true, false])
    func answered(_ moment: Int, isByOther: Bool) async throws {
        let owner = try await process()
        let sender = try await isByOther ? process() : owner
        let run = try await owner.engine.call("asker")
        leave(run.id, owner, before: moment, of: sender)
        let (_, first) = try await sender.engine.resume(run.id, "a")
        if isByOther { await owner.engine.handle(.signal(run.id)) }
        let again = try await sender.engine.settledRun(run.id, after: first)
        #expect(again.awaitRequest?.message?.text == "second?")
        leave(run.id, owner, before: moment, of: sender)
        let (_, second) = try await sender.engine.resume(run.id, "b")
        if isByOther { await owner.engine.handle(.signal(run.id)) }
        let ended = try await sender.engine.settledRun(run.id, after: second)
        #expect(ended.status == .completed && ended.output.map(\.text) == ["well, ", "a", "b"])
        sender.link.aroundCalls()
        try await expectSound(run.id, in: processes.storage)
        #expect(owner.engine.dormantRuns == 0)
    }

    @Test("A cancellation is obeyed at whatever moment the run leaves memory", arguments: 0..<8, [true, false])
    func cancelled(_ moment: Int, isByOther: Bool) async throws {
        let owner = try await process()
        let canceller = try await isByOther ? process() : owner
        let run = try await owner.engine.call("asker")
        leave(run.id, owner, before: moment, of: canceller)
        #expect(try await canceller.engine.cancel(run.id).status == .cancelling)
        if isByOther { await owner.engine.handle(.signal(run.id)) }
        #expect(try await canceller.engine.endedRun(run.id).status == .cancelled)
        canceller.link.aroundCalls()
        try await expectSound(run.id, in: processes.storage)
        #expect(owner.engine.dormantRuns == 0)
    }

    @Test("A follower misses nothing at whatever moment the run leaves memory", arguments: 0..<8, [true, false])
    func followed(_ moment: Int, isByOther: Bool) async throws {
        let owner = try await process()
        let reader = try await isByOther ? process() : owner
        let run = try await owner.engine.call("asker")
        leave(run.id, owner, before: moment, of: reader)
        async let followed = reader.engine.followed(run.id)
        for answer in ["a", "b"] {
            try await tryToLeave(run.id, owner)
            let (_, count) = try await owner.engine.resume(run.id, answer)
            _ = try await owner.engine.settledRun(run.id, after: count)
        }
        let events = try await followed
        #expect(try await events == processes.storage.events(of: run.id, from: 0, limit: nil).map { try $0.decode() })
    }

    @Test(
        "A process that gets back a run that it had lost unnoticed forgets its earlier claim", arguments: [true, false])
    func lostUnnoticed(isAnsweredMeanwhile: Bool) async throws {
        let (first, second, third) = (try await process(), try await process(), try await process())
        let run = try await first.engine.call("asker")
        try await tryToLeave(run.id, first)
        #expect(first.engine.dormantRuns == 1)
        // It was suspended beyond its lease, and compares its runs with the stored ones just before one is claimed.
        processes.clock.pass(processes.lease)
        second.link.onClaim { try await first.tick() }
        try await second.tick()
        #expect(try await processes.storage.runs(ownedBy: second.id, limit: 10) == [run.id])
        if isAnsweredMeanwhile { try await third.engine.resume(run.id, "a") }
        second.die()
        for _ in 0..<2 {
            processes.clock.pass(processes.lease / 2)
            try await first.engine.renewLease()
        }
        await first.engine.recover()
        #expect(try await processes.storage.runs(ownedBy: first.id, limit: 10) == [run.id])
        if !isAnsweredMeanwhile { try await first.engine.resume(run.id, "a") }
        try await eventually("it asks again") {
            try await first.engine.fetchRun(run.id).awaitRequest?.message?.text == "second?"
        }
        #expect(first.engine.dormantRuns == 0)
        let (_, count) = try await first.engine.resume(run.id, "b")
        #expect(try await first.engine.settledRun(run.id, after: count).output.map(\.text) == ["well, ", "a", "b"])
        try await expectSound(run.id, in: processes.storage)
    }
}
