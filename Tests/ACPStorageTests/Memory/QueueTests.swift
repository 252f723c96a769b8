// SPDX-License-Identifier: Apache-2.0

import ACPCore
import Testing

@testable import ACPStorage

@Suite("The queues and listings behind memory storage")
struct QueueTests {
    @Test("An expiry queue gives back what has expired, and nothing else", arguments: 1...10 as ClosedRange<UInt64>)
    func expiry(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        var now = ContinuousClock.now
        var queue = ExpiryQueue<Int>(timeToLive: .seconds(10))
        var model: [Int: ContinuousClock.Instant] = [:]
        for _ in 0..<3_000 {
            let id = Int.random(in: 0..<40, using: &random)
            switch Int.random(in: 0..<10, using: &random) {
            case 0..<6:
                queue.touch(id, now: now)
                model[id] = now + .seconds(10)
            case 6..<8:
                queue.remove(id)
                model[id] = nil
            default:
                now += .seconds(Int.random(in: 0...4, using: &random))
                var expired: Set<Int> = []
                while let id = queue.nextExpired(now: now) { #expect(expired.insert(id).inserted) }
                #expect(expired == Set(model.filter { $0.value <= now }.keys))
                model = model.filter { $0.value > now }
            }
            #expect(queue.count == model.count)
        }
    }

    @Test("An expiry queue gives back the earliest first")
    func expiryOrder() {
        let start = ContinuousClock.now
        var queue = ExpiryQueue<Int>(timeToLive: .seconds(10))
        for id in 0..<20 { queue.touch(id, now: start + .milliseconds(id * 7 % 20)) }
        var order: [Int] = []
        while let id = queue.nextExpired(now: start + .seconds(11)) { order.append(id) }
        #expect(order == (0..<20).sorted { $0 * 7 % 20 < $1 * 7 % 20 })
    }

    @Test("An element that is touched often takes one place in an expiry queue")
    func expiryPlaces() {
        var now = ContinuousClock.now
        var queue = ExpiryQueue<Int>(timeToLive: .seconds(10))
        for _ in 0..<10_000 {
            now += .milliseconds(100)
            queue.touch(1, now: now)
            #expect(queue.nextExpired(now: now) == nil)
            #expect(queue.placeCount == 1)
        }
    }

    @Test("Elements that come and go leave nothing in an expiry queue")
    func expiryRemoval() {
        let now = ContinuousClock.now
        var queue = ExpiryQueue<Int>(timeToLive: .seconds(10))
        queue.touch(-1, now: now)
        for id in 0..<10_000 {
            queue.touch(id % 3, now: now)
            queue.remove(id % 3)
            #expect(queue.placeCount <= 130)
        }
        #expect(queue.count == 1)
    }

    @Test("A recency queue gives back the least recently used first", arguments: 1...10 as ClosedRange<UInt64>)
    func recency(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        var queue = RecencyQueue<Int>()
        var model: [Int] = []
        for _ in 0..<5_000 {
            let id = Int.random(in: 0..<60, using: &random)
            switch Int.random(in: 0..<10, using: &random) {
            case 0..<7:
                queue.touch(id)
                model.removeAll { $0 == id }
                model.append(id)
            case 7..<9:
                queue.remove(id)
                model.removeAll { $0 == id }
            default:
                #expect(queue.popLeastRecent() == (model.isEmpty ? nil : model.removeFirst()))
            }
            #expect(queue.count == model.count)
            // Taking elements out lets the places fall behind by as many, until the next touch.
            #expect(queue.placeCount <= max(64, model.count * 2) + 60)
        }
        while !model.isEmpty { #expect(queue.popLeastRecent() == model.removeFirst()) }
        #expect(queue.popLeastRecent() == nil)
    }

    @Test("A listing is sorted by creation, whatever happens to it", arguments: 1...10 as ClosedRange<UInt64>)
    func listing(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        var listing = RunListing()
        var model: [Run] = []
        for number in 0..<1_500 {
            if Int.random(in: 0..<3, using: &random) > 0 || model.isEmpty {
                let run = Run(
                    id: try RunID(validating: "run-\(number)"), agentName: "agent",
                    createdAt: Timestamp(microseconds: Int64.random(in: 0..<200, using: &random)))
                listing.insert(run)
                model.append(run)
                model.sort { ($0.createdAt, $0.id) > ($1.createdAt, $1.id) }
            } else {
                listing.remove(model.remove(at: Int.random(in: model.indices, using: &random)))
            }
            #expect(listing.count == model.count)
            let offset = Int.random(in: -2...model.count + 2, using: &random)
            let limit = Int.random(in: -2...12, using: &random)
            let expected = model.dropFirst(max(0, offset)).prefix(max(0, limit)).map(\.id)
            #expect(listing.newest(offset: offset, limit: limit) == expected)
        }
        listing.remove(Run(agentName: "never-there"))
        #expect(listing.count == model.count)
    }
}
