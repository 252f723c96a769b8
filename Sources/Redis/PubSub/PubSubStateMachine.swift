// SPDX-License-Identifier: Apache-2.0

import DequeModule
import NIOCore

/// Who subscribed to what, and what of it the server knows.
///
/// One connection carries all subscriptions of a client. It is made when the first one is wanted, comes back after a
/// failure with everything that is wanted then, and ends some time after the last subscription ended. The machine does
/// no I/O; `SubscriptionConnection` performs its actions.
///
/// A subscriber is confirmed when the server has confirmed all of its targets. After a reconnect it gets a gap at the
/// same point and not earlier: whoever reads the state of things when the gap comes cannot miss a message after that.
struct PubSubStateMachine {
    typealias SubscriberID = Int

    struct Settings {
        var initialBackoff: TimeAmount
        var maxBackoff: TimeAmount
        /// Silence after which the connection is checked.
        var healthCheckInterval: TimeAmount
        /// How long the answer to a check may take.
        var healthCheckTimeout: TimeAmount

        var backoff: Backoff { Backoff(initial: self.initialBackoff, limit: self.maxBackoff) }
    }

    struct Actions: Equatable {
        /// Make a connection.
        var connects = false
        /// Close the connection.
        var closes = false
        /// Write these commands, in this order.
        var write: [RedisCommand] = []
        /// These subscribers are subscribed to all they want.
        var confirm: [SubscriberID] = []
        /// These subscribers missed messages perhaps.
        var gap: [SubscriberID] = []
        /// These subscribers end, because the server refused.
        var refuse: [Refusal] = []

        struct Refusal: Equatable {
            var subscriber: SubscriberID
            var error: RESPError
        }
    }

    private enum Link: Equatable {
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
        var missing: Set<SubscriptionTarget>
        var wasConfirmed = false
    }

    private enum Sent {
        case subscribe([SubscriptionTarget], answers: Int)
        case unsubscribe(answers: Int)
        case ping
    }

    private let settings: Settings
    private var link = Link.none
    private var targets: [SubscriptionTarget: Target] = [:]
    private var subscribers: [SubscriberID: Subscriber] = [:]
    /// Commands without their (complete) answers, oldest first.
    private var sent: Deque<Sent> = []
    private var failures = 0
    private var lastRead: NIODeadline = .distantPast
    private var pingedAt: NIODeadline?
    private var unusedSince: NIODeadline?

    init(_ settings: Settings) {
        self.settings = settings
    }

    // MARK: Subscribers

    mutating func subscribe(_ id: SubscriberID, to wanted: [SubscriptionTarget], now: NIODeadline) -> Actions {
        var actions = Actions()
        var new: [SubscriptionTarget] = []
        var missing: Set<SubscriptionTarget> = []
        self.unusedSince = nil
        for target in wanted where self.targets[target]?.subscribers.last != id {
            if self.targets[target]?.isActive != true { missing.insert(target) }
            if self.targets[target] == nil { new.append(target) }
            self.targets[target, default: Target(subscribers: [])].subscribers.append(id)
        }
        self.subscribers[id] = Subscriber(targets: wanted, missing: missing)
        switch self.link {
        case .none:
            self.link = .connecting
            actions.connects = true
        case .connected:
            self.writeSubscribe(new, &actions)
            if missing.isEmpty { self.complete(id, &actions) }
        case .connecting, .pausing:
            break
        }
        return actions
    }

    mutating func unsubscribe(_ id: SubscriberID, now: NIODeadline) -> Actions {
        var actions = Actions()
        self.writeUnsubscribe(self.remove(id), &actions)
        if self.subscribers.isEmpty { self.unusedSince = now }
        return actions
    }

    // MARK: Connection

    mutating func connected(now: NIODeadline) -> Actions {
        var actions = Actions()
        self.link = .connected
        self.lastRead = now
        self.failures = 0
        self.writeSubscribe(Array(self.targets.keys), &actions)
        if self.subscribers.isEmpty { self.unusedSince = now }
        return actions
    }

