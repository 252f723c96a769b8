// SPDX-License-Identifier: Apache-2.0

import ACPCore
import DequeModule

/// Limits the number of active and queued runs of a process. A value without a lock.
///
/// A queued run is active as soon as it is ready and there is capacity. It is ready when it is stored and it is its
/// turn in its session.
struct RunLimiter {
    enum Admission: Equatable {
        case active
        case queued
        case refused
    }

    let activeLimit: Int
    let queuedLimit: Int
    private(set) var active: Set<RunID> = []
    private(set) var queued: Set<RunID> = []
    /// The queued runs that are ready, in the order in which they get capacity.
    private var ready: Deque<RunID> = []

    init(activeLimit: Int, queuedLimit: Int) {
        self.activeLimit = activeLimit
        self.queuedLimit = queuedLimit
    }

    /// Admits a new run, or refuses it.
    ///
    /// - Parameter isReady: Whether the run can start as soon as there is capacity.
    mutating func admit(_ run: RunID, isReady: Bool) -> Admission {
        let isFree = ready.isEmpty && active.count < activeLimit
        if isReady, isFree {
            active.insert(run)
            return .active
        }
        // A run that waits for its turn is admitted above the limit while there is capacity.
        guard queued.count < queuedLimit || !isReady && isFree else { return .refused }
        queued.insert(run)
        return .queued
    }

    /// Queues a run that was admitted earlier, even above the limit.
    mutating func enqueue(_ run: RunID) { queued.insert(run) }

    /// A queued run can start as soon as there is capacity.
    ///
    /// - Returns: Whether it is active now.
    mutating func markReady(_ run: RunID) -> Bool {
        guard queued.contains(run), !ready.contains(run) else { return false }
        guard ready.isEmpty, active.count < activeLimit else {
            ready.append(run)
            return false
        }
        queued.remove(run)
        active.insert(run)
        return true
    }

    /// Counts a run as active that was admitted earlier, even above the limit.
    mutating func activate(_ run: RunID) { active.insert(run) }

    /// Removes a run, which has ended or awaits an answer.
    ///
    /// - Returns: The runs that are active now in its place.
    mutating func remove(_ run: RunID) -> [RunID] {
        active.remove(run)
        // The hash of an id is not worth computing for an empty set.
        if !queued.isEmpty, queued.remove(run) != nil { ready.removeAll { $0 == run } }
        var next: [RunID] = []
        while active.count < activeLimit, let first = ready.popFirst() {
            queued.remove(first)
            active.insert(first)
            next.append(first)
        }
        return next
    }
}
