// SPDX-License-Identifier: Apache-2.0

import DequeModule
import NIOCore

/// All subscriptions on a cluster, with a connection for each server that has some: performs the actions of
/// ``ClusterSubscriptionStateMachine``. Everything here runs on one event loop.
final class ClusterSubscriptions: SubscriptionCore {
    private struct Subscriber {
        /// Weak, so that a subscription which nobody reads any more can end.
        weak var buffer: SubscriptionBuffer?
        /// Waits for the confirmation.
        var completion: Completion?
        var timer: Scheduled<Void>?
    }

    weak var directory: (any SubscriptionDirectory)?
    private let factory: ConnectionFactory
    private let eventLoop: any EventLoop
    private var machine = ClusterSubscriptionStateMachine()
    private var connections: [RedisAddress: SubscriptionConnection] = [:]
    private var subscribers: [Int: Subscriber] = [:]
    private var queue: Deque<ClusterSubscriptionStateMachine.Action> = []
    private var isPerforming = false

    init(factory: ConnectionFactory, eventLoop: any EventLoop) {
        self.factory = factory
        self.eventLoop = eventLoop
    }

    // MARK: Subscribers

    func subscribe(
        _ id: Int, to targets: [SubscriptionTarget], _ buffer: SubscriptionBuffer, deadline: NIODeadline,
        _ completion: @escaping Completion
    ) {
        guard !self.machine.isClosed else { return completion(.failure(.clientClosed)) }
        let this = NIOLoopBound(self, eventLoop: self.eventLoop)
        let timer = self.eventLoop.scheduleTask(deadline: deadline) { this.value.timedOut(id) }
        self.subscribers[id] = Subscriber(buffer: buffer, completion: completion, timer: timer)
        self.perform(self.machine.subscribe(id, to: targets, locate: self.locate))
    }

    func unsubscribe(_ id: Int, _ error: RedisError) {
        guard let subscriber = self.subscribers.removeValue(forKey: id) else { return }
        subscriber.timer?.cancel()
        self.perform(self.machine.unsubscribe(id))
        subscriber.completion?(.failure(error))
    }

    private func timedOut(_ id: Int) {
        let error = self.directory?.lookupError
        self.unsubscribe(
            id, error ?? RedisError(.timedOut, "The servers of the cluster did not confirm the subscription in time."))
    }

    private func end(_ id: Int, _ error: RedisError) {
        guard let subscriber = self.subscribers.removeValue(forKey: id) else { return }
        subscriber.timer?.cancel()
        if let completion = subscriber.completion {
            completion(.failure(error))
        } else {
            subscriber.buffer?.finish(error.code == .closed ? nil : error)
        }
    }

    // MARK: Servers

    private func locate(_ target: SubscriptionTarget, _ current: RedisAddress?) -> RedisAddress? {
        self.directory?.subscriptionAddress(for: target, current: current)
    }

    func topologyChanged() {
        self.perform(
            self.machine.relocate(locate: self.locate) { self.directory?.isKnown($0) ?? true })
    }

    private func connection(to address: RedisAddress) -> SubscriptionConnection {
        if let connection = self.connections[address] { return connection }
        let connection = SubscriptionConnection(
            factory: self.factory.at(address), eventLoop: self.eventLoop,
            onFailure: { [weak self] error in self?.connectionFailed(error, at: address) })
        self.connections[address] = connection
        return connection
    }

    private func connectionFailed(_ error: RedisError, at address: RedisAddress) {
        self.perform(self.machine.connectionFailed(error, at: address))
    }

    // MARK: Actions

    /// Performs actions one after the other, also those that follow from others.
    private func perform(_ actions: [ClusterSubscriptionStateMachine.Action]) {
        self.queue += actions
        guard !self.isPerforming else { return }
        self.isPerforming = true
        while let action = self.queue.popFirst() { self.perform(action) }
        self.isPerforming = false
    }

    private func perform(_ action: ClusterSubscriptionStateMachine.Action) {
        switch action {
        case .subscribe(let attempt, let subscriber, let target, let address):
            // Without a buffer, its reader is gone and is about to unsubscribe.
            guard let buffer = self.subscribers[subscriber]?.buffer else { return }
            self.subscribe(attempt, target, buffer, at: address)
        case .unsubscribe(let channel, let address):
            self.connections[address]?.unsubscribe(channel, RedisError(.cancelled, "The subscription has moved."))
        case .retry(let attempt, let pause):
            let this = NIOLoopBound(self, eventLoop: self.eventLoop)
            _ = self.eventLoop.scheduleTask(in: pause) { this.value.retry(attempt) }
        case .report(let error, let address):
            self.directory?.subscriptionFailed(error, at: address)
        case .confirm(let id):
            self.subscribers[id]?.timer?.cancel()
            self.subscribers[id]?.completion.take()?(.success(()))
        case .gap(let id):
            self.subscribers[id]?.buffer?.add(.gap)
        case .end(let id, let error):
            self.end(id, error)
        case .close(let address):
            _ = self.connections.removeValue(forKey: address)?.shutdown()
        case .relocateSoon:
            let this = NIOLoopBound(self, eventLoop: self.eventLoop)
            self.eventLoop.execute { this.value.topologyChanged() }
        }
    }

    private func subscribe(
        _ attempt: ClusterSubscriptionStateMachine.Attempt, _ target: SubscriptionTarget,
        _ buffer: SubscriptionBuffer, at address: RedisAddress
    ) {
        self.connection(to: address).subscribe(
            attempt.channel, to: [target], buffer, deadline: nil,
            onEnd: { [weak self] error in self?.refused(attempt, error) },
            { [weak self] result in
                switch result {
                case .success: self?.confirmed(attempt)
                case .failure(let error): self?.refused(attempt, error)
                }
            })
    }

    private func confirmed(_ attempt: ClusterSubscriptionStateMachine.Attempt) {
        self.perform(self.machine.confirmed(attempt))
    }

    private func refused(_ attempt: ClusterSubscriptionStateMachine.Attempt, _ error: RedisError) {
        self.perform(self.machine.refused(attempt, error))
    }

    private func retry(_ attempt: ClusterSubscriptionStateMachine.Attempt) {
        self.perform(
            self.machine.retry(attempt, lookupError: self.directory?.lookupError, locate: self.locate))
    }

    // MARK: End

    func shutdown() -> EventLoopFuture<Void> {
        self.perform(self.machine.shutdown())
        return EventLoopFuture.andAllComplete(self.connections.values.map { $0.shutdown() }, on: self.eventLoop)
    }
}
