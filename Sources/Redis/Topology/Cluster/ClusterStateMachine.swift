// SPDX-License-Identifier: Apache-2.0

import NIOCore

/// The decisions about a Redis Cluster, with several masters that serve parts of the slots.
///
/// The slot map is read when the client is first used, when a server reports that it is wrong (`MOVED`), when requests
/// or connections fail, and at regular intervals. A redirection for one slot is applied immediately. Servers are opened
/// and retired as the map changes; connections to the remaining servers are not affected.
struct ClusterStateMachine: TopologyStateMachine {
    enum Query: Equatable {
        /// Read the slot map from some of these servers, the most promising first.
        case readMap([RedisAddress])
        /// Determine which of these servers respond.
        case ping(Set<RedisAddress>)
    }

    enum Reply {
        case map(ClusterView)
        case failed(RedisError)
        case responding(Set<RedisAddress>)
    }

    var lifecycle: TopologyLifecycle
    private let configured: [RedisAddress]
    private let readsFromReplicas: Bool
    private var map: SlotMap?
    private var epoch = 0
    /// The number of consecutive readings that were older than the current map.
    private var staleReadings = 0
    private var masters: [RedisAddress: NodeID] = [:]
    private var replicas: [RedisAddress: NodeID] = [:]
    /// The master of each shard of the map, so that routing needs no lookup by address.
    private var shardMasters: [NodeID] = []
    /// The servers to which connections failed, since the last successful one.
    private var unreachable: Set<RedisAddress> = []
    /// The servers that do not reply.
    private var unresponsive: Set<RedisAddress> = []
    private var roundRobinIndex = 0
    /// The outcome of the reading in the current lookup.
    private var outcome = RefreshStateMachine.Outcome.settled

    /// - Parameters:
    ///   - configured: The servers of the configuration.
    ///   - readsFromReplicas: Whether connections to replicas are opened.
    init(configured: [RedisAddress], readsFromReplicas: Bool, refresh: RefreshStateMachine.Settings) {
        self.configured = configured
        self.readsFromReplicas = readsFromReplicas
        lifecycle = TopologyLifecycle(refresh: refresh)
    }

    static var isPartitioned: Bool { true }
    static func policy(for node: NodeID) -> NodePolicy {
        NodePolicy(failsFast: node.isReplica, readsFromReplica: node.isReplica)
    }
    static var timeoutError: RedisError {
        RedisError(.connectFailed, "The slot map of the cluster could not be read in time.")
    }

    var isKnown: Bool { map?.shards.isEmpty == false }
    var watchedNodes: [NodeID] { Array(masters.values) + Array(replicas.values) }
    var currentMasters: [NodeID] {
        Set(shardMasters).sorted { $0.address.description < $1.address.description }
    }

    // MARK: Routing

    mutating func route(_ target: RouteTarget) -> (Resolution<Route<NodeID>>, [TopologyAction]) {
        if lifecycle.isClosed { return (.fail(.clientClosed), []) }
        if case .ask(let address)? = target.redirection {
            let (node, actions) = master(at: address)
            return (.ready(Route(node: node, requiresAsking: true)), actions)
        }
        guard map != nil else { return (.wait(lifecycle.ticket), lifecycle.start()) }
        guard let slot = target.slot else { return routeAnywhere() }
        guard let shard = map?.shardIndex(of: slot) else {
            return (.fail(Self.unserved(slot)), lifecycle.noteEvidence())
        }
        if target.canUseReplica, target.redirection == nil, let replica = self.replica(ofShard: shard) {
            return (.ready(Route(node: replica)), [])
        }
        return (.ready(Route(node: shardMasters[shard])), [])
    }

    /// Returns any master, in turn. Healthy ones are preferred.
    private mutating func routeAnywhere() -> (Resolution<Route<NodeID>>, [TopologyAction]) {
        guard !shardMasters.isEmpty else { return (.wait(lifecycle.ticket), lifecycle.start()) }
        let healthy = shardMasters.filter { isHealthy($0.address) }
        let candidates = healthy.isEmpty ? shardMasters : healthy
        roundRobinIndex = (roundRobinIndex + 1) % candidates.count
        return (.ready(Route(node: candidates[roundRobinIndex])), [])
    }

    private mutating func replica(ofShard shard: Int) -> NodeID? {
        guard readsFromReplicas, let replicas = map?.shards[shard].replicas else { return nil }
        let usable = replicas.filter(isHealthy)
        guard !usable.isEmpty else { return nil }
        roundRobinIndex = (roundRobinIndex + 1) % usable.count
        return self.replicas[usable[roundRobinIndex]]
    }

    private func isHealthy(_ address: RedisAddress) -> Bool {
        !unreachable.contains(address) && !unresponsive.contains(address)
    }

    private static func unserved(_ slot: HashSlot) -> RedisError {
        let reply = RESPError("CLUSTERDOWN Hash slot not served")
        return RedisError(
            .clusterDown,
            "No master of the cluster serves slot \(slot.number): check with redis-cli --cluster check.",
            cause: RedisError.ServerReply(error: reply))
    }

