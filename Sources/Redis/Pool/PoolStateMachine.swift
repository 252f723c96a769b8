// SPDX-License-Identifier: Apache-2.0

import DequeModule
import NIOCore

/// Which connections a pool has, who uses them, and who waits for one.
///
/// The machine does no I/O and knows no clock and no chance: every event gets the time (and a random number where a
/// pause is chosen) and returns what has to be done. `ConnectionPool` does it.
///
/// One attempt to connect is under way at a time, whatever number of callers wait: a flood of waiting commands never
/// becomes a flood of connects. After a failed attempt there is a pause that doubles; connections that work are not
/// touched by that.
struct PoolStateMachine {
    typealias ConnectionID = Int
    typealias WaiterID = Int

    struct Settings {
        var maxConnections: Int
        var minIdle: Int
        /// The number of requests on every open connection that makes the pool open a further one.
        var growAt: Int
        /// The most requests on one connection.
        var maxPerConnection: Int
        var maxWaiters: Int
        var idleTimeout: TimeAmount
        var healthCheckInterval: TimeAmount
        var initialBackoff: TimeAmount
        var maxBackoff: TimeAmount

        var backoff: Backoff { Backoff(initial: initialBackoff, limit: maxBackoff) }
    }

    struct Actions: Equatable {
        /// Make a connection with this id.
        var connect: ConnectionID?
        /// Give these connections to these waiters.
        var serve: [Assignment] = []
        /// Tell these waiters that they waited in vain.
        var fail: [Failure] = []
        /// Close these connections when what is under way on them is answered.
        var drain: [ConnectionID] = []
        /// Check these connections.
        var ping: [ConnectionID] = []
        /// Call `tick` at this time.
        var wakeUpAt: NIODeadline?

        struct Assignment: Equatable {
            var waiter: WaiterID
            var connection: ConnectionID
        }

        struct Failure: Equatable {
            var waiter: WaiterID
            var reason: FailureReason
        }
    }

    enum FailureReason: Equatable {
        /// All connections are at their limit.
        case exhausted
        /// There is no connection, and attempts to make one failed or did not come to an end in time.
        case unreachable
        /// An attempt failed in a way that further ones will not cure.
        case connectFailed
        case closed
    }

    private enum State {
        case running, closed
    }

    private struct Slot {
        let id: ConnectionID
        var inFlight = 0
        var lastUsed: NIODeadline
        var lastChecked: NIODeadline
        var isRetiring = false
    }

    private struct Waiter {
        let id: WaiterID
        let deadline: NIODeadline
    }

    private let settings: Settings
    private var state = State.running
    private var slots: [Slot] = []
    private var connecting: ConnectionID?
    private var waiters: Deque<Waiter> = []
    private var nextID = 1
    private var failures = 0
    private var pauseEnds: NIODeadline?
    private var lastRetirement: NIODeadline?
    private var keepsMinimum = false

    init(_ settings: Settings) {
        self.settings = settings
    }

    /// Open connections that take requests.
    var openConnections: Int { slots.count { !$0.isRetiring } }
    var waiterCount: Int { waiters.count }
    var inFlight: Int { slots.reduce(0) { $0 + $1.inFlight } }

    // MARK: Requests

    enum Acquisition: Equatable {
        case connection(ConnectionID, connect: ConnectionID?)
        /// Nothing is free: register a waiter.
        case wait
    }

    /// A caller wants a connection. The caller must report `finished` for the one it gets, or that it closed.
    mutating func acquire(now: NIODeadline) -> Acquisition {
        guard state == .running, waiters.isEmpty, let best = leastLoaded() else { return .wait }
        guard slots[best].inFlight < settings.maxPerConnection else { return .wait }
        slots[best].inFlight += 1
        slots[best].lastUsed = now
        let isBusy = slots[best].inFlight > settings.growAt
        return .connection(slots[best].id, connect: isBusy ? grow(now: now) : nil)
    }

