// SPDX-License-Identifier: Apache-2.0

import NIOCore

/// Reads and writes on the connection of the subscriptions.
final class PubSubHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let connection: SubscriptionConnection
    private var decoder: RESPDecoder
    private var context: ChannelHandlerContext?

    init(connection: SubscriptionConnection, limits: RESPLimits) {
        self.connection = connection
        self.decoder = RESPDecoder(limits: limits)
    }

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.context = nil
        self.connection.disconnected(self)
    }

    func write(_ commands: [RedisCommand]) {
        guard !commands.isEmpty, let context else { return }
        var bytes = context.channel.allocator.buffer(capacity: 256)
        for command in commands { RESPEncoder.write(command, to: &bytes) }
        context.writeAndFlush(self.wrapOutboundOut(bytes), promise: nil)
    }

    func close() {
        self.context?.close(promise: nil)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        self.connection.readBytes()
        self.decoder.feed(self.unwrapInboundIn(data))
        do {
            while let message = try self.decoder.next() { self.connection.received(message) }
        } catch {
            context.close(promise: nil)
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        self.connection.disconnected(self)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }
}
