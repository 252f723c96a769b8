// SPDX-License-Identifier: Apache-2.0

import ACPCore
import ACPStorage
import Testing

@testable import ACPRuntime

@Suite("Recovery", .timeLimit(.minutes(5)))
struct RecoveryTests {
    /// An agent that sends two words, with a wait in between.
    private func twoWords(_ latch: Latch, recovery: AgentPolicy.Recovery = .fail) -> (AgentRegistry) throws -> Void {
        { agents in
            try agents.addAgent("words", policy: AgentPolicy(recovery: recovery)) { context in
                try await context.yield("one ")
                await latch.wait()
                try await context.yield("two")
            }
        }
    }

    private func interview(_ agents: AgentRegistry) throws {
        try agents.addAgent("interview") { context in
            try await context.yield("Welcome. ")
            let name = try await context.awaitMessage("Name?")
            try await context.yield("Hello \(name.text). ")
            let city = try await context.awaitMessage("City?")
            return "Bye \(name.text) of \(city.text)."
        }
    }

    private static let interviewed = ["Welcome. ", "Hello Ada. ", "Bye Ada of Rome."]

    @Test("A run whose process ended fails within the lease, once, with an error that names the reason")
    func fails() async throws {
        let processes = Processes()
        let latch = Latch()
        let owner = try await processes.process(serve: twoWords(latch))
        let others = [
            try await processes.process(serve: twoWords(latch)), try await processes.process(serve: twoWords(latch)),
        ]
        let id = try await owner.engine.start("words")
        try await eventually("the first word is stored") { try await processes.storage.eventCount(of: id) == 4 }
        owner.die()
        for other in others { try await other.tick() }
        #expect(try await processes.storage.run(id)?.status == .inProgress, "its heartbeat has not expired")
        processes.clock.pass(processes.lease)
        for other in others { try await other.engine.renewLease() }
        async let first: Void = others[0].engine.recover()
        async let second: Void = others[1].engine.recover()
        _ = await (first, second)
        let run = try #require(try await processes.storage.run(id))
        #expect(run.status == .failed)
        #expect(run.error?.message.contains("ended before the run did") == true)
        #expect(run.text == "one ", "earlier output is kept")
        try await expectSound(id, in: processes.storage)
        #expect(try await processes.storage.coordination.lostProcesses() == [owner.id])
        try await processes.forgetOthers(others)
        #expect(try await processes.storage.coordination.lostProcesses().isEmpty, "the process is forgotten")
        latch.open()
    }

