// SPDX-License-Identifier: Apache-2.0

import ACPCore
import ACPStorage
import HeapModule

/// A run of this process that awaits an answer without a handler.
struct DormantRun {
    let owner: RunOwner
    /// The number of events when the run began to await the answer.
    let eventCount: Int
    /// When the run is checked even if nothing arrives for it: it fails for want of an answer, or may have expired in
    /// storage. If `nil`, never.
    let checkTime: Timestamp?
}

/// The runs of this process that await an answer without a handler. A value without I/O, lock, task or clock.
///
/// All of them share one queue of deadlines, so that a process can hold many: looking for those that are due does not
/// visit the others.
struct DormantRuns {
    private struct Check: Comparable {
        let time: Timestamp
        let run: RunID

        static func < (left: Check, right: Check) -> Bool { left.time < right.time }
        static func == (left: Check, right: Check) -> Bool { left.time == right.time }
    }

    private var runs: [RunID: DormantRun] = [:]
    /// Contains the checks of all runs that have one, and some of runs that are not dormant any more.
    private var checks = Heap<Check>()
    /// Runs that can continue, or that could not be continued at the last attempt.
    private var due: Set<RunID> = []

    /// The number of checks of runs that are not dormant any more which is not worth removing them.
    private static let uselessChecks = 1_024

    var count: Int { runs.count }
    var isEmpty: Bool { runs.isEmpty }
    var ids: [RunID] { Array(runs.keys) }
    var all: [RunID: DormantRun] { runs }
    /// The number of checks in the queue, for tests.
    var checkCount: Int { checks.count }

    subscript(id: RunID) -> DormantRun? { runs[id] }

    func contains(_ id: RunID) -> Bool { !runs.isEmpty && runs[id] != nil }

    /// - Parameter isDue: Whether the run is continued with the next search for runs that are due.
    mutating func insert(_ id: RunID, _ run: DormantRun, isDue: Bool = false) {
        runs[id] = run
        if isDue { due.insert(id) }
        guard let time = run.checkTime else { return }
        if checks.count > runs.count * 2 + Self.uselessChecks {
            checks = Heap(runs.compactMap { id, run in run.checkTime.map { Check(time: $0, run: id) } })
        } else {
            checks.insert(Check(time: time, run: id))
        }
    }

    mutating func remove(_ id: RunID) -> DormantRun? {
        if !due.isEmpty { due.remove(id) }
        return runs.isEmpty ? nil : runs.removeValue(forKey: id)
    }

    /// Removes all runs, and returns them.
    mutating func removeAll() -> [RunID: DormantRun] {
        defer { self = DormantRuns() }
        return runs
    }

    /// The time of the next check. There may be nothing to check then.
    var nextCheck: Timestamp? { checks.min?.time }

    /// Returns the runs that are due. They remain dormant.
    ///
    /// - Parameter includesFailed: Whether to return also those that can continue, or that could not be continued at
    ///   the last attempt.
    mutating func takeDue(at now: Timestamp, includesFailed: Bool) -> [RunID] {
        var found: [RunID] = []
        if includesFailed {
            found = Array(due)
            due = []
        }
        while let check = checks.min, check.time <= now {
            checks.removeMin()
            if runs[check.run]?.checkTime == check.time { found.append(check.run) }
        }
        return found
    }
}
