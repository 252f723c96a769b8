// SPDX-License-Identifier: Apache-2.0

import NIOCore

/// The decisions about a Redis Cluster: many masters, each with a part of the slots.
///
/// The slot map is read when the client is used first, when a server says that it is wrong (`MOVED`), when something goes
/// wrong with a server, and from time to time. What a server says of one slot counts at once. Servers come and go with the
/// map; connections to those that stay are not touched.
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
        self.lifecycle = TopologyLifecycle(refresh: refresh)
    }

    static var isPartitioned: Bool { true }
    static func policy(for node: NodeID) -> NodePolicy {
        NodePolicy(failsFast: node.isReplica, readsFromReplica: node.isReplica)
    }
    static var lateError: RedisError {
        RedisError(.connectFailed, "The slot map of the cluster could not be read in time.")
    }

    var isKnown: Bool { self.map?.shards.isEmpty == false }
    var watchedNodes: [NodeID] { Array(self.masters.values) + Array(self.replicas.values) }
    var currentMasters: [NodeID] {
        Set(self.shardMasters).sorted { $0.address.description < $1.address.description }
    }

    // MARK: Routing

    mutating func route(_ target: RouteTarget) -> (Resolution<Route<NodeID>>, [TopologyAction]) {
        if self.lifecycle.isClosed { return (.fail(.clientClosed), []) }
        if case .ask(let address)? = target.redirection {
            let (node, actions) = self.master(at: address)
            return (.ready(Route(node: node, asks: true)), actions)
        }
        guard self.map != nil else { return (.wait(self.lifecycle.ticket), self.lifecycle.start()) }
        guard let slot = target.slot else { return self.routeAnywhere() }
        guard let shard = self.map?.shardIndex(of: slot) else {
            return (.fail(Self.unserved(slot)), self.lifecycle.evidence())
        }
        if target.canUseReplica, target.redirection == nil, let replica = self.replica(ofShard: shard) {
            return (.ready(Route(node: replica)), [])
        }
        return (.ready(Route(node: self.shardMasters[shard])), [])
    }

    /// Any master, in turn. Those that work are preferred.
    private mutating func routeAnywhere() -> (Resolution<Route<NodeID>>, [TopologyAction]) {
        guard !self.shardMasters.isEmpty else { return (.wait(self.lifecycle.ticket), self.lifecycle.start()) }
        let healthy = self.shardMasters.filter { self.isHealthy($0.address) }
        let candidates = healthy.isEmpty ? self.shardMasters : healthy
        self.turn = (self.turn + 1) % candidates.count
        return (.ready(Route(node: candidates[self.turn])), [])
    }

    private mutating func replica(ofShard shard: Int) -> NodeID? {
        guard self.readsFromReplicas, let replicas = self.map?.shards[shard].replicas else { return nil }
        let usable = replicas.filter(self.isHealthy)
        guard !usable.isEmpty else { return nil }
        self.turn = (self.turn + 1) % usable.count
        return self.replicas[usable[self.turn]]
    }

    private func isHealthy(_ address: RedisAddress) -> Bool {
        !self.troubled.contains(address) && !self.unresponsive.contains(address)
    }

    private static func unserved(_ slot: HashSlot) -> RedisError {
        let reply = RESPError("CLUSTERDOWN Hash slot not served")
        return RedisError(
            .clusterDown,
            "No master of the cluster serves slot \(slot.number): check with redis-cli --cluster check.",
            cause: RedisError.ServerReply(error: reply))
    }

    func isCurrent(_ node: NodeID) -> Bool {
        (node.isReplica ? self.replicas : self.masters)[node.address] == node
    }

    private func isReplica(_ node: NodeID?) -> Bool { node.map { $0.isReplica && self.isCurrent($0) } ?? false }

    /// The master at an address, which is opened if there was none.
    private mutating func master(at address: RedisAddress) -> (NodeID, [TopologyAction]) {
        if let node = self.masters[address] { return (node, []) }
        let node = self.lifecycle.makeNode(address, isReplica: false)
        self.masters[address] = node
        return (node, [.open(node)])
    }

    /// After a change of the map: every shard has a master.
    private mutating func updateShardMasters() -> [TopologyAction] {
        var actions: [TopologyAction] = []
        self.shardMasters = (self.map?.masters ?? []).map { address in
            let (node, opening) = self.master(at: address)
            actions += opening
            return node
        }
        return actions
    }

    // MARK: Failed requests

    mutating func failed(_ error: RedisError, at node: NodeID?) -> (RetryAdvice, [TopologyAction]) {
        if self.lifecycle.isClosed { return (.standard, []) }
        if let node, let reply = error.serverReply, let redirection = SlotRedirection(reply, from: node.address) {
            return self.follow(redirection, from: node)
        }
        switch error.serverReply?.prefix {
        case "TRYAGAIN":
            return (.later, [])
        case "CLUSTERDOWN", "READONLY", "LOADING", "MASTERDOWN", "NOREPLICAS":
            return (self.isReplica(node) ? .redirect(.master) : .later, self.lifecycle.evidence())
        default:
            break
        }
        guard error.serverReply == nil else { return (.standard, []) }
        switch error.code {
        case .neverSent, .outcomeUnknown, .timedOut, .connectFailed, .readOnly:
            return (self.advice(after: error, at: node), self.lifecycle.evidence())
        default:
            return (.standard, [])
        }
    }

    private func advice(after error: RedisError, at node: NodeID?) -> RetryAdvice {
        if self.isReplica(node) { return error.mayHaveExecuted ? .otherNode : .redirect(.master) }
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
            if self.map?.move(redirection.slot, to: redirection.address) == true {
                actions = self.updateShardMasters() + self.lifecycle.evidence()
                actions += [.relocateSubscriptions] + self.lifecycle.changed()
            } else if self.isReplica(node), redirection.address != node.address {
                // A replica says this of a slot that is its master's no longer, and of commands that it may not execute.
                actions = self.lifecycle.evidence()
            }
            return (.redirect(.master), actions)
        }
    }

    // MARK: Events of servers

    mutating func connectionFailed(_ node: NodeID) -> [TopologyAction] {
        guard self.isCurrent(node) else { return [] }
        let isNew = self.troubled.insert(node.address).inserted
        return self.lifecycle.evidence() + (isNew ? [.relocateSubscriptions] : [])
    }

    mutating func connected(_ node: NodeID) {
        guard self.isCurrent(node) else { return }
        self.troubled.remove(node.address)
    }

    mutating func stalled(_ node: NodeID) -> [TopologyAction] {
        guard self.isCurrent(node) else { return [] }
        self.unresponsive.insert(node.address)
        return self.lifecycle.evidence()
    }

    mutating func admit(_ waiter: WaiterID) -> (WaitDecision, [TopologyAction]) {
        (self.lifecycle.isClosed ? .fail(.clientClosed) : .proceed, [])
    }

    /// The servers of a cluster announce nothing.
    mutating func announced(_ announcement: Never) -> [TopologyAction] {}

    // MARK: Subscriptions

    mutating func subscriptionAddress(
        for target: SubscriptionTarget?, current: RedisAddress?, random: Double
    ) -> (RedisAddress?, [TopologyAction]) {
        guard let map else { return (nil, self.lifecycle.start()) }
        if let target, target.kind == .shardChannel {
            return (map.shard(of: HashSlot(ofKey: target.name))?.master, [])
        }
        // Any will do. One that works stays.
        let usable = map.masters.filter { !self.troubled.contains($0) }
        if let current, usable.contains(current) { return (current, []) }
        let candidates = usable.isEmpty ? map.masters : usable
        guard !candidates.isEmpty else { return (nil, []) }
        return (candidates[min(Int(random * Double(candidates.count)), candidates.count - 1)], [])
    }

    mutating func subscriptionFailed(_ error: RedisError, at address: RedisAddress) -> [TopologyAction] {
        guard !self.lifecycle.isClosed else { return [] }
        guard let reply = error.serverReply else {
            if self.isKnown(address) { self.troubled.insert(address) }
            return self.lifecycle.evidence()
        }
        var actions: [TopologyAction] = []
        if let redirection = SlotRedirection(reply, from: address), redirection.kind == .moved,
            self.map?.move(redirection.slot, to: redirection.address) == true
        {
            actions = self.updateShardMasters()
        }
        return actions + self.lifecycle.evidence()
    }

    func isKnown(_ address: RedisAddress) -> Bool { self.map?.masters.contains(address) == true }

    // MARK: End

    mutating func shutdown() -> [TopologyAction] {
        self.masters = [:]
        self.replicas = [:]
        self.shardMasters = []
        self.map = nil
        return self.lifecycle.close()
    }
}

