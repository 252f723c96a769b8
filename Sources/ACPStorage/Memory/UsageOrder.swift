// SPDX-License-Identifier: Apache-2.0

/// The members of a table in the order of their last use. Tells which one has expired, and which one was used least recently.
///
/// All members have the same time to live, and the clock never goes back: so the one that was used least recently is the one
/// that expires first.
struct UsageOrder<Member: AnyObject> {
    private struct Slot {
        var member: Member?
        var deadline: ContinuousClock.Instant
    }

    private let timeToLive: Duration
    private var slots: [Slot] = []
    private var freePlaces: [Int] = []
    private var links = ChainLinks()
    private var order = Chain()

    init(timeToLive: Duration) { self.timeToLive = timeToLive }

    var count: Int { order.count }

    /// Takes in a member.
    ///
    /// - Returns: Its place: a number that no other member has, and that is free again after ``remove(at:)``. As long as members
    ///   come and go, the numbers stay below the most members that there ever were at once.
    mutating func insert(_ member: Member, now: ContinuousClock.Instant) -> Int {
        let slot = Slot(member: member, deadline: now + timeToLive)
        let place: Int
        if let free = freePlaces.popLast() {
            place = free
            slots[place] = slot
        } else {
            place = slots.count
            slots.append(slot)
        }
        links.append(place, to: &order)
        return place
    }

    /// Notes that the member at a place is used now.
    mutating func touch(_ place: Int, now: ContinuousClock.Instant) {
        slots[place].deadline = now + timeToLive
        guard order.last != place else { return }
        links.remove(place, from: &order)
        links.append(place, to: &order)
    }

    mutating func remove(at place: Int) {
        links.remove(place, from: &order)
        slots[place].member = nil
        freePlaces.append(place)
    }

    mutating func removeAll() {
        slots = []
        freePlaces = []
        links = ChainLinks()
        order = Chain()
    }

    subscript(place: Int) -> Member? { slots[place].member }

    /// The member that was used least recently.
    var leastRecent: Member? { order.first.flatMap { slots[$0].member } }

    /// The two members that were used least recently, that one first.
    var leastRecentPair: [Member] { links.prefix(2, of: order).compactMap { slots[$0].member } }

    /// Until when the member at a place is kept.
    func deadline(at place: Int) -> ContinuousClock.Instant { slots[place].deadline }

    /// A member whose deadline has passed, if there is one.
    func nextExpired(now: ContinuousClock.Instant) -> Member? {
        guard let first = order.first, slots[first].deadline <= now else { return nil }
        return slots[first].member
    }
}