    func isCurrent(_ node: NodeID) -> Bool {
        (node.isReplica ? replicas : masters)[node.address] == node
    }

    private func isReplica(_ node: NodeID?) -> Bool { node.map { $0.isReplica && isCurrent($0) } ?? false }

    /// Returns the master at an address, opening it if necessary.
    private mutating func master(at address: RedisAddress) -> (NodeID, [TopologyAction]) {
        if let node = masters[address] { return (node, []) }
        let node = lifecycle.makeNode(address, isReplica: false)
        masters[address] = node
        return (node, [.open(node)])
    }

    /// Assigns a master to every shard after a change of the map.
    private mutating func updateShardMasters() -> [TopologyAction] {
        var actions: [TopologyAction] = []
        shardMasters = (map?.masters ?? []).map { address in
            let (node, opening) = master(at: address)
            actions += opening
            return node
        }
        return actions
    }

    // MARK: Failed requests

    mutating func failed(_ error: RedisError, at node: NodeID?) -> (RetryAdvice, [TopologyAction]) {
        if lifecycle.isClosed { return (.standard, []) }
        if let node, let reply = error.serverReply, let redirection = SlotRedirection(reply, from: node.address) {
            return follow(redirection, from: node)
        }
        switch error.serverReply?.prefix {
        case "TRYAGAIN":
            return (.later, [])
        case "CLUSTERDOWN", "READONLY", "LOADING", "MASTERDOWN", "NOREPLICAS":
            return (isReplica(node) ? .redirect(.master) : .later, lifecycle.noteEvidence())
        default:
            break
        }
        guard error.serverReply == nil else { return (.standard, []) }
        switch error.code {
        case .neverSent, .outcomeUnknown, .timedOut, .connectFailed, .readOnly:
            return (advice(after: error, at: node), lifecycle.noteEvidence())
        default:
            return (.standard, [])
        }
    }

    private func advice(after error: RedisError, at node: NodeID?) -> RetryAdvice {
        if isReplica(node) { return error.mayHaveExecuted ? .otherNode : .redirect(.master) }
        // The server was retired while the command waited for a connection.
        if let node, !self.isCurrent(node) { return error.mayHaveExecuted ? .otherNode : .redirect(nil) }
        return error.mayHaveExecuted ? .standard : .later
    }

    private mutating func follow(
        _ redirection: SlotRedirection, from node: NodeID
    ) -> (RetryAdvice, [TopologyAction]) {
        switch redirection.kind {
        case .ask:
            return (.redirect(.ask(redirection.address)), [])
        case .moved:
            var actions: [TopologyAction] = []
            if map?.move(redirection.slot, to: redirection.address) == true {
                actions = updateShardMasters() + lifecycle.noteEvidence()
                actions += [.relocateSubscriptions] + lifecycle.changed()
            } else if isReplica(node), redirection.address != node.address {
                // A replica sends this redirection for slots that its master no longer serves, and for commands that it
                // may not execute.
                actions = lifecycle.noteEvidence()
            }
            return (.redirect(.master), actions)
        }
    }

    // MARK: Server events

    mutating func connectionFailed(_ node: NodeID) -> [TopologyAction] {
        guard isCurrent(node) else { return [] }
        let isNew = unreachable.insert(node.address).inserted
        return lifecycle.noteEvidence() + (isNew ? [.relocateSubscriptions] : [])
    }

    mutating func connected(_ node: NodeID) {
        guard isCurrent(node) else { return }
        unreachable.remove(node.address)
    }

    mutating func stalled(_ node: NodeID) -> [TopologyAction] {
        guard isCurrent(node) else { return [] }
        unresponsive.insert(node.address)
        return lifecycle.noteEvidence()
    }

    mutating func admit(_ waiter: WaiterID) -> (WaitDecision, [TopologyAction]) {
        (lifecycle.isClosed ? .fail(.clientClosed) : .proceed, [])
    }

    /// The servers of a cluster announce nothing.
    mutating func announced(_ announcement: Never) -> [TopologyAction] {}

    // MARK: Subscriptions

    mutating func subscriptionAddress(
        for target: SubscriptionTarget?, current: RedisAddress?, random: Double
    ) -> (RedisAddress?, [TopologyAction]) {
        guard let map else { return (nil, lifecycle.start()) }
        if let target, target.kind == .shardChannel {
            return (map.shard(of: HashSlot(ofKey: target.name))?.master, [])
        }
        // Any master is suitable. The current one is kept if it is reachable.
        let usable = map.masters.filter { !unreachable.contains($0) }
        if let current, usable.contains(current) { return (current, []) }
        let candidates = usable.isEmpty ? map.masters : usable
        guard !candidates.isEmpty else { return (nil, []) }
        return (candidates[min(Int(random * Double(candidates.count)), candidates.count - 1)], [])
    }

