// SPDX-License-Identifier: Apache-2.0

import HeapModule

/// Finds what has expired without looking at the rest.
///
/// Touching an element only notes its new deadline. Its place in the heap stays at the old, earlier one until that has
/// passed, so that a run with many commits costs one place and no re-sorting.
struct ExpiryQueue<ID: Hashable & Sendable> {
    private struct Place: Comparable {
        let deadline: ContinuousClock.Instant
        let id: ID

        static func < (left: Place, right: Place) -> Bool { left.deadline < right.deadline }
        static func == (left: Place, right: Place) -> Bool { left.deadline == right.deadline }
    }

    private let timeToLive: Duration
    private var deadlines: [ID: ContinuousClock.Instant] = [:]
    private var places = Heap<Place>()

    init(timeToLive: Duration) { self.timeToLive = timeToLive }

    var count: Int { deadlines.count }
    /// How much memory the queue takes: for tests.
    var placeCount: Int { places.count }

    mutating func touch(_ id: ID, now: ContinuousClock.Instant) {
        let deadline = now + timeToLive
        if deadlines.updateValue(deadline, forKey: id) == nil {
            places.insert(Place(deadline: deadline, id: id))
        }
    }

    /// Forgets an element. Its place stays behind until its turn comes or the places outnumber the elements by far.
    mutating func remove(_ id: ID) {
        deadlines[id] = nil
        if places.count > 64, places.count > deadlines.count * 2 {
            places = Heap(deadlines.map { Place(deadline: $0.value, id: $0.key) })
        }
    }

    /// Takes out one element whose deadline has passed.
    mutating func nextExpired(now: ContinuousClock.Instant) -> ID? {
        while let place = places.min, place.deadline <= now {
            places.removeMin()
            guard let deadline = deadlines[place.id] else { continue }
            if deadline <= now {
                deadlines[place.id] = nil
                return place.id
            }
            places.insert(Place(deadline: deadline, id: place.id))
        }
        return nil
    }
}
