// SPDX-License-Identifier: Apache-2.0

import DequeModule
import NIOCore

/// The subscriptions on one connection, and their state at the server.
///
/// The connection is opened with the first subscription. After a failure it is reopened and all current subscriptions
/// are renewed. It is closed some time after the last subscription has ended. The state machine does no I/O;
/// ``SubscriptionConnection`` performs its actions.
///
/// A subscriber is confirmed when the server has confirmed all of its targets. After a reconnect it receives a gap at
/// the same point, not earlier: a reader that fetches the current state after the gap misses no later message.
struct PubSubStateMachine {
    typealias SubscriberID = Int

    struct Settings {
        var initialBackoff: TimeAmount
        var maxBackoff: TimeAmount
        /// How long the connection may be silent before it is checked.
        var healthCheckInterval: TimeAmount
        /// The time limit for the reply to a check.
        var healthCheckTimeout: TimeAmount

        var backoff: Backoff { Backoff(initial: initialBackoff, limit: maxBackoff) }
    }

    struct Actions: Equatable {
        /// Open the connection.
        var shouldConnect = false
        /// Close the connection.
        var shouldClose = false
        /// Write these commands, in this order.
        var write: [RedisCommand] = []
        /// Subscribers whose targets are all confirmed.
        var confirm: [SubscriberID] = []
        /// Subscribers that may have missed messages.
        var gap: [SubscriberID] = []
        /// Subscribers that end because the server refused them.
        var refuse: [Refusal] = []

        struct Refusal: Equatable {
            var subscriber: SubscriberID
            var error: RESPError
        }
    }

    private enum ConnectionState: Equatable {
        case none
        case connecting
        case connected
        case pausing(until: NIODeadline)
    }

    private struct Target {
        var subscribers: [SubscriberID]
        var isActive = false
    }

    private struct Subscriber {
        var targets: [SubscriptionTarget]
        var unconfirmed: Set<SubscriptionTarget>
        var wasConfirmed = false
    }

    private enum SentCommand {
        case subscribe([SubscriptionTarget], replies: Int)
        case unsubscribe(replies: Int)
        case ping
    }

    private let settings: Settings
    private var connectionState = ConnectionState.none
    private var targets: [SubscriptionTarget: Target] = [:]
    private var subscribers: [SubscriberID: Subscriber] = [:]
    /// The commands without complete replies, oldest first.
    private var sent: Deque<SentCommand> = []
    private var failures = 0
    private var lastRead: NIODeadline = .distantPast
    private var pingedAt: NIODeadline?
    private var unusedSince: NIODeadline?

    init(_ settings: Settings) {
        self.settings = settings
    }

    // MARK: Subscribers

    mutating func subscribe(_ id: SubscriberID, to requested: [SubscriptionTarget], now: NIODeadline) -> Actions {
        var actions = Actions()
        var new: [SubscriptionTarget] = []
        var unconfirmed: Set<SubscriptionTarget> = []
        unusedSince = nil
        for target in requested where targets[target]?.subscribers.last != id {
            if targets[target]?.isActive != true { unconfirmed.insert(target) }
            if targets[target] == nil { new.append(target) }
            targets[target, default: Target(subscribers: [])].subscribers.append(id)
        }
        subscribers[id] = Subscriber(targets: requested, unconfirmed: unconfirmed)
        switch connectionState {
        case .none:
            connectionState = .connecting
            actions.shouldConnect = true
        case .connected:
            writeSubscribe(new, &actions)
            if unconfirmed.isEmpty { complete(id, &actions) }
        case .connecting, .pausing:
            break
        }
        return actions
    }

    mutating func unsubscribe(_ id: SubscriberID, now: NIODeadline) -> Actions {
        var actions = Actions()
        writeUnsubscribe(remove(id), &actions)
        if subscribers.isEmpty { unusedSince = now }
        return actions
    }

    // MARK: Connection

