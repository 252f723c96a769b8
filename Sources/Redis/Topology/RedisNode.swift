// SPDX-License-Identifier: Apache-2.0

import NIOCore

/// One server of a topology with its connections.
final class RedisNode: Sendable {
    let id: NodeID
    /// Connections that carry the commands of all callers.
    let shared: ConnectionPool
    /// Connections that belong to one caller for a time.
    let leased: ConnectionPool

    init(
        _ id: NodeID, factory: ConnectionFactory, group: any EventLoopGroup, metrics: RedisMetrics,
        hooks: PoolHooks = PoolHooks()
    ) {
        let pool = factory.configuration.pool
        self.id = id
        shared = ConnectionPool(
            .requests, factory: factory,
            settings: .init(
                pool, maxConnections: pool.maxConnections, minIdle: pool.minIdleConnections,
                growAt: pool.commandsBeforeGrowing, maxPerConnection: pool.maxCommandsPerConnection),
            group: group, metrics: metrics.pool, hooks: hooks)
        leased = ConnectionPool(
            .leases, factory: factory,
            settings: .init(
                pool, maxConnections: pool.maxLeasedConnections, minIdle: 0, growAt: 1, maxPerConnection: 1),
            group: group, metrics: metrics.leasedPool, hooks: hooks)
    }

    var address: RedisAddress { id.address }

    func beginShutdown() {
        shared.beginShutdown()
        leased.beginShutdown()
    }

    func shutdown(deadline: NIODeadline) async {
        async let shared: Void = self.shared.shutdown(deadline: deadline)
        async let leased: Void = self.leased.shutdown(deadline: deadline)
        _ = await (shared, leased)
    }

    /// How long what is under way on a server may take that is not the one to talk to any more. A server that works
    /// answers well before that; from one that does not, no answer will come.
    private static let grace = TimeAmount.milliseconds(500)

    /// Ends the connections to a server that has another role by now, or is gone.
    func retire() {
        let reason = RedisError(
            .neverSent, "The server at \(address) is not responsible any more; another one has taken over.")
        shared.retire(because: reason, grace: Self.grace)
        leased.retire(because: reason, grace: Self.grace)
    }

    /// Connections are open still.
    var isOpen: Bool { shared.hasConnections || leased.hasConnections }
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

/// Servers that are not responsible any more, until their last connection is closed.
struct RetiredNodes {
    private(set) var nodes: [RedisNode] = []

    mutating func add(_ node: RedisNode) {
        nodes = nodes.filter(\.isOpen) + [node]
    }
}
