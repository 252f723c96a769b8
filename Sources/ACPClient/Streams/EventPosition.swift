// SPDX-License-Identifier: Apache-2.0

/// Where a reader stands in a run's list of events: what makes that it misses none and sees none twice, over any number
/// of connections.
///
/// Servers of this package number their events. For others the events are counted, as long as it is known with which
/// one a connection begins.
struct EventPosition: Hashable {
    enum Placement: Hashable {
        /// Hand it on. The index is nil if it cannot be known.
        case deliver(index: Int?)
        /// It was handed on before.
        case skip
        /// Events are missing between the last one that was handed on and this one.
        case gap(expected: Int, found: Int)
    }

    /// The index of the event that is to be handed on next. Nil if it is not known.
    private(set) var next: Int?
    /// The index of the connection's next event, if that has no number of its own.
    private var counted: Int?

    /// Starts with an event, or, if that is nil, with whichever comes first.
    init(next: Int?) {
        self.next = next
        counted = next
    }

    /// The index of the last event that was handed on, if there is one and it is known.
    var last: Int? { next.flatMap { $0 > 0 ? $0 - 1 : nil } }

    /// Another connection begins. A server that does not number its events sends all of them again.
    mutating func reconnected() { counted = 0 }

    mutating func place(id: Int?) -> Placement {
        guard let index = id ?? counted else { return .deliver(index: nil) }
        counted = index + 1
        guard let next else {
            self.next = index + 1
            return .deliver(index: index)
        }
        if index < next { return .skip }
        if index > next {
            counted = nil
            return .gap(expected: next, found: index)
        }
        self.next = next + 1
        return .deliver(index: index)
    }
}
