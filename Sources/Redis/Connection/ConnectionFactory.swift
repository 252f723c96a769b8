// SPDX-License-Identifier: Apache-2.0

import Logging
import NIOCore
import NIOPosix
import NIOSSL

/// Opens connections that are ready for commands: socket, TLS, handshake.
struct ConnectionFactory: Sendable {
    private(set) var configuration: RedisConfiguration
    /// Whether the connections are for reading from a replica of a cluster.
    private(set) var readsFromReplica = false
    private let tls: NIOSSLContext?

    /// Creates a factory, which reads the certificates.
    ///
    /// - Throws: ``RedisError`` with the code `invalidConfiguration`.
    init(_ configuration: RedisConfiguration) throws {
        try configuration.validate()
        self.configuration = configuration
        tls = try configuration.tls?.makeContext()
    }

    /// Returns a factory for another server. Certificates are not read again.
    func at(_ address: RedisAddress, readsFromReplica: Bool = false) -> ConnectionFactory {
        var factory = self
        factory.configuration.address = address
        factory.readsFromReplica = readsFromReplica
        return factory
    }

    /// Opens a connection on an event loop.
    ///
    /// - Parameter install: Called on the event loop when the server is ready. It must add the handler for the commands
    ///   to the pipeline.
    func connect<Connection: Sendable>(
        on eventLoop: any EventLoop,
        install: @escaping @Sendable (any Channel, RedisServerInfo) throws -> Connection
    ) -> EventLoopFuture<Connection> {
        let configuration = self.configuration
        let ready = eventLoop.makePromise(of: RedisServerInfo.self)
        let bootstrap = self.bootstrap(on: eventLoop)
            .connectTimeout(configuration.connectTimeout.timeAmount)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let pipeline = channel.pipeline.syncOperations
                    if let tls = try makeTLSHandler() { try pipeline.addHandler(tls) }
                    let machine = HandshakeStateMachine(configuration, readsFromReplica: readsFromReplica)
                    try pipeline.addHandler(HandshakeHandler(machine, limits: configuration.limits, ready: ready))
                }
            }
        let connecting =
            switch configuration.address {
            case .tcp(let host, let port): bootstrap.connect(host: host, port: port)
            case .unixSocket(let path): bootstrap.connect(unixDomainSocketPath: path)
            }
        connecting.whenFailure { ready.fail(ConnectFailure.redisError(for: $0)) }
        // One time limit for all steps, so that a server that accepts connections but does not respond cannot block the
        // pool.
        let limit = eventLoop.scheduleTask(in: configuration.connectTimeout.timeAmount) {
            ready.fail(
                RedisError(
                    .connectFailed,
                    """
                    The server at \(configuration.address) was not ready within \(configuration.connectTimeout.secondsText). \
                    Check that it is reachable, and whether it requires TLS (rediss://).
                    """
                )
            )
        }
        ready.futureResult.whenComplete { _ in limit.cancel() }
        let connection = connecting.and(ready.futureResult).flatMapThrowing { channel, info in
            try install(channel, info)
        }
        connection.whenFailure { _ in connecting.whenSuccess { $0.close(promise: nil) } }
        return connection.flatMapErrorThrowing { throw ConnectFailure.redisError(for: $0) }
    }

    private func bootstrap(on eventLoop: any EventLoop) -> ClientBootstrap {
        let bootstrap = ClientBootstrap(group: eventLoop)
        guard case .tcp = configuration.address else { return bootstrap }
        let configured =
            bootstrap
            .channelOption(.tcpOption(.tcp_nodelay), value: 1)
            .channelOption(.socketOption(.so_keepalive), value: 1)
        #if os(Linux)
            let limit = configuration.commandTimeout + .seconds(5)
            return
                configured
                .channelOption(.tcpOption(.keepAliveIdle), value: 15)
                .channelOption(.tcpOption(.keepAliveInterval), value: 5)
                .channelOption(.tcpOption(.keepAliveCount), value: 3)
                // Limits how long the kernel waits for acknowledgements, which defaults to about 15 minutes.
                .channelOption(
                    .tcpOption(.userTimeout),
                    value: Int(clamping: min(limit.nanoseconds / 1_000_000, Int64(CInt.max)))
                )
        #else
            return configured
        #endif
    }

    private func makeTLSHandler() throws -> NIOSSLClientHandler? {
        guard let tls, let settings = configuration.tls else { return nil }
        var name = settings.serverName
        if name == nil, case .tcp(let host, _) = configuration.address { name = host }
        // TLS has no server name indication for IP addresses. The certificate is checked against the address itself.
        let address = name.map { String($0.prefix { $0 != "%" }) }
        if let address, (try? SocketAddress(ipAddress: address, port: 0)) != nil { name = nil }
        return try NIOSSLClientHandler(context: tls, serverHostname: name)
    }
}

#if os(Linux)
    extension NIOBSDSocket.Option {
        // The constants of `<netinet/tcp.h>`, which NIO does not define.
        fileprivate static let keepAliveIdle = NIOBSDSocket.Option(rawValue: 4)
        fileprivate static let keepAliveInterval = NIOBSDSocket.Option(rawValue: 5)
        fileprivate static let keepAliveCount = NIOBSDSocket.Option(rawValue: 6)
        fileprivate static let userTimeout = NIOBSDSocket.Option(rawValue: 18)
    }
#endif