    mutating func connected(now: NIODeadline) -> Actions {
        var actions = Actions()
        connectionState = .connected
        lastRead = now
        failures = 0
        writeSubscribe(Array(targets.keys), &actions)
        if subscribers.isEmpty { unusedSince = now }
        return actions
    }

    /// Processes the loss of the connection, or a failure to connect.
    mutating func disconnected(now: NIODeadline, random: Double) -> Actions {
        sent = []
        pingedAt = nil
        failures += 1
        for target in targets.keys { targets[target]?.isActive = false }
        for (id, subscriber) in subscribers {
            subscribers[id]?.unconfirmed = Set(subscriber.targets)
        }
        guard !subscribers.isEmpty else {
            connectionState = .none
            return Actions()
        }
        connectionState = .pausing(
            until: now + settings.backoff.pause(afterFailures: failures, random: random))
        return Actions()
    }

    /// Ends the pause before the next attempt to connect, because conditions have changed.
    mutating func skipPause(now: NIODeadline) {
        guard case .pausing = connectionState else { return }
        failures = 0
        connectionState = .pausing(until: now)
    }

    mutating func readBytes(now: NIODeadline) {
        lastRead = now
        pingedAt = nil
    }

    // MARK: Messages

    /// Returns the subscribers that receive a message.
    func receivers(of target: SubscriptionTarget) -> [SubscriberID] {
        targets[target]?.subscribers ?? []
    }

    mutating func subscribed(_ target: SubscriptionTarget) -> Actions {
        var actions = Actions()
        countConfirmation()
        // The last subscriber has left, and the command to unsubscribe is in flight.
        guard let ids = targets[target]?.subscribers else { return actions }
        targets[target]?.isActive = true
        for id in ids where subscribers[id]?.unconfirmed.remove(target) != nil {
            if subscribers[id]?.unconfirmed.isEmpty == true { complete(id, &actions) }
        }
        return actions
    }

    mutating func unsubscribed(_ kind: SubscriptionTarget.Kind, name: String?) -> Actions {
        var actions = Actions()
        if case .unsubscribe? = sent.first {
            countConfirmation()
            return actions
        }
        // The server ended the subscription, as it does when a slot moves to another server.
        guard let name, let ids = targets[SubscriptionTarget(kind: kind, name: name)]?.subscribers else {
            return actions
        }
        let target = SubscriptionTarget(kind: kind, name: name)
        targets[target]?.isActive = false
        for id in ids { subscribers[id]?.unconfirmed.insert(target) }
        writeSubscribe([target], &actions)
        return actions
    }

    /// Processes an error reply, which refuses the oldest command as a whole.
    mutating func refused(_ error: RESPError, now: NIODeadline) -> Actions {
        var actions = Actions()
        guard case .subscribe(let targets, _)? = sent.popFirst() else { return actions }
        let refused = Set(targets)
        // Several subscribers may have shared the command, and only some targets may be forbidden. Each subscriber is
        // retried with a command of its own.
        let concerned = subscribers.filter { !refused.isDisjoint(with: $0.value.targets) }.map(\.key).sorted()
        if targets.count > 1, concerned.count > 1 {
            for id in concerned {
                writeSubscribe(targets.filter { subscribers[id]?.targets.contains($0) == true }, &actions)
            }
            return actions
        }
        var unused: [SubscriptionTarget] = []
        for id in concerned {
            unused += remove(id)
            actions.refuse.append(.init(subscriber: id, error: error))
        }
        writeUnsubscribe(unused.filter { !refused.contains($0) }, &actions)
        if subscribers.isEmpty { unusedSince = now }
        return actions
    }

    mutating func pong() {
        if case .ping? = sent.first { sent.removeFirst() }
    }

    // MARK: Time

