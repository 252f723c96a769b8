// SPDX-License-Identifier: Apache-2.0

import Logging
import NIOConcurrencyHelpers
import NIOCore

/// A master with replicas, watched by Sentinels.
///
/// The master is looked up when the client is used first, when a Sentinel announces another one (`+switch-master`), when
/// something goes wrong with the connections to it, and from time to time. Until a lookup has found another master, the one
/// that was found last stays: its connections may come back. But after trouble no connection to it is made before the
/// Sentinels have confirmed it again: a server that was replaced while it was down must not get writes when it returns.
final class SentinelTopology: RedisTopology {
    private struct State {
        var master: RedisNode?
        var epoch: Int?
        /// Something went wrong with the connections to the master since the last lookup.
        var isInDoubt = false
        var replicas: [RedisAddress: RedisNode] = [:]
        /// The replicas in the order in which they get reads.
        var inTurn: [RedisNode] = []
        var troubled: Set<RedisAddress> = []
        var nextReplica = 0
        var sentinels: [RedisAddress]
        var watched: Set<RedisAddress> = []
        var retired = RetiredNodes()
        var lookupError: (error: RedisError, at: NIODeadline)?
        var admissions: [EventLoopPromise<Void>] = []
        var wantsMinimum = false
        var isClosed = false
    }

    private let configuration: RedisConfiguration
    private let sentinel: RedisSentinelConfiguration
    private let factory: ConnectionFactory
    private let group: any EventLoopGroup
    private let metrics: RedisMetrics
    private let logger: Logger
    private let probe: TopologyProbe
    private let masterProbe: TopologyProbe
    private let state: NIOLockedValueBox<State>
    private let refresher: Refresher
    private let change: ChangeSignal
    private let stalls = StallWatch()
    private let watchers: [(address: RedisAddress, hub: PubSubHub)]
    /// Set once, at the end of `init`, because it refers to this.
    private let hub = NIOLockedValueBox<PubSubHub?>(nil)

    init(
        _ configuration: RedisConfiguration, _ sentinel: RedisSentinelConfiguration, group: any EventLoopGroup,
        metrics: RedisMetrics
    ) throws {
        let factory = try ConnectionFactory(configuration)
        self.configuration = configuration
        self.sentinel = sentinel
        self.factory = factory
        self.group = group
        self.metrics = metrics
        self.logger = configuration.logger
        // A Sentinel has no databases and its own users.
        var asking = configuration
        asking.address = sentinel.sentinels.first ?? configuration.address
        asking.credentials = sentinel.credentials
        asking.tls = sentinel.tls
        asking.database = 0
        asking.deployment = .standalone
        let sentinelFactory = try ConnectionFactory(asking)
        let patience = min(TimeAmount.seconds(1), configuration.connectTimeout.timeAmount)
        self.probe = TopologyProbe(factory: sentinelFactory, group: group, timeout: patience)
        self.masterProbe = TopologyProbe(factory: factory, group: group, timeout: patience)
        self.state = NIOLockedValueBox(State(sentinels: sentinel.sentinels))
        self.refresher = Refresher(
            .init(
                interval: sentinel.refreshInterval.timeAmount, initialPause: .milliseconds(50),
                maxPause: .milliseconds(500)),
            group: group)
        self.change = ChangeSignal(group: group)
        self.watchers = sentinel.sentinels.map { ($0, PubSubHub(factory: sentinelFactory.at($0), group: group)) }
        let hub = PubSubHub(
            factory: factory, group: group,
            locate: { [weak self] in
                guard let self else { return nil }
                self.begin()
                return self.state.withLockedValue { state in
                    state.isInDoubt ? nil : state.master.map { factory.at($0.address) }
                }
            },
            onTrouble: { [weak self] _ in self?.doubt() })
        self.hub.withLockedValue { $0 = hub }
    }

    // MARK: Where to

    func route(_ command: RedisCommand, _ redirection: Redirection?) throws -> Route {
        let master = try self.node(forKey: nil)
        guard self.configuration.readsFromReplicas, redirection == nil, command.isReplicaRead else {
            return Route(node: master)
        }
        let replica = self.state.withLockedValue { state -> RedisNode? in
            for _ in state.inTurn {
                state.nextReplica = (state.nextReplica + 1) % state.inTurn.count
                let replica = state.inTurn[state.nextReplica]
                if !state.troubled.contains(replica.address) { return replica }
            }
            return nil
        }
        return Route(node: replica ?? master)
    }

    func node(forKey key: String?) throws -> RedisNode {
        if let master = self.state.withLockedValue({ $0.master }) { return master }
        self.begin()
        throw TopologyPending()
    }

    var isStandalone: Bool { false }
    var isPartitioned: Bool { false }
    func masters() throws -> [RedisNode] { [try self.node(forKey: nil)] }

    var subscriptions: any SubscriptionHub {
        guard let hub = self.hub.withLockedValue({ $0 }) else { preconditionFailure("made by init") }
        return hub
    }

    // MARK: Learning

