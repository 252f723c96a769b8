// SPDX-License-Identifier: Apache-2.0

import Logging
import NIOCore
import NIOHTTP1

/// Connects a ``ConnectionState`` with its channel. It belongs to the channel's event loop.
///
/// It has two places in the pipeline: before the parser, where bytes are counted, and behind it, where requests and responses
/// pass.
final class ConnectionDriver {
    fileprivate var state: ConnectionState
    private var writing: WriteProgress
    let admission: Admission
    private let logger: Logger
    private var bytes: ChannelHandlerContext?
    private var messages: ChannelHandlerContext?
    private var timer: (deadline: NIODeadline, task: Scheduled<Void>)?
    /// The time of the last event: requests and responses come with the bytes that bring them.
    fileprivate var now = NIODeadline.now()
    fileprivate var isReadPending = false
    private var isInputClosed = false
    /// Whether the server has given the connection up: nothing is waited for any more.
    private var isAborted = false

    init(limits: ConnectionState.Limits, writeTimeout: TimeAmount, admission: Admission, logger: Logger) {
        var limits = limits
        if admission != .full {
            limits.head = min(limits.head, .seconds(1))
            limits.drain = min(limits.drain, .seconds(1))
        }
        state = ConnectionState(limits: limits, at: now)
        writing = WriteProgress(timeout: writeTimeout)
        self.admission = admission
        self.logger = logger
    }

    // MARK: - The pipeline

    fileprivate func attach(bytes context: ChannelHandlerContext) { bytes = context }
    fileprivate func attach(messages context: ChannelHandlerContext) { messages = context }

    fileprivate func detach() {
        timer?.task.cancel()
        timer = nil
        bytes = nil
        messages = nil
    }

    fileprivate func start() {
        now = .now()
        switch admission {
        case .full, .healthOnly: updateTimer()
        case .refused: perform(state.refuse(.tooManyConnections))
        case .dropped: bytes?.close(promise: nil)
        }
    }

    fileprivate func inputClosed() {
        isInputClosed = true
        if state.isDiscarding, writing.isFinished { bytes?.close(promise: nil) }
    }

    /// - Returns: Whether the parser gets the bytes.
    fileprivate func received(_ count: Int) -> Bool {
        isReadPending = false
        now = .now()
        switch state.received(count, at: now) {
        case .forward: return true
        case .discard: return false
        case .close:
            bytes?.close(promise: nil)
            return false
        }
    }

    fileprivate func readComplete() {
        updateTimer()
        // Nobody else asks for more when the routes have what they wanted.
        switch state.reading {
        case .discarding, .draining: bytes?.read()
        default: break
        }
    }

    // MARK: - Acting

    fileprivate func perform(_ action: ConnectionState.Action?) {
        switch action {
        case nil: updateTimer()
        case .close: bytes?.close(promise: nil)
        case .finish: finish()
        case .failBody: messages?.fireErrorCaught(SlowBody())
        case .refuse(let refusal): send(refusal)
        }
    }

    private func send(_ refusal: Refusal) {
        guard let messages else { return }
        logger.debug(
            "a connection is refused", metadata: ["status": "\(refusal.status.code)", "reason": "\(refusal.error)"])
        let body = refusal.body
        let parts: [HTTPServerResponsePart] = [
            .head(refusal.head(version: .http1_1, length: body.readableBytes)), .body(.byteBuffer(body)), .end(nil),
        ]
        for part in parts { messages.write(NIOAny(part), promise: nil) }
        messages.flush()
        finish()
    }

    /// Closes the sending side when everything is sent, and the connection when the client has closed its own or time is up.
    fileprivate func finish() {
        guard let bytes, !state.isDiscarding else { return }
        now = .now()
        state.beginDiscarding(at: now)
        updateTimer()
        let written = bytes.eventLoop.makePromise(of: Void.self)
        bytes.writeAndFlush(NIOAny(IOData.byteBuffer(ByteBuffer())), promise: written)
        written.futureResult.assumeIsolated().whenComplete { [self] result in
            guard let bytes = self.bytes else { return }
            writing.isFinished = true
            now = .now()
            state.beginDiscarding(at: now)
            updateTimer()
            if case .success = result, !isInputClosed, !isAborted {
                bytes.close(mode: .output, promise: nil)
                bytes.read()
            } else {
                bytes.close(promise: nil)
            }
        }
    }

