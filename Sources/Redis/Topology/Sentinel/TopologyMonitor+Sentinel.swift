// SPDX-License-Identifier: Apache-2.0

import NIOCore

extension TopologyMonitor<SentinelStateMachine> {
    /// Creates the topology of a master monitored by Sentinels.
    convenience init(
        _ configuration: RedisConfiguration, _ sentinel: RedisSentinelConfiguration, group: any EventLoopGroup,
        metrics: RedisMetrics
    ) throws {
        let factory = try ConnectionFactory(configuration)
        // Sentinels have no databases, and users of their own.
        var sentinelConfiguration = configuration
        sentinelConfiguration.address = sentinel.sentinels.first ?? configuration.address
        sentinelConfiguration.credentials = sentinel.credentials
        sentinelConfiguration.tls = sentinel.tls
        sentinelConfiguration.database = 0
        sentinelConfiguration.deployment = .standalone
        let sentinelFactory = try ConnectionFactory(sentinelConfiguration)
        let timeout = min(TimeAmount.seconds(1), configuration.connectTimeout.timeAmount)
        let queries = SentinelQueries(
            masterName: sentinel.masterName,
            sentinels: TopologyProbe(factory: sentinelFactory, group: group, timeout: timeout),
            servers: TopologyProbe(factory: factory, group: group, timeout: timeout))
        let hubs = sentinel.sentinels.map {
            (address: $0, hub: SubscriptionHub(factory: sentinelFactory.at($0), group: group))
        }
        let lookup = Lookup(
            query: { await queries.query($0) },
            listen: { report in await SentinelListener.run(hubs, masterName: sentinel.masterName, report) },
            hubs: hubs.map(\.hub))
        let machine = SentinelStateMachine(
            sentinels: sentinel.sentinels, masterName: sentinel.masterName,
            readsFromReplicas: configuration.readsFromReplicas, refresh: .init(interval: sentinel.refreshInterval))
        self.init(
            machine, factory: factory, group: group, metrics: metrics,
            subscriptions: SubscriptionHub(factory: factory, group: group, followsDirectory: true), lookup: lookup)
    }
}

/// Queries Sentinels for the master, and servers for their roles.
private struct SentinelQueries: Sendable {
    let masterName: String
    let sentinels: TopologyProbe
    let servers: TopologyProbe

    func query(_ query: SentinelStateMachine.Query) async -> SentinelStateMachine.Reply {
        switch query {
        case .querySentinel(let address):
            do {
                let replies = try await sentinels.query(address, SentinelReport.query(masterName)).replies
                let report = try SentinelReport.read(replies)
                return .sentinel(report.reply, replicas: report.replicas, sentinels: report.sentinels)
            } catch {
                return .sentinel(.failed(SentinelReport.failure(error, querying: address)), replicas: [], sentinels: [])
            }
        case .queryRole(let address):
            do {
                return .isMaster(.success(try await isMaster(address)))
            } catch {
                return .isMaster(.failure(ConnectFailure.redisError(for: error)))
            }
        }
    }

    private func isMaster(_ address: RedisAddress) async throws -> Bool {
        let response = try await servers.query(address, [RedisCommand("ROLE")])
        if case .success(let role)? = response.replies.first, let word = role.array?.first?.string {
            return word == "master"
        }
        // The user lacks permission for `ROLE`; the role from the handshake is used instead.
        return !response.info.isReplica
    }
}
