// SPDX-License-Identifier: Apache-2.0

import NIOCore

/// Which channels of a cluster's subscriptions are subscribed to at which server.
///
/// Each channel of a subscription is placed by itself. One that moves, or that was refused where it was, is subscribed
/// to at its new server; when that is confirmed its reader gets a gap. Does no I/O: ``ClusterSubscriptions`` performs
/// the actions, in order, and passes in where channels belong.
struct ClusterSubscriptionStateMachine {
    typealias SubscriberID = Int
    typealias ChannelID = Int
    /// Returns the server of a channel, or `nil` if that is not known; the second argument is where the channel is now.
    typealias Locate = (SubscriptionTarget, RedisAddress?) -> RedisAddress?

    /// One attempt to subscribe to a channel. What an earlier attempt reports counts no more.
    struct Attempt: Hashable {
        let channel: ChannelID
        let number: Int
    }

    enum Action {
        case subscribe(Attempt, SubscriberID, SubscriptionTarget, at: RedisAddress)
        case unsubscribe(ChannelID, at: RedisAddress)
        /// Call `retry` after a pause.
        case retry(Attempt, after: TimeAmount)
        /// Tell the topology of a failure.
        case report(RedisError, at: RedisAddress)
        /// The server has confirmed all channels of a subscriber.
        case confirm(SubscriberID)
        /// A subscriber missed messages perhaps.
        case gap(SubscriberID)
        /// A subscriber ends, with an error.
        case end(SubscriberID, RedisError)
        /// Close the connection to a server.
        case close(RedisAddress)
        /// Call `relocate`, but not before what is under way has returned.
        case relocateSoon
    }

    private struct Channel {
        let subscriber: SubscriberID
        let target: SubscriptionTarget
        /// Where it is, or was refused last.
        var address: RedisAddress?
        /// The connection to the address has it.
        var isPlaced = false
        var wasConfirmed = false
        /// How often in a row it could not be placed.
        var failures = 0
        var attempt = 0
    }

    private struct Subscriber {
        var channels: [ChannelID]
        /// How many channels were never confirmed.
        var missing: Int
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
        subscribers[id] = Subscriber(channels: ids, missing: ids.count)
        return ids.flatMap { place($0, locate: locate) }
    }

    mutating func unsubscribe(_ id: SubscriberID) -> [Action] {
        guard let subscriber = subscribers.removeValue(forKey: id) else { return [] }
        return subscriber.channels.compactMap { remove($0) }
    }

    private mutating func end(_ id: SubscriberID, _ error: RedisError) -> [Action] {
        unsubscribe(id) + [.end(id, error)]
    }

    private mutating func remove(_ id: ChannelID) -> Action? {
        guard let channel = channels.removeValue(forKey: id), channel.isPlaced, let address = channel.address
        else { return nil }
        return .unsubscribe(id, at: address)
    }

    // MARK: Placing

    /// Subscribes a channel where it belongs.
    private mutating func place(_ id: ChannelID, locate: Locate) -> [Action] {
        guard let channel = channels[id] else { return [] }
        return place(id, at: locate(channel.target, channel.address))
    }

    private mutating func place(_ id: ChannelID, at address: RedisAddress?) -> [Action] {
        guard !isClosed, var channel = channels[id] else { return [] }
        channel.attempt += 1
        channel.address = address
        channel.isPlaced = address != nil
        channels[id] = channel
        guard let address else { return placeLater(id) }
        connections.insert(address)
        let attempt = Attempt(channel: id, number: channel.attempt)
        return [.subscribe(attempt, channel.subscriber, channel.target, at: address)]
    }

    private mutating func placeLater(_ id: ChannelID) -> [Action] {
        guard var channel = channels[id] else { return [] }
        channel.failures += 1
        channels[id] = channel
        let pause = Self.backoff.pause(afterFailures: channel.failures, random: 0)
        return [.retry(Attempt(channel: id, number: channel.attempt), after: pause)]
    }

    /// A pause is over.
    /// - Parameter lookupError: Why no servers are known, if none are.
    mutating func retry(_ attempt: Attempt, lookupError: RedisError?, locate: Locate) -> [Action] {
        guard let channel = self.channel(of: attempt) else { return [] }
        if channel.address == nil, let lookupError, lookupError.isLasting,
            let subscriber = subscribers[channel.subscriber], subscriber.missing > 0
        {
            return end(channel.subscriber, lookupError)
        }
        return place(attempt.channel, locate: locate)
    }

    /// The server has confirmed a channel, for the first time or again.
    mutating func confirmed(_ attempt: Attempt) -> [Action] {
        guard let channel = self.channel(of: attempt) else { return [] }
        channels[attempt.channel]?.failures = 0
        if channel.wasConfirmed { return [.gap(channel.subscriber)] }
        channels[attempt.channel]?.wasConfirmed = true
        subscribers[channel.subscriber]?.missing -= 1
        return subscribers[channel.subscriber]?.missing == 0 ? [.confirm(channel.subscriber)] : []
    }

    /// The server has refused a channel, or cannot be reached. The connection has forgotten it.
    mutating func refused(_ attempt: Attempt, _ error: RedisError) -> [Action] {
        guard let channel = self.channel(of: attempt), let address = channel.address else { return [] }
        channels[attempt.channel]?.isPlaced = false
        let report = Action.report(error, at: address)
        switch error.code {
        case .connectFailed, .outcomeUnknown, .cancelled: break
        default:
            guard error.isRefusalByTopology else { return [report] + end(channel.subscriber, error) }
        }
        // Where it belongs by now may be known already.
        return [report] + placeLater(attempt.channel)
    }

    private func channel(of attempt: Attempt) -> Channel? {
        guard !isClosed, let channel = channels[attempt.channel], channel.attempt == attempt.number else {
            return nil
        }
        return channel
    }

    // MARK: Moving

    /// Moves what belongs elsewhere by now, and closes connections that nobody needs.
    mutating func relocate(locate: Locate, isKnown: (RedisAddress) -> Bool) -> [Action] {
        guard !isClosed else { return [] }
        var actions: [Action] = []
        for id in channels.keys.sorted() {
            guard let channel = channels[id], let old = channel.address,
                let new = locate(channel.target, old), new != old
            else { continue }
            if channel.isPlaced { actions.append(.unsubscribe(id, at: old)) }
            actions += place(id, at: new)
        }
        for address in connections.sorted(by: { $0.description < $1.description })
        where !isUsed(address) && !isKnown(address) {
            connections.remove(address)
            actions.append(.close(address))
        }
        return actions
    }

    private func isUsed(_ address: RedisAddress) -> Bool {
        channels.values.contains { $0.isPlaced && $0.address == address }
    }

    /// The connection to a server was lost, or could not be made.
    mutating func connectionFailed(_ error: RedisError, at address: RedisAddress) -> [Action] {
        guard !isClosed, isUsed(address) else { return [] }
        return [.report(error, at: address), .relocateSoon]
    }

    // MARK: End

    mutating func shutdown() -> [Action] {
        guard !isClosed else { return [] }
        isClosed = true
        return subscribers.keys.sorted().flatMap { end($0, .clientClosed) }
    }
}
