// SPDX-License-Identifier: Apache-2.0

import DequeModule
import NIOConcurrencyHelpers
import NIOCore

/// What happens to a connection that its pool has to know. Called on the connection's event loop.
protocol RedisConnectionDelegate: AnyObject, Sendable {
    /// So many requests left the connection: answered, dropped or never written.
    func connection(_ id: Int, finished count: Int)
    /// The server said that it is not the one to talk to (`READONLY`, `LOADING`, `MASTERDOWN`).
    func connection(_ id: Int, mustBeReplaced reason: RESPError)
    /// The connection is gone. The error is nil if this side closed it.
    func connectionClosed(_ id: Int, error: RedisError?)
}

/// One socket that carries the commands of many callers at once.
///
/// Callers put requests into a queue under a lock. The first one to do so wakes up the event loop, which then writes
/// all that came together meanwhile in one go: the busier the connection, the fewer the system calls per command.
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

    /// Puts the connection's handler into the pipeline of a channel that is ready for commands. On its event loop.
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

    /// Sends a request. It fails as never sent if the connection is closed already.
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

    /// Hands the queue to the event loop. `reusing` becomes the new, empty queue.
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
                // Also if it was cancelled before: the pool counts on it.
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

    /// Checks that the server answers. A connection on which it does not closes itself.
    func ping(deadline: NIODeadline, then body: @escaping @Sendable () -> Void) {
        submit(PendingRequest(RedisCommand("PING"), deadline: deadline) { _ in body() })
    }

    /// On the event loop: the socket is not closed.
    var isOpen: Bool { handler.value.connection != nil }

    /// Closes the connection when what is under way is answered.
    func drain() {
        channel.eventLoop.execute { self.handler.value.drain() }
    }

    /// Closes the connection now. What is under way ends with an unknown outcome.
    func close() {
        channel.eventLoop.execute { self.handler.value.closeByUser() }
    }

    /// Fulfilled when the socket is closed.
    var closed: EventLoopFuture<Void> { channel.closeFuture }
}

extension RedisError {
    static let neverSent = RedisError(
        .neverSent,
        "The connection was closed before the command was sent."
    )
}
