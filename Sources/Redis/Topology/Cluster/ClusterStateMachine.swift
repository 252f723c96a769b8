// SPDX-License-Identifier: Apache-2.0

import NIOCore

/// The decisions about a Redis Cluster: many masters, each with a part of the slots.
///
/// The slot map is read when the client is used first, when a server says that it is wrong (`MOVED`), when something
/// goes wrong with a server, and from time to time. What a server says of one slot counts at once. Servers come and go
/// with the map; connections to those that stay are not touched.
struct ClusterStateMachine: TopologyStateMachine {
    enum Question: Equatable {
        /// Read the slot map from some of these servers, the most promising first.
        case readMap([RedisAddress])
        /// Find out which of these servers answer at all.
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
    /// How often in a row all answers were older than what is known.
    private var staleReadings = 0
    private var masters: [RedisAddress: NodeID] = [:]
    private var replicas: [RedisAddress: NodeID] = [:]
    /// The master of each shard of the map, so that routing needs no look-up by address.
    private var shardMasters: [NodeID] = []
    /// Servers to which connections were lost or could not be made, since the last one that was made.
    private var troubled: Set<RedisAddress> = []
    /// Servers that answer nothing.
    private var unresponsive: Set<RedisAddress> = []
    private var turn = 0
    /// What the map that was read in the lookup under way means for the next one.
    private var outcome = RefreshStateMachine.Outcome.settled

    /// - Parameters:
    ///   - configured: The servers of the configuration.
    ///   - readsFromReplicas: Connections to replicas are wanted.
    init(configured: [RedisAddress], readsFromReplicas: Bool, refresh: RefreshStateMachine.Settings) {
        self.configured = configured
        self.readsFromReplicas = readsFromReplicas
        lifecycle = TopologyLifecycle(refresh: refresh)
    }

    static var isPartitioned: Bool { true }
    static func policy(for node: NodeID) -> NodePolicy {
        NodePolicy(failsFast: node.isReplica, readsFromReplica: node.isReplica)
    }
    static var lateError: RedisError {
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
            return (.ready(Route(node: node, asks: true)), actions)
        }
        guard map != nil else { return (.wait(lifecycle.ticket), lifecycle.start()) }
        guard let slot = target.slot else { return routeAnywhere() }
        guard let shard = map?.shardIndex(of: slot) else {
            return (.fail(Self.unserved(slot)), lifecycle.evidence())
        }
        if target.canUseReplica, target.redirection == nil, let replica = self.replica(ofShard: shard) {
            return (.ready(Route(node: replica)), [])
        }
        return (.ready(Route(node: shardMasters[shard])), [])
    }

    /// Any master, in turn. Those that work are preferred.
    private mutating func routeAnywhere() -> (Resolution<Route<NodeID>>, [TopologyAction]) {
        guard !shardMasters.isEmpty else { return (.wait(lifecycle.ticket), lifecycle.start()) }
        let healthy = shardMasters.filter { isHealthy($0.address) }
        let candidates = healthy.isEmpty ? shardMasters : healthy
        turn = (turn + 1) % candidates.count
        return (.ready(Route(node: candidates[turn])), [])
    }

    private mutating func replica(ofShard shard: Int) -> NodeID? {
        guard readsFromReplicas, let replicas = map?.shards[shard].replicas else { return nil }
        let usable = replicas.filter(isHealthy)
        guard !usable.isEmpty else { return nil }
        turn = (turn + 1) % usable.count
        return self.replicas[usable[turn]]
    }

