// SPDX-License-Identifier: Apache-2.0

import NIOCore
import NIOPosix
public import NIOSSL
import Synchronization

/// A server on a loopback address whose responses, including faults, a test controls byte by byte.
public final class ResourceServer: Sendable {
    /// One request, and the response to it.
    public struct Exchange: Sendable {
        /// The path and the query of the request.
        public let target: String
        /// The head of the request, as it was sent.
        public let head: String
        let writer: NIOAsyncChannelOutboundWriter<ByteBuffer>
        let release: Signal<Void>

        /// Sends text without changes.
        public func send(_ text: String) async throws { try await writer.write(ByteBuffer(string: text)) }

        /// Sends a complete response. The connection stays open.
        public func answer(
            _ body: String, status: String = "200 OK", headers: [String] = ["Content-Type: text/plain"]
        ) async throws {
            let lines = ["HTTP/1.1 \(status)"] + headers + ["Content-Length: \(body.utf8.count)", "", body]
            try await send(lines.joined(separator: "\r\n"))
        }

        /// Sends a redirect. The connection stays open.
        public func redirect(to location: String) async throws {
            try await answer("", status: "302 Found", headers: ["Location: \(location)"])
        }

        /// Waits until the test releases or ends the server.
        public func hang() async throws { try await release.wait() }
    }

    /// Responds to one request. The connection is closed if it throws.
    public typealias Handler = @Sendable (Exchange) async throws -> Void

    /// The port on which the server listens.
    public let port: Int
    /// Releases all handlers that hang.
    public let release = Signal<Void>()
    private let channel: NIOAsyncChannel<NIOAsyncChannel<ByteBuffer, ByteBuffer>, Never>
    private let seen = Mutex<(connections: Int, targets: [String], heads: [String])>((0, [], []))

    /// The number of connections that were accepted.
    public var connections: Int { seen.withLock { $0.connections } }
    /// The paths and queries of all requests, oldest first.
    public var targets: [String] { seen.withLock { $0.targets } }
    /// The heads of all requests, oldest first.
    public var heads: [String] { seen.withLock { $0.heads } }

    private init(_ channel: NIOAsyncChannel<NIOAsyncChannel<ByteBuffer, ByteBuffer>, Never>) {
        self.channel = channel
        port = channel.channel.localAddress?.port ?? 0
    }

    /// Runs a server while the body runs.
    public static func serving<Result: Sendable>(
        on host: String = "127.0.0.1", port: Int = 0, tls: NIOSSLContext? = nil, _ handler: @escaping Handler,
        _ body: @escaping @Sendable (ResourceServer) async throws -> Result
    ) async throws -> Result {
        let channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .bind(host: host, port: port) { channel in
                channel.eventLoop.makeCompletedFuture {
                    if let tls { try channel.pipeline.syncOperations.addHandler(NIOSSLServerHandler(context: tls)) }
                    return try NIOAsyncChannel<ByteBuffer, ByteBuffer>(wrappingChannelSynchronously: channel)
                }
            }
        let server = ResourceServer(channel)
        return try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask { try? await server.run(handler) }
            let outcome: Swift.Result<Result, any Error>
            do {
                outcome = .success(try await body(server))
            } catch {
                outcome = .failure(error)
            }
            server.release.send()
            tasks.cancelAll()
            try await tasks.waitForAll()
            return try outcome.get()
        }
    }

    /// Returns the URL of a path.
    public func url(_ path: String, host: String = "127.0.0.1") -> String { "http://\(host):\(port)\(path)" }

    private func run(_ handler: @escaping Handler) async throws {
        try await channel.executeThenClose { connections in
            try await withThrowingDiscardingTaskGroup { tasks in
                for try await connection in connections {
                    seen.withLock { $0.connections += 1 }
                    tasks.addTask { try? await self.serve(connection, handler) }
                }
            }
        }
    }

    private func serve(_ connection: NIOAsyncChannel<ByteBuffer, ByteBuffer>, _ handler: Handler) async throws {
        try await connection.executeThenClose { inbound, outbound in
            var received = ""
            for try await chunk in inbound {
                received += String(buffer: chunk)
                while let end = received.firstRange(of: "\r\n\r\n") {
                    let head = String(received[..<end.lowerBound])
                    received.removeSubrange(..<end.upperBound)
                    let target = String(head.split(separator: " ").dropFirst().first ?? "")
                    seen.withLock {
                        $0.targets.append(target)
                        $0.heads.append(head)
                    }
                    try await handler(Exchange(target: target, head: head, writer: outbound, release: release))
                }
            }
        }
    }
}
