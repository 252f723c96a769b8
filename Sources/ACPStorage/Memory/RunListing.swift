// SPDX-License-Identifier: Apache-2.0

import ACPCore
import DequeModule

/// Runs in the order of a time: that of their creation, or that of their last change of status. Runs are inserted at one
/// end and mostly removed at the other, which is cheap in a deque.
///
/// A run must be removed with the time with which it was inserted.
struct RunListing {
    private struct Entry {
        /// A copy, so that searching for an entry does not access the runs.
        let time: Timestamp
        let run: RunEntry

        func isBefore(_ other: Entry) -> Bool { isBefore(other.time, other.run.id) }

        func isBefore(_ time: Timestamp, _ id: RunID) -> Bool {
            self.time == time ? run.id < id : self.time < time
        }
    }

    private var entries: Deque<Entry> = []

    var count: Int { entries.count }
    var isEmpty: Bool { entries.isEmpty }

    mutating func insert(_ run: RunEntry, at time: Timestamp) {
        let entry = Entry(time: time, run: run)
        if let last = entries.last, entry.isBefore(last) {
            entries.insert(entry, at: position { $0.isBefore(entry) })
        } else {
            entries.append(entry)
        }
    }

    mutating func remove(_ run: RunEntry, at time: Timestamp) {
        if entries.first?.run === run {
            entries.removeFirst()
        } else {
            let entry = Entry(time: time, run: run)
            let position = position { $0.isBefore(entry) }
            if position < entries.count, entries[position].run === run { entries.remove(at: position) }
        }
    }

    func newest(offset: Int, limit: Int) -> [RunEntry] {
        let end = entries.count - min(max(0, offset), entries.count)
        let start = end - min(max(0, limit), end)
        return entries[start..<end].reversed().map(\.run)
    }

    /// Returns the number of runs whose time is at a given one or later.
    func count(since time: Timestamp?) -> Int {
        guard let time else { return entries.count }
        return entries.count - position { $0.time < time }
    }

    /// Returns the newest runs after a position, at most `limit` of them, whose time is at a given one or later.
    func newest(after position: RunStatusQuery.Position?, since time: Timestamp?, limit: Int) -> [RunEntry] {
        let end = position.map { after in self.position { $0.isBefore(after.changedAt, after.run) } } ?? entries.count
        let first = time.map { time in self.position { $0.time < time } } ?? 0
        guard first < end else { return [] }
        let start = max(first, end - min(max(0, limit), end))
        return entries[start..<end].reversed().map(\.run)
    }

    /// Returns the number of entries at the beginning that satisfy a condition.
    private func position(_ isBefore: (Entry) -> Bool) -> Int {
        var low = 0
        var high = entries.count
        while low < high {
            let middle = (low + high) / 2
            if isBefore(entries[middle]) { low = middle + 1 } else { high = middle }
        }
        return low
    }
}
