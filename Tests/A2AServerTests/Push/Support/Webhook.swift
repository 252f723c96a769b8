// SPDX-License-Identifier: Apache-2.0

import A2ACore
import ACPCore
import NIOCore
import NIOHTTP1
import NIOPosix
import Synchronization

/// A receiver of push notifications on a port of this machine.
final class Webhook: Sendable {
    /// A request that the receiver got.
    struct Delivery: Sendable {
        let path: String
        let headers: HTTPHeaders
        let body: [UInt8]
        /// The number of this request among all, from 1.
        let number: Int

        var id: String { headers.first(name: "webhook-id") ?? "" }
        var element: A2A.StreamResponse? { try? A2AJSON.decode(from: body) }
    }

    /// What the receiver responds with.
    struct Response: Sendable {
        var status = HTTPResponseStatus.ok
        var headers: HTTPHeaders = [:]
        var body = ""

        static let ok = Response()
        static func status(_ code: Int, _ headers: HTTPHeaders = [:]) -> Response {
            Response(status: HTTPResponseStatus(statusCode: code), headers: headers)
        }
    }

    typealias Handler = @Sendable (Delivery) async throws -> Response
    private typealias Channel = NIOAsyncChannel<HTTPServerRequestPart, HTTPServerResponsePart>

    let port: Int
    private let channel: NIOAsyncChannel<Channel, Never>
    private let handler: Handler
    private let state = Mutex<(received: [Delivery], acknowledged: [Delivery], connections: Int)>(([], [], 0))

    /// All requests, in the order in which they arrived.
    var received: [Delivery] { state.withLock { $0.received } }
    /// The requests that were responded to with 2xx.
    var acknowledged: [Delivery] { state.withLock { $0.acknowledged } }
    /// The number of connections that were accepted.
    var connections: Int { state.withLock { $0.connections } }

    func url(_ path: String = "/hook", host: String = "127.0.0.1") -> String { "http://\(host):\(port)\(path)" }

    private init(_ channel: NIOAsyncChannel<Channel, Never>, _ handler: @escaping Handler) {
        self.channel = channel
        self.handler = handler
        port = channel.channel.localAddress?.port ?? 0
    }

    /// Runs a receiver while the body runs.
    static func serving(
        _ handler: @escaping Handler = { _ in .ok }, _ body: @escaping @Sendable (Webhook) async throws -> Void
    ) async throws {
        let channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .bind(host: "127.0.0.1", port: 0) { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.configureHTTPServerPipeline()
                    return try Channel(wrappingChannelSynchronously: channel)
                }
            }
        let webhook = Webhook(channel, handler)
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask { try? await webhook.run() }
            defer { tasks.cancelAll() }
            try await body(webhook)
        }
    }

    private func run() async throws {
        try await channel.executeThenClose { connections in
            try await withThrowingDiscardingTaskGroup { tasks in
                for try await connection in connections {
                    state.withLock { $0.connections += 1 }
                    tasks.addTask { try? await self.serve(connection) }
                }
            }
        }
    }

    private func serve(_ connection: Channel) async throws {
        try await connection.executeThenClose { inbound, outbound in
            var head: HTTPRequestHead?
            var body: [UInt8] = []
            for try await part in inbound {
                switch part {
                case .head(let next): (head, body) = (next, [])
                case .body(let bytes): body += bytes.readableBytesView
                case .end:
                    guard let head else { return }
                    let delivery = state.withLock { state in
                        let delivery = Delivery(
                            path: head.uri, headers: head.headers, body: body, number: state.received.count + 1)
                        state.received.append(delivery)
                        return delivery
                    }
                    let response = try await handler(delivery)
                    if (200..<300).contains(response.status.code) {
                        state.withLock { $0.acknowledged.append(delivery) }
                    }
                    var headers = response.headers
                    headers.add(name: "Content-Length", value: "\(response.body.utf8.count)")
                    try await outbound.write(
                        .head(HTTPResponseHead(version: .http1_1, status: response.status, headers: headers)))
                    try await outbound.write(.body(.byteBuffer(ByteBuffer(string: response.body))))
                    try await outbound.write(.end(nil))
                }
            }
        }
    }
}
