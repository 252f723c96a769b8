// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import ACPClient

@Suite("The position of a reader in a run")
struct EventPositionTests {
    @Test("Numbered events are delivered once, over any number of connections")
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

    @Test("Events without numbers are counted, and repeated ones are skipped")
    func countsUnnumberedEvents() {
        var position = EventPosition(next: 0)
        #expect(position.place(id: nil) == .deliver(index: 0))
        #expect(position.place(id: nil) == .deliver(index: 1))
        position.reconnected()
        #expect(position.place(id: nil) == .skip)
        #expect(position.place(id: nil) == .skip)
        #expect(position.place(id: nil) == .deliver(index: 2))
    }

    @Test("Missing events are detected")
    func seesGaps() {
        var position = EventPosition(next: 3)
        #expect(position.place(id: 5) == .gap(expected: 3, found: 5))
        position.reconnected()
        #expect(position.place(id: 3) == .deliver(index: 3))
    }

    @Test("The first number is accepted if the position is unknown")
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

    @Test("The delay doubles up to its limit, and the number of attempts is limited")
    func doubles() {
        var backoff = Backoff(policy)
        var random = Lowest()
        let delays = (0..<5).map { _ in backoff.nextDelay(using: &random) }
        #expect(delays == [.milliseconds(50), .milliseconds(100), .milliseconds(200), .milliseconds(250), nil])
    }

    @Test("The upper half of the delay is random")
    func isRandom() throws {
        var backoff = Backoff(policy)
        var random = Middle()
        let next = backoff.nextDelay(using: &random)
        let delay = try #require(next)
        #expect(delay > .milliseconds(74) && delay < .milliseconds(76))
    }

    @Test("The delay is reset by progress")
    func startsAgain() {
        var backoff = Backoff(policy)
        var random = Lowest()
        for _ in 0..<4 { _ = backoff.nextDelay(using: &random) }
        backoff.reset()
        #expect(backoff.nextDelay(using: &random) == .milliseconds(50))
    }

    @Test("The delay respects the server's request")
    func respectsTheServer() {
        var backoff = Backoff(policy)
        var random = Lowest()
        #expect(backoff.nextDelay(retryAfter: .seconds(2), using: &random) == .seconds(2))
        #expect(backoff.nextDelay(retryAfter: .seconds(9_999), using: &random) == .seconds(300))
        backoff.reset()
        backoff.initialDelay = .milliseconds(400)
        #expect(backoff.nextDelay(using: &random) == .milliseconds(200))
    }

    @Test("No attempt is made if reconnection is disabled")
    func neverTries() {
        var backoff = Backoff(.never)
        var random = Lowest()
        #expect(backoff.nextDelay(using: &random) == nil)
    }
}
