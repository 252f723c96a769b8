// SPDX-License-Identifier: Apache-2.0

import NIOCore

/// One server of a topology with its connections.
struct RedisNode: Sendable {
    /// Connections that carry the commands of all callers.
    let shared: PooledNode
    /// Connections that belong to one caller for a time.
    let leased: PooledNode

    init(factory: ConnectionFactory, group: any EventLoopGroup, metrics: RedisMetrics) {
        let pool = factory.configuration.pool
        self.shared = PooledNode(
            .requests, factory: factory,
            settings: .init(
                pool, maxConnections: pool.maxConnections, minIdle: pool.minIdleConnections,
                growAt: pool.commandsBeforeGrowing, maxPerConnection: pool.maxCommandsPerConnection),
            group: group, metrics: metrics.pool)
        self.leased = PooledNode(
            .leases, factory: factory,
            settings: .init(
                pool, maxConnections: pool.maxLeasedConnections, minIdle: 0, growAt: 1, maxPerConnection: 1),
            group: group, metrics: metrics.leasedPool)
    }

    func shutdown(deadline: NIODeadline) async {
        async let shared: Void = self.shared.shutdown(deadline: deadline)
        async let leased: Void = self.leased.shutdown(deadline: deadline)
        _ = await (shared, leased)
    }
}

extension PoolStateMachine.Settings {
    fileprivate init(
        _ pool: RedisPoolConfiguration, maxConnections: Int, minIdle: Int, growAt: Int, maxPerConnection: Int
    ) {
        self.init(
            maxConnections: maxConnections,
            minIdle: minIdle,
            growAt: growAt,
            maxPerConnection: maxPerConnection,
            maxWaiters: pool.maxWaiters,
            idleTimeout: pool.idleTimeout.timeAmount,
            healthCheckInterval: pool.healthCheckInterval.timeAmount,
            initialBackoff: pool.initialBackoff.timeAmount,
            maxBackoff: pool.maxBackoff.timeAmount
        )
    }
}

/// Which servers there are, and which one a command goes to.
///
/// The client asks for every attempt, so that an implementation may answer differently after it has learned something.
/// The answer must come at once: an implementation that has to find out first throws an error that is worth a retry.
protocol RedisTopology: Sendable {
    /// The server for a command.
    func node(for command: RedisCommand) throws -> RedisNode
    /// The server for a pipeline, a transaction or a leased connection; `hint` is one of its commands.
    func node(forAll hint: RedisCommand?) throws -> RedisNode
    /// All servers that take writes.
    var masters: [RedisNode] { get }
    /// Where subscriptions connect to.
    var subscriptionFactory: ConnectionFactory { get }
    /// Ends the connections to all servers.
    func shutdown(deadline: NIODeadline) async
}

/// One server.
struct StandaloneTopology: RedisTopology {
    let server: RedisNode
    let subscriptionFactory: ConnectionFactory

    init(factory: ConnectionFactory, group: any EventLoopGroup, metrics: RedisMetrics) {
        self.server = RedisNode(factory: factory, group: group, metrics: metrics)
        self.subscriptionFactory = factory
    }

    func node(for command: RedisCommand) -> RedisNode { self.server }
    func node(forAll hint: RedisCommand?) -> RedisNode { self.server }
    var masters: [RedisNode] { [self.server] }

    func shutdown(deadline: NIODeadline) async {
        await self.server.shutdown(deadline: deadline)
    }
}
