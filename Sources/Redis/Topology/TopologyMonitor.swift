// SPDX-License-Identifier: Apache-2.0

import Logging
import NIOConcurrencyHelpers
import NIOCore

/// A topology that can change: routes commands, looks up the servers, and opens and closes the connections to them.
///
/// A ``TopologyStateMachine`` makes the decisions under the lock of the monitor. The monitor performs the actions
/// outside of the lock. An action that was superseded by another one does no harm: servers are opened only while they
/// are current, and none are opened after shutdown.
final class TopologyMonitor<Machine: TopologyStateMachine>: RedisTopology {
    /// The I/O of lookups.
    struct Lookup: Sendable {
        /// Queries servers for the state machine.
        var query: @Sendable (Machine.Query) async -> Machine.Reply
        /// Reports announcements of servers until the task is cancelled.
        var listen: @Sendable (@escaping @Sendable (Machine.Announcement) -> Void) async -> Void = { _ in }
        /// The subscriptions to the announcements.
        var hubs: [SubscriptionHub] = []
    }

    struct State {
        var machine: Machine
        /// The open servers, by the numbers of their IDs.
        var nodes: [Int: RedisNode] = [:]
        var retired = RetiredNodes()
        var waiters: [WaiterID: Waiter] = [:]
        var lastWaiter = 0
        /// The lookup task. It begins when the client is first used and ends with the client.
        var refreshTask: Task<Void, Never>?
    }

    enum Waiter {
        case task(CheckedContinuation<RedisError?, Never>)
        case connection(EventLoopPromise<Void>)
    }

    let subscriptions: SubscriptionHub
    private let readsFromReplicas: Bool
    private let factory: ConnectionFactory
    let group: any EventLoopGroup
    private let metrics: RedisMetrics
    let logger: Logger
    let lookup: Lookup
    let state: NIOLockedValueBox<State>
    let stallDetector = StallDetector()

    init(
        _ machine: Machine, factory: ConnectionFactory, group: any EventLoopGroup, metrics: RedisMetrics,
        subscriptions: SubscriptionHub, lookup: Lookup
    ) {
        state = NIOLockedValueBox(State(machine: machine))
        self.factory = factory
        self.group = group
        self.metrics = metrics
        logger = factory.configuration.logger
        readsFromReplicas = factory.configuration.readsFromReplicas
        self.subscriptions = subscriptions
        self.lookup = lookup
        subscriptions.setDirectory(self)
    }

    // MARK: Routing

    func route(_ command: RedisCommand, _ redirection: Redirection?) -> Resolution<Route<RedisNode>> {
        route(
            RouteTarget(
                slot: Machine.isPartitioned ? HashSlot(of: command) : nil,
                canUseReplica: readsFromReplicas && redirection == nil && command.canRunOnReplica,
                redirection: redirection))
    }

    func node(forKey key: String?) -> Resolution<RedisNode> {
        let slot = Machine.isPartitioned ? key.map { HashSlot(ofKey: $0) } : nil
        switch self.route(RouteTarget(slot: slot)) {
        case .ready(let route): return .ready(route.node)
        case .wait(let ticket): return .wait(ticket)
        case .fail(let error): return .fail(error)
        }
    }

    private func route(_ target: RouteTarget) -> Resolution<Route<RedisNode>> {
        while true {
            let (resolution, open, actions) = self.state.withLockedValue { state in
                let (resolution, actions) = state.machine.route(target)
                guard case .ready(let route) = resolution else { return (resolution, RedisNode?.none, actions) }
                return (resolution, state.nodes[route.node.number], actions)
            }
            if !actions.isEmpty { perform(actions) }
            switch resolution {
            case .ready(let route):
                // Without a node, the server is being opened or was just retired.
                guard let node = open ?? self.node(route.node) else { continue }
                return .ready(Route(node: node, requiresAsking: route.requiresAsking))
            case .wait(let ticket): return .wait(ticket)
            case .fail(let error): return .fail(error)
            }
        }
    }

    func masters() -> Resolution<[RedisNode]> {
        switch update({ $0.masters() }) {
        case .ready(let ids): .ready(ids.compactMap { node($0) })
        case .wait(let ticket): .wait(ticket)
        case .fail(let error): .fail(error)
        }
    }

    func failed(_ error: RedisError, at node: RedisNode?) -> RetryAdvice {
        update { $0.failed(error, at: node?.id) }
    }

    // MARK: Servers

    /// Returns the connections to a server, creating them if necessary, or `nil` if the server is no longer current.
    private func node(_ id: NodeID) -> RedisNode? {
        if let node = self.state.withLockedValue({ $0.nodes[id.number] }) { return node }
        let new = makeNode(id)
        return self.state.withLockedValue { state in
            guard state.machine.isCurrent(id) else { return nil }
            if let node = state.nodes[id.number] { return node }
            state.nodes[id.number] = new
            return new
        }
    }

