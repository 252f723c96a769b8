// SPDX-License-Identifier: Apache-2.0

import Synchronization

/// Wakes whoever waits for something to go on. What has gone on, they look up themselves.
///
/// The count of wakes is read before looking, and handed in for waiting: a wake that comes between the two is not missed.
final class ProgressWaiters: Sendable {
    private typealias Waiter = CheckedContinuation<Void, Never>

    private struct State {
        var wakes = 0
        var nextID = 0
        var waiters: [Int: Waiter] = [:]
        /// Whose task was cancelled before it could begin to wait.
        var cancelled: Set<Int> = []
    }

    private let state = Mutex(State())

    /// How many wakes there were.
    var wakes: Int { state.withLock { $0.wakes } }

    func wakeAll() {
        let waiters = state.withLock { state in
            state.wakes += 1
            var waiters: [Int: Waiter] = [:]
            swap(&waiters, &state.waiters)
            return waiters
        }
        for continuation in waiters.values { continuation.resume() }
    }

    /// Returns when there were more wakes than the given number, or before that when it is nudged.
    ///
    /// - Returns: Whether it was nudged.
    /// - Throws: `CancellationError` if the task is cancelled before.
    @discardableResult
    func wait(beyond wakes: Int, nudge: RunEvents.Nudge? = nil) async throws -> Bool {
        let id = state.withLock { state in
            state.nextID += 1
            return state.nextID
        }
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let isOver = state.withLock { state in
                    if state.cancelled.remove(id) != nil { return true }
                    guard state.wakes <= wakes else { return true }
                    state.waiters[id] = continuation
                    return false
                }
                if isOver { continuation.resume() } else { nudge?.arm { [weak self] in self?.wake(id) } }
            }
        } onCancel: {
            let waiter = state.withLock { state -> Waiter? in
                if let waiter = state.waiters.removeValue(forKey: id) { return waiter }
                state.cancelled.insert(id)
                return nil
            }
            waiter?.resume()
        }
        let isNudged = nudge?.disarm() ?? false
        // A cancellation that came when the wait was over already has left its mark.
        if Task.isCancelled { state.withLock { _ = $0.cancelled.remove(id) } }
        try Task.checkCancellation()
        return isNudged
    }

    /// Wakes one waiter, if it still waits.
    private func wake(_ id: Int) {
        state.withLock { $0.waiters.removeValue(forKey: id) }?.resume()
    }
}
