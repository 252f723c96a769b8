// SPDX-License-Identifier: Apache-2.0

import NIOCore
import Synchronization

/// The subscriptions of a client. The work is done on one event loop, by a ``SubscriptionCore``.
final class SubscriptionHub: Sendable {
    private let eventLoop: any EventLoop
    private let core: NIOLoopBoundBox<any SubscriptionCore>
    private let configuration: RedisConfiguration
    private let nextID = Atomic(0)

    /// Creates a hub with one connection for all subscriptions.
    /// - Parameter followsDirectory: Whether the connection is opened to the address that the directory returns.
    convenience init(factory: ConnectionFactory, group: any EventLoopGroup, followsDirectory: Bool = false) {
        let eventLoop = group.next()
        self.init(
            SubscriptionConnection(factory: factory, eventLoop: eventLoop, followsDirectory: followsDirectory),
            factory.configuration, eventLoop)
    }

    /// Creates a hub for a cluster, with a connection to each server that has subscriptions.
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

    /// Sets the directory of servers. Must be called before any other function, if at all. The directory is not
    /// retained.
    func setDirectory(_ directory: any SubscriptionDirectory) {
        eventLoop.execute { [weak directory, core] in core.value.directory = directory }
    }

    /// Reassigns subscriptions after a change of the topology.
    func topologyChanged() {
        eventLoop.execute { [core] in core.value.topologyChanged() }
    }

    /// Subscribes, and returns when the server has confirmed it.
    /// - Throws: ``RedisError``.
    func subscribe(
        _ kind: SubscriptionTarget.Kind, to names: [String], timeout: Duration?
    ) async throws -> RedisSubscription {
        guard !names.isEmpty else {
            throw RedisError(.invalidCommand, "A subscription requires at least one channel or pattern.")
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
                // An earlier cancellation found no subscription to cancel.
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

    /// Ends all subscriptions and returns when their connections are closed.
    func shutdown() async {
        let closed = eventLoop.flatSubmit { [core] in core.value.shutdown() }
        // A failure to close a connection is of no consequence.
        try? await closed.get()
    }
}

/// The implementation of a ``SubscriptionHub`` on its event loop, which performs the actions of a state machine.
protocol SubscriptionCore: AnyObject {
    typealias Completion = (Result<Void, RedisError>) -> Void

    /// The directory of servers, if subscriptions can move.
    var directory: (any SubscriptionDirectory)? { get set }
    /// Begins a subscription.
    /// - Parameters:
    ///   - deadline: The deadline for the confirmation.
    ///   - completion: Called once, when all targets are confirmed or the subscription has failed.
    func subscribe(
        _ id: Int, to targets: [SubscriptionTarget], _ buffer: SubscriptionBuffer, deadline: NIODeadline,
        _ completion: @escaping Completion)
    /// Ends a subscription. One that is not yet confirmed fails.
    func unsubscribe(_ id: Int, _ error: RedisError)
    /// Reassigns subscriptions after a change of the topology.
    func topologyChanged()
    /// Ends all subscriptions and refuses new ones. The future succeeds when all connections are closed.
    func shutdown() -> EventLoopFuture<Void>
}

/// The servers of a topology for subscriptions.
protocol SubscriptionDirectory: AnyObject, Sendable {
    /// Returns the server of a subscription, or `nil` if it is unknown.
    /// - Parameters:
    ///   - target: The target of the subscription, or `nil` if one connection has all subscriptions.
    ///   - current: The current server.
    func subscriptionAddress(for target: SubscriptionTarget?, current: RedisAddress?) -> RedisAddress?
    /// Returns whether the server is a master.
    func isKnown(_ address: RedisAddress) -> Bool
    /// Reports that a server refused a subscription, or that the connection to it was lost.
    func subscriptionFailed(_ error: RedisError, at address: RedisAddress)
    /// The failure of the last lookup. `nil` if servers are known or no lookup has failed.
    var lookupError: RedisError? { get }
}
