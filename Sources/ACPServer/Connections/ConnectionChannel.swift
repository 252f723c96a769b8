// SPDX-License-Identifier: Apache-2.0

import Hummingbird
import HummingbirdCore
import Logging
import NIOCore
import NIOHTTP1
import NIOSSL
import NIOTLS

/// Hummingbird's HTTP/1 channel with the limits and rules of ``ConnectionConfiguration``, with or without TLS; and HTTP/2
/// for clients that choose it in the handshake of TLS.
struct ConnectionChannel: ServerChildChannel {
    /// The protocol of a connection.
    enum Negotiated: Sendable {
        case http1(HTTP1Channel.Value)
        case http2(StreamsChannel.Value)
    }

    struct Value: ServerChildChannelValue {
        enum Connection: Sendable {
            case http1(HTTP1Channel.Value)
            /// The client chooses the protocol.
            case negotiating(EventLoopFuture<Negotiated>)
        }

        let connection: Connection
        /// `nil` without certificates of clients.
        let peer: TLSPeer?
        let channel: any Channel
    }

    private let http: HTTP1Channel
    private let streams: StreamsChannel
    private let limits: ConnectionState.Limits
    private let writeTimeout: TimeAmount
    private let limit: ConnectionLimit
    private let tls: TLSReloader?
    private let offersHTTP2: Bool
    private let asksForCertificates: Bool
    private let metrics: ServerMetrics

    init(
        configuration: ServerConfiguration, tls: TLSReloader?, metrics: ServerMetrics, logger: Logger,
        responder: @escaping HTTPChannelHandler.Responder
    ) {
        self.tls = tls
        self.metrics = metrics
        offersHTTP2 = configuration.tls?.offersHTTP2 ?? false
        asksForCertificates = configuration.tls?.clientAuthorities != nil
        http = HTTP1Channel(responder: { request, writer, channel in
            guard request.headers[.expect] != nil else { return try await responder(request, writer, channel) }
            var request = request
            request.body = RequestBody(asyncSequence: ExpectedBody(body: request.body, channel: channel))
            try await responder(request, writer, channel)
        })
        let connections = configuration.connections
        limits = ConnectionState.Limits(
            head: TimeAmount(bounding: connections.headTimeout),
            bodyGrace: TimeAmount(bounding: connections.bodyGrace),
            bodyRate: connections.minimumBodyRate,
            body: TimeAmount(bounding: connections.bodyTimeout),
            idle: TimeAmount(bounding: configuration.idleTimeout),
            drain: TimeAmount(bounding: connections.drainTimeout),
            drainBytes: max(1_048_576, min(configuration.maximumBodySize, 1 << 40) * 2))
        writeTimeout = TimeAmount(bounding: connections.writeTimeout)
        limit = ConnectionLimit(
            maximum: connections.maximumCount, reserve: connections.reserve, logger: logger,
            openConnections: metrics.connections)
        streams = StreamsChannel(
            http: http, limits: limits, writeTimeout: writeTimeout, maximumStreams: connections.maximumStreams,
            limit: ConnectionLimit(
                maximum: connections.maximumCount, reserve: connections.reserve, subject: "requests of HTTP/2",
                logger: logger),
            metrics: metrics)
    }

    func setup(channel: any Channel, logger: Logger) -> EventLoopFuture<Value> {
        let admission = limit.admit()
        channel.closeFuture.whenComplete { [limit] _ in limit.release() }
        // Connections that are not served as usual are rejected as with HTTP/1.
        let negotiates = tls != nil && offersHTTP2 && admission == .full
        let peer = asksForCertificates ? TLSPeer() : nil
        let driver = ConnectionDriver(
            limits: limits, writeTimeout: writeTimeout, admission: admission, phase: negotiates ? .handshake : .http1,
            peer: peer, metrics: metrics, logger: logger)
        do {
            let pipeline = channel.pipeline.syncOperations
            if let tls {
                try pipeline.addHandler(ConnectionNetworkHandler(driver: driver))
                try pipeline.addHandler(NIOSSLServerHandler(context: negotiates ? tls.context : tls.http1Context))
            }
            try pipeline.addHandler(ConnectionBytesHandler(driver: driver))
            guard negotiates else {
                return setUpHTTP1(channel, driver, logger: logger)
                    .map { Value(connection: .http1($0), peer: peer, channel: channel) }
            }
            let negotiation = NIOTypedApplicationProtocolNegotiationHandler<Negotiated> { [self] result, channel in
                guard case .negotiated("h2") = result else {
                    driver.useHTTP1()
                    return setUpHTTP1(channel, driver, logger: logger).map { .http1($0) }
                }
                return channel.eventLoop.makeCompletedFuture {
                    .http2(try streams.setUp(channel, driver, logger: logger))
                }
            }
            try pipeline.addHandler(negotiation)
            let value = Value(
                connection: .negotiating(negotiation.protocolNegotiationResult), peer: peer, channel: channel)
            return channel.eventLoop.makeSucceededFuture(value)
        } catch {
            return channel.eventLoop.makeFailedFuture(error)
        }
    }

    private func setUpHTTP1(
        _ channel: any Channel, _ driver: ConnectionDriver, logger: Logger
    ) -> EventLoopFuture<HTTP1Channel.Value> {
        http.setup(channel: channel, logger: logger).assumeIsolated().flatMapThrowing { value in
            try driver.addMessagesHandler(to: channel.pipeline.syncOperations)
            return value
        }.nonisolated()
    }

    func handle(value: Value, logger: Logger) async {
        guard let peer = value.peer else { return await serve(value, logger: logger) }
        await TLSPeer.$current.withValue(peer) { await serve(value, logger: logger) }
    }

    private func serve(_ value: Value, logger: Logger) async {
        switch value.connection {
        case .http1(let connection): await http.handle(value: connection, logger: logger)
        case .negotiating(let result):
            let negotiated = await withTaskCancellationHandler {
                try? await result.get()
            } onCancel: {
                value.channel.close(promise: nil)
            }
            switch negotiated {
            case .http1(let connection): await http.handle(value: connection, logger: logger)
            case .http2(let connection): await streams.serve(connection, on: value.channel, logger: logger)
            // The connection was closed before.
            case nil: break
            }
        }
    }
}

extension TimeAmount {
    /// Creates the time of a duration, limited to the range of timers: 1 millisecond to 10 years.
    init(bounding duration: Duration) {
        let bounded = min(max(duration, .milliseconds(1)), .seconds(10 * 365 * 86_400))
        self = .nanoseconds(bounded.components.seconds * 1_000_000_000 + bounded.components.attoseconds / 1_000_000_000)
    }
}
