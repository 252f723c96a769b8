// SPDX-License-Identifier: Apache-2.0

import Logging
import NIOCore
import NIOHTTP1
import NIOSSL

/// Performs the actions of a ``ConnectionState`` on its channel. It is confined to the channel's event loop.
///
/// It has two handlers in the pipeline: one before the parser, which counts bytes, and one after it, which sees
/// requests and responses. With TLS there is a third one before the encryption, which counts what is sent. With HTTP/2,
/// requests and responses are those of ``StreamHandler``.
final class ConnectionDriver {
    /// Which protocol the connection uses.
    enum Phase {
        /// The client chooses the protocol in the handshake of TLS.
        case handshake
        case http1
        case http2
    }

    var state: ConnectionState
    private(set) var phase: Phase
    private var openStreams = 0
    private var writing: WriteProgress
    let admission: Admission
    private let metrics: ServerMetrics
    private let logger: Logger
    private let peer: TLSPeer?
    private var bytes: ChannelHandlerContext?
    private var messages: ChannelHandlerContext?
    /// With TLS only.
    private var network: ChannelHandlerContext?
    private var timer: (deadline: NIODeadline, task: Scheduled<Void>)?
    /// The time of the last bytes that arrived, and of the requests in them.
    var now = NIODeadline.now()
    var isReadPending = false
    private var isInputClosed = false
    /// Whether the server has aborted the connection, so that it no longer waits for anything.
    private var isAborted = false
    /// Whether anything of a response has been written.
    private var hasWritten = false

    /// - Parameters:
    ///   - phase: Defaults to HTTP/1.
    ///   - peer: Receives the client's certificate. `nil` without TLS.
    init(
        limits: ConnectionState.Limits, writeTimeout: TimeAmount, admission: Admission, phase: Phase = .http1,
        peer: TLSPeer? = nil, metrics: ServerMetrics, logger: Logger
    ) {
        self.phase = phase
        self.peer = peer
        var limits = limits
        if admission != .full {
            limits.head = min(limits.head, .seconds(1))
            limits.drain = min(limits.drain, .seconds(1))
        }
        state = ConnectionState(limits: limits, at: now)
        writing = WriteProgress(timeout: writeTimeout)
        self.admission = admission
        self.metrics = metrics
        self.logger = logger
    }

    // MARK: - The pipeline

    /// Adds the handler after the parser of HTTP/1 to a pipeline. The one before it is added when the connection opens.
    func addMessagesHandler(to pipeline: ChannelPipeline.SynchronousOperations) throws {
        let parser = try pipeline.handler(type: ByteToMessageHandler<HTTPRequestDecoder>.self)
        try pipeline.addHandler(ConnectionMessagesHandler(driver: self), position: .after(parser))
    }

    func attach(bytes context: ChannelHandlerContext) { bytes = context }
    func attach(messages context: ChannelHandlerContext) { messages = context }
    func attach(network context: ChannelHandlerContext) { network = context }

    func detach() {
        timer?.task.cancel()
        timer = nil
        bytes = nil
        messages = nil
        network = nil
    }

    /// The context from which the connection is closed without informing the client by TLS, which a client that does
    /// not read would delay.
    private var transport: ChannelHandlerContext? { network ?? bytes }

    func start() {
        now = .now()
        switch admission {
        case .full, .healthOnly: updateTimer()
        case .rejected: perform(state.reject(.tooManyConnections))
        case .dropped: transport?.close(promise: nil)
        }
    }

    /// Handles the opening of the connection, before there are handlers of its protocol.
    func opened() { if phase == .handshake { updateTimer() } }

    func useHTTP1() { phase = .http1 }

    func useHTTP2() {
        phase = .http2
        state.beginStreams(at: .now())
        updateTimer()
    }

    func streamOpened() { streamsChanged(by: 1) }
    func streamClosed() { streamsChanged(by: -1) }

    private func streamsChanged(by difference: Int) {
        openStreams += difference
        state.streamsChanged(to: openStreams, at: .now())
        updateTimer()
    }

    /// Handles the shutdown of the server. With HTTP/1, the handler of requests and responses does so.
    func shouldQuiesce() {
        switch phase {
        case .handshake: bytes?.close(promise: nil)
        case .http1: break
        case .http2:
            state.quiesceStreams(at: .now())
            updateTimer()
        }
    }

    /// Closes a connection with HTTP/2 because of an error, of which the client has been informed. What still arrives is
    /// discarded for a while: if it were not read, the operating system would drop what the client has not received.
    func closeStreams() { finish() }

    func handshakeCompleted(_ channel: any Channel) { peer?.handshakeCompleted(on: channel) }

