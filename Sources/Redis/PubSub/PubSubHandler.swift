// SPDX-License-Identifier: Apache-2.0

import NIOCore

/// Reads from and writes to a subscription connection.
final class PubSubHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let connection: SubscriptionConnection
    private var decoder: RESPDecoder
    private var context: ChannelHandlerContext?

    init(connection: SubscriptionConnection, limits: RESPLimits) {
        self.connection = connection
        decoder = RESPDecoder(limits: limits)
    }

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.context = nil
        connection.disconnected(self)
    }

    func write(_ commands: [RedisCommand]) {
        guard !commands.isEmpty, let context else { return }
        var bytes = context.channel.allocator.buffer(capacity: 256)
        for command in commands { RESPEncoder.write(command, to: &bytes) }
        context.writeAndFlush(wrapOutboundOut(bytes), promise: nil)
    }

    func close() {
        context?.close(promise: nil)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        connection.readBytes()
        decoder.feed(unwrapInboundIn(data))
        do {
            while let message = try decoder.next() { connection.received(message) }
        } catch {
            context.close(promise: nil)
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        connection.disconnected(self)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }
}