    private func makeNode(_ id: NodeID) -> RedisNode {
        let policy = Machine.policy(for: id)
        var hooks = PoolHooks(requiresMaster: policy.requiresMaster, failsFast: policy.failsFast)
        hooks.connectionFailed = { [weak self] _ in self?.update { $0.connectionFailed(id) } }
        hooks.connected = { [weak self] in self?.state.withLockedValue { $0.machine.connected(id) } }
        if policy.requiresAdmission {
            hooks.admit = { [weak self] eventLoop in
                self?.admit(on: eventLoop) ?? eventLoop.makeFailedFuture(RedisError.clientClosed)
            }
        }
        return RedisNode(
            id, factory: factory.at(id.address, readsFromReplica: policy.readsFromReplica), group: group,
            metrics: metrics.forServer(id.address), hooks: hooks)
    }

    private func retire(_ id: NodeID) {
        let node = self.state.withLockedValue { state in
            guard let node = state.nodes.removeValue(forKey: id.number) else { return RedisNode?.none }
            state.retired.add(node)
            return node
        }
        node?.retire()
    }

    func watchedNodes() -> [RedisNode] {
        self.state.withLockedValue { state in
            state.machine.watchedNodes.compactMap { state.nodes[$0.number] }
        }
    }

    // MARK: Actions

    /// Processes an event under the lock, and performs the resulting actions.
    @discardableResult
    func update<Value>(_ event: (inout Machine) -> (Value, [TopologyAction])) -> Value {
        let (value, actions) = state.withLockedValue { event(&$0.machine) }
        perform(actions)
        return value
    }

    func update(_ event: (inout Machine) -> [TopologyAction]) {
        perform(state.withLockedValue { event(&$0.machine) })
    }

    func perform(_ actions: [TopologyAction]) {
        for action in actions {
            switch action {
            case .startRefreshing: startRefreshing()
            case .stopRefreshing: stopRefreshing()
            case .open(let id): _ = self.node(id)
            case .keepMinimum(let id): self.node(id)?.shared.keepMinimum()
            case .retire(let id): self.retire(id)
            case .shutDownNodes: for node in allNodes() { node.beginShutdown() }
            case .relocateSubscriptions: subscriptions.topologyChanged()
            case .shutDownSubscriptions:
                for hub in lookup.hubs + [subscriptions] { hub.beginShutdown() }
            case .resume(let waiters): self.resume(waiters, with: nil)
            case .refuse(let waiters, let error): self.resume(waiters, with: error)
            case .log(let event): self.log(event)
            }
        }
    }

    private func log(_ event: TopologyEvent) {
        switch event {
        case .masterChanged(let address, let previous):
            logger.notice(
                "The Redis master has changed",
                metadata: ["redis.address": "\(address)", "previous": "\(previous)"])
        case .failoverAnnounced(let sentinel):
            logger.info("A Sentinel announced a failover", metadata: ["sentinel": "\(sentinel)"])
        case .lookupFailed(let error):
            logger.debug("The Redis servers could not be looked up", metadata: ["error": "\(error)"])
        }
    }

    // MARK: Lifecycle

    func keepMinimum() { update { $0.keepMinimum() } }

    func beginShutdown() { update { $0.shutdown() } }

    func shutdown(deadline: NIODeadline) async {
        beginShutdown()
        let nodes = allNodes()
        let refreshTask = state.withLockedValue { $0.refreshTask }
        await withTaskGroup(of: Void.self) { group in
            for node in nodes { group.addTask { await node.shutdown(deadline: deadline) } }
            for hub in lookup.hubs + [subscriptions] { group.addTask { await hub.shutdown() } }
            group.addTask { await refreshTask?.value }
        }
    }

    private func allNodes() -> [RedisNode] {
        state.withLockedValue { Array($0.nodes.values) + $0.retired.nodes }
    }
}

extension TopologyMonitor: SubscriptionDirectory {
    func subscriptionAddress(for target: SubscriptionTarget?, current: RedisAddress?) -> RedisAddress? {
        update { $0.subscriptionAddress(for: target, current: current, random: .random(in: 0..<1)) }
    }

    func isKnown(_ address: RedisAddress) -> Bool { state.withLockedValue { $0.machine.isKnown(address) } }

    func subscriptionFailed(_ error: RedisError, at address: RedisAddress) {
        update { $0.subscriptionFailed(error, at: address) }
    }

    var lookupError: RedisError? { state.withLockedValue { $0.machine.lookupError } }
}
