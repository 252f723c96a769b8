// SPDX-License-Identifier: Apache-2.0

import NIOCore

/// The decisions about a master with replicas, monitored by Sentinels.
///
/// The master is looked up when the client is first used, when a Sentinel announces another one (`+switch-master`),
/// when connections to it fail, and at regular intervals. Until a lookup has found another master, the last one stays
/// current, because its connections may recover. After a failure, however, no connection to it is opened before the
/// Sentinels have confirmed it again: a server that was replaced while it was down must not receive writes when it
/// returns.
struct SentinelStateMachine: TopologyStateMachine {
    enum Query: Equatable {
        /// Query this Sentinel for the master.
        case querySentinel(RedisAddress)
        /// Query the role of this server.
        case queryRole(RedisAddress)
    }

    enum Reply {
        case sentinel(SentinelSearch.Reply, replicas: [RedisAddress], sentinels: [RedisAddress])
        case isMaster(Result<Bool, RedisError>)
    }

    /// A lookup in progress.
    private struct Lookup {
        var search: SentinelSearch
        /// The server whose role is being queried.
        var candidate: SentinelReport?
        var replicas: [RedisAddress] = []
        var sentinels: [RedisAddress] = []
    }

    var lifecycle: TopologyLifecycle
    private let masterName: String
    private let readsFromReplicas: Bool
    private var master: NodeID?
    private var epoch: Int?
    /// Whether connections to the master have failed since the last lookup.
    private var isInDoubt = false
    private var replicas: [RedisAddress: NodeID] = [:]
    /// The replicas in the order in which they receive reads.
    private var rotation: [NodeID] = []
    private var nextReplica = 0
    private var unreachable: Set<NodeID> = []
    private var sentinels: [RedisAddress]
    private var admissions: [WaiterID] = []
    private var lookup: Lookup?

    init(
        sentinels: [RedisAddress], masterName: String, readsFromReplicas: Bool,
        refresh: RefreshStateMachine.Settings
    ) {
        self.sentinels = sentinels
        self.masterName = masterName
        self.readsFromReplicas = readsFromReplicas
        lifecycle = TopologyLifecycle(refresh: refresh)
    }

    static var isPartitioned: Bool { false }
    static func policy(for node: NodeID) -> NodePolicy {
        node.isReplica ? NodePolicy(failsFast: true) : NodePolicy(requiresAdmission: true, requiresMaster: true)
    }
    static var timeoutError: RedisError {
        RedisError(.connectFailed, "The Sentinels did not name a master in time.")
    }

    var isKnown: Bool { master != nil }
    var currentMasters: [NodeID] { master.map { [$0] } ?? [] }
    /// Only the master: commands without a reply from a replica are sent to the master.
    var watchedNodes: [NodeID] { currentMasters }

    // MARK: Routing

    mutating func route(_ target: RouteTarget) -> (Resolution<Route<NodeID>>, [TopologyAction]) {
        if lifecycle.isClosed { return (.fail(.clientClosed), []) }
        guard let master else { return (.wait(lifecycle.ticket), lifecycle.start()) }
        if target.canUseReplica, target.redirection == nil, let replica = self.replica() {
            return (.ready(Route(node: replica)), [])
        }
        return (.ready(Route(node: master)), [])
    }

    /// Returns the next usable replica in turn.
    private mutating func replica() -> NodeID? {
        for _ in rotation {
            nextReplica = (nextReplica + 1) % rotation.count
            let replica = rotation[nextReplica]
            if !unreachable.contains(replica) { return replica }
        }
        return nil
    }

    func isCurrent(_ node: NodeID) -> Bool {
        node.isReplica ? replicas[node.address] == node : master == node
    }

    // MARK: Failed requests

    mutating func failed(_ error: RedisError, at node: NodeID?) -> (RetryAdvice, [TopologyAction]) {
        if lifecycle.isClosed { return (.standard, []) }
        if let node, node.isReplica, self.isCurrent(node) {
            // The master can execute the command, whatever the failure of the replica.
            return (error.mayHaveExecuted ? .otherNode : .redirect(.master), [])
        }
        guard isEvidence(error) else { return (.standard, []) }
        let actions = suspectMaster()
        if let node, let master, master != node {
            return (error.mayHaveExecuted ? .otherNode : .redirect(nil), actions)
        }
        if error.mayHaveExecuted { return (.standard, actions) }
        let isTemporary = error.isRefusalByTopology || error.code == .neverSent || error.code == .connectFailed
        return (isTemporary ? .later : .standard, actions)
    }

    private func isEvidence(_ error: RedisError) -> Bool {
        switch error.code {
        case .neverSent, .outcomeUnknown, .timedOut, .connectFailed, .readOnly: true
        default: error.isRefusalByTopology
        }
    }

    /// Notes a failure of the master or of the network path to it.
    private mutating func suspectMaster() -> [TopologyAction] {
        guard !lifecycle.isClosed else { return [] }
        isInDoubt = true
        return lifecycle.noteEvidence()
    }

    // MARK: Server events

    mutating func connectionFailed(_ node: NodeID) -> [TopologyAction] {
        guard isCurrent(node) else { return [] }
        guard node.isReplica else { return suspectMaster() }
        unreachable.insert(node)
        return lifecycle.noteEvidence()
    }

    mutating func connected(_ node: NodeID) {}

    mutating func stalled(_ node: NodeID) -> [TopologyAction] {
        // It may only be slow: its connections are kept until another master is known.
        isCurrent(node) ? lifecycle.noteEvidence() : []
    }

