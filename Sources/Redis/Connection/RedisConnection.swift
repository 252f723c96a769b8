// SPDX-License-Identifier: Apache-2.0

import DequeModule
import NIOConcurrencyHelpers
import NIOCore

/// Events of a connection for its pool. Called on the connection's event loop.
protocol RedisConnectionDelegate: AnyObject, Sendable {
    /// Requests have left the connection: completed, dropped or never written.
    func connection(_ id: Int, finished count: Int)
    /// The server reported that it cannot serve requests (`READONLY`, `LOADING`, `MASTERDOWN`).
    func connection(_ id: Int, mustBeReplaced reason: RESPError)
    /// The connection was closed. The error is `nil` if the client closed it.
    func connectionClosed(_ id: Int, error: RedisError?)
}

/// A connection that carries the commands of many callers at once.
///
/// Callers append requests to a queue under a lock. The first one schedules a task on the event loop, which writes all
/// queued requests at once: the higher the load, the fewer system calls per command.
final class RedisConnection: Sendable {
    private struct Submissions {
        var requests: [PendingRequest] = []
        var isClosed = false
    }

    let id: Int
    let info: RedisServerInfo
    private let channel: any Channel
    private let handler: NIOLoopBound<CommandHandler>
    private let submissions = NIOLockedValueBox(Submissions())

    /// Adds the connection's handler to the pipeline of a channel that is ready for commands. Must be called on its
    /// event loop.
    init(
        id: Int,
        channel: any Channel,
        info: RedisServerInfo,
        configuration: RedisConfiguration,
        delegate: any RedisConnectionDelegate
    ) throws {
        let handler = CommandHandler(id: id, configuration: configuration, delegate: delegate)
        self.id = id
        self.info = info
        self.channel = channel
        self.handler = NIOLoopBound(handler, eventLoop: channel.eventLoop)
        handler.connection = self
        try channel.pipeline.syncOperations.addHandler(handler)
    }

    /// Sends a request. If the connection is closed, the request fails with `neverSent`.
    func submit(_ request: PendingRequest) {
        let (isFirst, isClosed) = self.submissions.withLockedValue { submissions in
            if submissions.isClosed { return (false, true) }
            submissions.requests.append(request)
            return (submissions.requests.count == 1, false)
        }
        if isClosed {
            request.fail(.neverSent)
        } else if isFirst {
            channel.eventLoop.execute { self.handler.value.writeSubmissions() }
        }
    }

    /// Returns the queued requests to the event loop. `spare` becomes the new, empty queue.
    func takeSubmissions(reusing spare: consuming [PendingRequest]) -> [PendingRequest] {
        var taken = spare
        submissions.withLockedValue { swap(&$0.requests, &taken) }
        return taken
    }

    /// Refuses further requests and returns those that were not written.
    func closeSubmissions() -> [PendingRequest] {
        self.submissions.withLockedValue { submissions in
            submissions.isClosed = true
            defer { submissions.requests = [] }
            return submissions.requests
        }
    }

    /// Sends one command.
    /// - Throws: ``RedisError``.
    func send(_ command: RedisCommand, deadline: NIODeadline) async throws -> RESPValue {
        let request = PendingRequest(.single(command), deadline: deadline)
        return try await withTaskCancellationHandler {
            try await withUnsafeThrowingContinuation { continuation in
                _ = request.install(continuation)
                // A cancelled request is submitted as well, because the pool counts it.
                submit(request)
            }
        } onCancel: {
            request.cancel()
        }
    }

    /// Sends several commands in one write.
    /// - Throws: ``RedisError`` if none of them was sent, or the task is cancelled.
    func send(_ commands: [RedisCommand], deadline: NIODeadline) async throws -> [Result<RESPValue, RedisError>] {
        let request = PendingRequest(.batch(commands), deadline: deadline)
        return try await withTaskCancellationHandler {
            try await withUnsafeThrowingContinuation { continuation in
                _ = request.install(continuation)
                submit(request)
            }
        } onCancel: {
            request.cancel()
        }
    }

    /// Checks that the server responds. If it does not, the connection closes itself.
    func ping(deadline: NIODeadline, then body: @escaping @Sendable () -> Void) {
        submit(PendingRequest(RedisCommand("PING"), deadline: deadline) { _ in body() })
    }

    /// Whether the socket is open. Must be called on the event loop.
    var isOpen: Bool { handler.value.connection != nil }

    /// Closes the connection after the last reply.
    func drain() {
        channel.eventLoop.execute { self.handler.value.drain() }
    }

    /// Closes the connection immediately. The outcome of requests in flight is unknown.
    func close() {
        channel.eventLoop.execute { self.handler.value.closeByClient() }
    }

    /// A future that succeeds when the socket is closed.
    var closed: EventLoopFuture<Void> { channel.closeFuture }
}

extension RedisError {
    static let neverSent = RedisError(
        .neverSent,
        "The connection was closed before the command was sent."
    )
}
