// SPDX-License-Identifier: Apache-2.0

import Hummingbird
import HummingbirdCore
import Logging
import NIOCore
import NIOHTTP1
import NIOSSL

/// Hummingbird's HTTP/1 channel with the limits and rules of ``ConnectionConfiguration``, with or without TLS.
struct ConnectionChannel: ServerChildChannel {
    struct Value: ServerChildChannelValue {
        let http: HTTP1Channel.Value
        /// `nil` without certificates of clients.
        let peer: TLSPeer?

        var channel: any Channel { http.channel }
    }

    private let http: HTTP1Channel
    private let limits: ConnectionState.Limits
    private let writeTimeout: TimeAmount
    private let limit: ConnectionLimit
    private let tls: TLSReloader?
    private let asksForCertificates: Bool
    private let metrics: ServerMetrics

    init(
        configuration: ServerConfiguration, tls: TLSReloader?, metrics: ServerMetrics, logger: Logger,
        responder: @escaping HTTPChannelHandler.Responder
    ) {
        self.tls = tls
        self.metrics = metrics
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
    }

    func setup(channel: any Channel, logger: Logger) -> EventLoopFuture<Value> {
        let admission = limit.admit()
        channel.closeFuture.whenComplete { [limit] _ in limit.release() }
        return http.setup(channel: channel, logger: logger).flatMapThrowing {
            [limits, writeTimeout, tls, metrics, asksForCertificates] value in
            let peer = asksForCertificates ? TLSPeer() : nil
            let driver = ConnectionDriver(
                limits: limits, writeTimeout: writeTimeout, admission: admission, peer: peer, metrics: metrics,
                logger: logger)
            let pipeline = channel.pipeline.syncOperations
            try driver.addHandlers(to: pipeline)
            if let tls {
                try pipeline.addHandler(NIOSSLServerHandler(context: tls.context), position: .first)
                try pipeline.addHandler(ConnectionNetworkHandler(driver: driver), position: .first)
            }
            return Value(http: value, peer: peer)
        }
    }

    func handle(value: Value, logger: Logger) async {
        guard let peer = value.peer else { return await http.handle(value: value.http, logger: logger) }
        await TLSPeer.$current.withValue(peer) { await http.handle(value: value.http, logger: logger) }
    }
}

extension TimeAmount {
    /// Creates the time of a duration, limited to the range of timers: 1 millisecond to 10 years.
    init(bounding duration: Duration) {
        let bounded = min(max(duration, .milliseconds(1)), .seconds(10 * 365 * 86_400))
        self = .nanoseconds(bounded.components.seconds * 1_000_000_000 + bounded.components.attoseconds / 1_000_000_000)
    }
}
