// SPDX-License-Identifier: Apache-2.0

import ACPCore
import Synchronization

/// The runs that this process writes: where they stand, and when it was seen to that their indexes outlive them.
///
/// An index lives for more than one and a half TTLs after it was extended, and a run for one after its last commit. So it is
/// enough to extend the indexes once in half a TTL, and most commits need not know anything of them.
final class TrackedRuns: Sendable {
    /// What is known of a run.
    struct Known {
        let place: RunPlace
        /// The status in which it is listed. Nil if that is not known.
        var status: RunStatus?
        /// Whether contents may be stored with it.
        var hasContents = true
        /// Whether its indexes need extending.
        var needsExtension = true
    }

    private struct Entry {
        let place: RunPlace
        let status: RunStatus?
        let hasContents: Bool
        var extendedAt: ContinuousClock.Instant
        var usedAt: ContinuousClock.Instant
    }

    private struct State {
        var entries: [RunID: Entry] = [:]
        /// When there are so many, those are swept out that nobody has written for a TTL: they have expired.
        var sweepAt = 1_024
    }

    private let timeToLive: Duration
    private let now: @Sendable () -> ContinuousClock.Instant
    private let state = Mutex(State())

    init(timeToLive: Duration, now: @escaping @Sendable () -> ContinuousClock.Instant) {
        self.timeToLive = timeToLive
        self.now = now
    }

    var count: Int { state.withLock { $0.entries.count } }

    func find(_ run: RunID) -> Known? {
        let now = now()
        return state.withLock { state in
            guard let entry = state.entries[run] else { return nil }
            return Known(
                place: entry.place, status: entry.status, hasContents: entry.hasContents,
                needsExtension: now - entry.extendedAt >= timeToLive / 2)
        }
    }

    /// Notes that a run was written.
    ///
    /// - Parameter known: How it stands now. Its indexes were extended with it if they needed that.
    func wrote(_ run: RunID, _ known: Known) {
        let now = now()
        state.withLock { state in
            let extendedAt = known.needsExtension ? now : state.entries[run]?.extendedAt ?? now
            state.entries[run] = Entry(
                place: known.place, status: known.status, hasContents: known.hasContents, extendedAt: extendedAt,
                usedAt: now)
            guard state.entries.count >= state.sweepAt else { return }
            state.entries = state.entries.filter { now - $0.value.usedAt < timeToLive }
            state.sweepAt = max(1_024, state.entries.count * 2)
        }
    }

    /// Forgets a run: it ended, it went away, or it is not certain what was written of it.
    func forget(_ run: RunID) {
        state.withLock { $0.entries[run] = nil }
    }

    func forgetAll() {
        state.withLock { $0.entries = [:] }
    }
}
