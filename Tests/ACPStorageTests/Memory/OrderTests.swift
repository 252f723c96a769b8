// SPDX-License-Identifier: Apache-2.0

import ACPCore
import Testing

@testable import ACPStorage

@Suite("The orders and listings behind memory storage")
struct OrderTests {
    private final class Member {
        let id: Int
        var place = 0
        init(_ id: Int) { self.id = id }
    }

    @Test(
        "Members expire in the order of their last use, when their time is up", arguments: 1...10 as ClosedRange<UInt64>
    )
    func expiry(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        var now = ContinuousClock.now
        var order = UsageOrder<Member>(timeToLive: .seconds(10))
        var model: [(member: Member, deadline: ContinuousClock.Instant)] = []
        var most = 0
        for number in 0..<3_000 {
            switch Int.random(in: 0..<10, using: &random) {
            case 0..<3:
                let member = Member(number)
                member.place = order.insert(member, now: now)
                model.append((member, now + .seconds(10)))
            case 3..<6:
                guard let index = model.indices.randomElement(using: &random) else { continue }
                let member = model.remove(at: index).member
                order.touch(member.place, now: now)
                model.append((member, now + .seconds(10)))
            case 6..<8:
                guard let index = model.indices.randomElement(using: &random) else { continue }
                order.remove(at: model.remove(at: index).member.place)
            default:
                now += .seconds(Int.random(in: 0...4, using: &random))
                while let member = order.nextExpired(now: now) {
                    #expect(model.first.map { $0.member === member && $0.deadline <= now } == true)
                    model.removeFirst()
                    order.remove(at: member.place)
                }
                #expect(model.allSatisfy { $0.deadline > now })
            }
            most = max(most, model.count)
            #expect(order.count == model.count)
            #expect(order.leastRecent === model.first?.member)
            #expect(model.allSatisfy { $0.member.place < most && order[$0.member.place] === $0.member })
        }
    }

    @Test("A member that is used all the time never expires, and holds up nobody else")
    func touching() {
        var now = ContinuousClock.now
        var order = UsageOrder<Member>(timeToLive: .seconds(10))
        let (busy, idle) = (Member(1), Member(2))
        busy.place = order.insert(busy, now: now)
        idle.place = order.insert(idle, now: now)
        for _ in 0..<99 {
            now += .milliseconds(100)
            order.touch(busy.place, now: now)
            #expect(order.nextExpired(now: now) == nil)
        }
        now += .milliseconds(100)
        #expect(order.nextExpired(now: now) === idle)
    }

    @Test("An order of use holds on to nobody who has left")
    func letsGo() {
        var order = UsageOrder<Member>(timeToLive: .seconds(10))
        weak var left: Member?
        weak var swept: Member?
        do {
            let members = [Member(1), Member(2)]
            for member in members { member.place = order.insert(member, now: .now) }
            order.remove(at: members[0].place)
            (left, swept) = (members[0], members[1])
        }
        #expect(left == nil)
        #expect(swept != nil)
        order.removeAll()
        #expect(swept == nil)
        #expect(order.count == 0)
    }

    @Test("Chains that share their links do not get mixed up", arguments: 1...10 as ClosedRange<UInt64>)
    func chains(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        var links = ChainLinks()
        var chains = [Chain(), Chain(), Chain()]
        var model: [[Int]] = [[], [], []]
        for _ in 0..<3_000 {
            let place = Int.random(in: 0..<40, using: &random)
            if let index = model.firstIndex(where: { $0.contains(place) }) {
                links.remove(place, from: &chains[index])
                model[index].removeAll { $0 == place }
            } else {
                let index = Int.random(in: 0..<3, using: &random)
                links.append(place, to: &chains[index])
                model[index].append(place)
            }
            for (chain, places) in zip(chains, model) {
                let limit = Int.random(in: -1...45, using: &random)
                #expect(links.prefix(limit, of: chain) == Array(places.prefix(max(0, limit))))
                #expect(chain.count == places.count)
                #expect(chain.first == places.first)
                #expect(chain.last == places.last)
            }
        }
    }

    @Test("A listing is sorted by creation, whatever happens to it", arguments: 1...10 as ClosedRange<UInt64>)
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
                listing.insert(run)
                model.append(run)
                model.sort { ($0.summary.createdAt, $0.id) > ($1.summary.createdAt, $1.id) }
            } else {
                listing.remove(model.remove(at: Int.random(in: model.indices, using: &random)))
            }
            #expect(listing.count == model.count)
            let offset = Int.random(in: -2...model.count + 2, using: &random)
            let limit = Int.random(in: -2...12, using: &random)
            let expected = model.dropFirst(max(0, offset)).prefix(max(0, limit)).map(\.id)
            #expect(listing.newest(offset: offset, limit: limit).map(\.id) == expected)
        }
        listing.remove(RunEntry(Run(agentName: "never-there")))
        #expect(listing.count == model.count)
    }
}
