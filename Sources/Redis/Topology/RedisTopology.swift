// SPDX-License-Identifier: Apache-2.0

import NIOCore

/// The servers of a client, and the routing of commands to them.
///
/// Each attempt is routed anew, so that an implementation can return another server after a change. Routing never
/// blocks: a caller that cannot be routed yet receives a ticket, and waits with it for the next change.
protocol RedisTopology: Sendable {
    /// Returns the server for a command.
    func route(_ command: RedisCommand, _ redirection: Redirection?) -> Resolution<Route<RedisNode>>
    /// Returns the server for a transaction or a leased connection, whose keys are all in one slot. `key` is one of
    /// them.
    func node(forKey key: String?) -> Resolution<RedisNode>
    /// Returns all servers that accept writes.
    func masters() -> Resolution<[RedisNode]>
    /// The subscriptions of the client.
    var subscriptions: SubscriptionHub { get }

    /// Reports a failed request. Returns advice for the next attempt.
    func failed(_ error: RedisError, at node: RedisNode?) -> RetryAdvice
    /// Returns after a duration, or earlier if the topology has changed.
    /// - Throws: ``RedisError`` with the code `cancelled`.
    func pause(_ length: Duration, deadline: NIODeadline) async throws
    /// Returns when the topology has changed since the ticket was issued.
    /// - Throws: ``RedisError``: the failure of the lookup, or `cancelled`.
    func wait(for ticket: Ticket, deadline: NIODeadline) async throws

    /// Opens the minimum of idle connections.
    func keepMinimum()
    /// Begins to close all connections, without waiting.
    func beginShutdown()
    /// Closes the connections to all servers.
    func shutdown(deadline: NIODeadline) async
}

/// The result of routing.
enum Resolution<Value> {
    case ready(Value)
    /// The servers are not known yet.
    case wait(Ticket)
    case fail(RedisError)
}

extension Resolution: Sendable where Value: Sendable {}

/// The destination of an attempt.
struct Route<Node> {
    var node: Node
    /// Whether the command must be preceded by `ASKING`, because the server is importing the key's slot.
    var requiresAsking = false
}

extension Route: Sendable where Node: Sendable {}

/// The required destination of the next attempt, regardless of the topology.
enum Redirection: Hashable, Sendable {
    /// To the server that is importing the slot.
    case ask(RedisAddress)
    /// To the master, even if a replica could execute the command.
    case master
}

/// The advice of a topology for a failed attempt.
enum RetryAdvice: Equatable {
    /// Apply the rules for a single server.
    case standard
    /// The command was not executed and should be sent again immediately, possibly with a redirection.
    case redirect(Redirection?)
    /// The command was not executed and should be sent again after a pause, because the topology is changing.
    case later
    /// Another attempt, if it is allowed, should use another server.
    case otherNode
}

/// A topology of one server.
struct StandaloneTopology: RedisTopology {
    let server: RedisNode
    let subscriptions: SubscriptionHub

    init(factory: ConnectionFactory, group: any EventLoopGroup, metrics: RedisMetrics) {
        let id = NodeID(number: 0, address: factory.configuration.address, isReplica: false)
        server = RedisNode(id, factory: factory, group: group, metrics: metrics)
        subscriptions = SubscriptionHub(factory: factory, group: group)
    }

    func route(_ command: RedisCommand, _ redirection: Redirection?) -> Resolution<Route<RedisNode>> {
        .ready(Route(node: server))
    }

    func node(forKey key: String?) -> Resolution<RedisNode> { .ready(server) }
    func masters() -> Resolution<[RedisNode]> { .ready([server]) }

    func failed(_ error: RedisError, at node: RedisNode?) -> RetryAdvice { .standard }
    func pause(_ length: Duration, deadline: NIODeadline) async throws { try await Task.sleep(for: length) }
    func wait(for ticket: Ticket, deadline: NIODeadline) async throws {}

    func keepMinimum() { server.shared.keepMinimum() }

    func beginShutdown() {
        subscriptions.beginShutdown()
        server.beginShutdown()
    }

    func shutdown(deadline: NIODeadline) async {
        async let subscriptions: Void = self.subscriptions.shutdown()
        async let connections: Void = server.shutdown(deadline: deadline)
        _ = await (subscriptions, connections)
    }
}
