// SPDX-License-Identifier: Apache-2.0

import Synchronization

/// Wakes one follower of a run that waits for events: it gets an empty batch.
///
/// It is for followers that have other work to do from time to time, such as keep-alive comments, without a task for
/// it.
///
/// ```swift
/// let wake = FollowerWake()
/// for try await batch in engine.follow(run, wake: wake) where batch.events.isEmpty { … }
/// ```
package final class FollowerWake: Sendable {
    private enum State {
        case idle
        /// It was sent while the follower was not waiting.
        case pending
        case waiting(@Sendable () -> Void)
    }

    private let state = Mutex(State.idle)

    package init() {}

    /// Wakes the follower now, or as soon as it starts to wait. Several wakes count as one while it is not waiting.
    package func send() {
        let wake = state.withLock { state -> (@Sendable () -> Void)? in
            defer { state = .pending }
            if case .waiting(let wake) = state { return wake }
            return nil
        }
        wake?()
    }

    /// The follower is about to wait.
    func arm(_ wake: @escaping @Sendable () -> Void) {
        let isPending = state.withLock { state in
            if case .pending = state { return true }
            state = .waiting(wake)
            return false
        }
        if isPending { wake() }
    }

    /// The follower does not wait any more.
    ///
    /// - Returns: Whether it was woken by this.
    func disarm() -> Bool {
        state.withLock { state in
            defer { state = .idle }
            if case .pending = state { return true }
            return false
        }
    }
}
