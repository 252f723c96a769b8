// SPDX-License-Identifier: Apache-2.0

import NIOCore
import Synchronization

/// The work did not end in time.
struct DeadlineExceeded: Error {}

/// Runs work that is cancelled when its time is up.
///
/// The timer is one of the event loop's and not `Task.sleep`: a cancelled sleep stays in memory until it would have
/// ended, and most of these timers are cancelled early.
///
/// - Throws: what the work throws, or ``DeadlineExceeded``.
func withDeadline<Value: Sendable>(
    _ limit: Duration,
    on eventLoop: any EventLoop,
    _ work: @escaping @Sendable () async throws -> Value
) async throws -> Value {
    let expired = Flag()
    // The task is unstructured only because a timer outside of it has to cancel it: this function always awaits it, and
    // hands its own cancellation on.
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
    /// The duration in nanoseconds, at least zero and at most about a century, which is as good as forever.
    init(clamping duration: Duration) {
        let bounded = min(max(duration, .zero), .seconds(3_000_000_000))
        let (seconds, attoseconds) = bounded.components
        self = .nanoseconds(seconds * 1_000_000_000 + attoseconds / 1_000_000_000)
    }
}