    private func isHealthy(_ address: RedisAddress) -> Bool {
        !troubled.contains(address) && !unresponsive.contains(address)
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

    /// The master at an address, which is opened if there was none.
    private mutating func master(at address: RedisAddress) -> (NodeID, [TopologyAction]) {
        if let node = masters[address] { return (node, []) }
        let node = lifecycle.makeNode(address, isReplica: false)
        masters[address] = node
        return (node, [.open(node)])
    }

    /// After a change of the map: every shard has a master.
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
            return (isReplica(node) ? .redirect(.master) : .later, lifecycle.evidence())
        default:
            break
        }
        guard error.serverReply == nil else { return (.standard, []) }
        switch error.code {
        case .neverSent, .outcomeUnknown, .timedOut, .connectFailed, .readOnly:
            return (advice(after: error, at: node), lifecycle.evidence())
        default:
            return (.standard, [])
        }
    }

    private func advice(after error: RedisError, at node: NodeID?) -> RetryAdvice {
        if isReplica(node) { return error.mayHaveExecuted ? .otherNode : .redirect(.master) }
        // A server that was retired while the command waited for it.
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
                actions = updateShardMasters() + lifecycle.evidence()
                actions += [.relocateSubscriptions] + lifecycle.changed()
            } else if isReplica(node), redirection.address != node.address {
                // A replica says this of a slot that is its master's no longer, and of commands that it may not
                // execute.
                actions = lifecycle.evidence()
            }
            return (.redirect(.master), actions)
        }
    }

    // MARK: Events of servers

    mutating func connectionFailed(_ node: NodeID) -> [TopologyAction] {
        guard isCurrent(node) else { return [] }
        let isNew = troubled.insert(node.address).inserted
        return lifecycle.evidence() + (isNew ? [.relocateSubscriptions] : [])
    }

    mutating func connected(_ node: NodeID) {
        guard isCurrent(node) else { return }
        troubled.remove(node.address)
    }

    mutating func stalled(_ node: NodeID) -> [TopologyAction] {
        guard isCurrent(node) else { return [] }
        unresponsive.insert(node.address)
        return lifecycle.evidence()
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
        // Any will do. One that works stays.
        let usable = map.masters.filter { !troubled.contains($0) }
        if let current, usable.contains(current) { return (current, []) }
        let candidates = usable.isEmpty ? map.masters : usable
        guard !candidates.isEmpty else { return (nil, []) }
        return (candidates[min(Int(random * Double(candidates.count)), candidates.count - 1)], [])
    }

    mutating func subscriptionFailed(_ error: RedisError, at address: RedisAddress) -> [TopologyAction] {
        guard !lifecycle.isClosed else { return [] }
        guard let reply = error.serverReply else {
            if isKnown(address) { troubled.insert(address) }
            return lifecycle.evidence()
        }
        var actions: [TopologyAction] = []
        if let redirection = SlotRedirection(reply, from: address), redirection.kind == .moved,
            map?.move(redirection.slot, to: redirection.address) == true
        {
            actions = updateShardMasters()
        }
        return actions + lifecycle.evidence()
    }

    func isKnown(_ address: RedisAddress) -> Bool { map?.masters.contains(address) == true }

    // MARK: End

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
    ) -> (Question?, [TopologyAction]) {
        (.readMap(candidates(using: &generator)), [])
    }

    /// Whom to ask: known servers in random order, those in trouble last, and those of the configuration in the end.
    private func candidates(using generator: inout some RandomNumberGenerator) -> [RedisAddress] {
        let known = Set((map?.shards ?? []).flatMap { [$0.master] + $0.replicas })
        func shuffled(_ addresses: Set<RedisAddress>) -> [RedisAddress] {
            // Sorted first: the order has to depend on the generator alone.
            addresses.sorted { $0.description < $1.description }.shuffled(using: &generator)
        }
        let suspects = troubled.union(unresponsive)
        let healthy = shuffled(known.subtracting(suspects))
        let configured = self.configured.filter { !known.contains($0) }
        if healthy.isEmpty { return configured + shuffled(known) }
        return healthy + shuffled(known.intersection(suspects)) + configured
    }

    mutating func answered(
        _ reply: Reply, now: NIODeadline, random: Double
    ) -> (Question?, [TopologyAction]) {
        switch reply {
        case .map(let view):
            let actions = adopt(view)
            // A connection that was lost may have been all that was wrong.
            if !troubled.isEmpty { return (.ping(troubled), actions) }
            lifecycle.lookupEnded(outcome, now: now, random: random)
            return (nil, actions)
        case .responding(let addresses):
            troubled.subtract(addresses)
            let isTroubled = !troubled.isDisjoint(with: map?.masters ?? [])
            lifecycle.lookupEnded(isTroubled ? .unsettled : outcome, now: now, random: random)
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
            // Older than what is known. If that goes on, it is another cluster by now.
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
        troubled.formIntersection(masters.union(replicas))
        if !view.isOK || view.map.servedSlots < HashSlot.count || !unresponsive.isDisjoint(with: masters) {
            outcome = .unsettled
        }
        // A server that answers nothing will be found again if it goes on.
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
