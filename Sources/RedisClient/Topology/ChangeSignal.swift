// SPDX-License-Identifier: Apache-2.0

import NIOConcurrencyHelpers
import NIOCore

/// Wakes whoever waits for a change.
final class ChangeSignal: Sendable {
    private struct State {
        var generation = 0
        var waiters: [Int: CheckedContinuation<Void, Never>] = [:]
        var nextWaiter = 0
        var isClosed = false
    }

    private let group: any EventLoopGroup
    private let state = NIOLockedValueBox(State())

    init(group: any EventLoopGroup) {
        self.group = group
    }

    /// Counts the changes: take it before looking at what changes, and wait for the next one.
    var generation: Int { self.state.withLockedValue { $0.generation } }

    /// Something has changed.
    func fire() {
        for waiter in self.advance(closing: false) { waiter.resume() }
    }

    /// Nothing will change any more: nobody waits from now on.
    func close() {
        for waiter in self.advance(closing: true) { waiter.resume() }
    }

    private func advance(closing: Bool) -> [CheckedContinuation<Void, Never>] {
        self.state.withLockedValue { state in
            state.generation += 1
            if closing { state.isClosed = true }
            defer { state.waiters = [:] }
            return Array(state.waiters.values)
        }
    }

    /// Returns when something has changed since the generation, at the deadline, or when the task is cancelled.
    func wait(since generation: Int, until deadline: NIODeadline) async {
        let id = self.state.withLockedValue { state in
            state.nextWaiter += 1
            return state.nextWaiter
        }
        let alarm = self.group.any().scheduleTask(deadline: deadline) { self.resume(id) }
        await withTaskCancellationHandler {
            await withCheckedContinuation { (waiter: CheckedContinuation<Void, Never>) in
                let isOver = self.state.withLockedValue { state in
                    if state.generation != generation || state.isClosed || deadline <= .now() { return true }
                    state.waiters[id] = waiter
                    return false
                }
                // Cancellation that came before this point found nobody to wake, and neither did the alarm.
                if isOver { waiter.resume() } else if Task.isCancelled { self.resume(id) }
            }
        } onCancel: {
            self.resume(id)
        }
        alarm.cancel()
    }

    private func resume(_ id: Int) {
        self.state.withLockedValue { $0.waiters.removeValue(forKey: id) }?.resume()
    }
}