// MARK: - Lookups

extension ClusterStateMachine {
    mutating func beginLookup(
        now: NIODeadline, using generator: inout some RandomNumberGenerator
    ) -> (Question?, [TopologyAction]) {
        (.readMap(self.candidates(using: &generator)), [])
    }

    /// Whom to ask: known servers in random order, those in trouble last, and those of the configuration in the end.
    private func candidates(using generator: inout some RandomNumberGenerator) -> [RedisAddress] {
        let known = Set((self.map?.shards ?? []).flatMap { [$0.master] + $0.replicas })
        func shuffled(_ addresses: Set<RedisAddress>) -> [RedisAddress] {
            // Sorted first: the order has to depend on the generator alone.
            addresses.sorted { $0.description < $1.description }.shuffled(using: &generator)
        }
        let suspects = self.troubled.union(self.unresponsive)
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
            let actions = self.adopt(view)
            // A connection that was lost may have been all that was wrong.
            if !self.troubled.isEmpty { return (.ping(self.troubled), actions) }
            self.lifecycle.lookupEnded(self.outcome, now: now, random: random)
            return (nil, actions)
        case .responding(let addresses):
            self.troubled.subtract(addresses)
            let isTroubled = !self.troubled.isDisjoint(with: self.map?.masters ?? [])
            self.lifecycle.lookupEnded(isTroubled ? .unsettled : self.outcome, now: now, random: random)
            return (nil, [])
        case .failed(let error):
            self.lifecycle.lookupFailed(error, now: now)
            self.lifecycle.lookupEnded(.unsettled, now: now, random: random)
            return (nil, [.log(.lookupFailed(error))] + self.lifecycle.changed())
        }
    }

    private mutating func adopt(_ view: ClusterView) -> [TopologyAction] {
        self.lifecycle.lookupSucceeded()
        self.outcome = .settled
        guard !self.lifecycle.isClosed else { return [] }
        if self.map != nil, view.epoch < self.epoch, self.staleReadings < 3 {
            // Older than what is known. If that goes on, it is another cluster by now.
            self.staleReadings += 1
            self.outcome = .unsettled
            return [.relocateSubscriptions] + self.lifecycle.changed()
        }
        self.staleReadings = 0
        self.epoch = view.epoch
        self.map = view.map
        let masters = Set(view.map.masters)
        let replicas = Set(view.map.shards.flatMap(\.replicas))
        var actions = self.retireAll(except: masters, replicas)
        actions += self.updateShardMasters()
        if self.readsFromReplicas { actions += self.openReplicas(of: view.map) }
        if self.lifecycle.keepsMinimum { actions += self.currentMasters.map { .keepMinimum($0) } }
        self.troubled.formIntersection(masters.union(replicas))
        if !view.isOK || view.map.servedSlots < HashSlot.count || !self.unresponsive.isDisjoint(with: masters) {
            self.outcome = .unsettled
        }
        // A server that answers nothing will be found again if it goes on.
        self.unresponsive = []
        return actions + [.relocateSubscriptions] + self.lifecycle.changed()
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
        for address in map.shards.flatMap(\.replicas) where self.replicas[address] == nil {
            let node = self.lifecycle.makeNode(address, isReplica: true)
            self.replicas[address] = node
            actions.append(.open(node))
        }
        return actions
    }
}
