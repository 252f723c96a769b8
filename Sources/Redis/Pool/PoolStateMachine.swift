// SPDX-License-Identifier: Apache-2.0

import DequeModule
import NIOCore

/// The connections of a pool, their load, and the callers that wait for one.
///
/// The state machine does no I/O and has neither a clock nor a random number generator: each event receives the time
/// (and a random number for pauses) and returns actions, which ``ConnectionPool`` performs.
///
/// At most one attempt to connect is in progress, regardless of the number of waiters, so a burst of commands does not
/// become a burst of connects. Failed attempts are followed by a pause that doubles; established connections are not
/// affected.
struct PoolStateMachine {
    typealias ConnectionID = Int
    typealias WaiterID = Int

    struct Settings {
        var maxConnections: Int
        var minIdle: Int
        /// The number of requests on every open connection at which the pool opens a further one.
        var growthThreshold: Int
        /// The maximum number of requests on one connection.
        var maxPerConnection: Int
        var maxWaiters: Int
        var idleTimeout: TimeAmount
        var healthCheckInterval: TimeAmount
        var initialBackoff: TimeAmount
        var maxBackoff: TimeAmount

        var backoff: Backoff { Backoff(initial: initialBackoff, limit: maxBackoff) }
    }

    struct Actions: Equatable {
        /// Open a connection with this ID.
        var connect: ConnectionID?
        /// The waiters that receive a connection.
        var serve: [Assignment] = []
        /// The waiters that fail.
        var fail: [Failure] = []
        /// The connections to close after their last reply.
        var drain: [ConnectionID] = []
        /// The connections to check.
        var ping: [ConnectionID] = []
        /// When to call `tick`.
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
        /// There is no connection, and attempts to connect failed or did not complete in time.
        case unreachable
        /// An attempt to connect failed permanently.
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

    /// The number of open connections that accept requests.
    var openConnections: Int { slots.count { !$0.isRetiring } }
    var waiterCount: Int { waiters.count }
    var inFlight: Int { slots.reduce(0) { $0 + $1.inFlight } }

    // MARK: Requests

    enum Acquisition: Equatable {
        case connection(ConnectionID, connect: ConnectionID?)
        /// No connection is free: register a waiter.
        case wait
    }

    /// Acquires a connection. The caller must report `finished` for it, unless the connection closes.
    mutating func acquire(now: NIODeadline) -> Acquisition {
        guard state == .running, waiters.isEmpty, let best = leastLoaded() else { return .wait }
        guard slots[best].inFlight < settings.maxPerConnection else { return .wait }
        slots[best].inFlight += 1
        slots[best].lastUsed = now
        let isBusy = slots[best].inFlight > settings.growthThreshold
        return .connection(slots[best].id, connect: isBusy ? grow(now: now) : nil)
    }

    /// Registers a waiter.
    mutating func enqueue(_ waiter: WaiterID, deadline: NIODeadline, now: NIODeadline) -> Actions {
        var actions = Actions()
        guard state == .running else {
            actions.fail.append(.init(waiter: waiter, reason: .closed))
            return actions
        }
        waiters.append(Waiter(id: waiter, deadline: deadline))
        // A connection may have become free since `acquire`.
        serveWaiters(now: now, &actions)
        if waiters.count > settings.maxWaiters, let last = waiters.popLast() {
            actions.fail.append(
                .init(waiter: last.id, reason: openConnections == 0 ? .unreachable : .exhausted))
        }
        if !waiters.isEmpty {
            actions.connect = grow(now: now)
            // Earlier deadlines are already scheduled; examining all waiters for each one would take quadratic time.
            actions.wakeUpAt = pauseEnds.map { $0 > now ? min($0, deadline) : deadline } ?? deadline
        }
        return actions
    }

    /// Removes a waiter. Returns `false` if it was not waiting.
    mutating func removeWaiter(_ id: WaiterID) -> Bool {
        guard let index = waiters.firstIndex(where: { $0.id == id }) else { return false }
        waiters.remove(at: index)
        return true
    }

    /// Notes that requests have left a connection.
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

    /// Processes a failed attempt to connect. If the failure is permanent and no connection is open, all waiters fail.
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

    /// Replaces a connection to a server that has another role.
    ///
    /// Other connections of the pool are replaced when they report the same. If that recurs, new connections are opened
    /// with pauses.
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

    /// Opens the minimum of idle connections and keeps them open from now on.
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

    /// Closes the pool: waiters fail, and connections close after their last reply.
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

    // MARK: Helpers

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

    /// Returns the ID of a connection to open, or `nil` if none may be opened now.
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
                // Its reply is reported as finished like that of any request.
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
        let needsConnection =
            !waiters.isEmpty || (keepsMinimum && openConnections < settings.minIdle)
        if let pauseEnds, pauseEnds > now, needsConnection { consider(pauseEnds) }
        actions.wakeUpAt = next
    }
}
