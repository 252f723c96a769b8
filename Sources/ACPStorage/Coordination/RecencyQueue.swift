// SPDX-License-Identifier: Apache-2.0

import DequeModule

/// A queue that returns the least recently used element first.
///
/// Outdated entries of elements that were used again are skipped when they reach the front, and removed when they
/// outnumber the elements.
struct RecencyQueue<ID: Hashable & Sendable> {
    private var latest: [ID: UInt64] = [:]
    private var entries: Deque<(id: ID, use: UInt64)> = []
    private var uses: UInt64 = 0

    var count: Int { latest.count }
    /// The number of entries, including outdated ones, for tests of memory usage.
    var entryCount: Int { entries.count }

    mutating func touch(_ id: ID) {
        uses += 1
        latest[id] = uses
        entries.append((id, uses))
        removeOutdated()
    }

    mutating func remove(_ id: ID) {
        latest[id] = nil
        removeOutdated()
    }

    private mutating func removeOutdated() {
        guard entries.count > 64, entries.count > latest.count * 2 else { return }
        let current = latest
        entries.removeAll { current[$0.id] != $0.use }
    }

    /// Removes and returns the least recently used element, or returns `nil` if there is none.
    mutating func popLeastRecent() -> ID? {
        while let entry = entries.popFirst() {
            guard latest[entry.id] == entry.use else { continue }
            latest[entry.id] = nil
            return entry.id
        }
        return nil
    }
}
