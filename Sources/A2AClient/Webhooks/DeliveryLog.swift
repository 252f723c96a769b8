// SPDX-License-Identifier: Apache-2.0

import Synchronization

/// The ids of the deliveries that were received last.
final class DeliveryLog: Sendable {
    private struct State {
        var known: Set<String> = []
        /// The ids in the order of their arrival, as a ring. Removed ids are empty.
        var ring: [String] = []
        var next = 0
    }

    private let capacity: Int
    private let state = Mutex(State())

    /// - Parameter capacity: The number of ids to remember.
    init(capacity: Int) { self.capacity = max(capacity, 1) }

    /// Adds an id.
    ///
    /// - Returns: `false` if the id is known already.
    func add(_ id: String) -> Bool {
        state.withLock { state in
            guard state.known.insert(id).inserted else { return false }
            if state.ring.count < capacity {
                state.ring.append(id)
            } else {
                state.known.remove(state.ring[state.next])
                state.ring[state.next] = id
                state.next = (state.next + 1) % capacity
            }
            return true
        }
    }

    /// Removes an id.
    func remove(_ id: String) {
        state.withLock { state in
            guard state.known.remove(id) != nil, let index = state.ring.firstIndex(of: id) else { return }
            state.ring[index] = ""
        }
    }
}
