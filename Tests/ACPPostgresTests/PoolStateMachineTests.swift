// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import ACPPostgres

@Suite("State machine of the PostgreSQL pool")
struct PoolStateMachineTests {
    @Test("Connections are made for waiting requests, up to the limit")
    func limit() {
        var pool = PoolStateMachine(limit: 2)
        #expect(pool.request(1) == [.connect])
        #expect(pool.request(2) == [.connect])
        #expect(pool.request(3) == [])
        #expect(pool.connected(10) == [.start(1, on: 10)])
        #expect(pool.connected(11) == [.start(2, on: 11)])
        #expect(pool.released(10, isUsable: true) == [.start(3, on: 10)])
        #expect(pool.released(10, isUsable: true) == [])
        #expect(pool.request(4) == [.start(4, on: 10)])
        #expect(pool.counts == (0, 2, 0, 0))
    }

    @Test("A failure to connect fails all waiting requests, and the next attempt follows after a pause")
    func failure() {
        var pool = PoolStateMachine(limit: 3)
        _ = pool.request(1)
        _ = pool.request(2)
        #expect(pool.connectFailed() == [.scheduleRetry(failures: 1)])
        #expect(pool.connectFailed() == [.fail(1), .fail(2)])
        #expect(pool.request(3) == [])
        #expect(pool.request(4) == [])
        #expect(
            pool.retryTimerFired() == [.connect], "one attempt at a time shows whether the server is available again")
        #expect(pool.connectFailed() == [.fail(3), .fail(4), .scheduleRetry(failures: 3)])
        #expect(pool.retryTimerFired() == [])
        #expect(pool.request(5) == [.connect])
        #expect(pool.request(6) == [])
        #expect(pool.connected(10) == [.start(5, on: 10), .connect])
    }

    @Test("While a connection is in use, a failure to make another one fails no request")
    func failureBeside() {
        var pool = PoolStateMachine(limit: 2)
        _ = pool.request(1)
        _ = pool.connected(10)
        #expect(pool.request(2) == [.connect])
        #expect(pool.connectFailed() == [.scheduleRetry(failures: 1)])
        #expect(pool.released(10, isUsable: true) == [.start(2, on: 10)])
    }

    @Test("A lost connection is closed, and replaced if a request waits")
    func broken() {
        var pool = PoolStateMachine(limit: 1)
        _ = pool.request(1)
        _ = pool.connected(10)
        _ = pool.request(2)
        #expect(pool.released(10, isUsable: false) == [.close(10), .connect])
        #expect(pool.connected(11) == [.start(2, on: 11)])
        #expect(pool.released(11, isUsable: true) == [])
        #expect(pool.lost(11) == [])
        #expect(pool.request(3) == [.connect])
    }

    @Test("A cancelled request gets no connection")
    func abandoned() {
        var pool = PoolStateMachine(limit: 1)
        _ = pool.request(1)
        _ = pool.request(2)
        let wasWaiting = pool.abandon(1)
        #expect(wasWaiting)
        #expect(pool.connected(10) == [.start(2, on: 10)])
        let isWaiting = pool.abandon(2)
        #expect(!isWaiting)
    }

    @Test("Closing fails waiting requests, lets running ones finish, and ends when all connections are closed")
    func close() {
        var pool = PoolStateMachine(limit: 2)
        _ = pool.request(1)
        _ = pool.request(2)
        _ = pool.connected(10)
        _ = pool.request(3)
        #expect(pool.close() == [.fail(2), .fail(3)])
        #expect(pool.close() == [])
        #expect(pool.connected(11) == [.close(11)])
        #expect(pool.released(10, isUsable: true) == [.close(10), .finished])
    }

    @Test("Pauses grow up to the limit, and vary")
    func pauses() {
        for failures in 1...100 {
            let pause = Backoff.pause(afterFailures: failures, limit: .seconds(2))
            #expect(pause >= .milliseconds(25) && pause <= .seconds(2))
        }
        let pauses = Set((0..<20).map { _ in Backoff.pause(afterFailures: 10, limit: .seconds(2)) })
        #expect(pauses.count > 1)
    }
}