    /// The connection is lost, or could not be made.
    mutating func disconnected(now: NIODeadline, random: Double) -> Actions {
        self.sent = []
        self.pingedAt = nil
        self.failures += 1
        for target in self.targets.keys { self.targets[target]?.isActive = false }
        for (id, subscriber) in self.subscribers {
            self.subscribers[id]?.missing = Set(subscriber.targets)
        }
        guard !self.subscribers.isEmpty else {
            self.link = .none
            return Actions()
        }
        self.link = .pausing(
            until: now + self.settings.backoff.pause(afterFailures: self.failures, random: random))
        return Actions()
    }

    /// A pause before the next attempt to connect ends now: there is a reason to hope.
    mutating func hurry(now: NIODeadline) {
        guard case .pausing = self.link else { return }
        self.failures = 0
        self.link = .pausing(until: now)
    }

    mutating func readBytes(now: NIODeadline) {
        self.lastRead = now
        self.pingedAt = nil
    }

    // MARK: Messages

    /// Who gets a published message.
    func receivers(of target: SubscriptionTarget) -> [SubscriberID] {
        self.targets[target]?.subscribers ?? []
    }

    mutating func subscribed(_ target: SubscriptionTarget) -> Actions {
        var actions = Actions()
        self.countAnswer()
        // Nobody wants it any more: the command to end it is on its way.
        guard let ids = self.targets[target]?.subscribers else { return actions }
        self.targets[target]?.isActive = true
        for id in ids where self.subscribers[id]?.missing.remove(target) != nil {
            if self.subscribers[id]?.missing.isEmpty == true { self.complete(id, &actions) }
        }
        return actions
    }

    mutating func unsubscribed(_ kind: SubscriptionTarget.Kind, name: String?) -> Actions {
        var actions = Actions()
        if case .unsubscribe? = self.sent.first {
            self.countAnswer()
            return actions
        }
        // The server ended a subscription by itself, as it does when a slot moves to another server.
        guard let name, let ids = self.targets[SubscriptionTarget(kind: kind, name: name)]?.subscribers else {
            return actions
        }
        let target = SubscriptionTarget(kind: kind, name: name)
        self.targets[target]?.isActive = false
        for id in ids { self.subscribers[id]?.missing.insert(target) }
        self.writeSubscribe([target], &actions)
        return actions
    }

    /// An error reply was read: the oldest command was refused as a whole.
    mutating func refused(_ error: RESPError, now: NIODeadline) -> Actions {
        var actions = Actions()
        guard case .subscribe(let targets, _)? = self.sent.popFirst() else { return actions }
        let refused = Set(targets)
        // Several subscribers may have shared the command, and only some targets may be forbidden. Those that are left
        // without a fault of their own are subscribed again, each by itself.
        let concerned = self.subscribers.filter { !refused.isDisjoint(with: $0.value.targets) }.map(\.key).sorted()
        if targets.count > 1, concerned.count > 1 {
            for id in concerned {
                self.writeSubscribe(targets.filter { self.subscribers[id]?.targets.contains($0) == true }, &actions)
            }
            return actions
        }
        var orphans: [SubscriptionTarget] = []
        for id in concerned {
            orphans += self.remove(id)
            actions.refuse.append(.init(subscriber: id, error: error))
        }
        self.writeUnsubscribe(orphans.filter { !refused.contains($0) }, &actions)
        if self.subscribers.isEmpty { self.unusedSince = now }
        return actions
    }

    mutating func pong() {
        if case .ping? = self.sent.first { self.sent.removeFirst() }
    }

    // MARK: Time

    /// When to call `tick`; nil if there is nothing to wait for.
    var nextTick: NIODeadline? {
        switch self.link {
        case .none, .connecting:
            return nil
        case .pausing(let until):
            return until
        case .connected:
            if let unusedSince { return unusedSince + self.settings.healthCheckInterval }
            if let pingedAt { return pingedAt + self.settings.healthCheckTimeout }
            return self.lastRead + self.settings.healthCheckInterval
        }
    }

