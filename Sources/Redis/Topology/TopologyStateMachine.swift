// SPDX-License-Identifier: Apache-2.0

import NIOCore

/// The decisions of a topology: which servers there are, which one a command goes to, and what follows from failures.
///
/// A machine does no I/O, holds no locks and knows no clock: ``TopologyMonitor`` calls it under its lock, passes times
/// and random numbers, and performs the actions afterwards, outside of the lock and in order.
protocol TopologyStateMachine: Sendable {
    /// What a lookup has to ask servers.
    associatedtype Question: Sendable
    /// The result of a question.
    associatedtype Reply: Sendable
    /// What is heard from servers without asking.
    associatedtype Announcement: Sendable

    /// Keys are spread over several masters.
    static var isPartitioned: Bool { get }
    /// How connections to a server are made.
    static func policy(for node: NodeID) -> NodePolicy
    /// The failure of a caller that waited too long for the servers to be known, if no lookup has failed.
    static var lateError: RedisError { get }

    /// What all topologies have in common.
    var lifecycle: TopologyLifecycle { get set }
    /// Commands can be routed.
    var isKnown: Bool { get }
    /// The masters that are known.
    var currentMasters: [NodeID] { get }
    /// Servers that are checked for standing still.
    var watchedNodes: [NodeID] { get }

    /// Returns the server for a command.
    mutating func route(_ target: RouteTarget) -> (Resolution<Route<NodeID>>, [TopologyAction])
    /// Whether the server still has the role that it was opened for.
    func isCurrent(_ node: NodeID) -> Bool
    /// A request failed.
    mutating func failed(_ error: RedisError, at node: NodeID?) -> (RetryAdvice, [TopologyAction])

    /// A connection was lost, or could not be made.
    mutating func connectionFailed(_ node: NodeID) -> [TopologyAction]
    /// A connection was made.
    mutating func connected(_ node: NodeID)
    /// A server has requests and answers none.
    mutating func stalled(_ node: NodeID) -> [TopologyAction]
    /// A connection is about to be made, where the policy requires admission.
    mutating func admit(_ waiter: WaiterID) -> (WaitDecision, [TopologyAction])
    /// A server announced something.
    mutating func announced(_ announcement: Announcement) -> [TopologyAction]

    /// A lookup begins. If there is no question, it has ended at once.
    mutating func beginLookup(
        now: NIODeadline, using generator: inout some RandomNumberGenerator
    ) -> (Question?, [TopologyAction])
    /// A question was answered. If no other one follows, the lookup has ended. `random` is between 0 and 1.
    mutating func answered(
        _ reply: Reply, now: NIODeadline, random: Double
    ) -> (Question?, [TopologyAction])

    /// Returns where to subscribe, or `nil` if that is not known yet. `random` is between 0 and 1.
    /// - Parameters:
    ///   - target: What to subscribe to, or `nil` if one connection has all subscriptions.
    ///   - current: Where the subscription is now.
    mutating func subscriptionAddress(
        for target: SubscriptionTarget?, current: RedisAddress?, random: Double
    ) -> (RedisAddress?, [TopologyAction])
    /// A subscription was refused, or its connection failed.
    mutating func subscriptionFailed(_ error: RedisError, at address: RedisAddress) -> [TopologyAction]
    /// The address is that of a master.
    func isKnown(_ address: RedisAddress) -> Bool

    /// Forgets all servers and refuses everything from now on.
    mutating func shutdown() -> [TopologyAction]
}

extension TopologyStateMachine {
    /// The failure of the last lookup, if nothing is known yet.
    var lookupError: RedisError? { isKnown ? nil : lifecycle.failure?.error }

    /// The masters, for what has to be asked of each.
    mutating func masters() -> (Resolution<[NodeID]>, [TopologyAction]) {
        if lifecycle.isClosed { return (.fail(.clientClosed), []) }
        guard isKnown else { return (.wait(lifecycle.ticket), lifecycle.start()) }
        return (.ready(currentMasters), [])
    }

    /// Opens the minimum of idle connections, now and to all servers that come.
    mutating func keepMinimum() -> [TopologyAction] {
        guard !lifecycle.isClosed else { return [] }
        lifecycle.keepsMinimum = true
        return lifecycle.start() + currentMasters.map { .keepMinimum($0) }
    }

    /// A caller that could not be routed waits for more to be known.
    mutating func wait(
        _ waiter: WaiterID, for ticket: Ticket, now: NIODeadline, deadline: NIODeadline
    ) -> (WaitDecision, [TopologyAction]) {
        if isKnown || lifecycle.isClosed { return (.proceed, []) }
        var actions: [TopologyAction] = []
        if let (error, time) = lifecycle.failure, error.isLasting {
            // Not what was found long ago: somebody may have repaired it since.
            if now - time < .milliseconds(100) { return (.fail(error), []) }
            actions = lifecycle.evidence()
        }
        if deadline <= now { return (.fail(lifecycle.failure?.error ?? Self.lateError), actions) }
        return (lifecycle.wait(waiter, since: ticket), actions)
    }
}

/// One server in one role. A server that comes back after it was retired gets another ID.
struct NodeID: Hashable, Sendable, CustomStringConvertible {
    let number: Int
    let address: RedisAddress
    let isReplica: Bool

    static func == (left: NodeID, right: NodeID) -> Bool { left.number == right.number }
    func hash(into hasher: inout Hasher) { hasher.combine(number) }

    var description: String { "\(isReplica ? "replica" : "master") \(number) at \(address)" }
}

/// How connections to a server are made.
struct NodePolicy: Equatable {
    /// The topology has to agree before a connection is made.
    var requiresAdmission = false
    /// A server that reports to be a replica is refused.
    var requiresMaster = false
    /// Callers learn at once that the server cannot be reached: another one can serve them.
    var failsFast = false
    /// Connections ask for reading from a replica (`READONLY`).
    var readsFromReplica = false
}

/// What a route depends on.
struct RouteTarget {
    /// The slot of the command's key, or `nil` if it has none or slots do not matter.
    var slot: HashSlot?
    /// A replica can execute the command.
    var canUseReplica = false
    var redirection: Redirection?
}

/// The number of one suspended caller.
typealias WaiterID = Int

/// The state of knowledge that a caller could not be routed with. It waits for another one.
struct Ticket: Hashable, Sendable {
    let generation: Int
}

/// What becomes of a caller that is about to wait.
enum WaitDecision {
    /// There is no reason to wait.
    case proceed
    case fail(RedisError)
    /// It is registered, and an action is going to resume it.
    case suspend
}

/// What a machine wants done.
enum TopologyAction {
    /// Begin to look up the topology, in a task of its own.
    case startRefreshing
    /// End that task.
    case stopRefreshing
    /// Make the connection pools of a server.
    case open(NodeID)
    /// Open the minimum of idle connections to a server.
    case keepMinimum(NodeID)
    /// End the connections to a server that is not responsible any more.
    case retire(NodeID)
    /// End the connections to all servers.
    case shutDownNodes
    /// Subscriptions may belong elsewhere.
    case relocateSubscriptions
    /// End all subscriptions.
    case shutDownSubscriptions
    /// Resume suspended callers.
    case resume([WaiterID])
    /// Resume suspended callers with a failure.
    case refuse([WaiterID], RedisError)
    case log(TopologyEvent)
}

/// What is worth a line in the log.
enum TopologyEvent {
    case masterChanged(to: RedisAddress, from: RedisAddress)
    case failoverAnnounced(by: RedisAddress)
    case lookupFailed(RedisError)
}
