// SPDX-License-Identifier: Apache-2.0

import Synchronization

/// Wakes waiters when something has progressed. They read the new state themselves.
///
/// The number of wakes is read before the state and passed to ``wait(beyond:wake:)``: a wake between the two is not
/// missed.
final class ProgressWaiters: Sendable {
    private typealias Waiter = CheckedContinuation<Void, Never>

    private struct State {
        var wakes = 0
        var nextID = 0
        var waiters: [Int: Waiter] = [:]
        /// The waiters whose tasks were cancelled before they were added.
        var cancelled: Set<Int> = []
    }

    private let state = Mutex(State())

    /// The number of wakes so far.
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

    /// Waits until there were more wakes than a given number.
    ///
    /// - Parameter wake: Ends the wait before that.
    /// - Returns: Whether the wait was ended by `wake`.
    /// - Throws: `CancellationError` if the task is cancelled.
    @discardableResult
    func wait(beyond wakes: Int, wake: FollowerWake? = nil) async throws -> Bool {
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
                if isOver { continuation.resume() } else { wake?.arm { [weak self] in self?.wake(id) } }
            }
        } onCancel: {
            let waiter = state.withLock { state -> Waiter? in
                if let waiter = state.waiters.removeValue(forKey: id) { return waiter }
                state.cancelled.insert(id)
                return nil
            }
            waiter?.resume()
        }
        let wasWoken = wake?.disarm() ?? false
        // A cancellation that arrived when the wait was over has left an entry.
        if Task.isCancelled { state.withLock { _ = $0.cancelled.remove(id) } }
        try Task.checkCancellation()
        return wasWoken
    }

    /// Wakes one waiter, if it is still waiting.
    private func wake(_ id: Int) {
        state.withLock { $0.waiters.removeValue(forKey: id) }?.resume()
    }
}