    mutating func tick(now: NIODeadline) -> Actions {
        var actions = Actions()
        switch self.link {
        case .pausing(let until) where until <= now:
            if self.subscribers.isEmpty {
                self.link = .none
            } else {
                self.link = .connecting
                actions.connects = true
            }
        case .connected:
            if let unusedSince {
                actions.closes = now - unusedSince >= self.settings.healthCheckInterval
            } else if let pingedAt {
                actions.closes = now - pingedAt >= self.settings.healthCheckTimeout
            } else if now - self.lastRead >= self.settings.healthCheckInterval {
                self.pingedAt = now
                self.sent.append(.ping)
                actions.write.append(RedisCommand("PING"))
            }
        case .none, .connecting, .pausing:
            break
        }
        return actions
    }

    // MARK: Details

    private mutating func complete(_ id: SubscriberID, _ actions: inout Actions) {
        if self.subscribers[id]?.wasConfirmed == true {
            actions.gap.append(id)
        } else {
            self.subscribers[id]?.wasConfirmed = true
            actions.confirm.append(id)
        }
    }

    /// Forgets a subscriber; returns the targets that nobody wants any more.
    private mutating func remove(_ id: SubscriberID) -> [SubscriptionTarget] {
        guard let subscriber = self.subscribers.removeValue(forKey: id) else { return [] }
        var orphans: [SubscriptionTarget] = []
        for name in subscriber.targets {
            guard var target = self.targets[name] else { continue }
            target.subscribers.removeAll { $0 == id }
            self.targets[name] = target.subscribers.isEmpty ? nil : target
            if target.subscribers.isEmpty { orphans.append(name) }
        }
        return orphans
    }

    private mutating func writeSubscribe(_ targets: [SubscriptionTarget], _ actions: inout Actions) {
        for (kind, group) in Self.commands(for: targets) {
            self.sent.append(.subscribe(group, answers: group.count))
            actions.write.append(RedisCommand(kind.subscribeCommand, arguments: group.map { RedisArgument($0.name) }))
        }
    }

    private mutating func writeUnsubscribe(_ targets: [SubscriptionTarget], _ actions: inout Actions) {
        guard self.link == .connected else { return }
        for (kind, group) in Self.commands(for: targets) {
            self.sent.append(.unsubscribe(answers: group.count))
            actions.write.append(RedisCommand(kind.unsubscribeCommand, arguments: group.map { RedisArgument($0.name) }))
        }
    }

    /// A command takes targets of one kind, and shard channels one by one: on a cluster those of one command have to be in
    /// one slot. Sorted, so that what is written does not depend on hash seeds.
    private static func commands(
        for targets: [SubscriptionTarget]
    ) -> [(SubscriptionTarget.Kind, [SubscriptionTarget])] {
        SubscriptionTarget.Kind.allCases.flatMap { kind -> [(SubscriptionTarget.Kind, [SubscriptionTarget])] in
            let group = targets.filter { $0.kind == kind }.sorted { $0.name < $1.name }
            if group.isEmpty { return [] }
            return kind == .shardChannel ? group.map { (kind, [$0]) } : [(kind, group)]
        }
    }

    /// The server answers (un)subscribing once per name.
    private mutating func countAnswer() {
        switch self.sent.popFirst() {
        case .subscribe(let targets, let answers) where answers > 1:
            self.sent.prepend(.subscribe(targets, answers: answers - 1))
        case .unsubscribe(let answers) where answers > 1:
            self.sent.prepend(.unsubscribe(answers: answers - 1))
        case .ping:
            // Its answer is a reply of its own; this one was not asked for.
            self.sent.prepend(.ping)
        case .subscribe, .unsubscribe, nil:
            break
        }
    }
}
