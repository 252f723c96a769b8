// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import ACPClient

@Suite("The place of a reader in a run")
struct EventPositionTests {
    @Test("hands numbered events on once, over any number of connections")
    func handsNumberedEventsOnOnce() {
        var position = EventPosition(next: 0)
        #expect(position.last == nil)
        #expect(position.place(id: 0) == .deliver(index: 0))
        #expect(position.place(id: 1) == .deliver(index: 1))
        position.reconnected()
        #expect(position.place(id: 1) == .skip)
        #expect(position.place(id: 2) == .deliver(index: 2))
        #expect(position.last == 2)
    }

    @Test("counts events without numbers, and skips those that come again")
    func countsUnnumberedEvents() {
        var position = EventPosition(next: 0)
        #expect(position.place(id: nil) == .deliver(index: 0))
        #expect(position.place(id: nil) == .deliver(index: 1))
        position.reconnected()
        #expect(position.place(id: nil) == .skip)
        #expect(position.place(id: nil) == .skip)
        #expect(position.place(id: nil) == .deliver(index: 2))
    }

    @Test("sees that events are missing")
    func seesGaps() {
        var position = EventPosition(next: 3)
        #expect(position.place(id: 5) == .gap(expected: 3, found: 5))
        position.reconnected()
        #expect(position.place(id: 3) == .deliver(index: 3))
    }

    @Test("takes the first number as it comes if it does not know where it stands")
    func learnsItsPlace() {
        var position = EventPosition(next: nil)
        #expect(position.place(id: nil) == .deliver(index: nil))
        #expect(position.next == nil)
        #expect(position.place(id: 8) == .deliver(index: 8))
        #expect(position.place(id: nil) == .deliver(index: 9))
        #expect(position.last == 9)
    }
}

@Suite("The delay before a reconnection")
struct BackoffTests {
    struct Middle: RandomNumberGenerator {
        mutating func next() -> UInt64 { 1 << 63 }
    }

    struct Lowest: RandomNumberGenerator {
        mutating func next() -> UInt64 { 1 }
    }

    let policy = ACPClient.ReconnectionPolicy(
        initialDelay: .milliseconds(100), maximumDelay: .milliseconds(500), maximumAttempts: 4)

    @Test("doubles up to its limit, then gives up")
    func doubles() {
        var backoff = Backoff(policy)
        var random = Lowest()
        let delays = (0..<5).map { _ in backoff.nextDelay(using: &random) }
        #expect(delays == [.milliseconds(50), .milliseconds(100), .milliseconds(200), .milliseconds(250), nil])
    }

    @Test("is random in its upper half")
    func isRandom() throws {
        var backoff = Backoff(policy)
        var random = Middle()
        let next = backoff.nextDelay(using: &random)
        let delay = try #require(next)
        #expect(delay > .milliseconds(74) && delay < .milliseconds(76))
    }

    @Test("starts again after progress")
    func startsAgain() {
        var backoff = Backoff(policy)
        var random = Lowest()
        for _ in 0..<4 { _ = backoff.nextDelay(using: &random) }
        backoff.reset()
        #expect(backoff.nextDelay(using: &random) == .milliseconds(50))
    }

    @Test("respects what the server asks for")
    func respectsTheServer() {
        var backoff = Backoff(policy)
        var random = Lowest()
        #expect(backoff.nextDelay(retryAfter: .seconds(2), using: &random) == .seconds(2))
        #expect(backoff.nextDelay(retryAfter: .seconds(9_999), using: &random) == .seconds(300))
        backoff.reset()
        backoff.initialDelay = .milliseconds(400)
        #expect(backoff.nextDelay(using: &random) == .milliseconds(200))
    }

    @Test("does not try at all if told so")
    func neverTries() {
        var backoff = Backoff(.never)
        var random = Lowest()
        #expect(backoff.nextDelay(using: &random) == nil)
    }
}
