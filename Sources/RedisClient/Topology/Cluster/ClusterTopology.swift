// SPDX-License-Identifier: Apache-2.0

import Logging
import NIOConcurrencyHelpers
import NIOCore

/// A Redis Cluster: many masters, each with a part of the slots.
///
/// The slot map is read when the client is used first, when a server says that it is wrong (`MOVED`), when something goes
/// wrong with a server, and from time to time. What a server says of one slot counts at once. Servers come and go with the
/// map; connections to those that stay are not touched.
final class ClusterTopology: RedisTopology {
    struct State {
        var map: SlotMap?
        var epoch = 0
        /// How often in a row all answers were older than what is known.
        var staleReadings = 0
        var masters: [RedisAddress: RedisNode] = [:]
        var replicas: [RedisAddress: RedisNode] = [:]
        /// Servers to which connections were lost or could not be made, since the last one that was made.
        var troubled: Set<RedisAddress> = []
        /// Servers that answer nothing.
        var stalled: Set<RedisAddress> = []
        var turn = 0
        var retired = RetiredNodes()
        var readError: (error: RedisError, at: NIODeadline)?
        var wantsMinimum = false
        var isClosed = false
    }

    private let configuration: RedisConfiguration
    private let cluster: RedisClusterConfiguration
    private let factory: ConnectionFactory
    private let group: any EventLoopGroup
    private let metrics: RedisMetrics
    private let logger: Logger
    private let probe: TopologyProbe
    let state = NIOLockedValueBox(State())
    let refresher: Refresher
    private let change: ChangeSignal
    private let stalls = StallWatch()
    private let hub: ClusterPubSubHub

    init(
        _ configuration: RedisConfiguration, _ cluster: RedisClusterConfiguration, group: any EventLoopGroup,
        metrics: RedisMetrics
    ) throws {
        let factory = try ConnectionFactory(configuration)
        self.configuration = configuration
        self.cluster = cluster
        self.factory = factory
        self.group = group
        self.metrics = metrics
        self.logger = configuration.logger
        self.probe = TopologyProbe(
            factory: factory, group: group, timeout: min(.seconds(1), configuration.connectTimeout.timeAmount))
        self.refresher = Refresher(
            .init(
                interval: cluster.refreshInterval.timeAmount, initialPause: .milliseconds(50),
                maxPause: .milliseconds(500)),
            group: group)
        self.change = ChangeSignal(group: group)
        self.hub = ClusterPubSubHub(factory: factory, group: group)
        self.hub.setDirectory(self)
    }

    // MARK: Where to

    var isStandalone: Bool { false }
    var isPartitioned: Bool { true }
    var subscriptions: any SubscriptionHub { self.hub }

    func route(_ command: RedisCommand, _ redirection: Redirection?) throws -> Route {
        if case .ask(let address) = redirection { return Route(node: try self.master(at: address), asks: true) }
        guard let slot = HashSlot(of: command) else { return Route(node: try self.anyMaster()) }
        if self.configuration.readsFromReplicas, redirection == nil, command.isReplicaRead,
            let replica = self.replica(of: slot)
        {
            return Route(node: replica)
        }
        return Route(node: try self.master(of: slot))
    }

    func node(forKey key: String?) throws -> RedisNode {
        guard let key else { return try self.anyMaster() }
        return try self.master(of: HashSlot(ofKey: key))
    }

    private func master(of slot: HashSlot) throws -> RedisNode {
        let found: Result<RedisNode, any Error>? = self.state.withLockedValue { state in
            guard let map = state.map else { return nil }
            guard let shard = map.shard(of: slot) else { return .failure(Self.unserved(slot)) }
            return Result { try self.master(at: shard.master, &state) }
        }
        if let found {
            if case .failure = found { self.refresher.evidence() }
            return try found.get()
        }
        self.begin()
        throw TopologyPending()
    }

    private static func unserved(_ slot: HashSlot) -> RedisError {
        let reply = RESPError("CLUSTERDOWN Hash slot not served")
        return RedisError(
            .clusterDown,
            "No master of the cluster serves slot \(slot.number): check with redis-cli --cluster check.",
            cause: RedisError.ServerReply(error: reply))
    }

    private func master(at address: RedisAddress) throws -> RedisNode {
        try self.state.withLockedValue { state in try self.master(at: address, &state) }
    }

    private func master(at address: RedisAddress, _ state: inout State) throws -> RedisNode {
        if let node = state.masters[address] { return node }
        if state.isClosed { throw RedisError.clientClosed }
        let node = self.makeNode(address, isReplica: false)
        state.masters[address] = node
        return node
    }

    private func anyMaster() throws -> RedisNode {
        let node = try self.state.withLockedValue { state -> RedisNode? in
            guard let map = state.map, !map.shards.isEmpty else { return nil }
            let healthy = map.masters.filter { !state.troubled.contains($0) && !state.stalled.contains($0) }
            let candidates = healthy.isEmpty ? map.masters : healthy
            state.turn = (state.turn + 1) % candidates.count
            return try self.master(at: candidates[state.turn], &state)
        }
        if let node { return node }
        self.begin()
        throw TopologyPending()
    }

