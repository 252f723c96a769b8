// SPDX-License-Identifier: Apache-2.0

import NIOCore
import NIOHTTP1
import NIOSSL
import NIOTLS

/// Counts incoming and outgoing bytes, before the parser.
final class ConnectionBytesHandler: ChannelDuplexHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer
    typealias OutboundIn = IOData
    typealias OutboundOut = IOData

    private let driver: ConnectionDriver

    init(driver: ConnectionDriver) { self.driver = driver }

    func handlerAdded(context: ChannelHandlerContext) { driver.attach(bytes: context) }
    func handlerRemoved(context: ChannelHandlerContext) { driver.detach() }

    func channelActive(context: ChannelHandlerContext) {
        context.fireChannelActive()
        driver.opened()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        if driver.received(unwrapInboundIn(data).readableBytes) { context.fireChannelRead(data) }
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        context.fireChannelReadComplete()
        driver.readComplete()
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        // Before the protocol is chosen and the first request is read.
        if case .handshakeCompleted? = event as? TLSUserEvent { driver.handshakeCompleted(context.channel) }
        context.fireUserInboundEventTriggered(event)
        switch event {
        case ChannelEvent.inputClosed: driver.inputClosed()
        case is ChannelShouldQuiesceEvent: driver.shouldQuiesce()
        default: break
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        // Many clients close their connection without informing the server by TLS. HTTP tells by itself whether a
        // request is complete.
        if case .uncleanShutdown? = error as? NIOSSLError { return }
        driver.failed(error)
        // With HTTP/1, the task that serves the connection closes it.
        if driver.phase == .http1 { context.fireErrorCaught(error) } else { context.close(promise: nil) }
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

/// Counts encrypted bytes before they are sent.
final class ConnectionNetworkHandler: ChannelOutboundHandler, RemovableChannelHandler {
    typealias OutboundIn = IOData
    typealias OutboundOut = IOData

    private let driver: ConnectionDriver

    init(driver: ConnectionDriver) { self.driver = driver }

    func handlerAdded(context: ChannelHandlerContext) { driver.attach(network: context) }
    func handlerRemoved(context: ChannelHandlerContext) { driver.detach() }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        driver.sent(unwrapOutboundIn(data).readableBytes)
        context.write(data, promise: promise)
    }
}

extension HTTPResponseHead {
    /// Whether the head contains the length of the body.
    fileprivate var hasLength: Bool {
        headers.contains { $0.name.utf8.count == 14 && $0.name.lowercased() == "content-length" }
    }

    /// Whether the connection is closed after the response.
    fileprivate var closesConnection: Bool {
        headers.contains { name, value in
            name.utf8.count == 10 && name.lowercased() == "connection" && value.lowercased() == "close"
        }
    }
}

/// Applies the rules to requests and responses, after the parser.
final class ConnectionMessagesHandler: ChannelDuplexHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias InboundOut = HTTPServerRequestPart
    typealias OutboundIn = HTTPServerResponsePart
    typealias OutboundOut = HTTPServerResponsePart

    static let healthPaths: Set<Substring> = ["/ping", "/healthz", "/readyz"]

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
            do throws(RejectionResponse) {
                var requestHead = try RequestHead(head)
                if driver.admission == .healthOnly {
                    guard Self.healthPaths.contains(head.uri.prefix { $0 != "?" }) else {
                        throw RejectionResponse.tooManyConnections
                    }
                    requestHead.isKeepAlive = false
                }
                if driver.state.receivedHead(requestHead, at: driver.now) { context.fireChannelRead(data) }
            } catch {
                var rejection = error
                rejection.isForHead = head.method == .HEAD
                if let action = driver.state.reject(rejection) { driver.perform(action) }
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
            switch driver.state.failed(RejectionResponse(fault)) {
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
        guard event is BodyReadStarted else { return context.triggerUserOutboundEvent(event, promise: promise) }
        if driver.state.bodyReadStarted(at: .now()) {
            let head = HTTPResponseHead(version: .http1_1, status: .continue)
            context.writeAndFlush(wrapOutboundOut(.head(head)), promise: nil)
        }
        promise?.succeed()
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        guard driver.state.hasRequests else {
            // There is no request for this response: the connection has already sent its last response.
            promise?.fail(ChannelError.outputClosed)
            return
        }
        switch unwrapOutboundIn(data) {
        case .head(var head) where head.status.code >= 200:
            let framing = driver.state.respond(
                isDelimited: head.hasLength || !head.status.mayHaveResponseBody, closesConnection: head.closesConnection
            )
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
