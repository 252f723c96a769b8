// SPDX-License-Identifier: Apache-2.0

@testable import ACPRuntime
import Testing

@Suite("Progress waiters", .timeLimit(.minutes(5)))
struct ProgressWaitersTests {
    @Test("A wake between reading the state and waiting is not missed")
    func earlyWake() async throws {
        let waiters = ProgressWaiters()
        let wakes = waiters.wakes
        waiters.wakeAll()
        try await waiters.wait(beyond: wakes)
        #expect(waiters.wakes == wakes + 1)
    }

    @Test("A wake resumes all waiters")
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
            try await eventually("all have started") { begun.value == 50 }
            waiters.wakeAll()
            try await group.waitForAll()
        }
    }

    @Test("A waiter for a later wake is not resumed by an earlier one")
    func laterWake() async throws {
        let waiters = ProgressWaiters()
        waiters.wakeAll()
        let task = Task { try await waiters.wait(beyond: waiters.wakes) }
        task.cancel()
        await #expect(throws: CancellationError.self) { try await task.value }
    }

    @Test("A follower wake resumes only the waiter that uses it")
    func followerWake() async throws {
        let waiters = ProgressWaiters()
        let wake = FollowerWake()
        let woken = Task { try await waiters.wait(beyond: 0, wake: wake) }
        let other = Task { try await waiters.wait(beyond: 0) }
        wake.send()
        #expect(try await woken.value)
        waiters.wakeAll()
        #expect(try await other.value == false)
    }

    @Test("A follower wake before the wait ends the next wait at once, and only that one")
    func earlyFollowerWake() async throws {
        let waiters = ProgressWaiters()
        let wake = FollowerWake()
        wake.send()
        wake.send()
        #expect(try await waiters.wait(beyond: 0, wake: wake))
        let second = Task { try await waiters.wait(beyond: 0, wake: wake) }
        waiters.wakeAll()
        #expect(try await second.value == false)
    }

    @Test("A task that was cancelled before does not wait")
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

    @Test("Under concurrent wakes and cancellations, every waiter is resumed exactly once")
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