    private func replica(of slot: HashSlot) -> RedisNode? {
        self.state.withLockedValue { state in
            guard !state.isClosed, let shard = state.map?.shard(of: slot) else { return nil }
            let usable = shard.replicas.filter { !state.troubled.contains($0) && !state.stalled.contains($0) }
            guard !usable.isEmpty else { return nil }
            state.turn = (state.turn + 1) % usable.count
            let address = usable[state.turn]
            if let node = state.replicas[address] { return node }
            let node = self.makeNode(address, isReplica: true)
            state.replicas[address] = node
            return node
        }
    }

    func masters() throws -> [RedisNode] {
        let nodes = try self.state.withLockedValue { state in
            try state.map.map { map in try Set(map.masters).map { try self.master(at: $0, &state) } }
        }
        if let nodes, !nodes.isEmpty { return nodes.sorted { $0.address.description < $1.address.description } }
        self.begin()
        throw TopologyPending()
    }

    // MARK: Learning

    func learn(from error: RedisError, at node: RedisNode?) -> Lesson {
        if let node, let reply = error.serverReply, let redirection = SlotRedirection(reply, from: node.address) {
            return self.follow(redirection, from: node)
        }
        switch error.serverReply?.prefix {
        case "TRYAGAIN":
            return .later
        case "CLUSTERDOWN", "READONLY", "LOADING", "MASTERDOWN", "NOREPLICAS":
            self.refresher.evidence()
            return self.isReplica(node) ? .elsewhere(.master) : .later
        default:
            break
        }
        guard error.serverReply == nil else { return .none }
        switch error.code {
        case .neverSent, .outcomeUnknown, .timedOut, .connectFailed, .readOnly:
            self.refresher.evidence()
            if self.isReplica(node) { return error.mayHaveExecuted ? .moved : .elsewhere(.master) }
            // A server that was retired while the command waited for it.
            let isCurrent = node.map { node in
                self.state.withLockedValue { $0.masters[node.address]?.isSame(as: node) == true }
            }
            if isCurrent == false { return error.mayHaveExecuted ? .moved : .elsewhere(nil) }
            return error.mayHaveExecuted ? .none : .later
        default:
            return .none
        }
    }

    private func follow(_ redirection: SlotRedirection, from node: RedisNode) -> Lesson {
        switch redirection.kind {
        case .ask:
            return .elsewhere(.ask(redirection.address))
        case .moved:
            // A replica says this of a slot that is its master's no longer, and of commands that it may not execute.
            if self.isReplica(node), redirection.address != node.address { self.refresher.evidence() }
            let isNew = self.state.withLockedValue { state in
                state.map?.move(redirection.slot, to: redirection.address) ?? false
            }
            if isNew {
                self.refresher.evidence()
                self.hub.topologyChanged()
                self.change.fire()
            }
            return .elsewhere(.master)
        }
    }

    /// A subscription was refused because its channel's slot is elsewhere.
    func follow(_ reply: RESPError, from address: RedisAddress) {
        guard let redirection = SlotRedirection(reply, from: address), redirection.kind == .moved else { return }
        self.state.withLockedValue { state in _ = state.map?.move(redirection.slot, to: redirection.address) }
        self.refresher.evidence()
    }

    private func isReplica(_ node: RedisNode?) -> Bool {
        guard let node else { return false }
        return self.state.withLockedValue { $0.replicas[node.address]?.isSame(as: node) == true }
    }

    func pause(_ length: Duration, deadline: NIODeadline) async throws {
        let generation = self.change.generation
        await self.change.wait(since: generation, until: min(deadline, .after(length)))
        try Task.checkCancellation()
    }

    func settle(deadline: NIODeadline) async throws {
        let generation = self.change.generation
        let (isKnown, failure) = self.state.withLockedValue { ($0.map != nil, $0.readError) }
        if isKnown { return }
        if let (error, time) = failure, error.isLasting {
            // Not what was found long ago: somebody may have repaired it since.
            if .now() - time < .milliseconds(100) { throw error }
            self.refresher.evidence()
        }
        if deadline <= .now() {
            throw failure?.error
                ?? RedisError(.connectFailed, "The slot map of the cluster could not be read in time.")
        }
        await self.change.wait(since: generation, until: deadline)
        if Task.isCancelled { throw RedisError(.cancelled, "The calling task was cancelled.") }
    }

    // MARK: Reading the map

    /// Begins to look up, unless that has begun.
    func begin() {
        self.refresher.start { [weak self] in
            await self?.refresh() ?? .settled
        } alongside: {
        }
        self.stalls.start(on: self.group.next()) { [weak self] in
            self?.state.withLockedValue { Array($0.masters.values) + Array($0.replicas.values) } ?? []
        } report: { [weak self] node in
            self?.state.withLockedValue { _ = $0.stalled.insert(node.address) }
            self?.refresher.evidence()
        }
    }

