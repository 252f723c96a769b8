// SPDX-License-Identifier: Apache-2.0

import ACPCore
import DequeModule

/// Which runs of a process are at work, and which wait until they may. A value without locks.
///
/// A run that waits was stored already. It stands in line as soon as nothing but a place is missing.
struct RunPlaces {
    enum Admission: Equatable {
        /// It has a place.
        case begins
        /// It has to wait.
        case waits
        case refused
    }

    let limit: Int
    let waitingLimit: Int
    private(set) var running: Set<RunID> = []
    private(set) var waiting: Set<RunID> = []
    private var line: Deque<RunID> = []

    init(limit: Int, waitingLimit: Int) {
        self.limit = limit
        self.waitingLimit = waitingLimit
    }

    /// Whether a run may come in.
    ///
    /// - Parameter mayBegin: Whether nothing but a place is missing for it to begin.
    mutating func admit(_ run: RunID, mayBegin: Bool) -> Admission {
        let isFree = line.isEmpty && running.count < limit
        if mayBegin, isFree {
            running.insert(run)
            return .begins
        }
        // One that waits for something else, while there are places, is no burden yet, but it may become one.
        guard waiting.count < waitingLimit || !mayBegin && isFree else { return .refused }
        waiting.insert(run)
        return .waits
    }

    /// Lets a run wait, even if there are too many: it was here before.
    mutating func wait(_ run: RunID) { waiting.insert(run) }

    /// A run that waits now only needs a place.
    ///
    /// - Returns: Whether it has one at once.
    mutating func lineUp(_ run: RunID) -> Bool {
        guard waiting.contains(run), !line.contains(run) else { return false }
        guard line.isEmpty, running.count < limit else {
            line.append(run)
            return false
        }
        waiting.remove(run)
        running.insert(run)
        return true
    }

    /// Gives a run a place, even if there is none: it was here before.
    mutating func take(_ run: RunID) { running.insert(run) }

    /// A run needs no place (any more).
    ///
    /// - Returns: The runs that have got one now.
    mutating func leave(_ run: RunID) -> [RunID] {
        running.remove(run)
        if waiting.remove(run) != nil { line.removeAll { $0 == run } }
        var next: [RunID] = []
        while running.count < limit, let first = line.popFirst() {
            waiting.remove(first)
            running.insert(first)
            next.append(first)
        }
        return next
    }
}
