// SPDX-License-Identifier: Apache-2.0

import DequeModule

/// Tells which element was used least recently. Old places of elements that were used again are skipped when their turn
/// comes, and swept out when they outnumber the elements.
struct RecencyQueue<ID: Hashable & Sendable> {
    private var latest: [ID: UInt64] = [:]
    private var places: Deque<(id: ID, use: UInt64)> = []
    private var uses: UInt64 = 0

    var count: Int { latest.count }
    /// How much memory the queue takes: for tests.
    var placeCount: Int { places.count }

    mutating func touch(_ id: ID) {
        uses += 1
        latest[id] = uses
        places.append((id, uses))
        sweep()
    }

    mutating func remove(_ id: ID) {
        latest[id] = nil
        sweep()
    }

    private mutating func sweep() {
        guard places.count > 64, places.count > latest.count * 2 else { return }
        let current = latest
        places.removeAll { current[$0.id] != $0.use }
    }

    /// Takes out the element that was used least recently.
    mutating func popLeastRecent() -> ID? {
        while let place = places.popFirst() {
            guard latest[place.id] == place.use else { continue }
            latest[place.id] = nil
            return place.id
        }
        return nil
    }
}
