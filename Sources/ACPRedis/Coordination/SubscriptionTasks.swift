// SPDX-License-Identifier: Apache-2.0

import Synchronization

/// The tasks that forward events from Redis subscriptions to streams.
final class SubscriptionTasks: Sendable {
    private struct State {
        var tasks: [Int: Task<Void, Never>] = [:]
        var next = 0
        var isEnded = false
    }

    private let state = Mutex(State())

    /// Starts a task. Returns `nil` if the storage was closed.
    func start(_ body: @escaping @Sendable () async -> Void) -> Task<Void, Never>? {
        state.withLock { state in
            guard !state.isEnded else { return nil }
            let id = state.next
            state.next += 1
            // Unstructured: the stream outlives the call that created it. The task is cancelled when the stream ends,
            // or when the storage ends, in `stop()`.
            let task = Task { [weak self] in
                await body()
                _ = self?.state.withLock { $0.tasks.removeValue(forKey: id) }
            }
            state.tasks[id] = task
            return task
        }
    }

    /// The number of tasks, for tests that none is left.
    var count: Int { state.withLock { $0.tasks.count } }

    func stop() {
        let tasks = state.withLock { state in
            state.isEnded = true
            return Array(state.tasks.values)
        }
        for task in tasks { task.cancel() }
    }

    func end() async {
        stop()
        for task in state.withLock({ Array($0.tasks.values) }) { await task.value }
    }
}