    /// Admits a connection to the master after the Sentinels have confirmed it.
    mutating func admit(_ waiter: WaiterID) -> (WaitDecision, [TopologyAction]) {
        if lifecycle.isClosed { return (.fail(.clientClosed), []) }
        guard isInDoubt else { return (.proceed, []) }
        admissions.append(waiter)
        return (.suspend, lifecycle.noteEvidence())
    }

    mutating func announced(_ event: SentinelListener.Event) -> [TopologyAction] {
        guard !lifecycle.isClosed else { return [] }
        switch event {
        case .failedOver(let sentinel):
            // The other Sentinels may not know yet.
            sentinels = [sentinel] + sentinels.filter { $0 != sentinel }
            return [.log(.failoverAnnounced(by: sentinel))] + lifecycle.noteEvidence(isUrgent: true)
        case .gap:
            return lifecycle.noteEvidence()
        }
    }

    // MARK: Subscriptions

    mutating func subscriptionAddress(
        for target: SubscriptionTarget?, current: RedisAddress?, random: Double
    ) -> (RedisAddress?, [TopologyAction]) {
        let actions = lifecycle.start()
        return (isInDoubt ? nil : master?.address, actions)
    }

    mutating func subscriptionFailed(_ error: RedisError, at address: RedisAddress) -> [TopologyAction] {
        suspectMaster()
    }

    func isKnown(_ address: RedisAddress) -> Bool { master?.address == address }

    // MARK: Shutdown

    mutating func shutdown() -> [TopologyAction] {
        master = nil
        replicas = [:]
        rotation = []
        lookup = nil
        defer { admissions = [] }
        return lifecycle.close(refusing: admissions)
    }
}

// MARK: - Lookups

extension SentinelStateMachine {
    mutating func beginLookup(
        now: NIODeadline, using generator: inout some RandomNumberGenerator
    ) -> (Query?, [TopologyAction]) {
        var search = SentinelSearch(sentinels: sentinels, masterName: masterName, knownEpoch: epoch)
        let step = search.start()
        lookup = Lookup(search: search)
        return follow(step, now: now, random: .random(in: 0..<1, using: &generator))
    }

    mutating func received(
        _ reply: Reply, now: NIODeadline, random: Double
    ) -> (Query?, [TopologyAction]) {
        guard var lookup else { return (nil, []) }
        let step: SentinelSearch.Step
        switch reply {
        case .sentinel(let reply, let replicas, let sentinels):
            if case .failed = reply {
                // The replicas that another Sentinel reported are kept.
            } else {
                (lookup.replicas, lookup.sentinels) = (replicas, sentinels)
            }
            step = lookup.search.received(reply)
        case .isMaster(let result):
            guard let candidate = lookup.candidate else { return (nil, []) }
            step = lookup.search.verified(candidate, isMaster: result)
        }
        self.lookup = lookup
        return follow(step, now: now, random: random)
    }

    private mutating func follow(
        _ step: SentinelSearch.Step, now: NIODeadline, random: Double
    ) -> (Query?, [TopologyAction]) {
        switch step {
        case .query(let sentinel):
            return (.querySentinel(sentinel), [])
        case .verify(let report):
            lookup?.candidate = report
            return (.queryRole(report.address), [])
        case .found(let report, let sentinel):
            let actions = adopt(report, named: sentinel)
            lookup = nil
            lifecycle.lookupEnded(.settled, now: now, random: random)
            return (nil, actions)
        case .failed(let error):
            lookup = nil
            lifecycle.lookupFailed(error, now: now)
            lifecycle.lookupEnded(.unsettled, now: now, random: random)
            var actions: [TopologyAction] = [.log(.lookupFailed(error))]
            if !admissions.isEmpty { actions.append(.refuse(admissions, error)) }
            admissions = []
            return (nil, actions + lifecycle.changed())
        }
    }

    private mutating func adopt(_ report: SentinelReport, named sentinel: RedisAddress) -> [TopologyAction] {
        guard !lifecycle.isClosed, let lookup else { return [] }
        lifecycle.lookupSucceeded()
        isInDoubt = false
        if let epoch = report.epoch { self.epoch = epoch }
        var actions = changeMaster(to: report.address)
        // The Sentinel that replied is queried first next time, those that are not configured last.
        var order = [sentinel] + sentinels.filter { $0 != sentinel }
        for address in lookup.sentinels where !order.contains(address) && order.count < 16 { order.append(address) }
        sentinels = order
        if readsFromReplicas { actions += changeReplicas(to: lookup.replicas) }
        if !admissions.isEmpty { actions.append(.resume(admissions)) }
        admissions = []
        return actions + lifecycle.changed() + [.relocateSubscriptions]
    }

    private mutating func changeMaster(to address: RedisAddress) -> [TopologyAction] {
        guard master?.address != address else { return [] }
        var actions: [TopologyAction] = []
        if let old = master {
            actions = [.retire(old), .log(.masterChanged(to: address, from: old.address))]
        }
        let new = lifecycle.makeNode(address, isReplica: false)
        master = new
        actions.append(.open(new))
        if lifecycle.keepsMinimum { actions.append(.keepMinimum(new)) }
        return actions
    }

    private mutating func changeReplicas(to addresses: [RedisAddress]) -> [TopologyAction] {
        let listed = Set(addresses).subtracting(currentMasters.map(\.address))
        let retired = replicas.values.filter { !listed.contains($0.address) }
        var actions: [TopologyAction] = retired.sorted { $0.number < $1.number }.map { .retire($0) }
        replicas = replicas.filter { listed.contains($0.key) }
        for address in addresses where listed.contains(address) && replicas[address] == nil {
            let node = lifecycle.makeNode(address, isReplica: true)
            replicas[address] = node
            actions.append(.open(node))
        }
        rotation = replicas.values.sorted { $0.number < $1.number }
        unreachable = []
        return actions
    }
}
