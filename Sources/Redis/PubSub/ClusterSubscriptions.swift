// SPDX-License-Identifier: Apache-2.0

import DequeModule
import NIOCore

/// The subscriptions of a client of a cluster, with a connection to each server that has some. Performs the actions of
/// ``ClusterSubscriptionStateMachine`` on one event loop.
final class ClusterSubscriptions: SubscriptionCore {
    private struct Subscriber {
        /// Weak, so that a subscription without readers can end.
        weak var buffer: SubscriptionBuffer?
        /// Called when the subscription is confirmed or has failed.
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
        guard !machine.isClosed else { return completion(.failure(.clientClosed)) }
        let this = NIOLoopBound(self, eventLoop: eventLoop)
        let timer = eventLoop.scheduleTask(deadline: deadline) { this.value.timedOut(id) }
        subscribers[id] = Subscriber(buffer: buffer, completion: completion, timer: timer)
        perform(machine.subscribe(id, to: targets, locate: locate))
    }

    func unsubscribe(_ id: Int, _ error: RedisError) {
        guard let subscriber = subscribers.removeValue(forKey: id) else { return }
        subscriber.timer?.cancel()
        perform(machine.unsubscribe(id))
        subscriber.completion?(.failure(error))
    }

    private func timedOut(_ id: Int) {
        let error = directory?.lookupError
        unsubscribe(
            id, error ?? RedisError(.timedOut, "The servers of the cluster did not confirm the subscription in time."))
    }

    private func end(_ id: Int, _ error: RedisError) {
        guard let subscriber = subscribers.removeValue(forKey: id) else { return }
        subscriber.timer?.cancel()
        if let completion = subscriber.completion {
            completion(.failure(error))
        } else {
            subscriber.buffer?.finish(error.code == .closed ? nil : error)
        }
    }

    // MARK: Servers

    private func locate(_ target: SubscriptionTarget, _ current: RedisAddress?) -> RedisAddress? {
        directory?.subscriptionAddress(for: target, current: current)
    }

    func topologyChanged() {
        perform(
            machine.relocate(locate: locate) { directory?.isKnown($0) ?? true })
    }

    private func connection(to address: RedisAddress) -> SubscriptionConnection {
        if let connection = connections[address] { return connection }
        let connection = SubscriptionConnection(
            factory: factory.at(address), eventLoop: eventLoop,
            onFailure: { [weak self] error in self?.connectionFailed(error, at: address) })
        connections[address] = connection
        return connection
    }

    private func connectionFailed(_ error: RedisError, at address: RedisAddress) {
        perform(machine.connectionFailed(error, at: address))
    }

    // MARK: Actions

    /// Performs actions in order, including those that follow from other actions.
    private func perform(_ actions: [ClusterSubscriptionStateMachine.Action]) {
        queue += actions
        guard !isPerforming else { return }
        isPerforming = true
        while let action = queue.popFirst() { perform(action) }
        isPerforming = false
    }

    private func perform(_ action: ClusterSubscriptionStateMachine.Action) {
        switch action {
        case .subscribe(let attempt, let subscriber, let target, let address):
            // Without a buffer there is no reader, and the subscription is about to end.
            guard let buffer = subscribers[subscriber]?.buffer else { return }
            subscribe(attempt, target, buffer, at: address)
        case .unsubscribe(let channel, let address):
            connections[address]?.unsubscribe(channel, RedisError(.cancelled, "The subscription has moved."))
        case .retry(let attempt, let pause):
            let this = NIOLoopBound(self, eventLoop: eventLoop)
            _ = eventLoop.scheduleTask(in: pause) { this.value.retry(attempt) }
        case .report(let error, let address):
            directory?.subscriptionFailed(error, at: address)
        case .confirm(let id):
            subscribers[id]?.timer?.cancel()
            subscribers[id]?.completion.take()?(.success(()))
        case .gap(let id):
            subscribers[id]?.buffer?.add(.gap)
        case .end(let id, let error):
            end(id, error)
        case .close(let address):
            _ = connections.removeValue(forKey: address)?.shutdown()
        case .relocateSoon:
            let this = NIOLoopBound(self, eventLoop: eventLoop)
            eventLoop.execute { this.value.topologyChanged() }
        }
    }

    private func subscribe(
        _ attempt: ClusterSubscriptionStateMachine.Attempt, _ target: SubscriptionTarget,
        _ buffer: SubscriptionBuffer, at address: RedisAddress
    ) {
        connection(to: address).subscribe(
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
        perform(machine.confirmed(attempt))
    }

    private func refused(_ attempt: ClusterSubscriptionStateMachine.Attempt, _ error: RedisError) {
        perform(machine.refused(attempt, error))
    }

    private func retry(_ attempt: ClusterSubscriptionStateMachine.Attempt) {
        perform(
            machine.retry(attempt, lookupError: directory?.lookupError, locate: locate))
    }

    // MARK: Shutdown

    func shutdown() -> EventLoopFuture<Void> {
        perform(machine.shutdown())
        return EventLoopFuture.andAllComplete(connections.values.map { $0.shutdown() }, on: eventLoop)
    }
}
