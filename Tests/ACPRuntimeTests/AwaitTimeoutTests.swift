// SPDX-License-Identifier: Apache-2.0

import ACPCore
import ACPStorage
import Testing

@testable import ACPRuntime

@Suite("Questions with a timeout", .timeLimit(.minutes(5)))
struct AwaitTimeoutTests {
    private func asks(
        timeout: Duration?, policy: AgentPolicy = AgentPolicy()
    ) -> (AgentRegistry) throws -> Void {
        { agents in
            try agents.addAgent("asker", policy: policy) { context in
                "You said \(try await context.awaitMessage("?", timeout: timeout).text)"
            }
        }
    }

    @Test(
        "A question that is not answered in time fails the run with an error that names the reason",
        arguments: [
            (Duration.milliseconds(50), AgentPolicy()), (nil, AgentPolicy(awaitTimeout: .milliseconds(50))),
            (.milliseconds(50), AgentPolicy(awaitTimeout: .seconds(3_600))),
        ])
    func unanswered(timeout: Duration?, policy: AgentPolicy) async throws {
        let engine = makeEngine()
        try asks(timeout: timeout, policy: policy)(engine.agents)
        let asked = try await engine.call("asker")
        #expect(try #require(asked.awaitDeadline) > asked.createdAt)
        let ended = try await engine.endedRun(asked.id)
        #expect(ended.status == .failed && ended.error?.code == .timedOut)
        #expect(ended.awaitDeadline == nil && ended.awaitRequest == nil)
        try await expectSound(asked.id, in: engine.storage)
        #expect(await refusal { try await engine.resume(asked.id, "late") } == "not awaiting but failed")
    }

    @Test("An answer in time is accepted, and the next question has its own timeout")
    func answered() async throws {
        let engine = makeEngine()
        try engine.agents.addAgent("asker") { context in
            _ = try await context.awaitMessage("first?", timeout: .seconds(3_600))
            return try await context.awaitMessage("second?").text
        }
        let first = try await engine.call("asker")
        let (going, count) = try await engine.resume(first.id, "a")
        #expect(going.awaitDeadline == nil)
        let second = try await engine.settledRun(first.id, after: count)
        #expect(second.status == .awaiting && second.awaitDeadline == nil)
        try await engine.resume(first.id, "b")
        #expect(try await engine.endedRun(first.id).text == "b")
    }

    @Test("An answer that was stored in time is accepted, even if the owner was not notified")
    func unheard() async throws {
        let engine = makeEngine()
        try asks(timeout: .milliseconds(300))(engine.agents)
        let asked = try await engine.call("asker")
        try await engine.storage.coordination.send(.resume(.message("in time"), eventCount: 3), to: asked.id)
        #expect(try await engine.endedRun(asked.id).text == "You said in time")
    }

    @Test(
        "An answer that is stored just before the run fails for want of it continues the run", arguments: [true, false])
    func atTheLastMoment(isSentByOwner: Bool) async throws {
        let processes = Processes()
        let owner = try await processes.process(serve: asks(timeout: .milliseconds(50)))
        let other = try await processes.process()
        let sender = isSentByOwner ? owner.engine : other.engine
        let resumed = Shared<Run?>(nil)
        owner.link.onCommit { commit in
            guard commit.unansweredQuestion != nil, resumed.value == nil else { return }
            resumed.set(try await sender.resume(commit.run, "late").run)
        }
        let asked = try await owner.engine.call("asker")
        let ended = try await owner.engine.endedRun(asked.id)
        #expect(ended.text == "You said late" && ended.error == nil)
        #expect(resumed.value?.status == .inProgress && resumed.value?.error == nil)
        #expect(resumed.value?.exchange.map(\.text) == ["?", "late"])
        try await expectSound(asked.id, in: processes.storage)
    }

    @Test("A cancellation while the run fails for want of an answer takes effect if there is one")
    func cancelledAtTheLastMoment() async throws {
        let processes = Processes()
        let owner = try await processes.process(serve: asks(timeout: .milliseconds(50)))
        let (isFailing, continues) = (Latch(), Latch())
        owner.link.onCommit { commit in
            guard commit.unansweredQuestion != nil else { return }
            isFailing.open()
            await continues.wait()
        }
        let asked = try await owner.engine.call("asker")
        await isFailing.wait()
        _ = try await owner.engine.resume(asked.id, "late")
        _ = try #require(owner.engine.execution(of: asked.id)).update { $0.cancel() }
        continues.open()
        #expect(try await owner.engine.endedRun(asked.id).status == .cancelled)
        try await expectSound(asked.id, in: processes.storage)
    }

    @Test("An answer that is stored just before a run without a process fails for want of it continues the run")
    func dormant() async throws {
        let processes = Processes()
        let first = try await processes.process(serve: asks(timeout: .seconds(1)))
        let second = try await processes.process(serve: asks(timeout: .seconds(1)))
        let third = try await processes.process()
        let asked = try await first.engine.call("asker")
        first.die()
        processes.clock.pass(processes.lease)
        let isAnswered = Shared(false)
        second.link.onCommit { commit in
            guard commit.unansweredQuestion != nil, !isAnswered.value else { return }
            isAnswered.set(true)
            _ = try await third.engine.resume(commit.run, "late")
        }
        try await eventually("the run has ended") {
            try await second.tick()
            return try await processes.storage.run(asked.id)?.status.isTerminal == true
        }
        #expect(isAnswered.value)
        #expect(try await processes.storage.run(asked.id)?.text == "You said late")
        try await expectSound(asked.id, in: processes.storage)
    }

    @Test("An answer that is stored after the run has failed for want of it is refused", arguments: [true, false])
    func tooLate(isSentByOwner: Bool) async throws {
        let processes = Processes()
        let owner = try await processes.process(serve: asks(timeout: .milliseconds(50)))
        let other = try await processes.process()
        let sender = isSentByOwner ? owner : other
        let asked = try await owner.engine.call("asker")
        sender.link.aroundCalls { name in
            guard name == "send(_:to:)" else { return }
            try await eventually("the run has failed") {
                try await processes.storage.run(asked.id)?.status == .failed
            }
        }
        let refused = await refusal { try await sender.engine.resume(asked.id, "late") }
        #expect(refused == "not awaiting but failed")
    }

    @Test("The timeout of a question continues when another process takes the run over")
    func takenOver() async throws {
        let processes = Processes()
        // Longer than the test takes until the takeover. The other process learns that it has passed while it waits.
        let owner = try await processes.process(serve: asks(timeout: .seconds(1)))
        let other = try await processes.process(serve: asks(timeout: .seconds(1)))
        let asked = try await owner.engine.call("asker")
        owner.die()
        processes.clock.pass(processes.lease)
        try await other.tick()
        try await eventually("the run has failed") {
            try await other.tick()
            return try await processes.storage.run(asked.id)?.status.isTerminal == true
        }
        #expect(try await processes.storage.run(asked.id)?.error?.code == .timedOut)
        try await expectSound(asked.id, in: processes.storage)
    }
}
