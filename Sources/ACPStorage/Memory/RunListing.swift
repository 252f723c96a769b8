// SPDX-License-Identifier: Apache-2.0

import ACPCore
import DequeModule

/// Runs in the order of creation. Runs are inserted at one end and mostly removed at the other, which is cheap in a
/// deque.
///
/// A run must be removed before its time of creation changes.
struct RunListing {
    private struct Entry {
        /// A copy, so that searching for an entry does not access the runs.
        let createdAt: Timestamp
        let run: RunEntry

        init(_ run: RunEntry) {
            createdAt = run.summary.createdAt
            self.run = run
        }

        func isBefore(_ other: Entry) -> Bool {
            createdAt == other.createdAt ? run.id < other.run.id : createdAt < other.createdAt
        }
    }

    private var entries: Deque<Entry> = []

    var count: Int { entries.count }
    var isEmpty: Bool { entries.isEmpty }

    mutating func insert(_ run: RunEntry) {
        let entry = Entry(run)
        if let last = entries.last, entry.isBefore(last) {
            entries.insert(entry, at: position(of: entry))
        } else {
            entries.append(entry)
        }
    }

    mutating func remove(_ run: RunEntry) {
        if entries.first?.run === run {
            entries.removeFirst()
        } else {
            let position = position(of: Entry(run))
            if position < entries.count, entries[position].run === run { entries.remove(at: position) }
        }
    }

    func newest(offset: Int, limit: Int) -> [RunEntry] {
        let end = entries.count - min(max(0, offset), entries.count)
        let start = end - min(max(0, limit), end)
        return entries[start..<end].reversed().map(\.run)
    }

    /// Returns the position of an entry, or the one at which it belongs.
    private func position(of entry: Entry) -> Int {
        var low = 0
        var high = entries.count
        while low < high {
            let middle = (low + high) / 2
            if entries[middle].isBefore(entry) { low = middle + 1 } else { high = middle }
        }
        return low
    }
}