    /// A caller has to wait.
    mutating func enqueue(_ waiter: WaiterID, deadline: NIODeadline, now: NIODeadline) -> Actions {
        var actions = Actions()
        guard state == .running else {
            actions.fail.append(.init(waiter: waiter, reason: .closed))
            return actions
        }
        waiters.append(Waiter(id: waiter, deadline: deadline))
        // One may have become free between the two calls.
        serveWaiters(now: now, &actions)
        if waiters.count > settings.maxWaiters, let last = waiters.popLast() {
            actions.fail.append(
                .init(waiter: last.id, reason: openConnections == 0 ? .unreachable : .exhausted))
        }
        if !waiters.isEmpty {
            actions.connect = grow(now: now)
            // Earlier deadlines have their alarm already; looking at all of them for each of a flood would be
            // quadratic.
            actions.wakeUpAt = pauseEnds.map { $0 > now ? min($0, deadline) : deadline } ?? deadline
        }
        return actions
    }

    /// A waiter went away by itself.
    mutating func removeWaiter(_ id: WaiterID) -> Bool {
        guard let index = waiters.firstIndex(where: { $0.id == id }) else { return false }
        waiters.remove(at: index)
        return true
    }

    /// So many requests left a connection.
    mutating func finished(_ count: Int, on id: ConnectionID, now: NIODeadline) -> Actions {
        var actions = Actions()
        guard let index = self.index(of: id) else { return actions }
        slots[index].inFlight -= count
        slots[index].lastUsed = now
        if !waiters.isEmpty { serveWaiters(now: now, &actions) }
        return actions
    }

    // MARK: Connections

    mutating func connected(_ id: ConnectionID, now: NIODeadline) -> Actions {
        var actions = Actions()
        guard connecting == id else { return actions }
        connecting = nil
        failures = 0
        pauseEnds = nil
        guard state == .running else {
            actions.drain.append(id)
            return actions
        }
        slots.append(Slot(id: id, lastUsed: now, lastChecked: now))
        serveWaiters(now: now, &actions)
        if !waiters.isEmpty || (keepsMinimum && openConnections < settings.minIdle) {
            actions.connect = grow(now: now)
        }
        setWakeUp(now: now, &actions)
        return actions
    }

    /// An attempt failed. If it is not transient, those who wait learn it at once; there are no connections then that
    /// they could still hope for, unless some are open.
    mutating func connectFailed(
        _ id: ConnectionID, isTransient: Bool, now: NIODeadline, random: Double
    ) -> Actions {
        var actions = Actions()
        guard connecting == id else { return actions }
        connecting = nil
        failures += 1
        pauseEnds = now + settings.backoff.pause(afterFailures: failures, random: random)
        if !isTransient, openConnections == 0 {
            actions.fail = waiters.map { .init(waiter: $0.id, reason: .connectFailed) }
            waiters = []
        }
        setWakeUp(now: now, &actions)
        return actions
    }

    mutating func closed(_ id: ConnectionID, now: NIODeadline) -> Actions {
        var actions = Actions()
        guard let index = self.index(of: id) else { return actions }
        slots.remove(at: index)
        guard state == .running else { return actions }
        if !waiters.isEmpty || (keepsMinimum && openConnections < settings.minIdle) {
            actions.connect = grow(now: now)
        }
        setWakeUp(now: now, &actions)
        return actions
    }

    /// A connection leads to a server that is not the right one (any more). Others of the pool lead to the same one
    /// probably, and will say so when they are used. If that goes on, new connections are made with pauses.
    mutating func retire(_ id: ConnectionID, now: NIODeadline, random: Double) -> Actions {
        var actions = Actions()
        guard let index = self.index(of: id), !slots[index].isRetiring else { return actions }
        slots[index].isRetiring = true
        actions.drain.append(id)
        if let last = lastRetirement, now - last < .seconds(5), connecting == nil {
            failures += 1
            pauseEnds = now + settings.backoff.pause(afterFailures: failures, random: random)
        }
        lastRetirement = now
        if !waiters.isEmpty { actions.connect = grow(now: now) }
        setWakeUp(now: now, &actions)
        return actions
    }

    // MARK: Time

