// SPDX-License-Identifier: Apache-2.0

import Logging
import NIOCore

/// A connection with its subscriptions. Performs the actions of ``PubSubStateMachine`` on one event loop.
final class SubscriptionConnection: SubscriptionCore {
    private struct Subscriber {
        /// Weak, so that a subscription without readers can end.
        weak var buffer: SubscriptionBuffer?
        /// Called when the subscription is confirmed or has failed.
        var completion: Completion?
        /// Called if the server refuses the subscription after it was confirmed. If `nil`, the subscription ends.
        var onEnd: ((RedisError) -> Void)?
        var timer: Scheduled<Void>?
    }

    weak var directory: (any SubscriptionDirectory)?
    private let factory: ConnectionFactory
    /// Whether the directory provides the address. Otherwise the address never changes.
    private let followsDirectory: Bool
    /// Called when the connection was lost or could not be established.
    private let onFailure: (RedisError) -> Void
    private let eventLoop: any EventLoop
    private let logger: Logger
    private var machine: PubSubStateMachine
    private var subscribers: [Int: Subscriber] = [:]
    private var handler: PubSubHandler?
    private var address: RedisAddress
    private var timer: (deadline: NIODeadline, task: Scheduled<Void>)?
    private var lastError: RedisError?
    private var closing: EventLoopPromise<Void>?
    private var isClosed = false
    private var isConnecting = false

    init(
        factory: ConnectionFactory, eventLoop: any EventLoop, followsDirectory: Bool = false,
        onFailure: @escaping (RedisError) -> Void = { _ in }
    ) {
        let configuration = factory.configuration
        self.factory = factory
        self.followsDirectory = followsDirectory
        self.onFailure = onFailure
        address = configuration.address
        self.eventLoop = eventLoop
        logger = configuration.logger
        machine = PubSubStateMachine(
            .init(
                initialBackoff: configuration.pool.initialBackoff.timeAmount,
                maxBackoff: configuration.pool.maxBackoff.timeAmount,
                healthCheckInterval: configuration.pubSub.healthCheckInterval.timeAmount,
                healthCheckTimeout: configuration.commandTimeout.timeAmount
            )
        )
    }

    // MARK: Subscribers

    func subscribe(
        _ id: Int, to targets: [SubscriptionTarget], _ buffer: SubscriptionBuffer, deadline: NIODeadline,
        _ completion: @escaping Completion
    ) {
        subscribe(id, to: targets, buffer, deadline: deadline, onEnd: nil, completion)
    }

    /// - Parameters:
    ///   - deadline: The deadline for the confirmation. If `nil`, there is none.
    ///   - onEnd: Called if the server refuses the subscription after it was confirmed. If `nil`, the subscription
    ///     ends.
    func subscribe(
        _ id: Int, to targets: [SubscriptionTarget], _ buffer: SubscriptionBuffer, deadline: NIODeadline?,
        onEnd: ((RedisError) -> Void)?, _ completion: @escaping Completion
    ) {
        guard !isClosed else { return completion(.failure(.clientClosed)) }
        let this = NIOLoopBound(self, eventLoop: eventLoop)
        let timer = deadline.map { deadline in
            eventLoop.scheduleTask(deadline: deadline) { this.value.subscribingTimedOut(id) }
        }
        subscribers[id] = Subscriber(buffer: buffer, completion: completion, onEnd: onEnd, timer: timer)
        perform(machine.subscribe(id, to: targets, now: .now()))
    }

    /// Ends a subscription. One that is not yet confirmed fails.
    func unsubscribe(_ id: Int, _ error: RedisError) {
        guard let subscriber = subscribers.removeValue(forKey: id) else { return }
        subscriber.timer?.cancel()
        subscriber.completion?(.failure(error))
        perform(machine.unsubscribe(id, now: .now()))
    }

    private func subscribingTimedOut(_ id: Int) {
        let error: RedisError
        if handler != nil {
            error = RedisError(.timedOut, "The server did not confirm the subscription in time.")
        } else if let lastError {
            error = lastError
        } else {
            error = RedisError(
                .connectFailed, "No connection to \(address) was ready in time. Check that it is reachable.")
        }
        unsubscribe(id, error)
    }

    private func end(_ id: Int, _ error: RedisError) {
        guard let subscriber = subscribers.removeValue(forKey: id) else { return }
        subscriber.timer?.cancel()
        if let completion = subscriber.completion {
            completion(.failure(error))
        } else if let onEnd = subscriber.onEnd {
            onEnd(error)
        } else {
            subscriber.buffer?.finish(error.code == .closed ? nil : error)
        }
    }

    // MARK: Connection

    /// Returns a factory for the current address, or `nil` if the address is unknown.
    private func locate() -> ConnectionFactory? {
        guard followsDirectory else { return factory }
        return directory?.subscriptionAddress(for: nil, current: address).map { factory.at($0) }
    }

    private func failed(_ error: RedisError) {
        guard !isClosed else { return }
        onFailure(error)
        if followsDirectory { directory?.subscriptionFailed(error, at: address) }
    }

