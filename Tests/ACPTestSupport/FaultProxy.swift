// SPDX-License-Identifier: Apache-2.0

import NIOCore
import NIOPosix
import Synchronization

/// A TCP proxy on the loopback interface that simulates network faults.
public final class FaultProxy: Sendable {
    /// The treatment of the bytes of a connection.
    public enum Mode: Sendable {
        /// Bytes are forwarded.
        case forward
        /// Bytes are dropped in both directions while all connections stay open, as with a half-open socket.
        case blackhole
        /// Requests are forwarded, and replies are dropped.
        case dropReplies
        /// Requests are forwarded, and the connection is closed when the reply arrives.
        case closeOnReply
    }

    private struct State {
        var mode = Mode.forward
        var target: Int
        var accepted = 0
        var refuses = false
        var channels: [ObjectIdentifier: any Channel] = [:]
    }

    private let state: Mutex<State>
    private let server: Mutex<(any Channel)?> = Mutex(nil)

    /// Starts a proxy in front of a port.
    public static func start(to port: Int) async throws -> FaultProxy {
        let proxy = FaultProxy(port)
        try await proxy.listen()
        return proxy
    }

    private init(_ target: Int) {
        self.state = Mutex(State(target: target))
    }

    /// The port of the proxy.
    public var port: Int { self.server.withLock { $0?.localAddress?.port ?? 0 } }
    /// The number of connections that were accepted.
    public var accepted: Int { self.state.withLock { $0.accepted } }

    /// The treatment of bytes from now on.
    public var mode: Mode {
        get { self.state.withLock { $0.mode } }
        set { self.state.withLock { $0.mode = newValue } }
    }

    /// The port to which new connections are forwarded. Open connections do not change.
    public var target: Int {
        get { self.state.withLock { $0.target } }
        set { self.state.withLock { $0.target = newValue } }
    }

    /// Whether new connections are closed as soon as they are accepted.
    public var refusesConnections: Bool {
        get { self.state.withLock { $0.refuses } }
        set { self.state.withLock { $0.refuses = newValue } }
    }

    /// Closes all connections.
    public func cut() async {
        for channel in self.state.withLock({ Array($0.channels.values) }) { try? await channel.close() }
    }

    /// Stops the proxy.
    public func stop() async {
        let server = self.server.withLock { $0.take() }
        try? await server?.close()
        await self.cut()
    }

    private func listen() async throws {
        let server = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelInitializer { self.accepted($0) }
            .bind(host: "127.0.0.1", port: 0).get()
        self.server.withLock { $0 = server }
    }

    private func accepted(_ client: any Channel) -> EventLoopFuture<Void> {
        let (target, refuses) = self.state.withLock { state in
            state.accepted += 1
            return (state.target, state.refuses)
        }
        if refuses { return client.close() }
        self.track(client)
        // Nothing is read from the client before this is complete, and a server sends nothing without a request.
        return ClientBootstrap(group: client.eventLoop)
            .connect(host: "127.0.0.1", port: target)
            .flatMapThrowing { server in
                self.track(server)
                try client.pipeline.syncOperations.addHandler(Forwarder(to: server, fromServer: false, self))
                try server.pipeline.syncOperations.addHandler(Forwarder(to: client, fromServer: true, self))
            }
            .flatMapErrorThrowing { _ in client.close(promise: nil) }
    }

    private func track(_ channel: any Channel) {
        let id = ObjectIdentifier(channel)
        self.state.withLock { $0.channels[id] = channel }
        channel.closeFuture.whenComplete { _ in self.state.withLock { $0.channels[id] = nil } }
    }

    private final class Forwarder: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer

        private let peer: any Channel
        private let fromServer: Bool
        private let proxy: FaultProxy
        /// Whether bytes were dropped. Later bytes must not be forwarded, as TCP streams have no gaps.
        private var hasDroppedBytes = false

        init(to peer: any Channel, fromServer: Bool, _ proxy: FaultProxy) {
            self.peer = peer
            self.fromServer = fromServer
            self.proxy = proxy
        }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            if self.hasDroppedBytes { return }
            switch (self.proxy.mode, self.fromServer) {
            case (.forward, _), (.dropReplies, false), (.closeOnReply, false):
                self.peer.writeAndFlush(self.unwrapInboundIn(data), promise: nil)
            case (.blackhole, _), (.dropReplies, true):
                self.hasDroppedBytes = true
            case (.closeOnReply, true):
                self.peer.close(promise: nil)
                context.close(promise: nil)
            }
        }

        func channelInactive(context: ChannelHandlerContext) {
            self.peer.close(promise: nil)
        }
    }
}
