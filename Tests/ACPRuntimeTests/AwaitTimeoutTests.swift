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