    private func connect() {
        isConnecting = true
        let this = NIOLoopBound(self, eventLoop: eventLoop)
        guard let factory = locate() else {
            // Deferred, because this is called while actions are performed.
            return eventLoop.execute {
                this.value.connectFailed(
                    RedisError(.connectFailed, "The address of the master is unknown."), isAddressKnown: false)
            }
        }
        let configuration = factory.configuration
        address = configuration.address
        factory.connect(on: eventLoop) { channel, info in
            let handler = PubSubHandler(connection: this.value, limits: configuration.limits)
            try channel.pipeline.syncOperations.addHandler(handler)
            guard channel.isActive else {
                throw RedisError(.connectFailed, "The server closed the connection as soon as it was ready.")
            }
            this.value.connected(handler)
        }.whenFailure { error in
            this.value.connectFailed(ConnectFailure.redisError(for: error))
        }
    }

    private func connected(_ handler: PubSubHandler) {
        isConnecting = false
        self.handler = handler
        lastError = nil
        perform(machine.connected(now: .now()))
        if isClosed { handler.close() }
    }

    private func connectFailed(_ error: RedisError, isAddressKnown: Bool = true) {
        isConnecting = false
        lastError = error
        failed(error)
        logger.log(
            level: isAddressKnown ? .warning : .debug, "Redis subscription connection failed",
            metadata: ["error": "\(error)"])
        if !ConnectFailure.isTransient(error) {
            // New subscribers fail immediately. Confirmed subscriptions keep waiting until the problem is fixed.
            for (id, subscriber) in subscribers where subscriber.completion != nil { unsubscribe(id, error) }
        }
        perform(machine.disconnected(now: .now(), random: .random(in: 0..<1)))
        finishClosing()
    }

    func disconnected(_ handler: PubSubHandler) {
        guard self.handler === handler else { return }
        self.handler = nil
        failed(RedisError(.outcomeUnknown, "The connection of the subscriptions was lost."))
        logger.debug(
            "Redis subscription connection closed", metadata: ["subscribers": "\(subscribers.count)"])
        perform(machine.disconnected(now: .now(), random: .random(in: 0..<1)))
        finishClosing()
    }

    /// Reacts to a change of the topology: closes a connection to the wrong server, and ends the pause before the next
    /// attempt to connect.
    func topologyChanged() {
        guard !isClosed, followsDirectory else { return }
        if let handler, let address = locate()?.configuration.address, address != self.address { handler.close() }
        machine.skipPause(now: .now())
        perform(machine.tick(now: .now()))
    }

    // MARK: Messages

    func readBytes() {
        machine.readBytes(now: .now())
    }

    func received(_ message: RESPMessage) {
        switch PubSubMessage(message) {
        case .published(let target, let message):
            for id in machine.receivers(of: target) { subscribers[id]?.buffer?.add(.message(message)) }
        case .subscribed(let target):
            perform(machine.subscribed(target))
        case .unsubscribed(let kind, let name):
            perform(machine.unsubscribed(kind, name: name))
        case .error(let error):
            perform(machine.refused(error, now: .now()))
        case .pong:
            machine.pong()
        case .other:
            break
        }
    }

    // MARK: Actions

    private func perform(_ actions: PubSubStateMachine.Actions) {
        handler?.write(actions.write)
        for id in actions.confirm {
            subscribers[id]?.timer?.cancel()
            subscribers[id]?.completion.take()?(.success(()))
        }
        for id in actions.gap { subscribers[id]?.buffer?.add(.gap) }
        for refusal in actions.refuse { end(refusal.subscriber, RedisError(reply: refusal.error)) }
        if actions.shouldConnect, !isClosed { connect() }
        if actions.shouldClose { handler?.close() }
        setTimer()
    }

    /// Schedules a timer for the next deadline. A later deadline does not reschedule it: it fires, has no effect, and
    /// is scheduled again, so that active subscriptions do not schedule a timer per message.
    private func setTimer() {
        guard !isClosed, let next = machine.nextTick else { return }
        if let timer, timer.deadline <= next { return }
        self.timer?.task.cancel()
        let this = NIOLoopBound(self, eventLoop: eventLoop)
        let task = eventLoop.scheduleTask(deadline: next) {
            this.value.timer = nil
            this.value.perform(this.value.machine.tick(now: .now()))
        }
        self.timer = (next, task)
    }

    // MARK: Shutdown

    func shutdown() -> EventLoopFuture<Void> {
        let promise = closing ?? eventLoop.makePromise(of: Void.self)
        if !isClosed {
            isClosed = true
            closing = promise
            timer?.task.cancel()
            for id in subscribers.keys { end(id, .clientClosed) }
            handler?.close()
            finishClosing()
        } else if closing == nil {
            promise.succeed()
        }
        return promise.futureResult
    }

    private func finishClosing() {
        guard isClosed, handler == nil, !isConnecting else { return }
        closing.take()?.succeed()
    }
}
