// SPDX-License-Identifier: Apache-2.0

import HTTPTypes
import Logging
import NIOCore
import NIOHTTP1
import NIOHTTP2
import NIOHTTPTypes
import NIOHTTPTypesHTTP2

/// Performs the actions of a ``StreamState`` on the channel of an HTTP/2 stream, after its decoder.
final class StreamHandler: ChannelDuplexHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPRequestPart
    typealias InboundOut = HTTPRequestPart
    typealias OutboundIn = HTTPResponsePart
    typealias OutboundOut = HTTPResponsePart

    private let admission: Admission
    private let connection: StreamConnection
    private let metrics: ServerMetrics
    private let logger: Logger
    private var context: ChannelHandlerContext?
    private var id: HTTP2StreamID?
    private var state: StreamState
    private var writing: WriteProgress
    /// How many bytes of the response the flow control has allowed. The end of the response counts as one.
    private var sent = 0
    /// The head of the request, until it is known whether there is a body.
    private var head: HTTPRequest?
    private var isReadPending = false
    private var timer: (deadline: NIODeadline, task: Scheduled<Void>)?

    init(
        limits: ConnectionState.Limits, writeTimeout: TimeAmount, admission: Admission, connection: StreamConnection,
        metrics: ServerMetrics, logger: Logger
    ) {
        self.admission = admission
        self.connection = connection
        self.metrics = metrics
        self.logger = logger
        state = StreamState(limits: limits)
        writing = WriteProgress(timeout: writeTimeout)
    }

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        id = try? context.channel.syncOptions?.getOption(HTTP2StreamChannelOptions.streamID)
        if let id { connection.opened(id, self) }
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        timer?.task.cancel()
        timer = nil
        self.context = nil
        if let id { connection.closed(id) }
    }

    // MARK: - The request

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        isReadPending = false
        switch unwrapInboundIn(data) {
        case .head(let request):
            do throws(RejectionResponse) {
                let request = try checked(request)
                let expectsContinue = request.headerFields[.expect] != nil
                let length = request.headerFields[.contentLength].flatMap { Int($0) }
                state.receivedHead(length: length, expectsContinue: expectsContinue, at: .now())
                head = request
            } catch {
                var rejection = error
                rejection.isForHead = request.method == .head
                state.receivedHead(length: nil, expectsContinue: false, at: .now())
                state.reject()
                send(rejection, context)
            }
        case .body(let buffer):
            forwardHead(hasBody: true, context)
            switch state.receivedBody(buffer.readableBytes, at: .now()) {
            case .forward: context.fireChannelRead(data)
            case .discard: break
            case .close: perform(.reset)
            }
        case .end:
            forwardHead(hasBody: false, context)
            if state.receivedEnd() { context.fireChannelRead(data) }
        }
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        forwardHead(hasBody: true, context)
        context.fireChannelReadComplete()
        updateTimer()
    }

    /// Checks what ``RequestHead`` checks of a request of HTTP/1.
    ///
    /// - Returns: The request with its authority, and without a `Host`.
    private func checked(_ request: HTTPRequest) throws(RejectionResponse) -> HTTPRequest {
        if admission != .full {
            let path = request.path ?? ""
            guard admission == .healthOnly,
                ConnectionMessagesHandler.healthPaths.contains(path.prefix { $0 != "?" })
            else { throw .tooManyStreams }
        }
        var request = request
        let hosts = request.headerFields[values: .http1Host]
        if !hosts.isEmpty {
            let authority = request.authority ?? hosts[0]
            guard hosts.allSatisfy({ $0.lowercased() == authority.lowercased() }) else {
                throw RejectionResponse(
                    .badRequest, .invalidInput, "the request has a Host header that differs from its :authority")
            }
            request.authority = authority
            request.headerFields[.http1Host] = nil
        }
        guard let authority = request.authority, authority.isValidAuthority else {
            throw RejectionResponse(
                .badRequest, .invalidInput, "the request has no valid :authority: send the name of the server")
        }
        guard let path = request.path, path.utf8.first == UInt8(ascii: "/") || path == "*" else {
            throw RejectionResponse(.badRequest, .invalidInput, "the request has no :path that begins with /")
        }
        for value in request.headerFields[values: .expect] {
            guard value.split(separator: ",").allSatisfy({ $0.trimmed.isEqual(to: "100-continue") }) else {
                throw RejectionResponse(
                    .expectationFailed, .invalidInput,
                    "the only supported value of Expect is 100-continue: omit the header")
            }
        }
        return request
    }

    private func forwardHead(hasBody: Bool, _ context: ChannelHandlerContext) {
        guard var head else { return }
        self.head = nil
        // The header by which the checks of requests recognize a body of unknown size. HTTP/2 itself has none for it.
        if hasBody, head.headerFields[.contentLength] == nil { head.headerFields[.transferEncoding] = "chunked" }
        context.fireChannelRead(wrapInboundOut(.head(head)))
    }

    func read(context: ChannelHandlerContext) {
        isReadPending = true
        context.read()
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        // The connection handles the shutdown of the server.
        guard !(event is ChannelShouldQuiesceEvent) else { return }
        context.fireUserInboundEventTriggered(event)
    }

    // MARK: - The response

    func triggerUserOutboundEvent(context: ChannelHandlerContext, event: Any, promise: EventLoopPromise<Void>?) {
        guard event is BodyReadStarted else { return context.triggerUserOutboundEvent(event, promise: promise) }
        if state.bodyReadStarted(at: .now()) {
            context.writeAndFlush(wrapOutboundOut(.head(HTTPResponse(status: .continue))), promise: nil)
            updateTimer()
        }
        promise?.succeed()
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        switch unwrapOutboundIn(data) {
        case .head(var response):
            state.responseBegan()
            response.headerFields.removeConnectionFields()
            context.write(wrapOutboundOut(.head(response)), promise: promise)
        case .body(let buffer):
            writing.written += buffer.readableBytes
            context.write(data, promise: promise)
        case .end where state.hasEnded:
            writing.written += 1
            context.write(data, promise: promise)
        case .end:
            writing.written += 1
            // The rest of the request is waited for only when the client can have read the response.
            let sent = promise ?? context.eventLoop.makePromise(of: Void.self)
            sent.futureResult.assumeIsolated().whenSuccess { [self] in
                perform(state.responded(at: .now()))
                updateTimer()
            }
            context.write(data, promise: sent)
        }
    }

    func flush(context: ChannelHandlerContext) {
        context.flush()
        if writing.written > sent, writing.needsCheck(after: { .now() }) { updateTimer() }
    }

    /// Counts what has been sent.
    func wrote(_ count: Int) { sent += count }

    private func send(_ rejection: RejectionResponse, _ context: ChannelHandlerContext) {
        metrics.didReject(Int(rejection.status.code))
        logger.debug(
            "a request was rejected by its connection",
            metadata: ["status": "\(rejection.status.code)", "reason": "\(rejection.error)"])
        let body = rejection.body
        let head = HTTPResponse(rejection, length: body.readableBytes)
        write(context: context, data: wrapOutboundOut(.head(head)), promise: nil)
        if !rejection.isForHead { write(context: context, data: wrapOutboundOut(.body(body)), promise: nil) }
        write(context: context, data: wrapOutboundOut(.end(nil)), promise: nil)
        flush(context: context)
    }

    // MARK: - Actions and timers

    private func perform(_ action: StreamState.Action?) {
        guard let context else { return }
        switch action {
        case nil: break
        case .failBody: context.fireErrorCaught(SlowBodyError())
        case .reset:
            context.triggerUserOutboundEvent(NIOHTTP2FramePayloadToHTTPEvent.reset(code: .noError), promise: nil)
        }
    }

    private func updateTimer() {
        guard let context else { return }
        var next = state.deadline
        if let check = writing.deadline { next = next.map { min($0, check) } ?? check }
        guard let deadline = next else { return }
        if let timer {
            guard deadline < timer.deadline else { return }
            timer.task.cancel()
        }
        let task = context.eventLoop.assumeIsolated().scheduleTask(deadline: deadline) { [self] in
            timer = nil
            timerFired()
        }
        timer = (deadline, task)
    }

    private func timerFired() {
        guard let context else { return }
        let now = NIODeadline.now()
        if let deadline = writing.deadline, now >= deadline,
            writing.isStalled(buffered: writing.written - sent, at: now)
        {
            switch connection.window.stall(at: now, timeout: writing.timeout) {
            case .stream:
                logger.debug("a client does not read its response: its stream is reset")
                return context.close(promise: nil)
            case .connection: connection.end()
            case .undecided: break
            }
        }
        perform(state.timeout(at: now, isReadPaused: !isReadPending))
        updateTimer()
    }
}

extension HTTPFields {
    /// Removes the fields that HTTP/2 does not allow, because they concern the connection.
    fileprivate mutating func removeConnectionFields() {
        for name in [HTTPField.Name.connection, .transferEncoding, .upgrade] where self[name] != nil {
            self[name] = nil
        }
    }
}

extension HTTPResponse {
    /// Creates the head of a rejection.
    fileprivate init(_ rejection: RejectionResponse, length: Int) {
        self.init(status: Status(code: Int(rejection.status.code)))
        for (name, value) in rejection.head(version: .http2, length: length).headers {
            if let name = HTTPField.Name(name) { headerFields.append(HTTPField(name: name, value: value)) }
        }
    }
}
