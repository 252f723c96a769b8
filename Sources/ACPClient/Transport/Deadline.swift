// SPDX-License-Identifier: Apache-2.0

import NIOCore
import Synchronization

/// The error of work that did not end in time.
package struct DeadlineExceeded: Error {}

/// Runs work that is cancelled at a deadline.
///
/// The timer belongs to the event loop instead of `Task.sleep`: a cancelled sleep remains in memory until it would have
/// ended, and most of these timers are cancelled early.
///
/// - Throws: ``DeadlineExceeded``; errors of the work.
package func withDeadline<Value: Sendable>(
    _ limit: Duration,
    on eventLoop: any EventLoop,
    _ work: @escaping @Sendable () async throws -> Value
) async throws -> Value {
    let expired = Flag()
    // The task is unstructured only because a timer must be able to cancel it: this function always awaits it, and
    // forwards its own cancellation.
    let task = Task { try await work() }
    let timer = eventLoop.scheduleTask(in: TimeAmount(clamping: limit)) {
        expired.set()
        task.cancel()
    }
    defer { timer.cancel() }
    do {
        return try await withTaskCancellationHandler {
            try await task.value
        } onCancel: {
            task.cancel()
        }
    } catch {
        if expired.isSet, !Task.isCancelled { throw DeadlineExceeded() }
        throw error
    }
}

private final class Flag: Sendable {
    private let value = Atomic(false)
    var isSet: Bool { value.load(ordering: .acquiring) }
    func set() { value.store(true, ordering: .releasing) }
}

extension TimeAmount {
    /// Creates the time of a duration, limited to the range from zero to about a century.
    init(clamping duration: Duration) {
        let bounded = min(max(duration, .zero), .seconds(3_000_000_000))
        let (seconds, attoseconds) = bounded.components
        self = .nanoseconds(seconds * 1_000_000_000 + attoseconds / 1_000_000_000)
    }
}
