// SPDX-License-Identifier: Apache-2.0

import NIOCore

/// The assignment of the subscribed channels of a cluster to servers.
///
/// Each channel of a subscription is assigned separately. A channel that moves, or that its server refuses, is
/// subscribed at its new server; its subscriber receives a gap once that is confirmed. The state machine does no I/O:
/// ``ClusterSubscriptions`` performs the actions in order and provides the servers of channels.
struct ClusterSubscriptionStateMachine {
    typealias SubscriberID = Int
    typealias ChannelID = Int
    /// Returns the server of a channel, or `nil` if it is unknown. The second argument is the current server.
    typealias Locate = (SubscriptionTarget, RedisAddress?) -> RedisAddress?

    /// An attempt to subscribe to a channel. Results of earlier attempts are ignored.
    struct Attempt: Hashable {
        let channel: ChannelID
        let number: Int
    }

    enum Action {
        case subscribe(Attempt, SubscriberID, SubscriptionTarget, at: RedisAddress)
        case unsubscribe(ChannelID, at: RedisAddress)
        /// Call `retry` after a pause.
        case retry(Attempt, after: TimeAmount)
        /// Report a failure to the topology.
        case report(RedisError, at: RedisAddress)
        /// All channels of a subscriber are confirmed.
        case confirm(SubscriberID)
        /// A subscriber may have missed messages.
        case gap(SubscriberID)
        /// End a subscriber with an error.
        case end(SubscriberID, RedisError)
        /// Close the connection to a server.
        case close(RedisAddress)
        /// Call `relocate` after the current actions were performed.
        case relocateSoon
    }

    private struct Channel {
        let subscriber: SubscriberID
        let target: SubscriptionTarget
        /// The server of the channel, or the last one that refused it.
        var address: RedisAddress?
        /// Whether the channel is subscribed, or being subscribed, at the address.
        var isAssigned = false
        var wasConfirmed = false
        /// The number of consecutive failures.
        var failures = 0
        var attempt = 0
    }

    private struct Subscriber {
        var channels: [ChannelID]
        /// The number of channels that were never confirmed.
        var unconfirmed: Int
    }

    private static let backoff = Backoff(initial: .milliseconds(10), limit: .milliseconds(500))
    private var channels: [ChannelID: Channel] = [:]
    private var subscribers: [SubscriberID: Subscriber] = [:]
    private var connections: Set<RedisAddress> = []
    private var lastChannel = 0
    private(set) var isClosed = false

    // MARK: Subscribers

    mutating func subscribe(_ id: SubscriberID, to targets: [SubscriptionTarget], locate: Locate) -> [Action] {
        if isClosed { return [.end(id, .clientClosed)] }
        let ids = targets.map { target in
            lastChannel += 1
            channels[lastChannel] = Channel(subscriber: id, target: target)
            return lastChannel
        }
        subscribers[id] = Subscriber(channels: ids, unconfirmed: ids.count)
        return ids.flatMap { assign($0, locate: locate) }
    }

    mutating func unsubscribe(_ id: SubscriberID) -> [Action] {
        guard let subscriber = subscribers.removeValue(forKey: id) else { return [] }
        return subscriber.channels.compactMap { remove($0) }
    }

    private mutating func end(_ id: SubscriberID, _ error: RedisError) -> [Action] {
        unsubscribe(id) + [.end(id, error)]
    }

    private mutating func remove(_ id: ChannelID) -> Action? {
        guard let channel = channels.removeValue(forKey: id), channel.isAssigned, let address = channel.address
        else { return nil }
        return .unsubscribe(id, at: address)
    }

    // MARK: Assignment

    /// Subscribes to a channel at the server that it belongs to.
    private mutating func assign(_ id: ChannelID, locate: Locate) -> [Action] {
        guard let channel = channels[id] else { return [] }
        return assign(id, at: locate(channel.target, channel.address))
    }