    mutating func subscriptionFailed(_ error: RedisError, at address: RedisAddress) -> [TopologyAction] {
        guard !lifecycle.isClosed else { return [] }
        guard let reply = error.serverReply else {
            if isKnown(address) { unreachable.insert(address) }
            return lifecycle.noteEvidence()
        }
        var actions: [TopologyAction] = []
        if let redirection = SlotRedirection(reply, from: address), redirection.kind == .moved,
            map?.move(redirection.slot, to: redirection.address) == true
        {
            actions = updateShardMasters()
        }
        return actions + lifecycle.noteEvidence()
    }

    func isKnown(_ address: RedisAddress) -> Bool { map?.masters.contains(address) == true }

    // MARK: Shutdown

    mutating func shutdown() -> [TopologyAction] {
        masters = [:]
        replicas = [:]
        shardMasters = []
        map = nil
        return lifecycle.close()
    }
}

// MARK: - Lookups

extension ClusterStateMachine {
    mutating func beginLookup(
        now: NIODeadline, using generator: inout some RandomNumberGenerator
    ) -> (Query?, [TopologyAction]) {
        (.readMap(candidates(using: &generator)), [])
    }

    /// Returns the servers to query: known servers in random order, then those with failures, then those of the
    /// configuration.
    private func candidates(using generator: inout some RandomNumberGenerator) -> [RedisAddress] {
        let known = Set((map?.shards ?? []).flatMap { [$0.master] + $0.replicas })
        func shuffled(_ addresses: Set<RedisAddress>) -> [RedisAddress] {
            // Sorted first, so that the order depends on the generator alone.
            addresses.sorted { $0.description < $1.description }.shuffled(using: &generator)
        }
        let suspects = unreachable.union(unresponsive)
        let healthy = shuffled(known.subtracting(suspects))
        let configured = self.configured.filter { !known.contains($0) }
        if healthy.isEmpty { return configured + shuffled(known) }
        return healthy + shuffled(known.intersection(suspects)) + configured
    }

    mutating func received(
        _ reply: Reply, now: NIODeadline, random: Double
    ) -> (Query?, [TopologyAction]) {
        switch reply {
        case .map(let view):
            let actions = adopt(view)
            // A lost connection may have been the only problem.
            if !unreachable.isEmpty { return (.ping(unreachable), actions) }
            lifecycle.lookupEnded(outcome, now: now, random: random)
            return (nil, actions)
        case .responding(let addresses):
            unreachable.subtract(addresses)
            let hasUnreachableMaster = !unreachable.isDisjoint(with: map?.masters ?? [])
            lifecycle.lookupEnded(hasUnreachableMaster ? .unsettled : outcome, now: now, random: random)
            return (nil, [])
        case .failed(let error):
            lifecycle.lookupFailed(error, now: now)
            lifecycle.lookupEnded(.unsettled, now: now, random: random)
            return (nil, [.log(.lookupFailed(error))] + lifecycle.changed())
        }
    }

    private mutating func adopt(_ view: ClusterView) -> [TopologyAction] {
        lifecycle.lookupSucceeded()
        outcome = .settled
        guard !lifecycle.isClosed else { return [] }
        if map != nil, view.epoch < epoch, staleReadings < 3 {
            // The view is outdated. If that recurs, the cluster was replaced.
            staleReadings += 1
            outcome = .unsettled
            return [.relocateSubscriptions] + lifecycle.changed()
        }
        staleReadings = 0
        epoch = view.epoch
        map = view.map
        let masters = Set(view.map.masters)
        let replicas = Set(view.map.shards.flatMap(\.replicas))
        var actions = retireAll(except: masters, replicas)
        actions += updateShardMasters()
        if readsFromReplicas { actions += openReplicas(of: view.map) }
        if lifecycle.keepsMinimum { actions += currentMasters.map { .keepMinimum($0) } }
        unreachable.formIntersection(masters.union(replicas))
        if !view.isOK || view.map.servedSlots < HashSlot.count || !unresponsive.isDisjoint(with: masters) {
            outcome = .unsettled
        }
        // A server that still does not reply will be reported again.
        unresponsive = []
        return actions + [.relocateSubscriptions] + lifecycle.changed()
    }

    private mutating func retireAll(
        except masters: Set<RedisAddress>, _ replicas: Set<RedisAddress>
    ) -> [TopologyAction] {
        let retired =
            self.masters.values.filter { !masters.contains($0.address) }
            + self.replicas.values.filter { !replicas.contains($0.address) }
        self.masters = self.masters.filter { masters.contains($0.key) }
        self.replicas = self.replicas.filter { replicas.contains($0.key) }
        return retired.sorted { $0.number < $1.number }.map { .retire($0) }
    }

    private mutating func openReplicas(of map: SlotMap) -> [TopologyAction] {
        var actions: [TopologyAction] = []
        for address in map.shards.flatMap(\.replicas) where replicas[address] == nil {
            let node = lifecycle.makeNode(address, isReplica: true)
            replicas[address] = node
            actions.append(.open(node))
        }
        return actions
    }
}
