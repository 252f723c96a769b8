// SPDX-License-Identifier: Apache-2.0

import NIOConcurrencyHelpers
import NIOCore

/// Asks a server something about the topology, on a connection made for the purpose: pools may be stuck in just the
/// trouble that the question is about.
struct TopologyProbe: Sendable {
    struct Answer: Sendable {
        var info: RedisServerInfo
        var replies: [Result<RESPValue, RedisError>]
    }

    let factory: ConnectionFactory
    let group: any EventLoopGroup
    /// How long the whole may take: connecting and the answer.
    var timeout: TimeAmount

    /// - Throws: ``RedisError``.
    func ask(_ address: RedisAddress, _ commands: [RedisCommand]) async throws -> Answer {
        let deadline = NIODeadline.now() + timeout
        let eventLoop = group.next()
        let factory = self.factory.at(address)
        let promise = eventLoop.makePromise(of: RedisConnection.self)
        let owner = Owner()
        factory.connect(on: eventLoop) { channel, info in
            try RedisConnection(
                id: 0, channel: channel, info: info, configuration: factory.configuration, delegate: owner)
        }.whenComplete { result in
            if owner.claim() {
                promise.completeWith(result)
            } else if case .success(let connection) = result {
                // Too late for whoever asked: nobody else will close it.
                connection.close()
            }
        }
        let alarm = eventLoop.scheduleTask(deadline: deadline) {
            guard owner.claim() else { return }
            promise.fail(RedisError(.connectFailed, "The server at \(address) did not answer in time."))
        }
        defer { alarm.cancel() }
        let connection = try await withTaskCancellationHandler {
            try await promise.futureResult.get()
        } onCancel: {
            guard owner.claim() else { return }
            promise.fail(RedisError(.cancelled, "The calling task was cancelled."))
        }
        defer { connection.close() }
        return Answer(info: connection.info, replies: try await connection.send(commands, deadline: deadline))
    }

    /// Sees to it that either the connection or the alarm counts.
    private final class Owner: RedisConnectionDelegate {
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
