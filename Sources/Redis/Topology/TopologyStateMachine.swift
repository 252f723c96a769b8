// SPDX-License-Identifier: Apache-2.0

import NIOCore

/// The decisions of a topology: its servers, the routing of commands, and the consequences of failures.
///
/// A state machine does no I/O, holds no locks and has no clock: ``TopologyMonitor`` calls it under its lock, passes
/// times and random numbers, and performs the actions afterwards, outside of the lock and in order.
protocol TopologyStateMachine: Sendable {
    /// A query of a lookup.
    associatedtype Query: Sendable
    /// The result of a query.
    associatedtype Reply: Sendable
    /// An announcement of a server.
    associatedtype Announcement: Sendable

    /// Whether keys are distributed over several masters.
    static var isPartitioned: Bool { get }
    /// Returns the rules for the connections to a server.
    static func policy(for node: NodeID) -> NodePolicy
    /// The error for a caller that waited too long for the servers to be known, if no lookup has failed.
    static var timeoutError: RedisError { get }

    /// The state that all topologies share.
    var lifecycle: TopologyLifecycle { get set }
    /// Whether commands can be routed.
    var isKnown: Bool { get }
    /// The known masters.
    var currentMasters: [NodeID] { get }
    /// The servers that are watched for missing replies.
    var watchedNodes: [NodeID] { get }

    /// Returns the server for a command.
    mutating func route(_ target: RouteTarget) -> (Resolution<Route<NodeID>>, [TopologyAction])
    /// Returns whether the server still has the role that it was opened for.
    func isCurrent(_ node: NodeID) -> Bool
    /// Processes a failed request.
    mutating func failed(_ error: RedisError, at node: NodeID?) -> (RetryAdvice, [TopologyAction])

    /// Processes the loss of a connection, or a failure to connect.
    mutating func connectionFailed(_ node: NodeID) -> [TopologyAction]
    /// Notes that a connection was opened.
    mutating func connected(_ node: NodeID)
    /// Processes a report that a server does not reply.
    mutating func stalled(_ node: NodeID) -> [TopologyAction]
    /// Decides whether a connection may be opened, if the policy requires admission.
    mutating func admit(_ waiter: WaiterID) -> (WaitDecision, [TopologyAction])
    /// Processes an announcement.
    mutating func announced(_ announcement: Announcement) -> [TopologyAction]

    /// Begins a lookup. Without a query, the lookup has ended.
    mutating func beginLookup(
        now: NIODeadline, using generator: inout some RandomNumberGenerator
    ) -> (Query?, [TopologyAction])
    /// Processes the result of a query. Without another query, the lookup has ended. `random` is between 0 and 1.
    mutating func received(
        _ reply: Reply, now: NIODeadline, random: Double
    ) -> (Query?, [TopologyAction])

    /// Returns the server for a subscription, or `nil` if it is not known yet. `random` is between 0 and 1.
    /// - Parameters:
    ///   - target: The target of the subscription, or `nil` if one connection has all subscriptions.
    ///   - current: The current server.
    mutating func subscriptionAddress(
        for target: SubscriptionTarget?, current: RedisAddress?, random: Double
    ) -> (RedisAddress?, [TopologyAction])
    /// Processes the refusal of a subscription, or the failure of its connection.
    mutating func subscriptionFailed(_ error: RedisError, at address: RedisAddress) -> [TopologyAction]
    /// Returns whether the address is that of a master.
    func isKnown(_ address: RedisAddress) -> Bool

    /// Removes all servers and closes the topology.
    mutating func shutdown() -> [TopologyAction]
}

extension TopologyStateMachine {
    /// The failure of the last lookup, if no servers are known.
    var lookupError: RedisError? { isKnown ? nil : lifecycle.failure?.error }

