// SPDX-License-Identifier: Apache-2.0

import Logging
import NIOConcurrencyHelpers
import NIOCore
import Synchronization

/// Where subscriptions of a cluster belong.
protocol SubscriptionDirectory: AnyObject, Sendable {
    /// The server to subscribe at; nil if that is not known yet. `current` is where the subscription is now.
    func home(of target: SubscriptionTarget, after current: RedisAddress?) -> RedisAddress?
    /// The server is one of the cluster's masters.
    func isKnown(_ address: RedisAddress) -> Bool
    /// A server refused a subscription, or the connection to it was lost.
    func report(_ error: RedisError, at address: RedisAddress)
    /// Why nothing is known of the cluster.
    var lastReadError: RedisError? { get }
}

/// All subscriptions on a cluster: a connection for each server that has some. Callers talk to this; the work is done on
/// one event loop, by ``ClusterPubSubCore``.
final class ClusterPubSubHub: SubscriptionHub {
    private let eventLoop: any EventLoop
    private let core: NIOLoopBoundBox<ClusterPubSubCore>
    private let configuration: RedisConfiguration
    private let nextID = Atomic(0)

    init(factory: ConnectionFactory, group: any EventLoopGroup) {
        let eventLoop = group.next()
        self.eventLoop = eventLoop
        self.configuration = factory.configuration
        self.core = .makeBoxSendingValue(
            ClusterPubSubCore(factory: factory, eventLoop: eventLoop), eventLoop: eventLoop)
    }

    /// Has to be called once, before anything else.
    func setDirectory(_ directory: any SubscriptionDirectory) {
        self.eventLoop.execute { [weak directory, core] in core.value.directory = directory }
    }

    /// Slots have moved, or servers are in trouble: subscriptions may belong elsewhere.
    func topologyChanged() {
        self.eventLoop.execute { [core] in core.value.rehome() }
    }

    func subscribe(
        _ kind: SubscriptionTarget.Kind, to names: [String], timeout: Duration?
    ) async throws -> RedisSubscription {
        guard !names.isEmpty else {
            throw RedisError(.invalidCommand, "A subscription needs at least one channel or pattern.")
        }
        let targets = Array(Set(names)).map { SubscriptionTarget(kind: kind, name: $0) }
        let id = self.nextID.add(1, ordering: .relaxed).newValue
        let buffer = SubscriptionBuffer(limit: self.configuration.pubSub.bufferLimit)
        let deadline = NIODeadline.after(timeout ?? self.configuration.commandTimeout)
        let handle = SubscriptionHandle(buffer: buffer) { [eventLoop, core] in
            eventLoop.execute { core.value.unsubscribe(id, RedisError(.cancelled, "The calling task was cancelled.")) }
        }
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
                self.eventLoop.execute {
                    self.core.value.subscribe(id, to: targets, buffer, deadline: deadline) {
                        continuation.resume(with: $0)
                    }
                }
                // Cancellation that came before this point found nothing to cancel.
                if Task.isCancelled { handle.cancel() }
            }
        } onCancel: {
            handle.cancel()
        }
        return RedisSubscription(handle: handle)
    }

    func beginShutdown() {
        self.eventLoop.execute { [core] in _ = core.value.shutdown() }
    }

    func shutdown() async {
        let closed = self.eventLoop.flatSubmit { [core] in core.value.shutdown() }
        // Closing cannot fail in a way that matters to anybody.
        try? await closed.get()
    }
}

/// Sees to it that every channel is subscribed to where it belongs, also after it has moved. Everything here runs on one
/// event loop.
///
/// Each channel of a subscription is a leg of its own. A leg that moves, or that was refused where it was, is subscribed to
/// at its new place; when that is confirmed its reader gets a gap.
final class ClusterPubSubCore {
    private struct Leg {
        let subscription: Int
        let target: SubscriptionTarget
        var place: RedisAddress?
        var isConfirmed = false
        var wasConfirmed = false
        /// How often in a row it could not be placed.
        var failures = 0
        /// Tells attempts apart: what an earlier one reports counts no more.
        var attempt = 0
    }

    private struct Subscriber {
        weak var buffer: SubscriptionBuffer?
        var legs: [Int]
        var missing: Int
        var completion: PubSubCore.Completion?
        var timer: Scheduled<Void>?
    }

    weak var directory: (any SubscriptionDirectory)?
    private let factory: ConnectionFactory
    private let eventLoop: any EventLoop
    private var cores: [RedisAddress: PubSubCore] = [:]
    private var legs: [Int: Leg] = [:]
    private var subscribers: [Int: Subscriber] = [:]
    private var nextLeg = 0
    private var isClosed = false
    private var isRehoming = false

    init(factory: ConnectionFactory, eventLoop: any EventLoop) {
        self.factory = factory
        self.eventLoop = eventLoop
    }

    // MARK: Subscribers

    func subscribe(
        _ id: Int, to targets: [SubscriptionTarget], _ buffer: SubscriptionBuffer, deadline: NIODeadline,
        _ completion: @escaping PubSubCore.Completion
    ) {
        guard !self.isClosed else { return completion(.failure(.clientClosed)) }
        let this = NIOLoopBound(self, eventLoop: self.eventLoop)
        let timer = self.eventLoop.scheduleTask(deadline: deadline) { this.value.timedOut(id) }
        var legs: [Int] = []
        for target in targets {
            self.nextLeg += 1
            legs.append(self.nextLeg)
            self.legs[self.nextLeg] = Leg(subscription: id, target: target)
        }
        self.subscribers[id] = Subscriber(
            buffer: buffer, legs: legs, missing: legs.count, completion: completion, timer: timer)
        for leg in legs { self.place(leg) }
    }

