// SPDX-License-Identifier: Apache-2.0

import ACPCore
import Testing

@testable import ACPStorage

@Suite("Data structures of memory storage")
struct OrderTests {
    private final class Member {
        let id: Int
        var slot = 0
        init(_ id: Int) { self.id = id }
    }

    @Test(
        "Members expire in the order of their last use, after their time to live",
        arguments: 1...10 as ClosedRange<UInt64>
    )
    func expiry(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        var now = ContinuousClock.now
        var order = LRUList<Member>(timeToLive: .seconds(10))
        var model: [(member: Member, deadline: ContinuousClock.Instant)] = []
        var most = 0
        for number in 0..<3_000 {
            switch Int.random(in: 0..<10, using: &random) {
            case 0..<3:
                let member = Member(number)
                member.slot = order.insert(member, now: now)
                model.append((member, now + .seconds(10)))
            case 3..<6:
                guard let index = model.indices.randomElement(using: &random) else { continue }
                let member = model.remove(at: index).member
                order.touch(member.slot, now: now)
                model.append((member, now + .seconds(10)))
            case 6..<8:
                guard let index = model.indices.randomElement(using: &random) else { continue }
                order.remove(at: model.remove(at: index).member.slot)
            default:
                now += .seconds(Int.random(in: 0...4, using: &random))
                while let member = order.nextExpired(now: now) {
                    #expect(model.first.map { $0.member === member && $0.deadline <= now } == true)
                    model.removeFirst()
                    order.remove(at: member.slot)
                }
                #expect(model.allSatisfy { $0.deadline > now })
            }
            most = max(most, model.count)
            #expect(order.count == model.count)
            #expect(order.leastRecent === model.first?.member)
            #expect(model.allSatisfy { $0.member.slot < most && order[$0.member.slot] === $0.member })
        }
    }

    @Test("A member that is used continuously never expires, and does not delay the expiry of others")
    func touching() {
        var now = ContinuousClock.now
        var order = LRUList<Member>(timeToLive: .seconds(10))
        let (busy, idle) = (Member(1), Member(2))
        busy.slot = order.insert(busy, now: now)
        idle.slot = order.insert(idle, now: now)
        for _ in 0..<99 {
            now += .milliseconds(100)
            order.touch(busy.slot, now: now)
            #expect(order.nextExpired(now: now) == nil)
        }
        now += .milliseconds(100)
        #expect(order.nextExpired(now: now) === idle)
    }

    @Test("Removed members are freed")
    func letsGo() {
        var order = LRUList<Member>(timeToLive: .seconds(10))
        weak var left: Member?
        weak var swept: Member?
        do {
            let members = [Member(1), Member(2)]
            for member in members { member.slot = order.insert(member, now: .now) }
            order.remove(at: members[0].slot)
            (left, swept) = (members[0], members[1])
        }
        #expect(left == nil)
        #expect(swept != nil)
        order.removeAll()
        #expect(swept == nil)
        #expect(order.count == 0)
    }

    @Test("Linked lists that share their links are independent", arguments: 1...10 as ClosedRange<UInt64>)
    func lists(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        var links = LinkedListLinks()
        var lists = [LinkedList(), LinkedList(), LinkedList()]
        var model: [[Int]] = [[], [], []]
        for _ in 0..<3_000 {
            let slot = Int.random(in: 0..<40, using: &random)
            if let index = model.firstIndex(where: { $0.contains(slot) }) {
                links.remove(slot, from: &lists[index])
                model[index].removeAll { $0 == slot }
            } else {
                let index = Int.random(in: 0..<3, using: &random)
                links.append(slot, to: &lists[index])
                model[index].append(slot)
            }
            for (list, slots) in zip(lists, model) {
                let limit = Int.random(in: -1...45, using: &random)
                #expect(links.prefix(limit, of: list) == Array(slots.prefix(max(0, limit))))
                #expect(list.count == slots.count)
                #expect(list.first == slots.first)
                #expect(list.last == slots.last)
            }
        }
    }

    @Test("A listing is always sorted by time and id", arguments: 1...10 as ClosedRange<UInt64>)
    func listing(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        var listing = RunListing()
        var model: [RunEntry] = []
        for number in 0..<1_500 {
            if Int.random(in: 0..<3, using: &random) > 0 || model.isEmpty {
                let run = RunEntry(
                    Run(
                        id: try RunID(validating: "run-\(number)"), agentName: "agent",
                        createdAt: Timestamp(microseconds: Int64.random(in: 0..<200, using: &random))))
                listing.insert(run, at: run.summary.createdAt)
                model.append(run)
                model.sort { ($0.summary.createdAt, $0.id) > ($1.summary.createdAt, $1.id) }
            } else {
                let run = model.remove(at: Int.random(in: model.indices, using: &random))
                listing.remove(run, at: run.summary.createdAt)
            }
            #expect(listing.count == model.count)
            let offset = Int.random(in: -2...model.count + 2, using: &random)
            let limit = Int.random(in: -2...12, using: &random)
            let expected = model.dropFirst(max(0, offset)).prefix(max(0, limit)).map(\.id)
            #expect(listing.newest(offset: offset, limit: limit).map(\.id) == expected)
            let since = Timestamp(microseconds: Int64.random(in: -5..<205, using: &random))
            let after = RunStatusQuery.Position(
                changedAt: Timestamp(microseconds: Int64.random(in: -5..<205, using: &random)),
                run: try RunID(validating: "run-\(Int.random(in: 0..<1_500, using: &random))"))
            let later = model.filter { $0.summary.createdAt >= since }
            #expect(listing.count(since: since) == later.count)
            let rest = later.filter { ($0.summary.createdAt, $0.id) < (after.changedAt, after.run) }
            #expect(
                listing.newest(after: after, since: since, limit: limit).map(\.id)
                    == rest.prefix(max(0, limit)).map(\.id))
        }
        let unknown = RunEntry(Run(agentName: "never-there"))
        listing.remove(unknown, at: unknown.summary.createdAt)
        #expect(listing.count == model.count)
    }
}