    private mutating func assign(_ id: ChannelID, at address: RedisAddress?) -> [Action] {
        guard !isClosed, var channel = channels[id] else { return [] }
        channel.attempt += 1
        channel.address = address
        channel.isAssigned = address != nil
        channels[id] = channel
        guard let address else { return scheduleRetry(id) }
        connections.insert(address)
        let attempt = Attempt(channel: id, number: channel.attempt)
        return [.subscribe(attempt, channel.subscriber, channel.target, at: address)]
    }

    private mutating func scheduleRetry(_ id: ChannelID) -> [Action] {
        guard var channel = channels[id] else { return [] }
        channel.failures += 1
        channels[id] = channel
        let pause = Self.backoff.pause(afterFailures: channel.failures, random: 0)
        return [.retry(Attempt(channel: id, number: channel.attempt), after: pause)]
    }

    /// Retries a channel after a pause.
    /// - Parameter lookupError: The failure of the last lookup, if no servers are known.
    mutating func retry(_ attempt: Attempt, lookupError: RedisError?, locate: Locate) -> [Action] {
        guard let channel = self.channel(of: attempt) else { return [] }
        if channel.address == nil, let lookupError, lookupError.isPermanent,
            let subscriber = subscribers[channel.subscriber], subscriber.unconfirmed > 0
        {
            return end(channel.subscriber, lookupError)
        }
        return assign(attempt.channel, locate: locate)
    }

    /// Processes the confirmation of a channel, the first one or a later one.
    mutating func confirmed(_ attempt: Attempt) -> [Action] {
        guard let channel = self.channel(of: attempt) else { return [] }
        channels[attempt.channel]?.failures = 0
        if channel.wasConfirmed { return [.gap(channel.subscriber)] }
        channels[attempt.channel]?.wasConfirmed = true
        subscribers[channel.subscriber]?.unconfirmed -= 1
        return subscribers[channel.subscriber]?.unconfirmed == 0 ? [.confirm(channel.subscriber)] : []
    }

    /// Processes the refusal of a channel, or a failure to connect. The connection no longer has the channel.
    mutating func refused(_ attempt: Attempt, _ error: RedisError) -> [Action] {
        guard let channel = self.channel(of: attempt), let address = channel.address else { return [] }
        channels[attempt.channel]?.isAssigned = false
        let report = Action.report(error, at: address)
        switch error.code {
        case .connectFailed, .outcomeUnknown, .cancelled: break
        default:
            guard error.isRefusalByTopology else { return [report] + end(channel.subscriber, error) }
        }
        // Its new server may already be known.
        return [report] + scheduleRetry(attempt.channel)
    }

    private func channel(of attempt: Attempt) -> Channel? {
        guard !isClosed, let channel = channels[attempt.channel], channel.attempt == attempt.number else {
            return nil
        }
        return channel
    }

    // MARK: Relocation

    /// Moves channels that belong to other servers, and closes unused connections.
    mutating func relocate(locate: Locate, isKnown: (RedisAddress) -> Bool) -> [Action] {
        guard !isClosed else { return [] }
        var actions: [Action] = []
        for id in channels.keys.sorted() {
            guard let channel = channels[id], let old = channel.address,
                let new = locate(channel.target, old), new != old
            else { continue }
            if channel.isAssigned { actions.append(.unsubscribe(id, at: old)) }
            actions += assign(id, at: new)
        }
        for address in connections.sorted(by: { $0.description < $1.description })
        where !isUsed(address) && !isKnown(address) {
            connections.remove(address)
            actions.append(.close(address))
        }
        return actions
    }

    private func isUsed(_ address: RedisAddress) -> Bool {
        channels.values.contains { $0.isAssigned && $0.address == address }
    }

    /// Processes the loss of a connection, or a failure to connect.
    mutating func connectionFailed(_ error: RedisError, at address: RedisAddress) -> [Action] {
        guard !isClosed, isUsed(address) else { return [] }
        return [.report(error, at: address), .relocateSoon]
    }

    // MARK: Shutdown

    mutating func shutdown() -> [Action] {
        guard !isClosed else { return [] }
        isClosed = true
        return subscribers.keys.sorted().flatMap { end($0, .clientClosed) }
    }
}
