// SPDX-License-Identifier: Apache-2.0

import NIOCore
import Testing

@testable import Redis

@Suite("Connection pool state machine")
struct PoolStateMachineTests {
    private typealias Actions = PoolStateMachine.Actions

    private static func time(_ seconds: Double) -> NIODeadline {
        .uptimeNanoseconds(1_000_000_000_000) + .nanoseconds(Int64(seconds * 1e9))
    }

    private static func machine(
        max: Int = 2, minIdle: Int = 0, growthThreshold: Int = 2, perConnection: Int = 3, waiters: Int = 100
    ) -> PoolStateMachine {
        PoolStateMachine(
            .init(
                maxConnections: max, minIdle: minIdle, growthThreshold: growthThreshold,
                maxPerConnection: perConnection,
                maxWaiters: waiters, idleTimeout: .seconds(300), healthCheckInterval: .seconds(30),
                initialBackoff: .seconds(1), maxBackoff: .seconds(8)))
    }

    /// A pool with one open connection, number 1.
    private static func connected(max: Int = 2, perConnection: Int = 3) -> PoolStateMachine {
        var machine = self.machine(max: max, perConnection: perConnection)
        _ = machine.enqueue(1, deadline: time(5), now: time(0))
        _ = machine.connected(1, now: time(0))
        _ = machine.finished(1, on: 1, now: time(0))
        return machine
    }

    @Test("The first caller makes the pool connect and gets the connection")
    func first() {
        var machine = Self.machine()
        #expect(machine.acquire(now: Self.time(0)) == .wait)
        let actions = machine.enqueue(7, deadline: Self.time(5), now: Self.time(0))
        #expect(actions == Actions(connect: 1, wakeUpAt: Self.time(5)))
        let connected = machine.connected(1, now: Self.time(1))
        #expect(connected.serve == [.init(waiter: 7, connection: 1)])
        #expect(machine.inFlight == 1)
    }

    @Test("Fault 5, storms: Many waiters cause one attempt to connect at a time")
    func flood() {
        var machine = Self.machine(max: 50)
        var shouldConnect = 0
        for waiter in 0..<100 {
            if machine.enqueue(waiter, deadline: Self.time(5), now: Self.time(0)).connect != nil { shouldConnect += 1 }
        }
        #expect(shouldConnect == 1)
    }

    @Test("Fault 5, storms: Pauses after failures double up to a limit and are randomly shortened by up to half")
    func backoff() {
        var machine = Self.machine()
        _ = machine.enqueue(1, deadline: Self.time(1000), now: Self.time(0))
        var now = 0.0
        var pauses: [Double] = []
        for attempt in 1...6 {
            let failed = machine.connectFailed(
                attempt, isTransient: true, now: Self.time(now), random: attempt == 6 ? 0.999_999_999 : 0)
            let wakeUp = failed.wakeUpAt ?? .distantPast
            pauses.append(Double((wakeUp - Self.time(now)).nanoseconds) / 1e9)
            // Too early: there is no attempt.
            #expect(machine.tick(now: wakeUp - .nanoseconds(1)).connect == nil)
            now += pauses.last ?? 0
            #expect(machine.tick(now: wakeUp).connect == attempt + 1)
        }
        #expect(pauses.prefix(5) == [1, 2, 4, 8, 8])
        #expect(abs((pauses.last ?? 0) - 4) < 0.001)
    }

    @Test("A successful connection resets the pauses")
    func recovery() {
        var machine = Self.machine(max: 1)
        _ = machine.enqueue(1, deadline: Self.time(1000), now: Self.time(0))
        _ = machine.connectFailed(1, isTransient: true, now: Self.time(0), random: 0)
        #expect(machine.tick(now: Self.time(1)).connect == 2)
        #expect(machine.connected(2, now: Self.time(2)).serve.count == 1)
        // The connection is lost while a caller waits: a new one is opened immediately.
        for waiter in 2...5 { _ = machine.enqueue(waiter, deadline: Self.time(9), now: Self.time(2)) }
        #expect(machine.closed(2, now: Self.time(3)).connect == 3)
    }

    @Test("The least loaded connection is used, and the pool grows when all are busy")
    func leastLoaded() {
        var machine = Self.connected()
        #expect(machine.acquire(now: Self.time(1)) == .connection(1, connect: nil))
        #expect(machine.acquire(now: Self.time(1)) == .connection(1, connect: nil))
        // The third request exceeds the threshold: it is sent, and a second connection is opened.
        #expect(machine.acquire(now: Self.time(1)) == .connection(1, connect: 2))
        _ = machine.connected(2, now: Self.time(1))
        #expect(machine.acquire(now: Self.time(1)) == .connection(2, connect: nil))
        _ = machine.finished(3, on: 1, now: Self.time(1))
        #expect(machine.acquire(now: Self.time(1)) == .connection(1, connect: nil))
    }

    @Test("Callers wait in order when all connections are at their limit")
    func limits() {
        var machine = Self.connected(max: 1)
        for _ in 0..<3 { _ = machine.acquire(now: Self.time(1)) }
        #expect(machine.acquire(now: Self.time(1)) == .wait)
        for waiter in 1...3 {
            #expect(machine.enqueue(waiter, deadline: Self.time(9), now: Self.time(1)).connect == nil)
        }
        // New callers do not overtake waiters.
        #expect(machine.acquire(now: Self.time(1)) == .wait)
        let actions = machine.finished(2, on: 1, now: Self.time(2))
        #expect(actions.serve == [.init(waiter: 1, connection: 1), .init(waiter: 2, connection: 1)])
        #expect(machine.waiterCount == 1)
    }