    @Test("A run that can be replayed continues in another process, and sends nothing twice")
    func replays() async throws {
        let processes = Processes()
        let (never, open) = (Latch(), Latch())
        open.open()
        let owner = try await processes.process(serve: twoWords(never, recovery: .replay))
        let other = try await processes.process(serve: twoWords(open, recovery: .replay))
        let id = try await owner.engine.start("words")
        try await eventually("the first word is stored") { try await processes.storage.eventCount(of: id) == 4 }
        owner.die()
        processes.clock.pass(processes.lease)
        try await other.tick()
        let run = try await other.engine.endedRun(id)
        #expect(run.status == .completed && run.text == "one two")
        #expect(
            try await processes.storage.kinds(id) == [
                "run.created", "run.in-progress", "message.created", "message.part", "message.part",
                "message.completed", "run.completed",
            ])
        try await expectSound(id, in: processes.storage)
        never.open()
    }

    @Test("A run that awaits an answer continues in another process when it is answered, through every question")
    func awaiting() async throws {
        let processes = Processes()
        let first = try await processes.process(serve: interview)
        let second = try await processes.process(serve: interview)
        let third = try await processes.process(serve: interview)
        let run = try await first.engine.call("interview")
        first.die()
        processes.clock.pass(processes.lease)
        try await second.tick()
        #expect(try await processes.storage.run(run.id)?.status == .awaiting, "it still awaits an answer")
        // The answer reaches a process that does not own the run, and its owner is notified.
        let (_, before) = try await third.engine.resume(run.id, "Ada")
        await second.engine.handle(.signal(run.id))
        let asked = try await third.engine.settledRun(run.id, after: before)
        #expect(asked.status == .awaiting && asked.awaitRequest?.message?.text == "City?")
        // Again, with the answer at the owner itself.
        second.die()
        processes.clock.pass(processes.lease)
        try await third.tick()
        let (_, count) = try await third.engine.resume(run.id, "Rome")
        let ended = try await third.engine.settledRun(run.id, after: count)
        #expect(ended.status == .completed)
        #expect(ended.output.map(\.text) == Self.interviewed)
        try await expectSound(run.id, in: processes.storage)
        let history = try await processes.storage.history(of: #require(run.sessionID))
        #expect(history.count == 4, "the input and three messages, once")
    }

    @Test("An answer that was sent while the run had no live owner is found by the process that takes it over")
    func answerBeforeClaim() async throws {
        let processes = Processes()
        let first = try await processes.process(serve: interview)
        let second = try await processes.process(serve: interview)
        let run = try await first.engine.call("interview")
        first.die()
        let (_, count) = try await second.engine.resume(run.id, "Ada")
        #expect(await refusal { try await second.engine.resume(run.id, "Bob") } == "not awaiting but in-progress")
        processes.clock.pass(processes.lease)
        try await second.tick()
        let asked = try await second.engine.settledRun(run.id, after: count)
        #expect(asked.output.map(\.text) == ["Welcome. ", "Hello Ada. "])
    }

    @Test("An answer that was announced while the storage failed is read as soon as it works again")
    func answerUnheard() async throws {
        let processes = Processes()
        let first = try await processes.process(serve: interview)
        let second = try await processes.process(serve: interview)
        let third = try await processes.process(serve: interview)
        let live = try await second.engine.call("interview").id
        let dormant = try await first.engine.call("interview").id
        first.die()
        processes.clock.pass(processes.lease)
        try await third.engine.renewLease()
        try await second.tick()
        second.die()
        for run in [live, dormant] {
            _ = try await third.engine.resume(run, "Ada")
            await second.engine.handle(.signal(run))
        }
        second.comeBack()
        try await second.tick()
        for run in [live, dormant] {
            #expect(try await second.engine.settledRun(run, after: 6).awaitRequest?.message?.text == "City?")
        }
    }

    @Test("An answer between the reading of a run and its claim is not lost")
    func answerDuringClaim() async throws {
        let processes = Processes()
        let first = try await processes.process(serve: interview)
        let second = try await processes.process(serve: interview)
        let third = try await processes.process(serve: interview)
        let run = try await first.engine.call("interview")
        first.die()
        processes.clock.pass(processes.lease)
        second.link.onClaim { _ = try await third.engine.resume(run.id, "Ada") }
        try await second.tick()
        let asked = try await second.engine.settledRun(run.id, after: 6)
        #expect(asked.output.map(\.text) == ["Welcome. ", "Hello Ada. "])
    }

    @Test("A signal that is announced while its run is being taken over is not lost", arguments: [true, false])
    func signalWhileArriving(isAnswer: Bool) async throws {
        let processes = Processes()
        let first = try await processes.process(serve: interview)
        let second = try await processes.process(serve: interview)
        let third = try await processes.process(serve: interview)
        let run = try await first.engine.call("interview")
        first.die()
        let (claimed, signalsRead, sent, eventCount) = (Latch(), Latch(), Shared(false), Shared(0))
        second.link.afterClaim { claimed.open() }
        second.link.aroundCalls { name in
            guard name == "record(of:)", claimed.isOpen,
                !sent.change({ sent in
                    defer { sent = true }; return sent
                })
            else { return }
            // The signals have been read, and the run is not registered here yet.
            await signalsRead.wait()
            if isAnswer {
                eventCount.set(try await third.engine.resume(run.id, "Ada").eventCount)
            } else {
                _ = try await third.engine.cancel(run.id)
            }
            await second.engine.handle(.signal(run.id))
        } after: { name in
            if name == "signals(to:)", claimed.isOpen { signalsRead.open() }
        }
        processes.clock.pass(processes.lease)
        try await second.tick()
        #expect(sent.value)
        if isAnswer {
            let asked = try await third.engine.settledRun(run.id, after: eventCount.value)
            #expect(asked.output.map(\.text) == ["Welcome. ", "Hello Ada. "])
        } else {
            #expect(try await third.engine.endedRun(run.id).status == .cancelled)
        }
    }

    @Test("A process that was suspended cannot write its former run, leaves the session alone, and abandons the run")
    func zombie() async throws {
        let processes = Processes()
        let latch = Latch()
        let zombie = try await processes.process(serve: twoWords(latch))
        let other = try await processes.process(serve: twoWords(latch))
        let id = try await zombie.engine.start("words", session: "shared")
        try await eventually("the first word is stored") { try await processes.storage.eventCount(of: id) == 4 }
        processes.clock.pass(processes.lease)
        try await other.tick()
        let failed = try #require(try await processes.storage.run(id))
        #expect(failed.status == .failed)
        let events = try await processes.storage.events(of: id)
        // Now it continues, and ends.
        latch.open()
        try await eventually("the former owner has abandoned the run") { zombie.engine.execution(of: id) == nil }
        #expect(try await processes.storage.run(id) == failed)
        #expect(try await processes.storage.events(of: id) == events)
        #expect(try await processes.storage.history(of: "shared").isEmpty)
        // It returns the stored run.
        #expect(try await zombie.engine.fetchRun(id).status == .failed)
    }

    @Test("A process that was suspended abandons runs that others have taken over, even if its handlers only wait")
    func zombieWaits() async throws {
        let processes = Processes()
        let zombie = try await processes.process(serve: interview)
        let other = try await processes.process(serve: interview)
        let run = try await zombie.engine.call("interview")
        processes.clock.pass(processes.lease)
        try await other.tick()
        #expect(zombie.engine.execution(of: run.id) != nil)
        try await zombie.tick()
        #expect(zombie.engine.execution(of: run.id) == nil)
        #expect(try await processes.storage.coordination.lostProcesses().isEmpty, "it is alive again")
        let (_, count) = try await zombie.engine.resume(run.id, "Ada")
        await other.engine.handle(.signal(run.id))
        #expect(try await zombie.engine.settledRun(run.id, after: count).status == .awaiting)
    }

    @Test("A suspended process cannot store state after it lost its run")
    func zombieState() async throws {
        let processes = Processes()
        let latch = Latch()
        let serve: (AgentRegistry) throws -> Void = { agents in
            try agents.addAgent("stateful") { context in
                try await context.session.setState("mine")
                await latch.wait()
                try await context.session.setState("late")
            }
        }
        let zombie = try await processes.process(serve: serve)
        let other = try await processes.process(serve: serve)
        let id = try await zombie.engine.start("stateful", session: "shared")
        try await eventually("the state is stored") { try await processes.storage.session("shared") != nil }
        processes.clock.pass(processes.lease)
        try await other.tick()
        latch.open()
        try await eventually("the former owner has abandoned the run") { zombie.engine.execution(of: id) == nil }
        let state = try #require(try await processes.storage.session("shared")?.state)
        #expect(String(decoding: state.bytes, as: UTF8.self) == "\"mine\"")
    }

    @Test("A run that was being cancelled when its process ended is cancelled, not failed")
    func cancelled() async throws {
        let processes = Processes()
        let latch = Latch()
        let owner = try await processes.process(serve: twoWords(latch, recovery: .replay))
        let other = try await processes.process(serve: twoWords(latch, recovery: .replay))
        let id = try await owner.engine.start("words")
        owner.die()
        #expect(try await other.engine.cancel(id).status == .cancelling)
        #expect(try await other.engine.fetchRun(id).status == .cancelling, "visible at once")
        processes.clock.pass(processes.lease)
        try await other.tick()
        #expect(try await other.engine.endedRun(id).status == .cancelled)
        try await expectSound(id, in: processes.storage)
        latch.open()
    }

    @Test("A cancellation is refused if the run has ended in another process, although it seems to be executed here")
    func cancelledByZombie() async throws {
        let processes = Processes()
        let (never, open) = (Latch(), Latch())
        open.open()
        let zombie = try await processes.process(serve: twoWords(never, recovery: .replay))
        let other = try await processes.process(serve: twoWords(open, recovery: .replay))
        let id = try await zombie.engine.start("words")
        try await eventually("the first word is stored") { try await processes.storage.eventCount(of: id) == 4 }
        processes.clock.pass(processes.lease)
        try await other.tick()
        #expect(try await other.engine.endedRun(id).status == .completed)
        #expect(zombie.engine.execution(of: id) != nil)
        #expect(await refusal { _ = try await zombie.engine.cancel(id) } == "ended already: completed")
        never.open()
    }

    @Test("A cancellation that cannot be stored is refused, and continues in the process that executes the run")
    func cancelNotStored() async throws {
        let processes = Processes()
        let owner = try await processes.process { agents in
            try agents.addAgent("busy") { _ in try await untilCancelled() }
        }
        let id = try await owner.engine.start("busy")
        owner.link.onCall { $0 == "send(_:to:)" ? .failure(StorageError(.cannotConnect, "no server")) : nil }
        #expect(await refusal { _ = try await owner.engine.cancel(id) } == "storage: cannotConnect")
        #expect(try await owner.engine.endedRun(id).status == .cancelled)
    }

    @Test("A queued run starts in another process")
    func waiting() async throws {
        let processes = Processes()
        let (never, open) = (Latch(), Latch())
        open.open()
        let owner = try await processes.process(maximumActiveRuns: 1, serve: twoWords(never))
        let other = try await processes.process(serve: twoWords(open))
        let running = try await owner.engine.start("words")
        let waiting = try await owner.engine.start("words")
        #expect(try await processes.storage.run(waiting)?.status == .created)
        owner.die()
        processes.clock.pass(processes.lease)
        try await other.tick()
        #expect(try await other.engine.endedRun(waiting).status == .completed)
        #expect(try await other.engine.endedRun(running).status == .failed)
        try await expectSound(waiting, in: processes.storage)
        never.open()
    }

    @Test("A handler that does not repeat what it did fails the run with an error that explains it")
    func divergence() async throws {
        let processes = Processes()
        func serve(_ greeting: String) -> (AgentRegistry) throws -> Void {
            { agents in
                try agents.addAgent("moody") { context in
                    try await context.yield(greeting)
                    _ = try await context.awaitMessage("?")
                    return "fine"
                }
            }
        }
        let owner = try await processes.process(serve: serve("Good morning"))
        let other = try await processes.process(serve: serve("Good evening"))
        let run = try await owner.engine.call("moody")
        owner.die()
        processes.clock.pass(processes.lease)
        try await other.tick()
        let (_, count) = try await other.engine.resume(run.id, "hi")
        let failed = try await other.engine.settledRun(run.id, after: count)
        #expect(failed.status == .failed)
        #expect(failed.error?.message.contains("did not do the same as before") == true)
        #expect(failed.text == "Good morning")
        try await expectSound(run.id, in: processes.storage)
    }

    @Test("Without a process that serves the agent, an active run fails after some leases, and an awaiting run is kept")
    func strangers() async throws {
        let processes = Processes()
        let latch = Latch()
        let owner = try await processes.process { agents in
            try twoWords(latch)(agents)
            try interview(agents)
        }
        let stranger = try await processes.process()
        let working = try await owner.engine.start("words")
        let asking = try await owner.engine.call("interview").id
        owner.die()
        for _ in 0..<10 {
            processes.clock.pass(processes.lease)
            try await stranger.tick()
            #expect(try await processes.storage.run(working)?.status == .inProgress)
        }
        processes.clock.pass(processes.lease)
        try await stranger.tick()
        #expect(try await processes.storage.run(working)?.status == .failed)
        #expect(try await processes.storage.run(asking)?.status == .awaiting)
        // A process that serves the agent again takes it over.
        let heir = try await processes.process(serve: interview)
        try await heir.tick()
        let (_, count) = try await heir.engine.resume(asking, "Ada")
        #expect(try await heir.engine.settledRun(asking, after: count).status == .awaiting)
        latch.open()
    }

    @Test("Runs that a process owns but does not execute are found after its heartbeat had expired")
    func review() async throws {
        let processes = Processes()
        let process = try await processes.process(serve: interview)
        let latch = Latch()
        try twoWords(latch)(process.engine.agents)
        // Written by this process, and executed by none.
        let run = Run(agentName: "words", sessionID: "s")
        var composer = RunComposer(run)
        let (created, begun) = (try composer.created(), try composer.begin(now: .now))
        try await processes.storage.commit(
            RunCommit(
                run: run.id, expecting: 0, events: [created.event, begun.event],
                snapshot: RunSnapshot(composer.run, eventCount: 2), owner: RunOwner(process: process.id),
                input: Encoded(["x"], as: "the input")))
        try await process.tick()
        #expect(try await processes.storage.run(run.id)?.status == .inProgress)
        processes.clock.pass(processes.lease)
        try await process.tick()
        #expect(try await processes.storage.run(run.id)?.status == .failed)
        latch.open()
    }
}