    private func refresh() async -> RefreshStateMachine.Outcome {
        let candidates = self.candidates()
        switch await ClusterRefresh.run(candidates, self.probe) {
        case .view(let view):
            let outcome = self.adopt(view)
            // A connection that was lost may have been all that was wrong.
            let suspects = self.state.withLockedValue { $0.troubled }
            let working = await ClusterRefresh.working(suspects, self.probe)
            let isTroubled = self.state.withLockedValue { state in
                state.troubled.subtract(working)
                return !state.troubled.isDisjoint(with: state.map?.masters ?? [])
            }
            return isTroubled ? .unsettled : outcome
        case .failed(let error):
            if Task.isCancelled { return .unsettled }
            self.logger.debug("The slot map could not be read", metadata: ["error": "\(error)"])
            self.state.withLockedValue { $0.readError = (error, .now()) }
            self.change.fire()
            return .unsettled
        }
    }

    /// Whom to ask: known servers in random order, those in trouble last, and those of the configuration in the end.
    private func candidates() -> [RedisAddress] {
        let (known, suspect) = self.state.withLockedValue { state in
            (
                state.map.map { Set($0.shards.flatMap { [$0.master] + $0.replicas }) } ?? [],
                state.troubled.union(state.stalled)
            )
        }
        let healthy = known.subtracting(suspect).shuffled()
        let configured = self.cluster.nodes.filter { !known.contains($0) }
        return healthy
            + (healthy.isEmpty ? configured + known.shuffled() : known.intersection(suspect).shuffled() + configured)
    }

    private func adopt(_ view: ClusterView) -> RefreshStateMachine.Outcome {
        var outcome = RefreshStateMachine.Outcome.settled
        let opened = self.state.withLockedValue { state -> [RedisNode] in
            state.readError = nil
            guard !state.isClosed else { return [] }
            if state.map != nil, view.epoch < state.epoch, state.staleReadings < 3 {
                // Older than what is known. If that goes on, it is another cluster by now.
                state.staleReadings += 1
                outcome = .unsettled
                return []
            }
            state.staleReadings = 0
            state.epoch = view.epoch
            state.map = view.map
            let masters = Set(view.map.masters)
            let replicas = Set(view.map.shards.flatMap(\.replicas))
            var retired: [RedisNode] = []
            for (address, node) in state.masters where !masters.contains(address) {
                state.masters[address] = nil
                retired.append(node)
            }
            for (address, node) in state.replicas where !replicas.contains(address) {
                state.replicas[address] = nil
                retired.append(node)
            }
            for node in retired { node.retire() }
            state.retired.add(retired)
            let present = masters.union(replicas)
            state.troubled.formIntersection(present)
            if !view.isOK || view.map.servedSlots < HashSlot.count || !state.stalled.isDisjoint(with: masters) {
                outcome = .unsettled
            }
            // A server that answers nothing will be found again if it goes on.
            state.stalled = []
            return state.wantsMinimum ? masters.compactMap { try? self.master(at: $0, &state) } : []
        }
        for node in opened { node.shared.keepMinimum() }
        self.hub.topologyChanged()
        self.change.fire()
        return outcome
    }

    private func makeNode(_ address: RedisAddress, isReplica: Bool) -> RedisNode {
        let hooks = NodeHooks(
            trouble: { [weak self] _ in
                guard let self else { return }
                let isNew = self.state.withLockedValue { $0.troubled.insert(address).inserted }
                self.refresher.evidence()
                if isNew { self.hub.topologyChanged() }
            },
            connected: { [weak self] in
                self?.state.withLockedValue { _ = $0.troubled.remove(address) }
            },
            failsFast: isReplica)
        return RedisNode(
            factory: self.factory.at(address, readsFromReplica: isReplica), group: self.group,
            metrics: self.metrics.of(address), hooks: hooks)
    }

    // MARK: Life

    func keepMinimum() {
        self.state.withLockedValue { $0.wantsMinimum = true }
        self.begin()
        for node in (try? self.masters()) ?? [] { node.shared.keepMinimum() }
    }

    func beginShutdown() {
        _ = self.close()
    }

    private func close() -> [RedisNode] {
        self.refresher.stop()
        self.stalls.stop()
        let nodes = self.state.withLockedValue { state in
            state.isClosed = true
            defer {
                state.masters = [:]
                state.replicas = [:]
            }
            return Array(state.masters.values) + Array(state.replicas.values) + state.retired.takeAll()
        }
        for node in nodes { node.beginShutdown() }
        self.hub.beginShutdown()
        self.change.close()
        return nodes
    }

    func shutdown(deadline: NIODeadline) async {
        let nodes = self.close()
        await withTaskGroup(of: Void.self) { group in
            for node in nodes { group.addTask { await node.shutdown(deadline: deadline) } }
            group.addTask { await self.hub.shutdown() }
            group.addTask { await self.refresher.end() }
        }
    }
}
