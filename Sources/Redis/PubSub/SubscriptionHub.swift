// SPDX-License-Identifier: Apache-2.0

import NIOCore
import Synchronization

/// All subscriptions of a client. Callers talk to this; the work is done on one event loop, by a ``SubscriptionCore``.
final class SubscriptionHub: Sendable {
    private let eventLoop: any EventLoop
    private let core: NIOLoopBoundBox<any SubscriptionCore>
    private let configuration: RedisConfiguration
    private let nextID = Atomic(0)

    /// One connection carries all subscriptions.
    /// - Parameter followsDirectory: The connection goes to where the directory says at that moment.
    convenience init(factory: ConnectionFactory, group: any EventLoopGroup, followsDirectory: Bool = false) {
        let eventLoop = group.next()
        self.init(
            SubscriptionConnection(factory: factory, eventLoop: eventLoop, followsDirectory: followsDirectory),
            factory.configuration, eventLoop)
    }

    /// Every server of a cluster that has subscriptions gets a connection for them.
    convenience init(clusterOf factory: ConnectionFactory, group: any EventLoopGroup) {
        let eventLoop = group.next()
        self.init(ClusterSubscriptions(factory: factory, eventLoop: eventLoop), factory.configuration, eventLoop)
    }

    private init(
        _ core: sending any SubscriptionCore, _ configuration: RedisConfiguration, _ eventLoop: any EventLoop
    ) {
        self.eventLoop = eventLoop
        self.configuration = configuration
        self.core = .makeBoxSendingValue(core, eventLoop: eventLoop)
    }

    /// Sets where subscriptions belong. Has to be called before anything else, if at all. The directory is not
    /// retained.
    func setDirectory(_ directory: any SubscriptionDirectory) {
        eventLoop.execute { [weak directory, core] in core.value.directory = directory }
    }

    /// Subscriptions may belong elsewhere.
    func topologyChanged() {
        eventLoop.execute { [core] in core.value.topologyChanged() }
    }

    /// Subscribes, and returns when the server has confirmed it.
    /// - Throws: ``RedisError``.
    func subscribe(
        _ kind: SubscriptionTarget.Kind, to names: [String], timeout: Duration?
    ) async throws -> RedisSubscription {
        guard !names.isEmpty else {
            throw RedisError(.invalidCommand, "A subscription needs at least one channel or pattern.")
        }
        let targets = Array(Set(names)).map { SubscriptionTarget(kind: kind, name: $0) }
        let id = nextID.add(1, ordering: .relaxed).newValue
        let buffer = SubscriptionBuffer(limit: configuration.pubSub.bufferLimit)
        let deadline = NIODeadline.after(timeout ?? configuration.commandTimeout)
        let handle = SubscriptionHandle(buffer: buffer) { [eventLoop, core] in
            eventLoop.execute { core.value.unsubscribe(id, RedisError(.cancelled, "The calling task was cancelled.")) }
        }
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
                eventLoop.execute {
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

    /// Ends all subscriptions and refuses new ones.
    func beginShutdown() {
        eventLoop.execute { [core] in _ = core.value.shutdown() }
    }

    /// Ends all subscriptions, and returns when their connections are closed.
    func shutdown() async {
        let closed = eventLoop.flatSubmit { [core] in core.value.shutdown() }
        // Closing cannot fail in a way that matters to anybody.
        try? await closed.get()
    }
}

/// Does the work of a ``SubscriptionHub``, on its event loop: performs the actions of a state machine.
protocol SubscriptionCore: AnyObject {
    typealias Completion = (Result<Void, RedisError>) -> Void

    /// Where subscriptions belong, if that changes.
    var directory: (any SubscriptionDirectory)? { get set }
    /// Begins a subscription.
    /// - Parameters:
    ///   - deadline: Until when it has to be confirmed.
    ///   - completion: Is called once: when all targets are confirmed, or the subscription has failed.
    func subscribe(
        _ id: Int, to targets: [SubscriptionTarget], _ buffer: SubscriptionBuffer, deadline: NIODeadline,
        _ completion: @escaping Completion)
    /// Ends a subscription; one that is not confirmed yet fails.
    func unsubscribe(_ id: Int, _ error: RedisError)
    /// Subscriptions may belong elsewhere.
    func topologyChanged()
    /// Ends all subscriptions and refuses new ones. The future succeeds when all connections are closed.
    func shutdown() -> EventLoopFuture<Void>
}

/// Where the subscriptions of a topology belong.
protocol SubscriptionDirectory: AnyObject, Sendable {
    /// Returns the server to subscribe at, or `nil` if that is not known yet.
    /// - Parameters:
    ///   - target: What to subscribe to, or `nil` if one connection has all subscriptions.
    ///   - current: Where the subscription is now.
    func subscriptionAddress(for target: SubscriptionTarget?, current: RedisAddress?) -> RedisAddress?
    /// The server is a master.
    func isKnown(_ address: RedisAddress) -> Bool
    /// A server refused a subscription, or the connection to it was lost.
    func subscriptionFailed(_ error: RedisError, at address: RedisAddress)
    /// Why no servers are known. `nil` if some are, or no lookup has failed.
    var lookupError: RedisError? { get }
}
