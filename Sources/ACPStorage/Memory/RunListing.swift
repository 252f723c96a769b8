// SPDX-License-Identifier: Apache-2.0

import ACPCore
import DequeModule

/// Runs in order of creation. Runs come in at one end and mostly leave at the other, which a deque does cheaply.
///
/// A run has to be taken out before its time of creation changes.
struct RunListing {
    private struct Place {
        /// A copy, so that looking for a place reads no runs.
        let createdAt: Timestamp
        let run: RunEntry

        init(_ run: RunEntry) {
            createdAt = run.summary.createdAt
            self.run = run
        }

        func isBefore(_ other: Place) -> Bool {
            createdAt == other.createdAt ? run.id < other.run.id : createdAt < other.createdAt
        }
    }

    private var places: Deque<Place> = []

    var count: Int { places.count }
    var isEmpty: Bool { places.isEmpty }

    mutating func insert(_ run: RunEntry) {
        let place = Place(run)
        if let last = places.last, place.isBefore(last) {
            places.insert(place, at: position(of: place))
        } else {
            places.append(place)
        }
    }

    mutating func remove(_ run: RunEntry) {
        if places.first?.run === run {
            places.removeFirst()
        } else {
            let position = position(of: Place(run))
            if position < places.count, places[position].run === run { places.remove(at: position) }
        }
    }

    func newest(offset: Int, limit: Int) -> [RunEntry] {
        let end = places.count - min(max(0, offset), places.count)
        let start = end - min(max(0, limit), end)
        return places[start..<end].reversed().map(\.run)
    }

    /// Where a run stands, or where it would have to stand.
    private func position(of place: Place) -> Int {
        var low = 0
        var high = places.count
        while low < high {
            let middle = (low + high) / 2
            if places[middle].isBefore(place) { low = middle + 1 } else { high = middle }
        }
        return low
    }
}