    func unsubscribe(_ id: Int, _ error: RedisError) {
        guard let subscriber = self.subscribers.removeValue(forKey: id) else { return }
        subscriber.timer?.cancel()
        for leg in subscriber.legs { self.remove(leg) }
        subscriber.completion?(.failure(error))
    }

    private func timedOut(_ id: Int) {
        let error = self.directory?.lastReadError
        self.unsubscribe(
            id, error ?? RedisError(.timedOut, "The servers of the cluster did not confirm the subscription in time."))
    }

    private func end(_ id: Int, _ error: RedisError) {
        guard let subscriber = self.subscribers.removeValue(forKey: id) else { return }
        subscriber.timer?.cancel()
        for leg in subscriber.legs { self.remove(leg) }
        if let completion = subscriber.completion {
            completion(.failure(error))
        } else {
            subscriber.buffer?.finish(error.code == .closed ? nil : error)
        }
    }

    private func remove(_ id: Int) {
        guard let leg = self.legs.removeValue(forKey: id), let place = leg.place else { return }
        self.cores[place]?.unsubscribe(id, RedisError(.cancelled, "The subscription has moved."))
    }

    // MARK: Places

    /// Subscribes a leg where it belongs.
    private func place(_ id: Int) {
        guard !self.isClosed, var leg = self.legs[id], let buffer = self.subscribers[leg.subscription]?.buffer else {
            return
        }
        leg.attempt += 1
        leg.isConfirmed = false
        leg.place = self.directory?.home(of: leg.target, after: leg.place)
        self.legs[id] = leg
        guard let place = leg.place else { return self.placeLater(id) }
        let attempt = leg.attempt
        self.core(at: place).subscribe(
            id, to: [leg.target], buffer, deadline: nil,
            onEnd: { [weak self] error in self?.refused(id, attempt, error) },
            { [weak self] result in
                switch result {
                case .success: self?.confirmed(id, attempt)
                case .failure(let error): self?.refused(id, attempt, error)
                }
            })
    }

    private func placeLater(_ id: Int) {
        guard let leg = self.legs[id] else { return }
        self.legs[id]?.failures += 1
        let pause = TimeAmount.milliseconds(Int64(min(10 << min(leg.failures, 6), 500)))
        let attempt = leg.attempt
        let this = NIOLoopBound(self, eventLoop: self.eventLoop)
        _ = self.eventLoop.scheduleTask(in: pause) {
            guard this.value.legs[id]?.attempt == attempt else { return }
            if this.value.legs[id]?.place == nil, let error = this.value.directory?.lastReadError, error.isLasting,
                let subscription = this.value.legs[id]?.subscription,
                this.value.subscribers[subscription]?.completion != nil
            {
                return this.value.end(subscription, error)
            }
            this.value.place(id)
        }
    }

    private func confirmed(_ id: Int, _ attempt: Int) {
        guard let leg = self.legs[id], leg.attempt == attempt else { return }
        self.legs[id]?.isConfirmed = true
        self.legs[id]?.failures = 0
        guard !leg.wasConfirmed else {
            self.subscribers[leg.subscription]?.buffer?.add(.gap)
            return
        }
        self.legs[id]?.wasConfirmed = true
        self.subscribers[leg.subscription]?.missing -= 1
        guard self.subscribers[leg.subscription]?.missing == 0 else { return }
        self.subscribers[leg.subscription]?.timer?.cancel()
        self.subscribers[leg.subscription]?.completion.take()?(.success(()))
    }

    private func refused(_ id: Int, _ attempt: Int, _ error: RedisError) {
        guard let leg = self.legs[id], leg.attempt == attempt, let place = leg.place else { return }
        self.directory?.report(error, at: place)
        if error.isRefusalByTopology || error.code == .connectFailed || error.code == .outcomeUnknown
            || error.code == .cancelled
        {
            // Where it belongs by now may be known already.
            return self.placeLater(id)
        }
        self.end(leg.subscription, error)
    }

    /// Moves what belongs elsewhere by now, and ends connections that nobody needs.
    func rehome() {
        guard !self.isClosed, !self.isRehoming else { return }
        self.isRehoming = true
        defer { self.isRehoming = false }
        for id in self.legs.keys.sorted() {
            guard let leg = self.legs[id], let place = leg.place else { continue }
            guard let home = self.directory?.home(of: leg.target, after: place), home != place else { continue }
            self.legs[id]?.attempt += 1
            self.cores[place]?.unsubscribe(id, RedisError(.cancelled, "The subscription has moved."))
            self.place(id)
        }
        for (address, core) in self.cores where core.isUnused && self.directory?.isKnown(address) == false {
            self.cores[address] = nil
            _ = core.shutdown()
        }
    }

    private func core(at address: RedisAddress) -> PubSubCore {
        if let core = self.cores[address] { return core }
        let core = PubSubCore(
            factory: self.factory.at(address), eventLoop: self.eventLoop,
            onTrouble: { [weak self] error in self?.trouble(error, at: address) })
        self.cores[address] = core
        return core
    }

    private func trouble(_ error: RedisError, at address: RedisAddress) {
        guard !self.isClosed, let directory, self.cores[address]?.isUnused == false else { return }
        directory.report(error, at: address)
        // Not from here: the core that reports is in the middle of something.
        let this = NIOLoopBound(self, eventLoop: self.eventLoop)
        self.eventLoop.execute { this.value.rehome() }
    }

    // MARK: End

    func shutdown() -> EventLoopFuture<Void> {
        self.isClosed = true
        for id in self.subscribers.keys { self.end(id, .clientClosed) }
        return EventLoopFuture.andAllComplete(self.cores.values.map { $0.shutdown() }, on: self.eventLoop)
    }
}
