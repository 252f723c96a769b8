// SPDX-License-Identifier: Apache-2.0

import HummingbirdCore
import Logging
import NIOCore
import NIOHTTP2
import NIOHTTPTypesHTTP2

/// Sets up connections with HTTP/2, and serves their streams. Each of them is a channel with one request and one
/// response, which Hummingbird's HTTP/1 channel serves like a connection.
struct StreamsChannel: Sendable {
    typealias Value = NIOHTTP2Handler.AsyncStreamMultiplexer<Stream>

    struct Stream: Sendable {
        let http: HTTP1Channel.Value
        let slot: Slot
    }

    /// A place among the streams of all connections. It is free again when the stream's request is no longer processed,
    /// which can be long after the client has reset the stream.
    final class Slot: Sendable {
        let admission: Admission
        private let limit: ConnectionLimit

        init(_ limit: ConnectionLimit) {
            self.limit = limit
            admission = limit.admit()
        }

        deinit { limit.release() }
    }

    let http: HTTP1Channel
    let limits: ConnectionState.Limits
    let writeTimeout: TimeAmount
    let maximumStreams: Int
    let limit: ConnectionLimit
    let metrics: ServerMetrics

    /// The size of the head of a request, in bytes, as with HTTP/1.
    private static let maximumHeadSize = 80 * 1024

    /// Adds the handlers to a channel whose client has chosen HTTP/2. It must be called on the event loop of the channel.
    func setUp(_ channel: any Channel, _ driver: ConnectionDriver, logger: Logger) throws -> Value {
        let pipeline = channel.pipeline.syncOperations
        // It sends GOAWAY. The driver has the timeouts, because this handler waits for replies of the client.
        let management = NIOHTTP2ServerConnectionManagementHandler(
            eventLoop: channel.eventLoop,
            configuration: .init(maxIdleTime: nil, maxAge: nil, maxGraceTime: nil, keepalive: nil))
        // The bounds of resets, errors, control frames and continuation frames are the defaults.
        var configuration = NIOHTTP2Handler.Configuration()
        configuration.connection.initialSettings = [
            HTTP2Setting(parameter: .maxConcurrentStreams, value: min(maximumStreams, 1 << 30)),
            HTTP2Setting(parameter: .maxHeaderListSize, value: Self.maximumHeadSize),
        ]
        let connection = StreamConnection(driver: driver, logger: logger)
        let bound = NIOLoopBound(connection, eventLoop: channel.eventLoop)
        let multiplexer = try pipeline.configureAsyncHTTP2Pipeline(
            mode: .server, streamDelegate: management.http2StreamDelegate, frameDelegate: connection,
            configuration: configuration
        ) { stream in
            stream.eventLoop.makeCompletedFuture { try setUp(stream: stream, of: bound.value, logger: logger) }
        }
        try pipeline.addHandler(management)
        try pipeline.addHandler(connection)
        driver.useHTTP2()
        return multiplexer
    }

    private func setUp(stream: any Channel, of connection: StreamConnection, logger: Logger) throws -> Stream {
        let slot = Slot(limit)
        let driver = connection.driver
        driver.streamOpened()
        stream.closeFuture.assumeIsolated().whenComplete { _ in driver.streamClosed() }
        let pipeline = stream.pipeline.syncOperations
        try pipeline.addHandler(HTTP2FramePayloadToHTTPServerCodec())
        try pipeline.addHandler(
            StreamHandler(
                limits: limits, writeTimeout: writeTimeout, admission: slot.admission, connection: connection,
                metrics: metrics, logger: logger))
        return Stream(http: try HTTP1Channel.Value(wrappingChannelSynchronously: stream), slot: slot)
    }

    /// Serves a connection until it is closed.
    func serve(_ value: Value, on channel: any Channel, logger: Logger) async {
        // Unstructured, because cancellation would end the sequence while streams still arrive, and a stream that is not
        // served must not be dropped. It ends when the channel is closed, which cancellation causes.
        let serving = Task {
            await withDiscardingTaskGroup { group in
                do {
                    for try await stream in value.inbound {
                        group.addTask {
                            await http.handle(value: stream.http, logger: logger)
                            withExtendedLifetime(stream.slot) {}
                        }
                    }
                } catch {
                    logger.debug("a connection failed: HTTP/2", metadata: ["reason": "\(error)"])
                }
            }
        }
        await withTaskCancellationHandler {
            await serving.value
        } onCancel: {
            channel.close(promise: nil)
            channel.closeFuture.whenComplete { _ in serving.cancel() }
        }
    }
}