    func learn(from error: RedisError, at node: RedisNode?) -> Lesson {
        let isReplica = node.map { node in
            self.state.withLockedValue { $0.replicas[node.address]?.isSame(as: node) == true }
        }
        if isReplica == true {
            // Whatever is wrong with it: the master can answer.
            return error.mayHaveExecuted ? .moved : .elsewhere(.master)
        }
        guard self.isEvidence(error) else { return .none }
        self.doubt()
        if let node, let master = self.state.withLockedValue({ $0.master }), !master.isSame(as: node) {
            return error.mayHaveExecuted ? .moved : .elsewhere(nil)
        }
        if error.mayHaveExecuted { return .none }
        return error.isRefusalByTopology || error.code == .neverSent || error.code == .connectFailed ? .later : .none
    }

    private func isEvidence(_ error: RedisError) -> Bool {
        switch error.code {
        case .neverSent, .outcomeUnknown, .timedOut, .connectFailed, .readOnly: true
        default: error.isRefusalByTopology
        }
    }

    /// Something is wrong with the master, or with the way to it.
    private func doubt() {
        self.state.withLockedValue { $0.isInDoubt = true }
        self.refresher.evidence()
    }

    /// Lets a connection to the master be made when the Sentinels have confirmed it.
    private func admission(_ eventLoop: any EventLoop) -> EventLoopFuture<Void> {
        let promise = eventLoop.makePromise(of: Void.self)
        let waits = self.state.withLockedValue { state in
            guard state.isInDoubt, !state.isClosed else { return false }
            state.admissions.append(promise)
            return true
        }
        if waits { self.refresher.evidence() } else { promise.succeed() }
        return promise.futureResult
    }

    func pause(_ length: Duration, deadline: NIODeadline) async throws {
        let generation = self.change.generation
        await self.change.wait(since: generation, until: min(deadline, .after(length)))
        try Task.checkCancellation()
    }

    func settle(deadline: NIODeadline) async throws {
        let generation = self.change.generation
        let (isKnown, failure) = self.state.withLockedValue { ($0.master != nil, $0.lookupError) }
        if isKnown { return }
        if let (error, time) = failure, error.isLasting {
            // Not what was found long ago: somebody may have repaired it since.
            if .now() - time < .milliseconds(100) { throw error }
            self.refresher.evidence()
        }
        if deadline <= .now() {
            throw failure?.error ?? RedisError(.connectFailed, "The Sentinels did not name a master in time.")
        }
        await self.change.wait(since: generation, until: deadline)
        if Task.isCancelled { throw RedisError(.cancelled, "The calling task was cancelled.") }
    }

    // MARK: Looking up

    private func begin() {
        self.refresher.start { [weak self] in
            await self?.lookUp() ?? .settled
        } alongside: { [sentinel, watchers] in
            await SentinelWatch.run(watchers, masterName: sentinel.masterName) { [weak self] in self?.announced($0) }
        }
        self.stalls.start(on: self.group.next()) { [weak self] in
            self?.state.withLockedValue { $0.master.map { [$0] } ?? [] } ?? []
        } report: { [weak self] _ in
            // It may be slow only: its connections stay as they are until another master is known.
            self?.refresher.evidence()
        }
    }

    private func announced(_ event: SentinelWatch.Event) {
        switch event {
        case .switched(let sentinel):
            self.logger.info("A Sentinel announced a failover", metadata: ["sentinel": "\(sentinel)"])
            // The others may not know yet.
            self.state.withLockedValue { state in
                state.sentinels = [sentinel] + state.sentinels.filter { $0 != sentinel }
            }
            self.refresher.urgentEvidence()
        case .gap:
            self.refresher.evidence()
        }
    }

    private func lookUp() async -> RefreshStateMachine.Outcome {
        let (sentinels, epoch) = self.state.withLockedValue { ($0.sentinels, $0.epoch) }
        var search = SentinelSearch(sentinels: sentinels, masterName: self.sentinel.masterName, knownEpoch: epoch)
        var replicas: [RedisAddress] = []
        var others: [RedisAddress] = []
        var step = search.start()
        while !Task.isCancelled {
            switch step {
            case .ask(let address):
                let answer: SentinelSearch.Answer
                do {
                    let question = SentinelReport.question(self.sentinel.masterName)
                    let read = try SentinelReport.read(try await self.probe.ask(address, question).replies)
                    (answer, replicas, others) = (read.answer, read.replicas, read.sentinels)
                } catch {
                    answer = .failed(SentinelReport.failure(error, asking: address))
                }
                step = search.answered(answer)
            case .verify(let report):
                let result: Result<Bool, RedisError>
                do {
                    result = .success(try await self.isMaster(report.address))
                } catch {
                    result = .failure(ConnectFailure.redisError(for: error))
                }
                step = search.verified(report, isMaster: result)
            case .found(let report, let sentinel):
                self.adopt(report, named: sentinel, replicas: replicas, sentinels: others)
                return .settled
            case .failed(let error):
                self.failed(error)
                return .unsettled
            }
        }
        return .unsettled
    }

