// SPDX-License-Identifier: Apache-2.0

import Synchronization

extension RunEvents {
    /// Wakes one reader of events that waits, though there is no event: it gets an empty batch. For whoever has to look after
    /// something else now and then, and would need a task of its own for that.
    ///
    /// ```swift
    /// let nudge = RunEvents.Nudge()
    /// for try await batch in engine.follow(run, nudge: nudge) where batch.events.isEmpty { … }
    /// ```
    public final class Nudge: Sendable {
        private enum State {
            case idle
            /// It came while the reader did not wait.
            case pending
            case waiting(@Sendable () -> Void)
        }

        private let state = Mutex(State.idle)

        public init() {}

        /// Wakes the reader now, or as soon as it would begin to wait. Several are like one while it does not wait.
        public func send() {
            let wake = state.withLock { state -> (@Sendable () -> Void)? in
                defer { state = .pending }
                if case .waiting(let wake) = state { return wake }
                return nil
            }
            wake?()
        }

        /// The reader is about to wait.
        func arm(_ wake: @escaping @Sendable () -> Void) {
            let isPending = state.withLock { state in
                if case .pending = state { return true }
                state = .waiting(wake)
                return false
            }
            if isPending { wake() }
        }

        /// The reader waits no more.
        ///
        /// - Returns: Whether it was nudged.
        func disarm() -> Bool {
            state.withLock { state in
                defer { state = .idle }
                if case .pending = state { return true }
                return false
            }
        }
    }
}