    /// The server closes the connection.
    fileprivate func close(_ mode: CloseMode, _ promise: EventLoopPromise<Void>?) {
        guard let bytes else {
            promise?.succeed()
            return
        }
        switch mode {
        case .output where !state.hasRequests:
            finish()
            promise?.succeed()
        case .input:
            // The server is at the end of its patience.
            isAborted = true
            if state.hasRequests { bytes.close(mode: .input, promise: promise) } else { bytes.close(promise: promise) }
        case .all where !state.hasRequests && !isAborted && writing.hasWritten:
            finish()
            if let promise { bytes.channel.closeFuture.cascade(to: promise) }
        case .all, .output: bytes.close(promise: promise)
        }
    }

    // MARK: - Time

    fileprivate func responded() { updateTimer() }

    fileprivate func flushed() {
        guard writing.needsCheck(after: { .now() }) else { return }
        updateTimer()
    }

    fileprivate func wrote(_ count: Int) { writing.written += count }

    private func updateTimer() {
        guard let bytes else { return }
        // What is still being sent has its own deadline.
        var next = state.isDiscarding && !writing.isFinished ? nil : state.deadline
        if let check = writing.deadline { next = next.map { min($0, check) } ?? check }
        guard let deadline = next else { return }
        if let timer {
            guard deadline < timer.deadline else { return }
            timer.task.cancel()
        }
        let task = bytes.eventLoop.assumeIsolated().scheduleTask(deadline: deadline) { [self] in
            timer = nil
            timeIsUp()
        }
        timer = (deadline, task)
    }

    private func timeIsUp() {
        guard let bytes else { return }
        now = .now()
        if let deadline = writing.deadline, now >= deadline {
            let buffered = (try? bytes.channel.syncOptions?.getOption(.bufferedWritableBytes)) ?? 0
            if writing.isStalled(buffered: buffered, at: now) {
                logger.debug("a client takes nothing of its response: its connection is closed")
                bytes.close(promise: nil)
                return
            }
        }
        if !state.isDiscarding || writing.isFinished {
            perform(state.timeout(at: now, isReadPaused: !isReadPending))
        }
        updateTimer()
    }
}

/// How far a client takes what it is sent.
struct WriteProgress {
    let timeout: TimeAmount
    /// How many bytes have been written, whether the client has taken them or not.
    var written = 0
    /// Whether everything has been sent that ever will.
    var isFinished = false
    private(set) var deadline: NIODeadline?
    private var stall: (accepted: Int, since: NIODeadline)?

    init(timeout: TimeAmount) { self.timeout = timeout }

    var hasWritten: Bool { written > 0 }

    private var interval: TimeAmount { .nanoseconds(timeout.nanoseconds / 4) }

    /// Something has been sent on its way.
    ///
    /// - Returns: Whether ``isStalled(buffered:at:)`` has a new deadline.
    mutating func needsCheck(after now: () -> NIODeadline) -> Bool {
        guard deadline == nil else { return false }
        deadline = now() + interval
        return true
    }

    /// Looks at what the client has taken.
    ///
    /// - Parameter buffered: How many of the bytes the operating system has not taken yet.
    mutating func isStalled(buffered: Int, at now: NIODeadline) -> Bool {
        guard buffered > 0 else {
            deadline = nil
            stall = nil
            return false
        }
        deadline = now + interval
        let accepted = written - buffered
        if let stall, stall.accepted == accepted { return now >= stall.since + timeout }
        stall = (accepted, now)
        return false
    }
}

// MARK: - The places in the pipeline

/// Counts what comes and goes, before the parser.
final class ConnectionBytesHandler: ChannelDuplexHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer
    typealias OutboundIn = IOData
    typealias OutboundOut = IOData

    private let driver: ConnectionDriver

    init(driver: ConnectionDriver) { self.driver = driver }

    func handlerAdded(context: ChannelHandlerContext) { driver.attach(bytes: context) }
    func handlerRemoved(context: ChannelHandlerContext) { driver.detach() }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        if driver.received(unwrapInboundIn(data).readableBytes) { context.fireChannelRead(data) }
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        context.fireChannelReadComplete()
        driver.readComplete()
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        context.fireUserInboundEventTriggered(event)
        if event as? ChannelEvent == .inputClosed { driver.inputClosed() }
    }

    func read(context: ChannelHandlerContext) {
        driver.isReadPending = true
        context.read()
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        driver.wrote(unwrapOutboundIn(data).readableBytes)
        context.write(data, promise: promise)
    }

    func flush(context: ChannelHandlerContext) {
        context.flush()
        driver.flushed()
    }
}