    private func isMaster(_ address: RedisAddress) async throws -> Bool {
        let answer = try await self.masterProbe.ask(address, [RedisCommand("ROLE")])
        if case .success(let role)? = answer.replies.first, let word = role.array?.first?.string {
            return word == "master"
        }
        // The user may not ask for the role; what the server said when it was greeted will do.
        return !answer.info.isReplica
    }

    private func adopt(
        _ report: SentinelReport, named sentinel: RedisAddress, replicas: [RedisAddress], sentinels: [RedisAddress]
    ) {
        var retired: [RedisNode] = []
        let (admissions, replaced, keeps) = self.state.withLockedValue { state in
            state.lookupError = nil
            state.isInDoubt = false
            if let epoch = report.epoch { state.epoch = epoch }
            let previous = state.master?.address
            let isNew = previous != report.address
            if isNew, !state.isClosed {
                if let old = state.master { retired.append(old) }
                state.master = self.makeMaster(report.address)
            }
            // The one that answered first next time, those that are not listed last.
            var order = [sentinel] + state.sentinels.filter { $0 != sentinel }
            for address in sentinels where !order.contains(address) && order.count < 16 { order.append(address) }
            state.sentinels = order
            if self.configuration.readsFromReplicas, !state.isClosed {
                let wanted = Set(replicas).subtracting([report.address])
                for (address, node) in state.replicas where !wanted.contains(address) {
                    retired.append(node)
                    state.replicas[address] = nil
                }
                for address in wanted where state.replicas[address] == nil {
                    state.replicas[address] = self.makeReplica(address)
                }
                state.inTurn = Array(state.replicas.values)
                state.troubled = []
            }
            for node in retired { node.retire() }
            state.retired.add(retired)
            defer { state.admissions = [] }
            return (state.admissions, isNew ? previous : nil, isNew && state.wantsMinimum ? state.master : nil)
        }
        if let replaced {
            self.logger.notice(
                "Another Redis server is the master now",
                metadata: ["redis.address": "\(report.address)", "previous": "\(replaced)"])
        }
        for admission in admissions { admission.succeed() }
        keeps?.shared.keepMinimum()
        self.change.fire()
        self.hub.withLockedValue { $0 }?.relocate()
    }

    private func failed(_ error: RedisError) {
        self.logger.debug("No Redis master was found", metadata: ["error": "\(error)"])
        let admissions = self.state.withLockedValue { state in
            state.lookupError = (error, .now())
            defer { state.admissions = [] }
            return state.admissions
        }
        for admission in admissions { admission.fail(error) }
        self.change.fire()
    }

    private func makeMaster(_ address: RedisAddress) -> RedisNode {
        let hooks = NodeHooks(
            trouble: { [weak self] _ in self?.doubt() },
            admission: { [weak self] eventLoop in
                self?.admission(eventLoop) ?? eventLoop.makeFailedFuture(RedisError.clientClosed)
            },
            wantsMaster: true)
        return RedisNode(
            factory: self.factory.at(address), group: self.group, metrics: self.metrics.of(address), hooks: hooks)
    }

    private func makeReplica(_ address: RedisAddress) -> RedisNode {
        let hooks = NodeHooks(
            trouble: { [weak self] _ in
                self?.state.withLockedValue { _ = $0.troubled.insert(address) }
                self?.refresher.evidence()
            },
            failsFast: true)
        return RedisNode(
            factory: self.factory.at(address), group: self.group, metrics: self.metrics.of(address), hooks: hooks)
    }

    // MARK: Life

    func keepMinimum() {
        self.state.withLockedValue { $0.wantsMinimum = true }
        self.begin()
        self.state.withLockedValue { $0.master }?.shared.keepMinimum()
    }

    func beginShutdown() {
        _ = self.close()
    }

    private func close() -> [RedisNode] {
        self.refresher.stop()
        self.stalls.stop()
        let (nodes, admissions) = self.state.withLockedValue { state in
            state.isClosed = true
            defer {
                state.admissions = []
                state.replicas = [:]
                state.inTurn = []
                state.master = nil
            }
            return (
                (state.master.map { [$0] } ?? []) + state.replicas.values + state.retired.takeAll(), state.admissions
            )
        }
        for admission in admissions { admission.fail(RedisError.clientClosed) }
        for node in nodes { node.beginShutdown() }
        for watcher in self.watchers { watcher.hub.beginShutdown() }
        self.hub.withLockedValue { $0 }?.beginShutdown()
        self.change.close()
        return nodes
    }

    func shutdown(deadline: NIODeadline) async {
        let nodes = self.close()
        await withTaskGroup(of: Void.self) { group in
            for node in nodes { group.addTask { await node.shutdown(deadline: deadline) } }
            for (_, hub) in self.watchers { group.addTask { await hub.shutdown() } }
            group.addTask { await self.subscriptions.shutdown() }
            group.addTask { await self.refresher.end() }
        }
    }
}
