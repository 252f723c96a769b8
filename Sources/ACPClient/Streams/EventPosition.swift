// SPDX-License-Identifier: Apache-2.0

/// The position of a reader in a run's list of events, which ensures that no event is missed or delivered twice over
/// any number of connections.
///
/// Servers of this package number their events. Events of other servers are counted, if the index of a connection's
/// first event is known.
struct EventPosition: Hashable {
    enum Placement: Hashable {
        /// The event is delivered. The index is `nil` if it is unknown.
        case deliver(index: Int?)
        /// The event was delivered before.
        case skip
        /// Events are missing between the last delivered one and this one.
        case gap(expected: Int, found: Int)
    }

    /// The index of the next event to deliver. `nil` if it is unknown.
    private(set) var next: Int?
    /// The index of the connection's next event, if the server does not number it.
    private var counted: Int?

    /// Starts at an index. If `nil`, the position is that of the first numbered event.
    init(next: Int?) {
        self.next = next
        counted = next
    }

    /// The index of the last delivered event. `nil` if there is none or its index is unknown.
    var last: Int? { next.flatMap { $0 > 0 ? $0 - 1 : nil } }

    /// Handles a new connection. A server that does not number its events sends all of them again.
    mutating func reconnected() { counted = 0 }

    /// Returns what to do with the connection's next event.
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