    @Test("A waiter fails at its deadline with the reason")
    func waiterDeadlines() {
        var busy = Self.connected(max: 1)
        for _ in 0..<3 { _ = busy.acquire(now: Self.time(1)) }
        #expect(busy.enqueue(1, deadline: Self.time(4), now: Self.time(1)).wakeUpAt == Self.time(4))
        #expect(busy.tick(now: Self.time(3.9)).fail.isEmpty)
        #expect(busy.tick(now: Self.time(4)).fail == [.init(waiter: 1, reason: .exhausted)])

        var unreachable = Self.machine()
        _ = unreachable.enqueue(1, deadline: Self.time(4), now: Self.time(1))
        _ = unreachable.connectFailed(1, isTransient: true, now: Self.time(2), random: 0)
        #expect(unreachable.tick(now: Self.time(4)).fail == [.init(waiter: 1, reason: .unreachable)])
    }

    @Test("The number of waiters is limited")
    func boundedQueue() {
        var machine = Self.machine(waiters: 2)
        for waiter in 1...2 { #expect(machine.enqueue(waiter, deadline: Self.time(5), now: Self.time(0)).fail.isEmpty) }
        #expect(machine.enqueue(3, deadline: Self.time(5), now: Self.time(0)).fail.map(\.waiter) == [3])
        #expect(machine.waiterCount == 2)
    }

    @Test("A permanent failure to connect fails all waiters")
    func permanentFailure() {
        var machine = Self.machine()
        for waiter in 1...2 { _ = machine.enqueue(waiter, deadline: Self.time(5), now: Self.time(0)) }
        let actions = machine.connectFailed(1, isTransient: false, now: Self.time(0), random: 0)
        #expect(actions.fail.map(\.reason) == [.connectFailed, .connectFailed])
    }

    @Test("Fault 1, READONLY forever: A retired connection receives no further requests and closes when it is idle")
    func retirement() {
        var machine = Self.connected()
        _ = machine.acquire(now: Self.time(1))
        let actions = machine.retire(1, now: Self.time(1), random: 0)
        #expect(actions.drain == [1])
        #expect(machine.acquire(now: Self.time(1)) == .wait)
        #expect(machine.enqueue(9, deadline: Self.time(5), now: Self.time(1)).connect == 2)
        #expect(machine.retire(1, now: Self.time(1), random: 0).drain.isEmpty)
        #expect(machine.connected(2, now: Self.time(1)).serve == [.init(waiter: 9, connection: 2)])
    }

    @Test("Fault 5, storms: Connections that are retired in quick succession are replaced with pauses")
    func retirementPauses() {
        var machine = Self.connected()
        _ = machine.retire(1, now: Self.time(1), random: 0)
        #expect(machine.enqueue(9, deadline: Self.time(50), now: Self.time(1)).connect == 2)
        _ = machine.connected(2, now: Self.time(1))
        _ = machine.retire(2, now: Self.time(1.5), random: 0)
        let actions = machine.enqueue(10, deadline: Self.time(50), now: Self.time(1.5))
        #expect(actions.connect == nil)
        #expect(actions.wakeUpAt == Self.time(2.5))
        #expect(machine.tick(now: Self.time(2.5)).connect == 3)
    }

    @Test("Idle connections are checked, and closed after the idle timeout")
    func idle() {
        var machine = Self.connected()
        #expect(machine.tick(now: Self.time(29)).ping.isEmpty)
        #expect(machine.tick(now: Self.time(30)).ping == [1])
        // While a check is in flight, there is no second one.
        #expect(machine.tick(now: Self.time(61)).ping.isEmpty)
        _ = machine.finished(1, on: 1, now: Self.time(61))
        #expect(machine.tick(now: Self.time(362)).drain == [1])
        #expect(machine.openConnections == 0)
    }

    @Test("The minimum of connections is kept open")
    func minimum() {
        var machine = Self.machine(max: 3, minIdle: 2)
        #expect(machine.keepMinimum(now: Self.time(0)).connect == 1)
        #expect(machine.connected(1, now: Self.time(0)).connect == 2)
        #expect(machine.connected(2, now: Self.time(0)).connect == nil)
        #expect(machine.closed(1, now: Self.time(1)).connect == 3)
        _ = machine.connectFailed(3, isTransient: true, now: Self.time(1), random: 0)
        #expect(machine.tick(now: Self.time(2)).connect == 4)
    }

    @Test("Closing the pool fails the waiters, drains the connections and refuses later callers")
    func closing() {
        var machine = Self.connected(max: 1)
        for _ in 0..<3 { _ = machine.acquire(now: Self.time(1)) }
        _ = machine.enqueue(1, deadline: Self.time(9), now: Self.time(1))
        let actions = machine.close()
        #expect(actions.fail == [.init(waiter: 1, reason: .closed)])
        #expect(actions.drain == [1])
        #expect(machine.acquire(now: Self.time(2)) == .wait)
        #expect(machine.enqueue(2, deadline: Self.time(9), now: Self.time(2)).fail.map(\.reason) == [.closed])
        #expect(machine.closed(1, now: Self.time(2)) == Actions())
    }

    @Test("A connection that is established after the pool was closed is drained")
    func closingWhileConnecting() {
        var machine = Self.machine()
        _ = machine.enqueue(1, deadline: Self.time(9), now: Self.time(1))
        _ = machine.close()
        #expect(machine.connected(1, now: Self.time(2)).drain == [1])
    }

    @Test("A removed waiter is not served")
    func removedWaiters() {
        var machine = Self.machine()
        for waiter in 1...2 { _ = machine.enqueue(waiter, deadline: Self.time(9), now: Self.time(1)) }
        #expect(machine.removeWaiter(1) == true)
        #expect(machine.removeWaiter(1) == false)
        #expect(machine.connected(1, now: Self.time(2)).serve.map(\.waiter) == [2])
    }
}
