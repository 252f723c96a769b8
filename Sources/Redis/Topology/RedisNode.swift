// SPDX-License-Identifier: Apache-2.0

import NIOCore

/// A server of a topology with its connections.
final class RedisNode: Sendable {
    let id: NodeID
    /// The connections that are shared by all callers.
    let shared: ConnectionPool
    /// The connections that are leased to one caller at a time.
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
                growthThreshold: pool.commandsBeforeGrowing, maxPerConnection: pool.maxCommandsPerConnection),
            group: group, metrics: metrics.pool, hooks: hooks)
        leased = ConnectionPool(
            .leases, factory: factory,
            settings: .init(
                pool, maxConnections: pool.maxLeasedConnections, minIdle: 0, growthThreshold: 1, maxPerConnection: 1),
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

    /// How long requests in flight may take on a retired server. A responsive server replies well before that; no reply
    /// can be expected from others.
    private static let gracePeriod = TimeAmount.milliseconds(500)

    /// Ends the connections to a server that has lost its role or has left the topology.
    func retire() {
        let reason = RedisError(
            .neverSent, "The server at \(address) no longer serves these requests; another server has replaced it.")
        shared.retire(because: reason, gracePeriod: Self.gracePeriod)
        leased.retire(because: reason, gracePeriod: Self.gracePeriod)
    }

    /// Whether connections are open.
    var isOpen: Bool { shared.hasConnections || leased.hasConnections }
}

extension PoolStateMachine.Settings {
    fileprivate init(
        _ pool: RedisPoolConfiguration, maxConnections: Int, minIdle: Int, growthThreshold: Int, maxPerConnection: Int
    ) {
        self.init(
            maxConnections: maxConnections,
            minIdle: minIdle,
            growthThreshold: growthThreshold,
            maxPerConnection: maxPerConnection,
            maxWaiters: pool.maxWaiters,
            idleTimeout: pool.idleTimeout.timeAmount,
            healthCheckInterval: pool.healthCheckInterval.timeAmount,
            initialBackoff: pool.initialBackoff.timeAmount,
            maxBackoff: pool.maxBackoff.timeAmount
        )
    }
}

/// The retired servers whose connections are not all closed yet.
struct RetiredNodes {
    private(set) var nodes: [RedisNode] = []

    mutating func add(_ node: RedisNode) {
        nodes = nodes.filter(\.isOpen) + [node]
    }
}
