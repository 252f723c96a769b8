// SPDX-License-Identifier: Apache-2.0

import ACPCore
import ACPStorage
import Testing

@testable import ACPRuntime

/// What happens when a claim, a commit, a signal and the end of a lease meet: first named cases, then many random ones.
@Suite("Claims, commits, signals and leases", .timeLimit(.minutes(5)))
struct InterleavingTests {
    private func agents(_ latch: Latch? = nil) -> (AgentRegistry) throws -> Void {
        { agents in
            try agents.addAgent("replayed", policy: AgentPolicy(recovery: .replay)) { context in
                try await context.yield("one ")
                await latch?.wait()
                try await context.yield("two")
            }
            try agents.addAgent("plain") { context in
                for word in ["a ", "b ", "c"] {
                    try await context.yield(word)
                    await Task.yield()
                }
            }
            try agents.addAgent("questioner", policy: AgentPolicy(leavesMemory: true)) { context in
                try await context.yield("well, ")
                let first = try await context.awaitMessage("first?").text
                try await context.yield(first)
                return try await context.awaitMessage("second?").text
            }
        }
    }

    @Test("The new owner continues after what the old owner committed before the claim, and later commits are fenced")
    func commitAroundClaim() async throws {
        let processes = Processes()
        let (latch, open) = (Latch(), Latch())
        open.open()
        let old = try await processes.process(serve: agents(latch))
        let new = try await processes.process(serve: agents(open))
        let id = try await old.engine.start("replayed")
        try await eventually("the first part is stored") { try await processes.storage.eventCount(of: id) == 4 }
        processes.clock.pass(processes.lease)
        // The new owner has read the run. Before it claims it, the old one continues, up to its last commit but one.
        let last = Latch()
        new.link.onClaim {
            old.link.onCommit { commit in
                if commit.events.last?.kind.isTerminal == true { await last.wait() }
            }
            latch.open()
            try await eventually("the next parts are stored") { try await processes.storage.eventCount(of: id) == 6 }
        }
        try await new.tick()
        let run = try await new.engine.endedRun(id)
        last.open()
        try await eventually("the old owner has abandoned the run") { old.engine.execution(of: id) == nil }
        #expect(run.status == .completed && run.text == "one two")
        #expect(try await processes.storage.run(id) == run)
        #expect(
            try await processes.storage.history(of: #require(run.sessionID)).count == 2, "once, whoever appended it")
        try await expectSound(id, in: processes.storage)
    }

    @Test("A run that ends while it is being claimed keeps its end")
    func endDuringClaim() async throws {
        let processes = Processes()
        let latch = Latch()
        let old = try await processes.process(serve: agents(latch))
        let new = try await processes.process(serve: agents())
        let id = try await old.engine.start("replayed")
        try await eventually("the first part is stored") { try await processes.storage.eventCount(of: id) == 4 }
        processes.clock.pass(processes.lease)
        new.link.onClaim {
            latch.open()
            _ = try await old.engine.endedRun(id)
        }
        try await new.tick()
        #expect(try await processes.storage.run(id)?.status == .completed)
        try await expectSound(id, in: processes.storage)
    }

    @Test("A cancellation at the moment of the claim is obeyed by the new owner")
    func cancelDuringClaim() async throws {
        let processes = Processes()
        let latch = Latch()
        let old = try await processes.process(serve: agents(latch))
        let new = try await processes.process(serve: agents(latch))
        let third = try await processes.process(serve: agents(latch))
        let id = try await old.engine.start("replayed")
        try await eventually("the first part is stored") { try await processes.storage.eventCount(of: id) == 4 }
        old.die()
        processes.clock.pass(processes.lease)
        new.link.onClaim { _ = try await third.engine.cancel(id) }
        try await new.tick()
        #expect(try await new.engine.endedRun(id).status == .cancelled)
        latch.open()
    }

    @Test("If a process ends right after its claim, another one takes the run over")
    func claimerDies() async throws {
        let processes = Processes()
        let latch = Latch()
        let members = try await (0..<3).asyncMap { _ in try await processes.process(serve: agents(latch)) }
        let id = try await members[0].engine.start("replayed")
        try await eventually("the first part is stored") { try await processes.storage.eventCount(of: id) == 4 }
        members[0].die()
        processes.clock.pass(processes.lease)
        members[1].link.afterClaim { members[1].die() }
        try await members[1].tick()
        processes.clock.pass(processes.lease)
        latch.open()
        try await members[2].tick()
        #expect(try await members[2].engine.endedRun(id).text == "one two")
        try await expectSound(id, in: processes.storage)
    }

    @Test("A process that gets back a run that it had lost unnoticed continues it", arguments: [true, false])
    func lostUnnoticed(isAnsweredMeanwhile: Bool) async throws {
        let processes = Processes()
        let serve: (AgentRegistry) throws -> Void = { agents in
            try agents.addAgent("asker") { context in try await context.awaitMessage("?").text }
        }
        let first = try await processes.process(serve: serve)
        let second = try await processes.process(serve: serve)
        let third = try await processes.process(serve: serve)
        let run = try await first.engine.call("asker")
        // It was suspended beyond its lease, and compares its runs with the stored ones just before one is claimed.
        processes.clock.pass(processes.lease)
        second.link.onClaim { try await first.tick() }
        try await second.tick()
        #expect(try await processes.storage.runs(ownedBy: second.id, limit: 10) == [run.id])
        let former = try #require(first.engine.execution(of: run.id))
        if isAnsweredMeanwhile { try await third.engine.resume(run.id, "hi") }
        second.die()
        for _ in 0..<2 {
            processes.clock.pass(processes.lease / 2)
            try await first.engine.renewLease()
        }
        await first.engine.recover()
        #expect(former.isOver)
        // Answered, it continues at once, and may have ended.
        if !isAnsweredMeanwhile {
            #expect(try await processes.storage.runs(ownedBy: first.id, limit: 10) == [run.id])
            try await third.engine.resume(run.id, "hi")
            await first.engine.handle(.signal(run.id))
        }
        try await eventually("the run has ended") {
            try await processes.storage.run(run.id)?.status.isTerminal == true
        }
        #expect(try await processes.storage.run(run.id)?.text == "hi")
        try await expectSound(run.id, in: processes.storage)
    }

    @Test("A run that its process stores when it was lost already is found, although the process ends then")
    func createdWhenLost() async throws {
        let processes = Processes()
        let latch = Latch()
        let owner = try await processes.process(serve: agents(latch))
        let other = try await processes.process(serve: agents())
        let (isSent, continues) = (Latch(), Latch())
        owner.link.onCommit { _ in
            isSent.open()
            await continues.wait()
        }
        async let started = owner.engine.start("replayed")
        await isSent.wait()
        processes.clock.pass(processes.lease)
        for _ in 0..<3 { try await other.tick() }
        owner.link.onCommit(nil)
        continues.open()
        let id = try await started
        owner.die()
        try await other.tick()
        #expect(try await other.engine.endedRun(id).text == "one two")
        latch.open()
    }

    @Test(
        "In random interleavings no run is stuck, duplicated or inconsistent",
        arguments: RandomCases.some(of: 0..<40),
        [false, true])
    func chance(seed: Int, leavesMemory: Bool) async throws {
        var chance = SeededGenerator(seed: UInt64(seed))
        let processes = Processes()
        let latch = Latch()
        latch.open()
        var members = try await (0..<3).asyncMap { _ in
            try await processes.process(leavesMemory: leavesMemory, serve: agents(latch))
        }
        var runs: [RunID] = []
        for _ in 0..<60 {
            let member = members.randomElement(using: &chance) ?? members[0]
            switch Int.random(in: 0..<10, using: &chance) {
            case 0...3:
                let agent = ["replayed", "plain", "questioner"].randomElement(using: &chance) ?? "plain"
                if let id = try? await member.engine.start(AgentName(stringLiteral: agent), session: "shared") {
                    runs.append(id)
                }
            case 4: member.die()
            case 5: member.comeBack()
            case 6:
                processes.clock.pass(processes.lease * Double.random(in: 0.2...1.2, using: &chance))
                for member in members { try? await member.engine.renewLease() }
            case 7: try? await member.tick()
            case 8:
                guard let id = runs.randomElement(using: &chance) else { continue }
                // Not here: a run that is answered at a disconnected process waits for it.
                if member.isConnected { _ = try? await member.engine.resume(id, "answer") }
            default:
                guard let id = runs.randomElement(using: &chance), member.isConnected else { continue }
                if Bool.random(using: &chance) { _ = try? await member.engine.cancel(id) }
            }
            if leavesMemory { for member in members { member.engine.leaveMemory() } }
            // Received by the connected processes.
            for member in members where member.isConnected { await member.engine.handle(.gap) }
        }
        // Finally one new process remains, and all others are disconnected for good.
        for member in members { member.die() }
        processes.clock.pass(processes.lease * 2)
        let last = try await processes.process(leavesMemory: leavesMemory, serve: agents(latch))
        members.append(last)
        for id in Set(runs) {
            try await eventually("all runs have ended") {
                try await last.tick()
                let run = try await processes.storage.run(id)
                if run?.status == .awaiting { _ = try? await last.engine.resume(id, "answer") }
                return run?.status.isTerminal == true
            }
            try await expectSound(id, in: processes.storage)
            let run = try #require(try await processes.storage.run(id))
            switch (run.agentName.rawValue, run.status) {
            case ("replayed", .completed): #expect(run.text == "one two")
            case ("plain", .completed): #expect(run.text == "a b c")
            case ("questioner", .completed): #expect(run.output.map(\.text) == ["well, ", "answer", "answer"])
            case (_, .cancelled), ("plain", .failed), ("questioner", .failed): break
            default: Issue.record("run \(id) of \(run.agentName) is \(run.status): \(run.error?.message ?? "")")
            }
        }
        // One block for each completed run, whole and once. A run whose end could not be stored in time may have stored
        // its block and have failed.
        let history = try await processes.storage.history(of: "shared")
        let completed = try await Set(runs).asyncMap { try await processes.storage.run($0) }
            .compactMap { $0 }.filter { $0.status == .completed }
        let inputs = history.count { if case .message(let message) = $0 { message.role == .user } else { false } }
        #expect(inputs >= completed.count && inputs <= Set(runs).count)
        #expect(last.engine.dormantRuns == 0)
        try await processes.forgetOthers([last])
        #expect(try await processes.storage.coordination.lostProcesses().isEmpty)
    }
}
