// SPDX-License-Identifier: Apache-2.0

import NIOCore

/// Which servers there are, and which one a command goes to.
///
/// The client asks for every attempt, so that an implementation may answer differently after it has learned something.
/// The answer comes at once: an implementation that has to find out first throws `TopologyPending`, and the client waits
/// for the next change.
protocol RedisTopology: Sendable {
    /// The server for a command.
    func route(_ command: RedisCommand, _ redirection: Redirection?) throws -> Route
    /// The server for a transaction or a leased connection, all of whose keys are in one place. `key` is one of them.
    func node(forKey key: String?) throws -> RedisNode
    /// There is one server, and never another: nothing can be learned from failures.
    var isStandalone: Bool { get }
    /// Keys are spread over several masters, so that a pipeline may have to be taken apart.
    var isPartitioned: Bool { get }
    /// All servers that take writes.
    func masters() throws -> [RedisNode]
    /// All subscriptions.
    var subscriptions: any SubscriptionHub { get }

    /// What a failed attempt tells about the servers.
    func learn(from error: RedisError, at node: RedisNode?) -> Lesson
    /// Returns after so long, or sooner if something has changed.
    func pause(_ length: Duration, deadline: NIODeadline) async throws
    /// Returns when something more is known of the servers.
    /// - Throws: ``RedisError``: why they cannot be known, or `cancelled`.
    func settle(deadline: NIODeadline) async throws

    /// Opens the minimum of idle connections.
    func keepMinimum()
    /// Begins to end all connections, without waiting for that.
    func beginShutdown()
    /// Ends the connections to all servers.
    func shutdown(deadline: NIODeadline) async
}

/// Where an attempt goes.
struct Route {
    var node: RedisNode
    /// The server takes the command only after `ASKING`: it is just getting the key's slot from another one.
    var asks = false
}

/// Where the next attempt has to go, whatever the topology says.
enum Redirection: Hashable, Sendable {
    /// To the server that is getting the slot.
    case ask(RedisAddress)
    /// To the master, although a replica would do otherwise.
    case master
}

/// What follows from a failed attempt.
enum Lesson: Equatable {
    /// Nothing that the rules for one server do not say.
    case none
    /// The command was not executed, and should be sent elsewhere at once.
    case elsewhere(Redirection?)
    /// The command was not executed, and should be sent after a pause: things are changing.
    case later
    /// The outcome is what it is, but another attempt, if there may be one, has a better place to go to.
    case moved
}

/// The servers are not known yet.
struct TopologyPending: Error {}

/// One server.
struct StandaloneTopology: RedisTopology {
    let server: RedisNode
    private let hub: PubSubHub

    init(factory: ConnectionFactory, group: any EventLoopGroup, metrics: RedisMetrics) {
        self.server = RedisNode(factory: factory, group: group, metrics: metrics)
        self.hub = PubSubHub(factory: factory, group: group)
    }

    func route(_ command: RedisCommand, _ redirection: Redirection?) -> Route { Route(node: self.server) }
    func node(forKey key: String?) -> RedisNode { self.server }
    var isStandalone: Bool { true }
    var isPartitioned: Bool { false }
    func masters() -> [RedisNode] { [self.server] }
    var subscriptions: any SubscriptionHub { self.hub }

    func learn(from error: RedisError, at node: RedisNode?) -> Lesson { .none }
    func pause(_ length: Duration, deadline: NIODeadline) async throws { try await Task.sleep(for: length) }
    func settle(deadline: NIODeadline) async throws {}

    func keepMinimum() { self.server.shared.keepMinimum() }

    func beginShutdown() {
        self.hub.beginShutdown()
        self.server.beginShutdown()
    }

    func shutdown(deadline: NIODeadline) async {
        async let subscriptions: Void = self.hub.shutdown()
        async let connections: Void = self.server.shutdown(deadline: deadline)
        _ = await (subscriptions, connections)
    }
}