    /// Returns the masters, for commands that are sent to each.
    mutating func masters() -> (Resolution<[NodeID]>, [TopologyAction]) {
        if lifecycle.isClosed { return (.fail(.clientClosed), []) }
        guard isKnown else { return (.wait(lifecycle.ticket), lifecycle.start()) }
        return (.ready(currentMasters), [])
    }

    /// Opens the minimum of idle connections to the current and all future masters.
    mutating func keepMinimum() -> [TopologyAction] {
        guard !lifecycle.isClosed else { return [] }
        lifecycle.keepsMinimum = true
        return lifecycle.start() + currentMasters.map { .keepMinimum($0) }
    }

    /// Decides whether a caller that could not be routed waits for a change.
    mutating func wait(
        _ waiter: WaiterID, for ticket: Ticket, now: NIODeadline, deadline: NIODeadline
    ) -> (WaitDecision, [TopologyAction]) {
        if isKnown || lifecycle.isClosed { return (.proceed, []) }
        var actions: [TopologyAction] = []
        if let (error, time) = lifecycle.failure, error.isPermanent {
            // Older failures are not reported, because the cause may have been fixed since.
            if now - time < .milliseconds(100) { return (.fail(error), []) }
            actions = lifecycle.noteEvidence()
        }
        if deadline <= now { return (.fail(lifecycle.failure?.error ?? Self.timeoutError), actions) }
        return (lifecycle.wait(waiter, since: ticket), actions)
    }
}

/// A server in a role. A server that returns after it was retired gets another ID.
struct NodeID: Hashable, Sendable, CustomStringConvertible {
    let number: Int
    let address: RedisAddress
    let isReplica: Bool

    static func == (left: NodeID, right: NodeID) -> Bool { left.number == right.number }
    func hash(into hasher: inout Hasher) { hasher.combine(number) }

    var description: String { "\(isReplica ? "replica" : "master") \(number) at \(address)" }
}

/// The rules for the connections to a server.
struct NodePolicy: Equatable {
    /// Whether the topology must admit a connection before it is opened.
    var requiresAdmission = false
    /// Whether a server that reports to be a replica is refused.
    var requiresMaster = false
    /// Whether callers fail immediately if the server cannot be reached, because another one can serve them.
    var failsFast = false
    /// Whether connections enable reading from a replica (`READONLY`).
    var readsFromReplica = false
}

/// The properties of a command that determine its route.
struct RouteTarget {
    /// The slot of the command's key, or `nil` if it has no key or slots are irrelevant.
    var slot: HashSlot?
    /// Whether a replica can execute the command.
    var canUseReplica = false
    var redirection: Redirection?
}

/// The ID of a suspended caller.
typealias WaiterID = Int

/// The version of the topology with which a caller could not be routed. The caller waits for a later version.
struct Ticket: Hashable, Sendable {
    let generation: Int
}

/// The decision about a caller that is about to wait.
enum WaitDecision {
    /// The caller need not wait.
    case proceed
    case fail(RedisError)
    /// The caller is registered, and an action will resume it.
    case suspend
}

/// An action of a state machine.
enum TopologyAction {
    /// Start the lookup task.
    case startRefreshing
    /// Stop the lookup task.
    case stopRefreshing
    /// Create the connection pools of a server.
    case open(NodeID)
    /// Open the minimum of idle connections to a server.
    case keepMinimum(NodeID)
    /// End the connections to a retired server.
    case retire(NodeID)
    /// End the connections to all servers.
    case shutDownNodes
    /// Reassign subscriptions.
    case relocateSubscriptions
    /// End all subscriptions.
    case shutDownSubscriptions
    /// Resume suspended callers.
    case resume([WaiterID])
    /// Resume suspended callers with a failure.
    case refuse([WaiterID], RedisError)
    case log(TopologyEvent)
}

/// An event that is logged.
enum TopologyEvent {
    case masterChanged(to: RedisAddress, from: RedisAddress)
    case failoverAnnounced(by: RedisAddress)
    case lookupFailed(RedisError)
}
