// SPDX-License-Identifier: Apache-2.0

import NIOCore
import NIOHTTP2
import NIOPosix
import NIOSSL

/// A connection with HTTP/2 to a server whose frames are sent and read one by one: it never extends a flow control window by
/// itself, as clients do.
enum HTTP2RawConnection {
    typealias Frames = NIOAsyncChannel<HTTP2Frame, HTTP2Frame>

    /// Connects while the body runs.
    ///
    /// - Parameter window: How many bytes the server may send on each stream, in addition to the limit of the connection.
    static func open<Result>(
        _ port: Int, _ configuration: TLSConfiguration, window: Int,
        _ body: (NIOAsyncChannelInboundStream<HTTP2Frame>, NIOAsyncChannelOutboundWriter<HTTP2Frame>) async throws ->
            Result
    ) async throws -> Result {
        var tls = configuration
        tls.applicationProtocols = ["h2"]
        let context = try NIOSSLContext(configuration: tls)
        let frames = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .connect(host: "127.0.0.1", port: port) { channel in
                channel.eventLoop.makeCompletedFuture {
                    let pipeline = channel.pipeline.syncOperations
                    try pipeline.addHandler(NIOSSLClientHandler(context: context, serverHostname: "localhost"))
                    let settings = [
                        HTTP2Setting(parameter: .initialWindowSize, value: window),
                        HTTP2Setting(parameter: .enablePush, value: 0),
                    ]
                    try pipeline.addHandler(NIOHTTP2Handler(mode: .client, initialSettings: settings))
                    return try Frames(wrappingChannelSynchronously: channel)
                }
            }
        return try await frames.executeThenClose { try await body($0, $1) }
    }
}
