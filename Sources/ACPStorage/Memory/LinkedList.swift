// SPDX-License-Identifier: Apache-2.0

/// A doubly linked list of slots in the order in which they were appended. Its links are in ``LinkedListLinks``.
struct LinkedList {
    /// The first slot. If `nil`, the list is empty.
    fileprivate(set) var first: Int?
    fileprivate(set) var last: Int?
    fileprivate(set) var count = 0

    var isEmpty: Bool { count == 0 }
}

/// The links of any number of lists, each slot being in at most one of them. Appending and removing take constant time.
///
/// Slots are small numbers that the owner assigns, so a link is an index into an array: nothing is hashed, no reference
/// can dangle, and a long list is freed as fast as an array.
struct LinkedListLinks {
    private struct Link {
        var before: Int?
        var after: Int?
    }

    private var links: [Link] = []

    /// Appends a slot that is in no list to a list.
    mutating func append(_ slot: Int, to list: inout LinkedList) {
        while links.count <= slot { links.append(Link()) }
        links[slot] = Link(before: list.last, after: nil)
        if let last = list.last { links[last].after = slot } else { list.first = slot }
        list.last = slot
        list.count += 1
    }

    /// Removes a slot from the list that it is in.
    mutating func remove(_ slot: Int, from list: inout LinkedList) {
        let link = links[slot]
        if let before = link.before { links[before].after = link.after } else { list.first = link.after }
        if let after = link.after { links[after].before = link.before } else { list.last = link.before }
        links[slot] = Link()
        list.count -= 1
    }

    /// Returns the first slots of a list, at most `limit` of them.
    func prefix(_ limit: Int, of list: LinkedList) -> [Int] {
        var slots: [Int] = []
        var next = list.first
        while let slot = next, slots.count < limit {
            slots.append(slot)
            next = links[slot].after
        }
        return slots
    }
}
