// SPDX-License-Identifier: Apache-2.0

import ACPCore
import Synchronization

/// The runs that this process writes, with their index entries and the time when their indexes were extended.
///
/// An index lives for more than one and a half TTLs after it was extended, and a run for one after its last commit. So
/// it is sufficient to extend the indexes once in half a TTL, and most commits do not change them.
final class TrackedRuns: Sendable {
    /// The known state of a run.
    struct Known {
        let indexEntry: RunIndexEntry
        /// The status in which it is listed. `nil` if that is not known.
        var status: RunStatus?
        /// The entry by which it is listed by status. `nil` if that is not known.
        var statusEntry: RunStatusEntry?
        /// Whether contents may be stored with it.
        var hasContents = true
        /// Whether its indexes need extending.
        var needsExtension = true
    }

    private struct Record {
        let indexEntry: RunIndexEntry
        let status: RunStatus?
        let statusEntry: RunStatusEntry?
        let hasContents: Bool
        var extendedAt: ContinuousClock.Instant
        var usedAt: ContinuousClock.Instant
    }

    private struct State {
        var records: [RunID: Record] = [:]
        /// The number of records at which those are removed that were not written for a TTL: the runs have expired.
        var sweepAt = 1_024
    }

    private let timeToLive: Duration
    private let now: @Sendable () -> ContinuousClock.Instant
    private let state = Mutex(State())

    init(timeToLive: Duration, now: @escaping @Sendable () -> ContinuousClock.Instant) {
        self.timeToLive = timeToLive
        self.now = now
    }

    var count: Int { state.withLock { $0.records.count } }

    func find(_ run: RunID) -> Known? {
        let now = now()
        return state.withLock { state in
            guard let record = state.records[run] else { return nil }
            return Known(
                indexEntry: record.indexEntry, status: record.status, statusEntry: record.statusEntry,
                hasContents: record.hasContents, needsExtension: now - record.extendedAt >= timeToLive / 2)
        }
    }

    /// Records that a run was written.
    ///
    /// - Parameter known: Its new state. If its indexes needed extending, they were extended.
    func recordWrite(_ run: RunID, _ known: Known) {
        let now = now()
        state.withLock { state in
            let extendedAt = known.needsExtension ? now : state.records[run]?.extendedAt ?? now
            state.records[run] = Record(
                indexEntry: known.indexEntry, status: known.status, statusEntry: known.statusEntry,
                hasContents: known.hasContents, extendedAt: extendedAt, usedAt: now)
            guard state.records.count >= state.sweepAt else { return }
            state.records = state.records.filter { now - $0.value.usedAt < timeToLive }
            state.sweepAt = max(1_024, state.records.count * 2)
        }
    }

    /// Forgets a run that has ended or was deleted, or of which it is uncertain what was written.
    func forget(_ run: RunID) {
        state.withLock { $0.records[run] = nil }
    }

    func forgetAll() {
        state.withLock { $0.records = [:] }
    }
}