extension HTTPResponseHead {
    /// Whether the length of the body is said.
    fileprivate var hasLength: Bool {
        headers.contains { $0.name.utf8.count == 14 && $0.name.lowercased() == "content-length" }
    }

    /// Whether the connection is closed behind the response.
    fileprivate var saysClose: Bool {
        headers.contains { name, value in
            name.utf8.count == 10 && name.lowercased() == "connection" && value.lowercased() == "close"
        }
    }
}

/// Applies the rules to requests and responses, behind the parser.
final class ConnectionMessagesHandler: ChannelDuplexHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias InboundOut = HTTPServerRequestPart
    typealias OutboundIn = HTTPServerResponsePart
    typealias OutboundOut = HTTPServerResponsePart

    private static let healthPaths: Set<Substring> = ["/ping", "/healthz", "/readyz"]

    private let driver: ConnectionDriver

    init(driver: ConnectionDriver) { self.driver = driver }

    func handlerAdded(context: ChannelHandlerContext) { driver.attach(messages: context) }
    func handlerRemoved(context: ChannelHandlerContext) { driver.detach() }

    func channelActive(context: ChannelHandlerContext) {
        context.fireChannelActive()
        driver.start()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head):
            do throws(Refusal) {
                var facts = try RequestFacts(head)
                if driver.admission == .healthOnly {
                    guard Self.healthPaths.contains(head.uri.prefix { $0 != "?" }) else {
                        throw Refusal.tooManyConnections
                    }
                    facts.isKeepAlive = false
                }
                if driver.state.receivedHead(facts, at: driver.now) { context.fireChannelRead(data) }
            } catch {
                if let action = driver.state.refuse(error) { driver.perform(action) }
            }
        case .body(let buffer):
            if driver.state.receivedBody(buffer.readableBytes, at: driver.now) { context.fireChannelRead(data) }
        case .end:
            if driver.state.receivedEnd(at: driver.now) { context.fireChannelRead(data) }
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        switch error {
        case let fault as HTTPParserError:
            switch driver.state.failed(Refusal(fault)) {
            case .forward: context.fireErrorCaught(error)
            case .act(let action): driver.perform(action)
            case .ignore: break
            }
        case is ByteToMessageDecoderError: break
        default: context.fireErrorCaught(error)
        }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if event is ChannelShouldQuiesceEvent {
            driver.perform(driver.state.quiesce())
        } else {
            context.fireUserInboundEventTriggered(event)
        }
    }

    func triggerUserOutboundEvent(context: ChannelHandlerContext, event: Any, promise: EventLoopPromise<Void>?) {
        guard event is BodyIsRead else { return context.triggerUserOutboundEvent(event, promise: promise) }
        if driver.state.readsBody(at: .now()) {
            let head = HTTPResponseHead(version: .http1_1, status: .continue)
            context.writeAndFlush(wrapOutboundOut(.head(head)), promise: nil)
        }
        promise?.succeed()
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        guard driver.state.hasRequests else {
            // A response to nothing: the connection has said its last word.
            promise?.fail(ChannelError.outputClosed)
            return
        }
        switch unwrapOutboundIn(data) {
        case .head(var head) where head.status.code >= 200:
            let framing = driver.state.respond(
                isDelimited: head.hasLength || !head.status.mayHaveResponseBody, saysClose: head.saysClose)
            guard let framing, framing.closes || framing.isHTTP10 else { return context.write(data, promise: promise) }
            if framing.isHTTP10 { head.version = .http1_0 }
            head.headers.replaceOrAdd(name: "Connection", value: framing.closes ? "close" : "keep-alive")
            context.write(wrapOutboundOut(.head(head)), promise: promise)
        case .end:
            context.write(data, promise: promise)
            guard let action = driver.state.responded(at: .now()) else { return driver.responded() }
            context.flush()
            driver.perform(action)
        default: context.write(data, promise: promise)
        }
    }

    func close(context: ChannelHandlerContext, mode: CloseMode, promise: EventLoopPromise<Void>?) {
        driver.close(mode, promise)
    }
}
