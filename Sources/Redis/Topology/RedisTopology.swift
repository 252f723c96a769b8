// SPDX-License-Identifier: Apache-2.0

import NIOCore

/// Which servers there are, and which one a command goes to.
///
/// The client asks for every attempt, so that an implementation may return another server after it has learned
/// something. It never blocks: a caller that cannot be routed yet gets a ticket, and waits with it for the next change.
protocol RedisTopology: Sendable {
    /// Returns the server for a command.
    func route(_ command: RedisCommand, _ redirection: Redirection?) -> Resolution<Route<RedisNode>>
    /// Returns the server for a transaction or a leased connection, all of whose keys are in one place. `key` is one of
    /// them.
    func node(forKey key: String?) -> Resolution<RedisNode>
    /// Returns all servers that take writes.
    func masters() -> Resolution<[RedisNode]>
    /// All subscriptions.
    var subscriptions: SubscriptionHub { get }

    /// A request failed. Returns what that means for the next attempt.
    func failed(_ error: RedisError, at node: RedisNode?) -> RetryAdvice
    /// Returns after so long, or sooner if something has changed.
    /// - Throws: ``RedisError`` with the code `cancelled`.
    func pause(_ length: Duration, deadline: NIODeadline) async throws
    /// Returns when something has changed since the ticket was given out.
    /// - Throws: ``RedisError``: why the servers cannot be known, or `cancelled`.
    func wait(for ticket: Ticket, deadline: NIODeadline) async throws

    /// Opens the minimum of idle connections.
    func keepMinimum()
    /// Begins to end all connections, without waiting for that.
    func beginShutdown()
    /// Ends the connections to all servers.
    func shutdown(deadline: NIODeadline) async
}

/// What a topology has for a caller.
enum Resolution<Value> {
    case ready(Value)
    /// Nothing is known yet.
    case wait(Ticket)
    case fail(RedisError)
}

extension Resolution: Sendable where Value: Sendable {}

/// Where an attempt goes.
struct Route<Node> {
    var node: Node
    /// The server takes the command only after `ASKING`: it is just getting the key's slot from another one.
    var asks = false
}

extension Route: Sendable where Node: Sendable {}

/// Where the next attempt has to go, whatever the topology has found out.
enum Redirection: Hashable, Sendable {
    /// To the server that is getting the slot.
    case ask(RedisAddress)
    /// To the master, although a replica would do otherwise.
    case master
}

/// What a topology makes of a failed attempt.
enum RetryAdvice: Equatable {
    /// The rules for one server apply.
    case standard
    /// The command was not executed, and should be sent again at once, perhaps with a redirection.
    case redirect(Redirection?)
    /// The command was not executed, and should be sent again after a pause: things are changing.
    case later
    /// The outcome is what it is, but another attempt, if there may be one, goes to another server.
    case otherNode
}

/// One server.
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