    /// Opens the minimum of idle connections, and keeps them open from now on.
    mutating func keepMinimum(now: NIODeadline) -> Actions {
        var actions = Actions()
        guard state == .running else { return actions }
        keepsMinimum = true
        if openConnections < settings.minIdle { actions.connect = grow(now: now) }
        setWakeUp(now: now, &actions)
        return actions
    }

    mutating func tick(now: NIODeadline) -> Actions {
        var actions = Actions()
        guard state == .running else { return actions }
        expireWaiters(now: now, &actions)
        checkIdle(now: now, &actions)
        let isBelowMinimum = keepsMinimum && openConnections < settings.minIdle
        if !waiters.isEmpty || isBelowMinimum { actions.connect = grow(now: now) }
        setWakeUp(now: now, &actions)
        return actions
    }

    /// Ends the pool: waiters fail, connections end when what is under way is answered.
    mutating func close() -> Actions {
        var actions = Actions()
        guard state == .running else { return actions }
        state = .closed
        actions.fail = waiters.map { .init(waiter: $0.id, reason: .closed) }
        waiters = []
        actions.drain = slots.filter { !$0.isRetiring }.map(\.id)
        for index in slots.indices { slots[index].isRetiring = true }
        return actions
    }

    // MARK: Details

    private func index(of id: ConnectionID) -> Int? {
        slots.firstIndex { $0.id == id }
    }

    private func leastLoaded() -> Int? {
        var best: Int?
        for index in slots.indices where !slots[index].isRetiring {
            if let current = best, slots[current].inFlight <= slots[index].inFlight { continue }
            best = index
        }
        return best
    }

    /// The id of a connection to make, if one may be made now.
    private mutating func grow(now: NIODeadline) -> ConnectionID? {
        guard connecting == nil, openConnections < settings.maxConnections,
            pauseEnds.map({ $0 <= now }) ?? true
        else { return nil }
        let id = nextID
        nextID += 1
        connecting = id
        return id
    }

    private mutating func serveWaiters(now: NIODeadline, _ actions: inout Actions) {
        while !waiters.isEmpty, let best = leastLoaded(),
            slots[best].inFlight < settings.maxPerConnection
        {
            let waiter = waiters.removeFirst()
            slots[best].inFlight += 1
            slots[best].lastUsed = now
            actions.serve.append(.init(waiter: waiter.id, connection: slots[best].id))
        }
    }

    private mutating func expireWaiters(now: NIODeadline, _ actions: inout Actions) {
        guard waiters.contains(where: { $0.deadline <= now }) else { return }
        let reason = openConnections == 0 ? FailureReason.unreachable : .exhausted
        waiters.removeAll { waiter in
            guard waiter.deadline <= now else { return false }
            actions.fail.append(.init(waiter: waiter.id, reason: reason))
            return true
        }
    }

    private mutating func checkIdle(now: NIODeadline, _ actions: inout Actions) {
        var surplus = openConnections - settings.minIdle
        for index in slots.indices where !slots[index].isRetiring && slots[index].inFlight == 0 {
            let slot = slots[index]
            if surplus > 0, now - slot.lastUsed >= settings.idleTimeout {
                surplus -= 1
                slots[index].isRetiring = true
                actions.drain.append(slot.id)
            } else if now - max(slot.lastUsed, slot.lastChecked) >= settings.healthCheckInterval {
                slots[index].lastChecked = now
                // Its answer is reported as finished like that of any request.
                slots[index].inFlight += 1
                actions.ping.append(slot.id)
            }
        }
    }

    private func setWakeUp(now: NIODeadline, _ actions: inout Actions) {
        var next = waiters.lazy.map(\.deadline).min()
        func consider(_ deadline: NIODeadline) { next = min(next ?? .distantFuture, deadline) }
        if openConnections > 0 {
            consider(now + min(settings.healthCheckInterval, settings.idleTimeout))
        }
        let wantsConnection =
            !waiters.isEmpty || (keepsMinimum && openConnections < settings.minIdle)
        if let pauseEnds, pauseEnds > now, wantsConnection { consider(pauseEnds) }
        actions.wakeUpAt = next
    }
}