    /// When to call `tick`, or `nil` if there is no deadline.
    var nextTick: NIODeadline? {
        switch connectionState {
        case .none, .connecting:
            return nil
        case .pausing(let until):
            return until
        case .connected:
            if let unusedSince { return unusedSince + settings.healthCheckInterval }
            if let pingedAt { return pingedAt + settings.healthCheckTimeout }
            return lastRead + settings.healthCheckInterval
        }
    }

    mutating func tick(now: NIODeadline) -> Actions {
        var actions = Actions()
        switch connectionState {
        case .pausing(let until) where until <= now:
            if subscribers.isEmpty {
                connectionState = .none
            } else {
                connectionState = .connecting
                actions.shouldConnect = true
            }
        case .connected:
            if let unusedSince {
                actions.shouldClose = now - unusedSince >= settings.healthCheckInterval
            } else if let pingedAt {
                actions.shouldClose = now - pingedAt >= settings.healthCheckTimeout
            } else if now - lastRead >= settings.healthCheckInterval {
                self.pingedAt = now
                sent.append(.ping)
                actions.write.append(RedisCommand("PING"))
            }
        case .none, .connecting, .pausing:
            break
        }
        return actions
    }

    // MARK: Helpers

    private mutating func complete(_ id: SubscriberID, _ actions: inout Actions) {
        if subscribers[id]?.wasConfirmed == true {
            actions.gap.append(id)
        } else {
            subscribers[id]?.wasConfirmed = true
            actions.confirm.append(id)
        }
    }

    /// Removes a subscriber. Returns the targets without any subscriber.
    private mutating func remove(_ id: SubscriberID) -> [SubscriptionTarget] {
        guard let subscriber = subscribers.removeValue(forKey: id) else { return [] }
        var unused: [SubscriptionTarget] = []
        for name in subscriber.targets {
            guard var target = targets[name] else { continue }
            target.subscribers.removeAll { $0 == id }
            targets[name] = target.subscribers.isEmpty ? nil : target
            if target.subscribers.isEmpty { unused.append(name) }
        }
        return unused
    }

    private mutating func writeSubscribe(_ targets: [SubscriptionTarget], _ actions: inout Actions) {
        for (kind, group) in Self.commands(for: targets) {
            sent.append(.subscribe(group, replies: group.count))
            actions.write.append(RedisCommand(kind.subscribeCommand, arguments: group.map { RedisArgument($0.name) }))
        }
    }

    private mutating func writeUnsubscribe(_ targets: [SubscriptionTarget], _ actions: inout Actions) {
        guard connectionState == .connected else { return }
        for (kind, group) in Self.commands(for: targets) {
            sent.append(.unsubscribe(replies: group.count))
            actions.write.append(RedisCommand(kind.unsubscribeCommand, arguments: group.map { RedisArgument($0.name) }))
        }
    }

    /// A command has targets of one kind, and one shard channel at most: on a cluster, those of one command must be in
    /// one slot. Sorted, so that the order does not depend on hash seeds.
    private static func commands(
        for targets: [SubscriptionTarget]
    ) -> [(SubscriptionTarget.Kind, [SubscriptionTarget])] {
        SubscriptionTarget.Kind.allCases.flatMap { kind -> [(SubscriptionTarget.Kind, [SubscriptionTarget])] in
            let group = targets.filter { $0.kind == kind }.sorted { $0.name < $1.name }
            if group.isEmpty { return [] }
            return kind == .shardChannel ? group.map { (kind, [$0]) } : [(kind, group)]
        }
    }

    /// Counts a confirmation; the server sends one per target.
    private mutating func countConfirmation() {
        switch sent.popFirst() {
        case .subscribe(let targets, let replies) where replies > 1:
            sent.prepend(.subscribe(targets, replies: replies - 1))
        case .unsubscribe(let replies) where replies > 1:
            sent.prepend(.unsubscribe(replies: replies - 1))
        case .ping:
            // `PING` has a reply of its own; this confirmation belongs to no command.
            sent.prepend(.ping)
        case .subscribe, .unsubscribe, nil:
            break
        }
    }
}
