// SPDX-License-Identifier: Apache-2.0

import Logging
import NIOCore

/// Performs the actions of ``CommandStateMachine`` on a channel: writes commands, decodes replies and schedules
/// deadlines. Runs on the channel's event loop.
final class CommandHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let id: Int
    private let logger: Logger
    private let commandTimeout: Duration
    private let delegate: any RedisConnectionDelegate
    private var machine: CommandStateMachine<PendingRequest>
    private var decoder: RESPDecoder
    private var context: ChannelHandlerContext?
    private var output = ByteBuffer()
    private var spareQueue: [PendingRequest] = []
    private var timer: (deadline: NIODeadline, task: Scheduled<Void>)?
    private var failure: RedisError?
    private var isReplacementRequested = false
    /// The digests of the scripts whose source was sent on this connection.
    private var loadedScripts: Set<String> = []
    /// Retains the connection while the channel is open; `nil` after it was closed.
    var connection: RedisConnection?

    init(id: Int, configuration: RedisConfiguration, delegate: any RedisConnectionDelegate) {
        self.id = id
        logger = configuration.logger
        commandTimeout = configuration.commandTimeout
        self.delegate = delegate
        // Slightly less than the time limit of a command, which begins before the command is written: the check at the
        // deadline of a command must find that the connection is dead.
        let silenceLimit = configuration.commandTimeout * 0.95
        machine = CommandStateMachine(silenceLimit: silenceLimit.timeAmount, now: .now())
        decoder = RESPDecoder(limits: configuration.limits)
    }

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        // The peer may have closed the channel before the handler was added.
        if !context.channel.isActive { didClose() }
    }

    // MARK: Writing

    func writeSubmissions() {
        guard let connection else { return }
        let requests = connection.takeSubmissions(reusing: spareQueue)
        spareQueue = []
        let now = NIODeadline.now()
        var skipped = 0
        var earliest = NIODeadline.distantFuture
        resetOutput()
        for request in requests {
            guard !machine.isClosed, request.beginSending() else {
                skipped += 1
                request.fail(.neverSent)
                continue
            }
            switch machine.send(request, replyCount: request.replyCount, deadline: request.deadline, now: now) {
            case .write:
                earliest = min(earliest, request.deadline)
                write(request)
            case .reject:
                skipped += 1
                request.fail(.neverSent)
            }
        }
        flush()
        scheduleDeadlineCheck(at: earliest)
        if skipped > 0 { delegate.connection(id, finished: skipped) }
        recycle(requests)
    }

    private func write(_ request: PendingRequest) {
        switch request.payload {
        case .single(let command): self.write(command)
        case .batch(let commands): for command in commands { self.write(command) }
        }
    }

    private func write(_ command: RedisCommand) {
        // The first use of a script on a connection sends its source, which also loads it. Later commands on the
        // connection, also in the same pipeline, find it loaded, without an extra round trip.
        if let script = command.script, loadedScripts.insert(script.sha1).inserted {
            RESPEncoder.writeWithSource(command, script, to: &output)
        } else {
            RESPEncoder.write(command, to: &output)
        }
    }

    private func resetOutput() {
        // The storage is reused if the channel has released it, unless a large command made it large.
        if output.capacity > 256 << 10 {
            output = ByteBuffer()
        } else {
            output.clear()
        }
    }

    private func flush() {
        guard output.readableBytes > 0, let context else { return }
        context.writeAndFlush(wrapOutboundOut(output), promise: nil)
    }

    private func recycle(_ queue: consuming [PendingRequest]) {
        spareQueue = queue
        spareQueue.removeAll(keepingCapacity: spareQueue.capacity <= 4096)
    }

    // MARK: Reading

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        decoder.feed(unwrapInboundIn(data))
        machine.readBytes(now: .now())
        var finished = 0
        do {
            while let message = try decoder.next() {
                // Attributes describe replies, and pushes are out-of-band data: neither has a place in the order of
                // replies.
                guard case .reply(let reply) = message else { continue }
                switch machine.receivedReply() {
                case .deliver(let request, let isLast):
                    deliver(reply, to: request, isLast: isLast)
                    finished += isLast ? 1 : 0
                case .deliverAndClose(let request):
                    deliver(reply, to: request, isLast: true)
                    finished += 1
                    context.close(promise: nil)
                case .violation:
                    throw RESPDecodingError(.unexpectedType, "a reply without a request")
                }
            }
        } catch {
            close(
                because: RedisError(
                    .protocolError, "The server sent data that is not RESP; the connection was closed.", cause: error,
                    mayHaveExecuted: true))
        }
        if finished > 0 { delegate.connection(id, finished: finished) }
    }

    private func deliver(_ reply: RESPValue, to request: PendingRequest, isLast: Bool) {
        if let error = reply.error { handleErrorReply(error) }
        request.receive(reply, isLast: isLast)
    }

    private func handleErrorReply(_ error: RESPError) {
        switch error.prefix {
        case "NOSCRIPT":
            // The script cache of the server was flushed.
            loadedScripts = []
        case "READONLY", "LOADING", "MASTERDOWN":
            guard !isReplacementRequested else { return }
            isReplacementRequested = true
            delegate.connection(id, mustBeReplaced: error)
        default:
            break
        }
    }

    // MARK: Deadlines

    private func scheduleDeadlineCheck(at deadline: NIODeadline) {
        guard deadline < timer?.deadline ?? .distantFuture, let context else { return }
        timer?.task.cancel()
        let handler = NIOLoopBound(self, eventLoop: context.eventLoop)
        let task = context.eventLoop.scheduleTask(deadline: deadline) { handler.value.deadlineReached() }
        timer = (deadline, task)
    }

    private func deadlineReached() {
        timer = nil
        let action = machine.checkDeadlines(now: .now())
        if action.shouldClose {
            let silence = RedisError(
                .outcomeUnknown,
                "The server sent nothing for \(commandTimeout.secondsText); the connection was considered dead and closed.",
                mayHaveExecuted: true
            )
            close(because: silence, expired: action.expired)
        } else {
            for request in action.expired { request.timeOut() }
            if let next = action.next { scheduleDeadlineCheck(at: next) }
        }
    }

    // MARK: Closing

    func drain() {
        if machine.drain() { context?.close(promise: nil) }
    }

    func closeByClient() {
        close(because: nil)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        close(because: RedisError(.outcomeUnknown, "The connection failed.", cause: error, mayHaveExecuted: true))
    }

    func channelInactive(context: ChannelHandlerContext) {
        if failure == nil, !machine.isClosed {
            failure = RedisError(.outcomeUnknown, "The server closed the connection.", mayHaveExecuted: true)
        }
        didClose()
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        didClose()
        self.context = nil
    }

    private func close(because error: RedisError?, expired: [PendingRequest] = []) {
        guard let context else { return }
        if failure == nil { failure = error }
        // Fails the requests in flight now: callers do not wait until the socket is closed.
        didClose(expired: expired)
        context.close(promise: nil)
    }

    /// Notifies the pool and fails all requests. Has no effect after the first call.
    private func didClose(expired: [PendingRequest] = []) {
        guard let connection else { return }
        self.connection = nil
        timer?.task.cancel()
        timer = nil
        let lost = machine.close()
        let error =
            self.failure
            ?? RedisError(.outcomeUnknown, "The client closed the connection.", mayHaveExecuted: true)
        let unknown = error.code == .outcomeUnknown ? error : .replyLost(because: error)
        if let failure { logger.debug("Redis connection lost", metadata: ["reason": "\(failure)"]) }
        // The pool is notified first, so that a caller that retries immediately does not get this connection.
        delegate.connectionClosed(id, error: self.failure)
        for request in expired { request.timeOut() }
        for request in lost { request.fail(unknown) }
        for request in connection.closeSubmissions() { request.fail(.neverSent) }
    }
}

extension RedisError {
    static let timedOut = RedisError(
        .timedOut,
        "No reply arrived in time. The command may have been executed: check before sending it again.",
        mayHaveExecuted: true
    )

    static let timedOutIdempotent = RedisError(
        .timedOut,
        "No reply arrived in time. The command is idempotent and can be sent again.",
        mayHaveExecuted: true
    )

    static func replyLost(because error: RedisError) -> RedisError {
        if error.code == .protocolError { return error }
        return RedisError(.outcomeUnknown, error.message, cause: error.cause, mayHaveExecuted: true)
    }
}
