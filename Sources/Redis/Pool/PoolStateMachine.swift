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

        var backoff: Backoff { Backoff(initial: self.initialBackoff, limit: self.maxBackoff) }
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
    var openConnections: Int { self.slots.count { !$0.isRetiring } }
    var waiterCount: Int { self.waiters.count }
    var inFlight: Int { self.slots.reduce(0) { $0 + $1.inFlight } }

    // MARK: Requests

    enum Acquisition: Equatable {
        case connection(ConnectionID, connect: ConnectionID?)
        /// Nothing is free: register a waiter.
        case wait
    }

    /// A caller wants a connection. The caller must report `finished` for the one it gets, or that it closed.
    mutating func acquire(now: NIODeadline) -> Acquisition {
        guard self.state == .running, self.waiters.isEmpty, let best = self.leastLoaded() else { return .wait }
        guard self.slots[best].inFlight < self.settings.maxPerConnection else { return .wait }
        self.slots[best].inFlight += 1
        self.slots[best].lastUsed = now
        let isBusy = self.slots[best].inFlight > self.settings.growAt
        return .connection(self.slots[best].id, connect: isBusy ? self.grow(now: now) : nil)
    }

    /// A caller has to wait.
    mutating func enqueue(_ waiter: WaiterID, deadline: NIODeadline, now: NIODeadline) -> Actions {
        var actions = Actions()
        guard self.state == .running else {
            actions.fail.append(.init(waiter: waiter, reason: .closed))
            return actions
        }
        self.waiters.append(Waiter(id: waiter, deadline: deadline))
        // One may have become free between the two calls.
        self.serveWaiters(now: now, &actions)
        if self.waiters.count > self.settings.maxWaiters, let last = self.waiters.popLast() {
            actions.fail.append(
                .init(waiter: last.id, reason: self.openConnections == 0 ? .unreachable : .exhausted))
        }
        if !self.waiters.isEmpty {
            actions.connect = self.grow(now: now)
            // Earlier deadlines have their alarm already; looking at all of them for each of a flood would be quadratic.
            actions.wakeUpAt = self.pauseEnds.map { $0 > now ? min($0, deadline) : deadline } ?? deadline
        }
        return actions
    }

    /// A waiter went away by itself.
    mutating func removeWaiter(_ id: WaiterID) -> Bool {
        guard let index = self.waiters.firstIndex(where: { $0.id == id }) else { return false }
        self.waiters.remove(at: index)
        return true
    }

    /// So many requests left a connection.
    mutating func finished(_ count: Int, on id: ConnectionID, now: NIODeadline) -> Actions {
        var actions = Actions()
        guard let index = self.index(of: id) else { return actions }
        self.slots[index].inFlight -= count
        self.slots[index].lastUsed = now
        if !self.waiters.isEmpty { self.serveWaiters(now: now, &actions) }
        return actions
    }

    // MARK: Connections

    mutating func connected(_ id: ConnectionID, now: NIODeadline) -> Actions {
        var actions = Actions()
        guard self.connecting == id else { return actions }
        self.connecting = nil
        self.failures = 0
        self.pauseEnds = nil
        guard self.state == .running else {
            actions.drain.append(id)
            return actions
        }
        self.slots.append(Slot(id: id, lastUsed: now, lastChecked: now))
        self.serveWaiters(now: now, &actions)
        if !self.waiters.isEmpty || (self.keepsMinimum && self.openConnections < self.settings.minIdle) {
            actions.connect = self.grow(now: now)
        }
        self.setWakeUp(now: now, &actions)
        return actions
    }

    /// An attempt failed. If it is not transient, those who wait learn it at once; there are no connections then that
    /// they could still hope for, unless some are open.
    mutating func connectFailed(
        _ id: ConnectionID, isTransient: Bool, now: NIODeadline, random: Double
    ) -> Actions {
        var actions = Actions()
        guard self.connecting == id else { return actions }
        self.connecting = nil
        self.failures += 1
        self.pauseEnds = now + self.settings.backoff.pause(afterFailures: self.failures, random: random)
        if !isTransient, self.openConnections == 0 {
            actions.fail = self.waiters.map { .init(waiter: $0.id, reason: .connectFailed) }
            self.waiters = []
        }
        self.setWakeUp(now: now, &actions)
        return actions
    }

    mutating func closed(_ id: ConnectionID, now: NIODeadline) -> Actions {
        var actions = Actions()
        guard let index = self.index(of: id) else { return actions }
        self.slots.remove(at: index)
        guard self.state == .running else { return actions }
        if !self.waiters.isEmpty || (self.keepsMinimum && self.openConnections < self.settings.minIdle) {
            actions.connect = self.grow(now: now)
        }
        self.setWakeUp(now: now, &actions)
        return actions
    }

    /// A connection leads to a server that is not the right one (any more). Others of the pool lead to the same one
    /// probably, and will say so when they are used. If that goes on, new connections are made with pauses.
    mutating func retire(_ id: ConnectionID, now: NIODeadline, random: Double) -> Actions {
        var actions = Actions()
        guard let index = self.index(of: id), !self.slots[index].isRetiring else { return actions }
        self.slots[index].isRetiring = true
        actions.drain.append(id)
        if let last = self.lastRetirement, now - last < .seconds(5), self.connecting == nil {
            self.failures += 1
            self.pauseEnds = now + self.settings.backoff.pause(afterFailures: self.failures, random: random)
        }
        self.lastRetirement = now
        if !self.waiters.isEmpty { actions.connect = self.grow(now: now) }
        self.setWakeUp(now: now, &actions)
        return actions
    }

    // MARK: Time

    /// Opens the minimum of idle connections, and keeps them open from now on.
    mutating func keepMinimum(now: NIODeadline) -> Actions {
        var actions = Actions()
        guard self.state == .running else { return actions }
        self.keepsMinimum = true
        if self.openConnections < self.settings.minIdle { actions.connect = self.grow(now: now) }
        self.setWakeUp(now: now, &actions)
        return actions
    }

    mutating func tick(now: NIODeadline) -> Actions {
        var actions = Actions()
        guard self.state == .running else { return actions }
        self.expireWaiters(now: now, &actions)
        self.checkIdle(now: now, &actions)
        let isBelowMinimum = self.keepsMinimum && self.openConnections < self.settings.minIdle
        if !self.waiters.isEmpty || isBelowMinimum { actions.connect = self.grow(now: now) }
        self.setWakeUp(now: now, &actions)
        return actions
    }

    /// Ends the pool: waiters fail, connections end when what is under way is answered.
    mutating func close() -> Actions {
        var actions = Actions()
        guard self.state == .running else { return actions }
        self.state = .closed
        actions.fail = self.waiters.map { .init(waiter: $0.id, reason: .closed) }
        self.waiters = []
        actions.drain = self.slots.filter { !$0.isRetiring }.map(\.id)
        for index in self.slots.indices { self.slots[index].isRetiring = true }
        return actions
    }

    // MARK: Details

    private func index(of id: ConnectionID) -> Int? {
        self.slots.firstIndex { $0.id == id }
    }

    private func leastLoaded() -> Int? {
        var best: Int?
        for index in self.slots.indices where !self.slots[index].isRetiring {
            if let current = best, self.slots[current].inFlight <= self.slots[index].inFlight { continue }
            best = index
        }
        return best
    }

    /// The id of a connection to make, if one may be made now.
    private mutating func grow(now: NIODeadline) -> ConnectionID? {
        guard self.connecting == nil, self.openConnections < self.settings.maxConnections,
            self.pauseEnds.map({ $0 <= now }) ?? true
        else { return nil }
        let id = self.nextID
        self.nextID += 1
        self.connecting = id
        return id
    }

    private mutating func serveWaiters(now: NIODeadline, _ actions: inout Actions) {
        while !self.waiters.isEmpty, let best = self.leastLoaded(),
            self.slots[best].inFlight < self.settings.maxPerConnection
        {
            let waiter = self.waiters.removeFirst()
            self.slots[best].inFlight += 1
            self.slots[best].lastUsed = now
            actions.serve.append(.init(waiter: waiter.id, connection: self.slots[best].id))
        }
    }

    private mutating func expireWaiters(now: NIODeadline, _ actions: inout Actions) {
        guard self.waiters.contains(where: { $0.deadline <= now }) else { return }
        let reason = self.openConnections == 0 ? FailureReason.unreachable : .exhausted
        self.waiters.removeAll { waiter in
            guard waiter.deadline <= now else { return false }
            actions.fail.append(.init(waiter: waiter.id, reason: reason))
            return true
        }
    }

    private mutating func checkIdle(now: NIODeadline, _ actions: inout Actions) {
        var surplus = self.openConnections - self.settings.minIdle
        for index in self.slots.indices where !self.slots[index].isRetiring && self.slots[index].inFlight == 0 {
            let slot = self.slots[index]
            if surplus > 0, now - slot.lastUsed >= self.settings.idleTimeout {
                surplus -= 1
                self.slots[index].isRetiring = true
                actions.drain.append(slot.id)
            } else if now - max(slot.lastUsed, slot.lastChecked) >= self.settings.healthCheckInterval {
                self.slots[index].lastChecked = now
                // Its answer is reported as finished like that of any request.
                self.slots[index].inFlight += 1
                actions.ping.append(slot.id)
            }
        }
    }

    private func setWakeUp(now: NIODeadline, _ actions: inout Actions) {
        var next = self.waiters.lazy.map(\.deadline).min()
        func consider(_ deadline: NIODeadline) { next = min(next ?? .distantFuture, deadline) }
        if self.openConnections > 0 {
            consider(now + min(self.settings.healthCheckInterval, self.settings.idleTimeout))
        }
        let wantsConnection =
            !self.waiters.isEmpty || (self.keepsMinimum && self.openConnections < self.settings.minIdle)
        if let pauseEnds, pauseEnds > now, wantsConnection { consider(pauseEnds) }
        actions.wakeUpAt = next
    }
}
