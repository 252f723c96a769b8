// SPDX-License-Identifier: Apache-2.0

import ACPCore
import Synchronization

/// The runs that this process writes: where they stand, and when it was seen to that their indexes outlive them.
///
/// An index lives for more than one and a half TTLs after it was extended, and a run for one after its last commit. So it is
/// enough to extend the indexes once in half a TTL, and most commits need not know anything of them.
final class TrackedRuns: Sendable {
    private struct Entry {
        let place: RunPlace
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

    /// What is known of a run, and whether its indexes need extending.
    func find(_ run: RunID) -> (place: RunPlace, needsExtension: Bool)? {
        let now = now()
        return state.withLock { state in
            guard let entry = state.entries[run] else { return nil }
            return (entry.place, now - entry.extendedAt >= timeToLive / 2)
        }
    }

    /// Notes that a run was written.
    func wrote(_ run: RunID, place: RunPlace, extended: Bool) {
        let now = now()
        state.withLock { state in
            let extendedAt = extended ? now : state.entries[run]?.extendedAt ?? now
            state.entries[run] = Entry(place: place, extendedAt: extendedAt, usedAt: now)
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
