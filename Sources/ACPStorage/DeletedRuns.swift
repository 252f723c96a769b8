// SPDX-License-Identifier: Apache-2.0

public import ACPCore
import DequeModule

/// The runs that were deleted for good, each for ``RunCommit/deletionPeriod``, and at most the last 100,000 of them. For
/// storages that hold their data in the memory of one process: see ``Storage/deleteRun(_:forGood:)``.
public struct DeletedRuns: Sendable {
    private static let limit = 100_000

    private var ends: [RunID: ContinuousClock.Instant] = [:]
    /// In the order of their ends. A run that was deleted twice is there twice.
    private var queue: Deque<RunID> = []

    /// Creates an empty set.
    public init() {}

    /// Inserts a run that was deleted for good, and removes those whose time is over.
    public mutating func insert(_ run: RunID, now: ContinuousClock.Instant) {
        while let oldest = queue.first, queue.count >= Self.limit || !contains(oldest, now: now) {
            queue.removeFirst()
            ends[oldest] = nil
        }
        ends[run] = now + RunCommit.deletionPeriod
        queue.append(run)
    }

    /// Returns whether a run was deleted for good in the last ``RunCommit/deletionPeriod``.
    public func contains(_ run: RunID, now: ContinuousClock.Instant) -> Bool {
        guard !ends.isEmpty, let end = ends[run] else { return false }
        return now < end
    }

    /// Removes all runs.
    public mutating func removeAll() { self = DeletedRuns() }

    /// The number of runs, for tests that nothing is left behind.
    var count: Int { ends.count }
}
