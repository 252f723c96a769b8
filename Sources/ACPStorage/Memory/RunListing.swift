// SPDX-License-Identifier: Apache-2.0

import ACPCore
import DequeModule

/// Run ids in order of creation. Runs come in at one end and mostly leave at the other, which a deque does cheaply.
struct RunListing {
    private struct Key: Comparable {
        let createdAt: Timestamp
        let id: RunID

        static func < (left: Key, right: Key) -> Bool {
            left.createdAt == right.createdAt ? left.id < right.id : left.createdAt < right.createdAt
        }
    }

    private var keys: Deque<Key> = []

    var count: Int { keys.count }
    var isEmpty: Bool { keys.isEmpty }

    mutating func insert(_ run: Run) {
        let key = Key(createdAt: run.createdAt, id: run.id)
        if let last = keys.last, key < last {
            keys.insert(key, at: position(of: key))
        } else {
            keys.append(key)
        }
    }

    mutating func remove(_ run: Run) {
        let key = Key(createdAt: run.createdAt, id: run.id)
        let position = position(of: key)
        if position < keys.count, keys[position] == key { keys.remove(at: position) }
    }

    func newest(offset: Int, limit: Int) -> [RunID] {
        let end = keys.count - min(max(0, offset), keys.count)
        let start = end - min(max(0, limit), end)
        return keys[start..<end].reversed().map(\.id)
    }

    /// Where a key stands, or where it would have to stand.
    private func position(of key: Key) -> Int {
        var low = 0
        var high = keys.count
        while low < high {
            let middle = (low + high) / 2
            if keys[middle] < key { low = middle + 1 } else { high = middle }
        }
        return low
    }
}
