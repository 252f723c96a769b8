// SPDX-License-Identifier: Apache-2.0

import NIOConcurrencyHelpers
import NIOCore

/// Queries a server about the topology on a separate connection, because the pools may be affected by the problem being
/// investigated.
struct TopologyProbe: Sendable {
    struct Replies: Sendable {
        var info: RedisServerInfo
        var replies: [Result<RESPValue, RedisError>]
    }

    let factory: ConnectionFactory
    let group: any EventLoopGroup
    /// The time limit for connecting and the replies.
    var timeout: TimeAmount

    /// Sends commands to a server on a new connection.
    ///
    /// - Throws: ``RedisError``.
    func query(_ address: RedisAddress, _ commands: [RedisCommand]) async throws -> Replies {
        let deadline = NIODeadline.now() + timeout
        let eventLoop = group.next()
        let factory = self.factory.at(address)
        let promise = eventLoop.makePromise(of: RedisConnection.self)
        let outcome = CompletionGuard()
        factory.connect(on: eventLoop) { channel, info in
            try RedisConnection(
                id: 0, channel: channel, info: info, configuration: factory.configuration, delegate: outcome)
        }.whenComplete { result in
            if outcome.claim() {
                promise.completeWith(result)
            } else if case .success(let connection) = result {
                // The caller has already failed: this is the only place that can close the connection.
                connection.close()
            }
        }
        let alarm = eventLoop.scheduleTask(deadline: deadline) {
            guard outcome.claim() else { return }
            promise.fail(RedisError(.connectFailed, "The server at \(address) did not respond in time."))
        }
        defer { alarm.cancel() }
        let connection = try await withTaskCancellationHandler {
            try await promise.futureResult.get()
        } onCancel: {
            guard outcome.claim() else { return }
            promise.fail(RedisError(.cancelled, "The calling task was cancelled."))
        }
        defer { connection.close() }
        return Replies(info: connection.info, replies: try await connection.send(commands, deadline: deadline))
    }

    /// Ensures that only the first of connection, alarm and cancellation completes the promise.
    private final class CompletionGuard: RedisConnectionDelegate {
        private let isClaimed = NIOLockedValueBox(false)

        func claim() -> Bool {
            self.isClaimed.withLockedValue { isClaimed in
                defer { isClaimed = true }
                return !isClaimed
            }
        }

        func connection(_ id: Int, finished count: Int) {}
        func connection(_ id: Int, mustBeReplaced reason: RESPError) {}
        func connectionClosed(_ id: Int, error: RedisError?) {}
    }
}
