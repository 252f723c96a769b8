// SPDX-License-Identifier: Apache-2.0

import NIOCore

extension TopologyMonitor<SentinelStateMachine> {
    /// Makes the topology of a master that Sentinels watch.
    convenience init(
        _ configuration: RedisConfiguration, _ sentinel: RedisSentinelConfiguration, group: any EventLoopGroup,
        metrics: RedisMetrics
    ) throws {
        let factory = try ConnectionFactory(configuration)
        // A Sentinel has no databases and its own users.
        var asking = configuration
        asking.address = sentinel.sentinels.first ?? configuration.address
        asking.credentials = sentinel.credentials
        asking.tls = sentinel.tls
        asking.database = 0
        asking.deployment = .standalone
        let sentinelFactory = try ConnectionFactory(asking)
        let timeout = min(TimeAmount.seconds(1), configuration.connectTimeout.timeAmount)
        let questions = SentinelQuestions(
            masterName: sentinel.masterName,
            sentinels: TopologyProbe(factory: sentinelFactory, group: group, timeout: timeout),
            servers: TopologyProbe(factory: factory, group: group, timeout: timeout))
        let hubs = sentinel.sentinels.map {
            (address: $0, hub: SubscriptionHub(factory: sentinelFactory.at($0), group: group))
        }
        let lookup = Lookup(
            ask: { await questions.ask($0) },
            listen: { report in await SentinelWatch.run(hubs, masterName: sentinel.masterName, report) },
            hubs: hubs.map(\.hub))
        let machine = SentinelStateMachine(
            sentinels: sentinel.sentinels, masterName: sentinel.masterName,
            readsFromReplicas: configuration.readsFromReplicas, refresh: .init(interval: sentinel.refreshInterval))
        self.init(
            machine, factory: factory, group: group, metrics: metrics,
            subscriptions: SubscriptionHub(factory: factory, group: group, followsDirectory: true), lookup: lookup)
    }
}

/// Asks Sentinels for the master, and servers for their roles.
private struct SentinelQuestions: Sendable {
    let masterName: String
    let sentinels: TopologyProbe
    let servers: TopologyProbe

    func ask(_ question: SentinelStateMachine.Question) async -> SentinelStateMachine.Reply {
        switch question {
        case .askSentinel(let address):
            do {
                let replies = try await sentinels.ask(address, SentinelReport.question(masterName)).replies
                let report = try SentinelReport.read(replies)
                return .sentinel(report.answer, replicas: report.replicas, sentinels: report.sentinels)
            } catch {
                return .sentinel(.failed(SentinelReport.failure(error, asking: address)), replicas: [], sentinels: [])
            }
        case .askRole(let address):
            do {
                return .isMaster(.success(try await isMaster(address)))
            } catch {
                return .isMaster(.failure(ConnectFailure.redisError(for: error)))
            }
        }
    }

    private func isMaster(_ address: RedisAddress) async throws -> Bool {
        let answer = try await servers.ask(address, [RedisCommand("ROLE")])
        if case .success(let role)? = answer.replies.first, let word = role.array?.first?.string {
            return word == "master"
        }
        // The user may not ask for the role; what the server said when it was greeted will do.
        return !answer.info.isReplica
    }
}
