// SPDX-License-Identifier: Apache-2.0

import Synchronization

/// Until when this process may take it for granted that nobody else has claimed its runs: its heartbeat has not run out.
///
/// What storage can check itself (commits) does not depend on this. It is for what storage cannot check: what a run
/// leaves in its session.
final class Lease: Sendable {
    /// How long a heartbeat is good for. Nil where no other process can claim anything.
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

    /// Whether there was a heartbeat ever.
    var wasRenewed: Bool { renewedAt.withLock { $0 != nil } }

    /// Sends a heartbeat. It counts from the moment before it was sent.
    ///
    /// - Returns: Whether the one before had run out by then: others may have claimed runs.
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
