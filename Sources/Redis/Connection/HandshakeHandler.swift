// SPDX-License-Identifier: Apache-2.0

import NIOCore

/// Performs the actions of ``HandshakeStateMachine`` and removes itself when the server is ready for commands.
///
/// The handler for the commands must be added to the pipeline when `ready` succeeds. Bytes that arrived with the last
/// reply are forwarded to it.
final class HandshakeHandler: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private var machine: HandshakeStateMachine
    private var decoder: RESPDecoder
    private var ready: EventLoopPromise<RedisServerInfo>?

    init(_ machine: HandshakeStateMachine, limits: RESPLimits, ready: EventLoopPromise<RedisServerInfo>) {
        self.machine = machine
        decoder = RESPDecoder(limits: limits)
        self.ready = ready
    }

    func channelActive(context: ChannelHandlerContext) {
        perform(machine.start(), context: context)
        context.fireChannelActive()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        decoder.feed(unwrapInboundIn(data))
        do {
            while ready != nil, let message = try decoder.next() {
                if case .reply(let reply) = message { perform(machine.received(reply), context: context) }
            }
        } catch {
            fail(
                RedisError(
                    .protocolError,
                    """
                    The server's reply is not RESP. \
                    Check that the address is that of a Redis server, and whether it requires TLS (rediss://).
                    """,
                    cause: error
                ),
                context: context
            )
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        fail(Self.closedDuringHandshake(nil), context: context)
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        let failure = error is IOError ? Self.closedDuringHandshake(error) : ConnectFailure.redisError(for: error)
        fail(failure, context: context)
    }

    private static func closedDuringHandshake(_ cause: (any Error)?) -> RedisError {
        RedisError(
            .connectFailed,
            """
            The server closed the connection before it was ready. \
            Check whether it requires TLS (rediss://), and its maxclients setting.
            """,
            cause: cause
        )
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        ready.take()?.fail(RedisError(.connectFailed, "The connection was closed before it was ready."))
        if let rest = decoder.takeUnreadBytes() { context.fireChannelRead(wrapInboundOut(rest)) }
    }

    private func perform(_ action: HandshakeStateMachine.Action, context: ChannelHandlerContext) {
        switch action {
        case .send(let command):
            var bytes = context.channel.allocator.buffer(capacity: 256)
            RESPEncoder.write(command, to: &bytes)
            context.writeAndFlush(wrapOutboundOut(bytes), promise: nil)
        case .done(let info):
            let ready = self.ready.take()
            ready?.succeed(info)
            context.pipeline.syncOperations.removeHandler(context: context, promise: nil)
        case .fail(let failure):
            fail(failure.error, context: context)
        }
    }

    private func fail(_ error: RedisError, context: ChannelHandlerContext) {
        ready.take()?.fail(error)
        context.close(promise: nil)
    }
}
