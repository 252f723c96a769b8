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

        var backoff: Backoff { Backoff(initial: initialBackoff, limit: maxBackoff) }
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
        unusedSince = nil
        for target in wanted where targets[target]?.subscribers.last != id {
            if targets[target]?.isActive != true { missing.insert(target) }
            if targets[target] == nil { new.append(target) }
            targets[target, default: Target(subscribers: [])].subscribers.append(id)
        }
        subscribers[id] = Subscriber(targets: wanted, missing: missing)
        switch link {
        case .none:
            link = .connecting
            actions.connects = true
        case .connected:
            writeSubscribe(new, &actions)
            if missing.isEmpty { complete(id, &actions) }
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
        link = .connected
        lastRead = now
        failures = 0
        writeSubscribe(Array(targets.keys), &actions)
        if subscribers.isEmpty { unusedSince = now }
        return actions
    }

    /// The connection is lost, or could not be made.
    mutating func disconnected(now: NIODeadline, random: Double) -> Actions {
        sent = []
        pingedAt = nil
        failures += 1
        for target in targets.keys { targets[target]?.isActive = false }
        for (id, subscriber) in subscribers {
            subscribers[id]?.missing = Set(subscriber.targets)
        }
        guard !subscribers.isEmpty else {
            link = .none
            return Actions()
        }
        link = .pausing(
            until: now + settings.backoff.pause(afterFailures: failures, random: random))
        return Actions()
    }

    /// A pause before the next attempt to connect ends now: there is a reason to hope.
    mutating func hurry(now: NIODeadline) {
        guard case .pausing = link else { return }
        failures = 0
        link = .pausing(until: now)
    }

    mutating func readBytes(now: NIODeadline) {
        lastRead = now
        pingedAt = nil
    }

    // MARK: Messages

    /// Who gets a published message.
    func receivers(of target: SubscriptionTarget) -> [SubscriberID] {
        targets[target]?.subscribers ?? []
    }

    mutating func subscribed(_ target: SubscriptionTarget) -> Actions {
        var actions = Actions()
        countAnswer()
        // Nobody wants it any more: the command to end it is on its way.
        guard let ids = targets[target]?.subscribers else { return actions }
        targets[target]?.isActive = true
        for id in ids where subscribers[id]?.missing.remove(target) != nil {
            if subscribers[id]?.missing.isEmpty == true { complete(id, &actions) }
        }
        return actions
    }

    mutating func unsubscribed(_ kind: SubscriptionTarget.Kind, name: String?) -> Actions {
        var actions = Actions()
        if case .unsubscribe? = sent.first {
            countAnswer()
            return actions
        }
        // The server ended a subscription by itself, as it does when a slot moves to another server.
        guard let name, let ids = targets[SubscriptionTarget(kind: kind, name: name)]?.subscribers else {
            return actions
        }
        let target = SubscriptionTarget(kind: kind, name: name)
        targets[target]?.isActive = false
        for id in ids { subscribers[id]?.missing.insert(target) }
        writeSubscribe([target], &actions)
        return actions
    }

    /// An error reply was read: the oldest command was refused as a whole.
    mutating func refused(_ error: RESPError, now: NIODeadline) -> Actions {
        var actions = Actions()
        guard case .subscribe(let targets, _)? = sent.popFirst() else { return actions }
        let refused = Set(targets)
        // Several subscribers may have shared the command, and only some targets may be forbidden. Those that are left
        // without a fault of their own are subscribed again, each by itself.
        let concerned = subscribers.filter { !refused.isDisjoint(with: $0.value.targets) }.map(\.key).sorted()
        if targets.count > 1, concerned.count > 1 {
            for id in concerned {
                writeSubscribe(targets.filter { subscribers[id]?.targets.contains($0) == true }, &actions)
            }
            return actions
        }
        var orphans: [SubscriptionTarget] = []
        for id in concerned {
            orphans += remove(id)
            actions.refuse.append(.init(subscriber: id, error: error))
        }
        writeUnsubscribe(orphans.filter { !refused.contains($0) }, &actions)
        if subscribers.isEmpty { unusedSince = now }
        return actions
    }

    mutating func pong() {
        if case .ping? = sent.first { sent.removeFirst() }
    }

    // MARK: Time

    /// When to call `tick`; nil if there is nothing to wait for.
    var nextTick: NIODeadline? {
        switch link {
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
        switch link {
        case .pausing(let until) where until <= now:
            if subscribers.isEmpty {
                link = .none
            } else {
                link = .connecting
                actions.connects = true
            }
        case .connected:
            if let unusedSince {
                actions.closes = now - unusedSince >= settings.healthCheckInterval
            } else if let pingedAt {
                actions.closes = now - pingedAt >= settings.healthCheckTimeout
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

    // MARK: Details

    private mutating func complete(_ id: SubscriberID, _ actions: inout Actions) {
        if subscribers[id]?.wasConfirmed == true {
            actions.gap.append(id)
        } else {
            subscribers[id]?.wasConfirmed = true
            actions.confirm.append(id)
        }
    }

    /// Forgets a subscriber; returns the targets that nobody wants any more.
    private mutating func remove(_ id: SubscriberID) -> [SubscriptionTarget] {
        guard let subscriber = subscribers.removeValue(forKey: id) else { return [] }
        var orphans: [SubscriptionTarget] = []
        for name in subscriber.targets {
            guard var target = targets[name] else { continue }
            target.subscribers.removeAll { $0 == id }
            targets[name] = target.subscribers.isEmpty ? nil : target
            if target.subscribers.isEmpty { orphans.append(name) }
        }
        return orphans
    }

    private mutating func writeSubscribe(_ targets: [SubscriptionTarget], _ actions: inout Actions) {
        for (kind, group) in Self.commands(for: targets) {
            sent.append(.subscribe(group, answers: group.count))
            actions.write.append(RedisCommand(kind.subscribeCommand, arguments: group.map { RedisArgument($0.name) }))
        }
    }

    private mutating func writeUnsubscribe(_ targets: [SubscriptionTarget], _ actions: inout Actions) {
        guard link == .connected else { return }
        for (kind, group) in Self.commands(for: targets) {
            sent.append(.unsubscribe(answers: group.count))
            actions.write.append(RedisCommand(kind.unsubscribeCommand, arguments: group.map { RedisArgument($0.name) }))
        }
    }

    /// A command takes targets of one kind, and shard channels one by one: on a cluster those of one command have to be
    /// in one slot. Sorted, so that what is written does not depend on hash seeds.
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
        switch sent.popFirst() {
        case .subscribe(let targets, let answers) where answers > 1:
            sent.prepend(.subscribe(targets, answers: answers - 1))
        case .unsubscribe(let answers) where answers > 1:
            sent.prepend(.unsubscribe(answers: answers - 1))
        case .ping:
            // Its answer is a reply of its own; this one was not asked for.
            sent.prepend(.ping)
        case .subscribe, .unsubscribe, nil:
            break
        }
    }
}