    /// Logs an error of TLS, such as a certificate that the client or the server does not accept.
    func failed(_ error: any Error) {
        guard network != nil, error is NIOSSLError || error is BoringSSLError else { return }
        logger.debug("a connection failed: TLS", metadata: ["reason": "\(error)"])
    }

    func inputClosed() {
        isInputClosed = true
        // With HTTP/2, the server could send no more than what the client has already allowed.
        if phase == .http2 { bytes?.close(promise: nil) }
        if state.isDiscarding, writing.isFinished { bytes?.close(promise: nil) }
    }

    /// - Returns: Whether the bytes are passed to the parser.
    func received(_ count: Int) -> Bool {
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

    func readComplete() {
        updateTimer()
        // The routes no longer read from the connection.
        switch state.reading {
        case .discarding, .draining: bytes?.read()
        default: break
        }
    }

    // MARK: - Actions

    func perform(_ action: ConnectionState.Action?) {
        switch action {
        case nil: updateTimer()
        case .close: bytes?.close(promise: nil)
        case .finish: finish()
        case .failBody: messages?.fireErrorCaught(SlowBodyError())
        case .reject(let rejection): send(rejection)
        case .endStreams:
            bytes?.fireUserInboundEventTriggered(ChannelShouldQuiesceEvent())
            updateTimer()
        }
    }

    private func send(_ rejection: RejectionResponse) {
        guard let messages else { return }
        metrics.didReject(Int(rejection.status.code))
        logger.debug(
            "a request was rejected by its connection",
            metadata: ["status": "\(rejection.status.code)", "reason": "\(rejection.error)"])
        let body = rejection.body
        let head = rejection.head(version: .http1_1, length: body.readableBytes)
        messages.write(NIOAny(HTTPServerResponsePart.head(head)), promise: nil)
        if !rejection.isForHead { messages.write(NIOAny(HTTPServerResponsePart.body(.byteBuffer(body))), promise: nil) }
        messages.write(NIOAny(HTTPServerResponsePart.end(nil)), promise: nil)
        messages.flush()
        finish()
    }

    /// Closes the output when everything is sent, and the connection when the client has closed its output or a timeout
    /// has passed.
    func finish() {
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

    /// Handles the server's request to close the connection.
    func close(_ mode: CloseMode, _ promise: EventLoopPromise<Void>?) {
        guard let bytes else {
            promise?.succeed()
            return
        }
        switch mode {
        case .output where !state.hasRequests:
            finish()
            promise?.succeed()
        case .input:
            // The server closes the input when its own timeout has passed.
            isAborted = true
            // TLS cannot close the input only.
            let transport = network ?? bytes
            if state.hasRequests {
                transport.close(mode: .input, promise: promise)
            } else {
                transport.close(promise: promise)
            }
        case .all where !state.hasRequests && !isAborted && hasWritten:
            finish()
            if let promise { bytes.channel.closeFuture.cascade(to: promise) }
        case .all, .output: bytes.close(promise: promise)
        }
    }

    // MARK: - Timers

    func responded() { updateTimer() }

    func flushed() {
        guard writing.needsCheck(after: { .now() }) else { return }
        updateTimer()
    }

    /// Counts bytes that the parser's end of the connection has written.
    func wrote(_ count: Int) {
        hasWritten = hasWritten || count > 0
        if network == nil { writing.written += count }
    }

    /// Counts encrypted bytes, since those are what the operating system accepts.
    func sent(_ count: Int) { writing.written += count }

    private func updateTimer() {
        guard let bytes else { return }
        // Data that is still being sent has its own deadline.
        var next = state.isDiscarding && !writing.isFinished ? nil : state.deadline
        if let check = writing.deadline { next = next.map { min($0, check) } ?? check }
        guard let deadline = next else { return }
        if let timer {
            guard deadline < timer.deadline else { return }
            timer.task.cancel()
        }
        let task = bytes.eventLoop.assumeIsolated().scheduleTask(deadline: deadline) { [self] in
            timer = nil
            timerFired()
        }
        timer = (deadline, task)
    }

    private func timerFired() {
        guard let bytes else { return }
        now = .now()
        if let deadline = writing.deadline, now >= deadline {
            let buffered = (try? bytes.channel.syncOptions?.getOption(.bufferedWritableBytes)) ?? 0
            if writing.isStalled(buffered: buffered, at: now) {
                logger.debug("a client does not read its response: its connection is closed")
                transport?.close(promise: nil)
                return
            }
        }
        if !state.isDiscarding || writing.isFinished {
            perform(state.timeout(at: now, isReadPaused: !isReadPending))
        }
        updateTimer()
    }
}
