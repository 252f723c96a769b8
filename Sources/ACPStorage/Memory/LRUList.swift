// SPDX-License-Identifier: Apache-2.0

/// The members of a table in the order of their last use, with the time at which each expires.
///
/// All members have the same time to live, and the clock is monotonic, so the least recently used member is the one
/// that expires first.
struct LRUList<Member: AnyObject> {
    private struct Node {
        var member: Member?
        var deadline: ContinuousClock.Instant
    }

    private let timeToLive: Duration
    private var nodes: [Node] = []
    private var freeSlots: [Int] = []
    private var links = LinkedListLinks()
    private var order = LinkedList()

    init(timeToLive: Duration) { self.timeToLive = timeToLive }

    var count: Int { order.count }

    /// Inserts a member as the most recently used one.
    ///
    /// - Returns: The member's slot: a number that no other member has until ``remove(at:)``. Slots are reused, so they
    ///   are always below the maximum number of members at any time.
    mutating func insert(_ member: Member, now: ContinuousClock.Instant) -> Int {
        let node = Node(member: member, deadline: now + timeToLive)
        let slot: Int
        if let free = freeSlots.popLast() {
            slot = free
            nodes[slot] = node
        } else {
            slot = nodes.count
            nodes.append(node)
        }
        links.append(slot, to: &order)
        return slot
    }

    /// Makes the member in a slot the most recently used one.
    mutating func touch(_ slot: Int, now: ContinuousClock.Instant) {
        nodes[slot].deadline = now + timeToLive
        guard order.last != slot else { return }
        links.remove(slot, from: &order)
        links.append(slot, to: &order)
    }

    mutating func remove(at slot: Int) {
        links.remove(slot, from: &order)
        nodes[slot].member = nil
        freeSlots.append(slot)
    }

    mutating func removeAll() {
        nodes = []
        freeSlots = []
        links = LinkedListLinks()
        order = LinkedList()
    }

    subscript(slot: Int) -> Member? { nodes[slot].member }

    /// The least recently used member.
    var leastRecent: Member? { order.first.flatMap { nodes[$0].member } }

    /// The two least recently used members, the older one first.
    var leastRecentPair: [Member] { links.prefix(2, of: order).compactMap { nodes[$0].member } }

    /// Returns when the member in a slot expires.
    func deadline(at slot: Int) -> ContinuousClock.Instant { nodes[slot].deadline }

    /// Returns a member that has expired, or `nil` if there is none.
    func nextExpired(now: ContinuousClock.Instant) -> Member? {
        guard let first = order.first, nodes[first].deadline <= now else { return nil }
        return nodes[first].member
    }
}
