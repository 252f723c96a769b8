// SPDX-License-Identifier: Apache-2.0

import NIOCore

/// What all topologies have in common: callers that wait for a change, when to look up, and the end.
struct TopologyLifecycle: Sendable {
    private var refresh: RefreshStateMachine
    private(set) var isStarted = false
    private(set) var isClosed = false
    /// The minimum of idle connections is kept open to all masters.
    var keepsMinimum = false
    /// Why the last lookup failed, and when. `nil` after one that succeeded.
    private(set) var failure: (error: RedisError, at: NIODeadline)?
    private var generation = 0
    private var waiters: Set<WaiterID> = []
    /// The lookup task, while it sleeps.
    private var sleeper: WaiterID?
    private var lastNode = 0

    init(refresh: RefreshStateMachine.Settings) {
        self.refresh = RefreshStateMachine(refresh)
    }

    mutating func makeNode(_ address: RedisAddress, isReplica: Bool) -> NodeID {
        lastNode += 1
        return NodeID(number: lastNode, address: address, isReplica: isReplica)
    }

    // MARK: Waiting

    /// What is known now.
    var ticket: Ticket { Ticket(generation: generation) }

    /// Suspends a caller until the next change, unless there was one since the ticket.
    mutating func wait(_ waiter: WaiterID, since ticket: Ticket) -> WaitDecision {
        guard !isClosed, ticket.generation == generation else { return .proceed }
        waiters.insert(waiter)
        return .suspend
    }

    /// A caller stops waiting by itself. Returns whether it was waiting.
    mutating func removeWaiter(_ waiter: WaiterID) -> Bool {
        if sleeper == waiter {
            sleeper = nil
            return true
        }
        return waiters.remove(waiter) != nil
    }

    /// More, or something else, is known.
    mutating func changed() -> [TopologyAction] {
        generation += 1
        guard !waiters.isEmpty else { return [] }
        defer { waiters = [] }
        return [.resume(waiters.sorted())]
    }

    // MARK: Lookups

    /// The client is used: lookups begin, unless they have begun.
    mutating func start() -> [TopologyAction] {
        guard !isStarted, !isClosed else { return [] }
        isStarted = true
        refresh.start()
        return [.startRefreshing]
    }

    /// Something happened that should not if the topology were as it is thought to be.
    mutating func evidence(isUrgent: Bool = false) -> [TopologyAction] {
        guard !isClosed else { return [] }
        if isUrgent { refresh.urgentEvidence() } else { refresh.evidence() }
        return wakeSleeper()
    }

    private mutating func wakeSleeper() -> [TopologyAction] {
        guard let sleeper = self.sleeper.take() else { return [] }
        return [.resume([sleeper])]
    }

    /// Whether a lookup is due. If so, it is under way from now on.
    mutating func pollLookup(now: NIODeadline) -> Bool { !isClosed && refresh.poll(now: now) }

    /// When the next lookup is due, as things are.
    var nextLookup: NIODeadline { isClosed ? .distantFuture : refresh.next ?? .distantFuture }

    /// Suspends the lookup task until a lookup is due, unless that changed since it looked.
    mutating func sleep(_ waiter: WaiterID, until deadline: NIODeadline) -> WaitDecision {
        guard !isClosed, nextLookup == deadline, sleeper == nil else { return .proceed }
        sleeper = waiter
        return .suspend
    }

    /// The lookup under way has found something.
    mutating func lookupSucceeded() { failure = nil }

    /// The lookup under way has found nothing.
    mutating func lookupFailed(_ error: RedisError, now: NIODeadline) { failure = (error, now) }

    /// The lookup under way has ended.
    mutating func lookupEnded(_ outcome: RefreshStateMachine.Outcome, now: NIODeadline, random: Double) {
        refresh.finished(outcome, now: now, random: random)
    }

    // MARK: End

    /// Refuses everything from now on. Returns no actions if that was so already.
    /// - Parameter admissions: Connections that wait to be made.
    mutating func close(refusing admissions: [WaiterID] = []) -> [TopologyAction] {
        guard !isClosed else { return [] }
        isClosed = true
        var actions: [TopologyAction] = [.stopRefreshing]
        if !admissions.isEmpty { actions.append(.refuse(admissions, .clientClosed)) }
        return actions + [.shutDownNodes, .shutDownSubscriptions] + wakeSleeper() + changed()
    }
}
