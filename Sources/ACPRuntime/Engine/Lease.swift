// SPDX-License-Identifier: Apache-2.0

import Synchronization

/// The time during which no other process can have claimed the runs of this one, since its heartbeat has not expired.
///
/// Commits do not depend on this, because the storage itself checks them. It guards what the storage cannot check: the
/// data that a run stores in its session.
final class Lease: Sendable {
    /// How long a heartbeat is valid. `nil` if no other process can claim runs.
    let duration: Duration?
    private let now: @Sendable () -> ContinuousClock.Instant
    private let renewedAt = Mutex<ContinuousClock.Instant?>(nil)

    init(_ duration: Duration?, now: @escaping @Sendable () -> ContinuousClock.Instant = { .now }) {
        self.duration = duration
        self.now = now
    }

    var isHeld: Bool {
        guard let duration else { return true }
        let now = now()
        return renewedAt.withLock { $0.map { now - $0 < duration } ?? false }
    }

    /// The time until the last heartbeat expires, which is negative afterwards. `nil` if no other process can claim runs,
    /// or no heartbeat was sent.
    var remaining: Duration? {
        guard let duration else { return nil }
        let now = now()
        return renewedAt.withLock { $0.map { duration - (now - $0) } }
    }

    /// Whether a heartbeat was ever sent.
    var wasRenewed: Bool { renewedAt.withLock { $0 != nil } }

    /// Sends a heartbeat. The lease is counted from the moment before it was sent.
    ///
    /// - Returns: Whether the previous heartbeat had expired by then, so that other processes may have claimed runs.
    func renew(_ heartbeat: () async throws -> Void) async rethrows -> Bool {
        let start = now()
        try await heartbeat()
        return renewedAt.withLock { renewedAt in
            defer { renewedAt = start }
            guard let duration, let renewedAt else { return false }
            return start - renewedAt >= duration
        }
    }
}
