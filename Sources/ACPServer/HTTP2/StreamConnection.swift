// SPDX-License-Identifier: Apache-2.0

import Logging
import NIOCore
import NIOHTTP2

/// The streams of one connection with HTTP/2, after the handlers that have its frames. It is confined to the channel's event
/// loop.
final class StreamConnection: ChannelInboundHandler, NIOHTTP2FrameDelegate {
    typealias InboundIn = HTTP2Frame
    typealias InboundOut = HTTP2Frame
    typealias OutboundOut = HTTP2Frame

    let driver: ConnectionDriver
    private(set) var window = ConnectionWindow()
    private let logger: Logger
    private var handlers: [HTTP2StreamID: StreamHandler] = [:]
    private var lastStream = HTTP2StreamID.rootStream
    private var context: ChannelHandlerContext?
    private var isEnding = false

    init(driver: ConnectionDriver, logger: Logger) {
        self.driver = driver
        self.logger = logger
    }

    func handlerAdded(context: ChannelHandlerContext) { self.context = context }
    func handlerRemoved(context: ChannelHandlerContext) { self.context = nil }

    func opened(_ stream: HTTP2StreamID, _ handler: StreamHandler) {
        handlers[stream] = handler
        lastStream = max(lastStream, stream)
    }

    func closed(_ stream: HTTP2StreamID) { handlers[stream] = nil }

    /// Handles frames of the connection itself. Those of streams do not arrive here.
    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        if case .windowUpdate(let count) = unwrapInboundIn(data).payload { window.extended(by: count) }
        context.fireChannelRead(data)
    }

    func wroteFrame(_ frame: HTTP2Frame) {
        switch frame.payload {
        case .data(let data):
            let count = data.data.readableBytes
            window.sent(count, now: { .now() })
            handlers[frame.streamID]?.wrote(count + (data.endStream ? 1 : 0))
        case .headers(let head) where head.endStream: handlers[frame.streamID]?.wrote(1)
        case .goAway(_, let code, _) where code != .noError:
            // The connection has failed.
            closeSoon()
        default: break
        }
    }

    /// Ends the connection of a client that does not extend its window, with the reason.
    func end() {
        guard let context, !isEnding else { return }
        isEnding = true
        logger.debug("a client does not read the responses on its connection: it is closed")
        let reason = ByteBuffer(string: "the client has not extended the flow control window of the connection")
        let frame = HTTP2Frame(
            streamID: .rootStream,
            payload: .goAway(lastStreamID: lastStream, errorCode: .enhanceYourCalm, opaqueData: reason))
        context.writeAndFlush(wrapOutboundOut(frame), promise: nil)
        closeSoon()
    }

    /// Closes the connection when the frame that is being written has left.
    private func closeSoon() {
        context?.eventLoop.assumeIsolated().execute { [driver] in driver.closeStreams() }
    }
}
