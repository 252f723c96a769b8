// SPDX-License-Identifier: Apache-2.0

@testable import ACPRuntime
import Testing

@Suite("Waiting for progress", .timeLimit(.minutes(5)))
struct ProgressWaitersTests {
    @Test("a wake between looking and waiting is not missed")
    func earlyWake() async throws {
        let waiters = ProgressWaiters()
        let wakes = waiters.wakes
        waiters.wakeAll()
        try await waiters.wait(beyond: wakes)
        #expect(waiters.wakes == wakes + 1)
    }

    @Test("a wake reaches everybody who waits")
    func everybody() async throws {
        let waiters = ProgressWaiters()
        let begun = Shared()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<50 {
                group.addTask {
                    let wakes = waiters.wakes
                    begun.increment()
                    try await waiters.wait(beyond: wakes)
                }
            }
            try await eventually("all have begun") { begun.value == 50 }
            waiters.wakeAll()
            try await group.waitForAll()
        }
    }

    @Test("somebody who waits for a later wake is not satisfied with an earlier one")
    func laterWake() async throws {
        let waiters = ProgressWaiters()
        waiters.wakeAll()
        let task = Task { try await waiters.wait(beyond: waiters.wakes) }
        task.cancel()
        await #expect(throws: CancellationError.self) { try await task.value }
    }

    @Test("a nudge wakes the one who waits with it, and nobody else")
    func nudge() async throws {
        let waiters = ProgressWaiters()
        let nudge = RunEvents.Nudge()
        let nudged = Task { try await waiters.wait(beyond: 0, nudge: nudge) }
        let other = Task { try await waiters.wait(beyond: 0) }
        nudge.send()
        #expect(try await nudged.value)
        waiters.wakeAll()
        #expect(try await other.value == false)
    }

    @Test("a nudge that comes before the wait ends the next one at once, and only that")
    func earlyNudge() async throws {
        let waiters = ProgressWaiters()
        let nudge = RunEvents.Nudge()
        nudge.send()
        nudge.send()
        #expect(try await waiters.wait(beyond: 0, nudge: nudge))
        let second = Task { try await waiters.wait(beyond: 0, nudge: nudge) }
        waiters.wakeAll()
        #expect(try await second.value == false)
    }

    @Test("a task that was cancelled before does not wait at all")
    func cancelledBefore() async throws {
        let waiters = ProgressWaiters()
        let latch = Latch()
        let task = Task {
            await latch.wait()
            try await waiters.wait(beyond: 0)
        }
        task.cancel()
        latch.open()
        await #expect(throws: CancellationError.self) { try await task.value }
        waiters.wakeAll()
    }

    @Test("under wakes and cancellations at the same time, everybody returns once, and nobody stays behind")
    func races() async throws {
        let waiters = ProgressWaiters()
        let returned = Shared()
        let isOver = Latch()
        let waker = Task {
            while !isOver.isOpen {
                waiters.wakeAll()
                await Task.yield()
            }
        }
        for round in 0..<5 {
            let tasks = (0..<100).map { index in
                Task {
                    defer { returned.increment() }
                    for _ in 0..<(1 + (index + round) % 5) { try await waiters.wait(beyond: waiters.wakes) }
                }
            }
            for (index, task) in tasks.enumerated() where index % 3 != 0 { task.cancel() }
            for task in tasks { _ = await task.result }
        }
        isOver.open()
        await waker.value
        #expect(returned.value == 5 * 100)
    }
}
