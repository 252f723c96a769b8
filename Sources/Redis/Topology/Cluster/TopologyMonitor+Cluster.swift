// SPDX-License-Identifier: Apache-2.0

import NIOCore

extension TopologyMonitor<ClusterStateMachine> {
    /// Creates the topology of a Redis Cluster.
    convenience init(
        _ configuration: RedisConfiguration, _ cluster: RedisClusterConfiguration, group: any EventLoopGroup,
        metrics: RedisMetrics
    ) throws {
        let factory = try ConnectionFactory(configuration)
        let probe = TopologyProbe(
            factory: factory, group: group, timeout: min(.seconds(1), configuration.connectTimeout.timeAmount))
        let machine = ClusterStateMachine(
            configured: cluster.nodes, readsFromReplicas: configuration.readsFromReplicas,
            refresh: .init(interval: cluster.refreshInterval))
        let lookup = Lookup(query: { query in
            switch query {
            case .readMap(let candidates): await ClusterRefresh.run(candidates, probe)
            case .ping(let addresses): .responding(await ClusterRefresh.responding(addresses, probe))
            }
        })
        self.init(
            machine, factory: factory, group: group, metrics: metrics,
            subscriptions: SubscriptionHub(clusterOf: factory, group: group), lookup: lookup)
    }
}
