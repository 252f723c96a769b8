// SPDX-License-Identifier: Apache-2.0

import Foundation
import NIOCore
import NIOHPACK
import NIOHTTP2
import NIOPosix
import NIOSSL

/// A connection with HTTP/2 to a server, for what an HTTP client would not do.
struct HTTP2TestConnection: Sendable {
    typealias Stream = NIOAsyncChannel<HTTP2Frame.FramePayload, HTTP2Frame.FramePayload>

    struct Response: Sendable {
        var status: Int?
        /// The informational responses before.
        var informational: [Int] = []
        var headers = HPACKHeaders()
        var body = ByteBuffer()
        /// Whether the server has ended the stream.
        var hasEnded = false
        /// Why the stream was reset.
        var failure: (any Error)?

        var text: String { String(buffer: body) }
    }

    let channel: any Channel
    private let multiplexer: NIOHTTP2Handler.AsyncStreamMultiplexer<Void>
    /// The errors for which the server has ended the connection.
    let goAway: Signal<HTTP2ErrorCode>

    private final class RootFrames: ChannelInboundHandler {
        typealias InboundIn = HTTP2Frame
        let goAway: Signal<HTTP2ErrorCode>

        init(_ goAway: Signal<HTTP2ErrorCode>) { self.goAway = goAway }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            if case .goAway(_, let code, _) = unwrapInboundIn(data).payload { goAway.send(code) }
        }
    }

    /// Connects while the body runs.
    ///
    /// - Parameters:
    ///   - window: How many bytes the server may send on a stream without permission for more.
    static func open<Result>(
        _ port: Int, _ configuration: TLSConfiguration, window: Int = 65_535,
        _ body: (HTTP2TestConnection) async throws -> Result
    ) async throws -> Result {
        var tls = configuration
        tls.applicationProtocols = ["h2"]
        let context = try NIOSSLContext(configuration: tls)
        let goAway = Signal<HTTP2ErrorCode>()
        let connection = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .connect(host: "127.0.0.1", port: port) { channel in
                channel.eventLoop.makeCompletedFuture {
                    let pipeline = channel.pipeline.syncOperations
                    try pipeline.addHandler(NIOSSLClientHandler(context: context, serverHostname: "localhost"))
                    var configuration = NIOHTTP2Handler.Configuration()
                    configuration.connection.initialSettings = [
                        HTTP2Setting(parameter: .initialWindowSize, value: window),
                        HTTP2Setting(parameter: .enablePush, value: 0),
                    ]
                    configuration.stream.targetWindowSize = window
                    let multiplexer = try pipeline.configureAsyncHTTP2Pipeline(
                        mode: .client, configuration: configuration
                    ) { $0.eventLoop.makeSucceededVoidFuture() }
                    try pipeline.addHandler(RootFrames(goAway))
                    return HTTP2TestConnection(channel: channel, multiplexer: multiplexer, goAway: goAway)
                }
            }
        do {
            let result = try await body(connection)
            try? await connection.channel.close()
            return result
        } catch {
            try? await connection.channel.close()
            throw error
        }
    }

    /// Opens a stream while the body runs.
    func stream<Result>(
        _ body: (
            NIOAsyncChannelInboundStream<HTTP2Frame.FramePayload>,
            NIOAsyncChannelOutboundWriter<HTTP2Frame.FramePayload>, any Channel
        ) async throws -> Result
    ) async throws -> Result {
        let stream = try await multiplexer.openStream { channel in
            channel.eventLoop.makeCompletedFuture {
                try Stream(
                    wrappingChannelSynchronously: channel,
                    configuration: .init(backPressureStrategy: .init(lowWatermark: 1, highWatermark: 1)))
            }
        }
        return try await stream.executeThenClose { try await body($0, $1, stream.channel) }
    }

    /// The head of a request.
    static func head(
        _ method: String, _ path: String, _ fields: [(String, String)] = [], authority: String? = "localhost",
        isEnd: Bool = true
    ) -> HTTP2Frame.FramePayload {
        var headers = HPACKHeaders([(":method", method), (":scheme", "https"), (":path", path)])
        if let authority { headers.add(name: ":authority", value: authority) }
        for (name, value) in fields { headers.add(name: name, value: value) }
        return .headers(.init(headers: headers, endStream: isEnd))
    }

    static func data(_ text: String, isEnd: Bool = false) -> HTTP2Frame.FramePayload {
        .data(.init(data: .byteBuffer(ByteBuffer(string: text)), endStream: isEnd))
    }

    /// Sends frames on a new stream, and reads the response until the stream ends or the text has arrived.
    func send(_ frames: [HTTP2Frame.FramePayload], until text: String? = nil) async throws -> Response {
        try await stream { inbound, outbound, _ in
            for frame in frames { try await outbound.write(frame) }
            return try await Self.receive(inbound, until: text)
        }
    }

    static func receive(
        _ inbound: NIOAsyncChannelInboundStream<HTTP2Frame.FramePayload>, until text: String? = nil
    ) async throws -> Response {
        var response = Response()
        do {
            for try await frame in inbound {
                switch frame {
                case .headers(let head):
                    let status = head.headers.first(name: ":status").flatMap { Int($0) }
                    if let status, status < 200 {
                        response.informational.append(status)
                    } else {
                        response.status = status
                        response.headers = head.headers
                    }
                    response.hasEnded = head.endStream
                case .data(let data):
                    if case .byteBuffer(let buffer) = data.data { response.body.writeImmutableBuffer(buffer) }
                    response.hasEnded = data.endStream
                default: break
                }
                if response.hasEnded { break }
                if let text, response.text.contains(text) { break }
            }
        } catch {
            response.failure = error
        }
        return response
    }

    func get(_ path: String, _ fields: [(String, String)] = [], authority: String? = "localhost") async throws
        -> Response
    { try await send([Self.head("GET", path, fields, authority: authority)]) }
}
