// SPDX-License-Identifier: Apache-2.0

import NIOCore
import Synchronization

/// All subscriptions on one server, or on whatever server is the master. Callers talk to this; the work is done on one event loop, by ``PubSubCore``.
final class PubSubHub: SubscriptionHub {
    private let eventLoop: any EventLoop
    private let core: NIOLoopBoundBox<PubSubCore>
    private let configuration: RedisConfiguration
    private let nextID = Atomic(0)

    /// - Parameters:
    ///   - locate: Where to connect to at this moment, if that changes. On the event loop.
    ///   - onTrouble: Is told of connections that were lost or could not be made.
    init(
        factory: ConnectionFactory, group: any EventLoopGroup,
        locate: (@Sendable () -> ConnectionFactory?)? = nil,
        onTrouble: @escaping @Sendable (RedisError) -> Void = { _ in }
    ) {
        let eventLoop = group.next()
        self.eventLoop = eventLoop
        self.configuration = factory.configuration
        self.core = .makeBoxSendingValue(
            PubSubCore(factory: factory, eventLoop: eventLoop, locate: locate, onTrouble: onTrouble),
            eventLoop: eventLoop)
    }

    /// The server to connect to may be another one by now.
    func relocate() {
        self.eventLoop.execute { [core] in core.value.relocate() }
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

    /// Ends all subscriptions and refuses new ones.
    func beginShutdown() {
        self.eventLoop.execute { [core] in _ = core.value.shutdown() }
    }

    /// Ends all subscriptions, and returns when their connection is closed.
    func shutdown() async {
        let closed = self.eventLoop.flatSubmit { [core] in core.value.shutdown() }
        // Closing cannot fail in a way that matters to anybody.
        try? await closed.get()
    }
}
