// SPDX-License-Identifier: Apache-2.0

import NIOCore

/// The state that all topologies share: waiting callers, the schedule of lookups, and shutdown.
struct TopologyLifecycle: Sendable {
    private var refresh: RefreshStateMachine
    private(set) var isStarted = false
    private(set) var isClosed = false
    /// Whether the minimum of idle connections is kept open to all masters.
    var keepsMinimum = false
    /// The error and time of the last lookup, if it failed.
    private(set) var failure: (error: RedisError, at: NIODeadline)?
    private var generation = 0
    private var waiters: Set<WaiterID> = []
    /// The lookup task, while it waits for the next lookup.
    private var suspendedLookup: WaiterID?
    private var lastNode = 0

    init(refresh: RefreshStateMachine.Settings) {
        self.refresh = RefreshStateMachine(refresh)
    }

    mutating func makeNode(_ address: RedisAddress, isReplica: Bool) -> NodeID {
        lastNode += 1
        return NodeID(number: lastNode, address: address, isReplica: isReplica)
    }

    // MARK: Waiting

    /// A ticket for the current state of the topology.
    var ticket: Ticket { Ticket(generation: generation) }

    /// Suspends a caller until the next change, unless the topology has changed since the ticket.
    mutating func wait(_ waiter: WaiterID, since ticket: Ticket) -> WaitDecision {
        guard !isClosed, ticket.generation == generation else { return .proceed }
        waiters.insert(waiter)
        return .suspend
    }

    /// Removes a waiter. Returns whether it was waiting.
    mutating func removeWaiter(_ waiter: WaiterID) -> Bool {
        if suspendedLookup == waiter {
            suspendedLookup = nil
            return true
        }
        return waiters.remove(waiter) != nil
    }

    /// Notes a change of the topology, and resumes the waiting callers.
    mutating func changed() -> [TopologyAction] {
        generation += 1
        guard !waiters.isEmpty else { return [] }
        defer { waiters = [] }
        return [.resume(waiters.sorted())]
    }

    // MARK: Lookups

    /// Starts lookups, unless they were started before.
    mutating func start() -> [TopologyAction] {
        guard !isStarted, !isClosed else { return [] }
        isStarted = true
        refresh.start()
        return [.startRefreshing]
    }

    /// Requests a lookup because of evidence that the topology has changed.
    mutating func noteEvidence(isUrgent: Bool = false) -> [TopologyAction] {
        guard !isClosed else { return [] }
        if isUrgent { refresh.noteUrgentEvidence() } else { refresh.noteEvidence() }
        return resumeLookup()
    }

    private mutating func resumeLookup() -> [TopologyAction] {
        guard let suspendedLookup = self.suspendedLookup.take() else { return [] }
        return [.resume([suspendedLookup])]
    }

    /// Returns whether a lookup is due. If so, it begins now.
    mutating func pollLookup(now: NIODeadline) -> Bool { !isClosed && refresh.poll(now: now) }

    /// The time of the next lookup.
    var nextLookup: NIODeadline { isClosed ? .distantFuture : refresh.next ?? .distantFuture }

    /// Suspends the lookup task until a deadline, unless the time of the next lookup has changed.
    mutating func sleep(_ waiter: WaiterID, until deadline: NIODeadline) -> WaitDecision {
        guard !isClosed, nextLookup == deadline, suspendedLookup == nil else { return .proceed }
        suspendedLookup = waiter
        return .suspend
    }

    /// Notes that the current lookup succeeded.
    mutating func lookupSucceeded() { failure = nil }

    /// Notes that the current lookup failed.
    mutating func lookupFailed(_ error: RedisError, now: NIODeadline) { failure = (error, now) }

    /// Ends the current lookup.
    mutating func lookupEnded(_ outcome: RefreshStateMachine.Outcome, now: NIODeadline, random: Double) {
        refresh.finished(outcome, now: now, random: random)
    }

    // MARK: Shutdown

    /// Closes the topology. Returns no actions if it was already closed.
    /// - Parameter admissions: The connections that wait for admission.
    mutating func close(refusing admissions: [WaiterID] = []) -> [TopologyAction] {
        guard !isClosed else { return [] }
        isClosed = true
        var actions: [TopologyAction] = [.stopRefreshing]
        if !admissions.isEmpty { actions.append(.refuse(admissions, .clientClosed)) }
        return actions + [.shutDownNodes, .shutDownSubscriptions] + resumeLookup() + changed()
    }
}
