// SPDX-License-Identifier: Apache-2.0

import Synchronization

/// An event that occurs once, with a value, and that tasks can wait for.
public final class Signal<Value: Sendable>: Sendable {
    private enum State {
        case waiting([Int: CheckedContinuation<Value, any Error>])
        case sent(Value)
    }

    private let state = Mutex((state: State.waiting([:]), next: 0))

    /// The value, if it has been sent.
    public var value: Value? {
        state.withLock { if case .sent(let value) = $0.state { value } else { nil } }
    }

    /// Creates a signal that has not been sent.
    public init() {}

    /// Sends the value to all waiting tasks. Does nothing if a value has been sent already.
    public func send(_ value: Value) {
        let waiters = state.withLock { state -> [CheckedContinuation<Value, any Error>] in
            guard case .waiting(let waiters) = state.state else { return [] }
            state.state = .sent(value)
            return Array(waiters.values)
        }
        for waiter in waiters { waiter.resume(returning: value) }
    }

    /// Waits for the value.
    ///
    /// - Throws: `CancellationError` when the task is cancelled.
    public func wait() async throws -> Value {
        let id = state.withLock { state in
            state.next += 1
            return state.next
        }
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                let outcome = state.withLock { state -> Result<Value, any Error>? in
                    switch state.state {
                    case .sent(let value): return .success(value)
                    case .waiting(var waiters):
                        if Task.isCancelled { return .failure(CancellationError()) }
                        waiters[id] = continuation
                        state.state = .waiting(waiters)
                        return nil
                    }
                }
                if let outcome { continuation.resume(with: outcome) }
            }
        } onCancel: {
            let waiter = state.withLock { state -> CheckedContinuation<Value, any Error>? in
                guard case .waiting(var waiters) = state.state else { return nil }
                let waiter = waiters.removeValue(forKey: id)
                state.state = .waiting(waiters)
                return waiter
            }
            waiter?.resume(throwing: CancellationError())
        }
    }
}

extension Signal where Value == Void {
    /// Resumes all waiting tasks.
    public func send() { send(()) }
}

/// A counter that several tasks can change.
public final class Counter: Sendable {
    private let count = Mutex(0)

    /// Creates a counter with the value 0.
    public init() {}

    /// The current value.
    public var value: Int { count.withLock { $0 } }

    /// Adds a number to the value, and returns the new value.
    @discardableResult
    public func add(_ number: Int = 1) -> Int {
        count.withLock { count in
            count += number
            return count
        }
    }
}
