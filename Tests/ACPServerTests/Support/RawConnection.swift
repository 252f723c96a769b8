// SPDX-License-Identifier: Apache-2.0

import Foundation
import NIOCore
import NIOPosix
import NIOSSL
import Testing

/// A TCP connection to a server, for what an HTTP client would not do.
struct RawConnection {
    private var inbound: NIOAsyncChannelInboundStream<ByteBuffer>.AsyncIterator
    private let outbound: NIOAsyncChannelOutboundWriter<ByteBuffer>
    /// What has been received and not been taken yet.
    private var received = Data()

    private init(
        _ inbound: NIOAsyncChannelInboundStream<ByteBuffer>, _ outbound: NIOAsyncChannelOutboundWriter<ByteBuffer>
    ) {
        self.inbound = inbound.makeAsyncIterator()
        self.outbound = outbound
    }

    /// Connects while the body runs.
    ///
    /// - Parameters:
    ///   - receiveBuffer: How much the operating system may take in before the connection is read from.
    ///   - tls: The context of a connection with TLS. Defaults to none.
    static func open<Result>(
        _ port: Int, receiveBuffer: Int? = nil, tls: NIOSSLContext? = nil,
        _ body: (inout RawConnection) async throws -> Result
    ) async throws -> Result {
        var bootstrap = ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .channelOption(.allowRemoteHalfClosure, value: true)
        if let receiveBuffer {
            bootstrap = bootstrap.channelOption(.socketOption(.so_rcvbuf), value: .init(receiveBuffer))
        }
        let channel = try await bootstrap.connect(host: "127.0.0.1", port: port) { channel in
            channel.eventLoop.makeCompletedFuture {
                if let tls {
                    let handler = try NIOSSLClientHandler(context: tls, serverHostname: "localhost")
                    try channel.pipeline.syncOperations.addHandler(handler)
                }
                return try NIOAsyncChannel(
                    wrappingChannelSynchronously: channel,
                    configuration: .init(
                        // Reads only on demand.
                        backPressureStrategy: .init(lowWatermark: 1, highWatermark: 1),
                        isOutboundHalfClosureEnabled: true,
                        inboundType: ByteBuffer.self, outboundType: ByteBuffer.self))
            }
        }
        return try await channel.executeThenClose { inbound, outbound in
            var connection = RawConnection(inbound, outbound)
            return try await body(&connection)
        }
    }

    func send(_ text: String) async throws { try await outbound.write(ByteBuffer(string: text)) }

    /// Closes the output. Reading continues.
    func finishSending() { outbound.finish() }

    /// Reads until a text has come, and takes everything up to its end.
    mutating func read(until end: String) async throws -> String {
        let end = Data(end.utf8)
        var searched = 0
        while true {
            // A copy of what has not been searched: Foundation copies all that it searches, whatever the range.
            let start = max(0, searched - end.count)
            if let range = Data(received.dropFirst(start)).range(of: end) { return take(start + range.upperBound) }
            searched = received.count
            guard try await receive() else {
                let what = String(decoding: end, as: UTF8.self)
                let rest = take(min(received.count, 500))
                throw NeverHappened(description: "the connection ended before \"\(what)\": \(rest)")
            }
        }
    }

    /// Reads until the server closes, and takes everything.
    mutating func readToEnd() async throws -> String {
        while try await receive() {}
        return take(received.count)
    }

    /// Reads one response with a known length.
    ///
    /// - Parameter isHead: Whether it is that of a HEAD request, which has a length but no body.
    mutating func readResponse(isHead: Bool = false) async throws -> (status: Int, head: String, body: String) {
        let head = try await read(until: "\r\n\r\n")
        let status = Int(head.split(separator: " ").dropFirst().first ?? "") ?? 0
        let length = isHead ? 0 : try #require(Self.contentLength(head), "\(head)")
        while received.count < length, try await receive() {}
        return (status, head, take(min(length, received.count)))
    }

    /// Takes the chunk sizes out of a chunked body.
    static func unchunked(_ body: String) -> String {
        var rest = Data(body.utf8)
        var content = Data()
        while let line = rest.range(of: Data("\r\n".utf8)),
            let size = Int(String(decoding: rest[rest.startIndex..<line.lowerBound], as: UTF8.self), radix: 16),
            size > 0
        {
            content.append(rest[line.upperBound...].prefix(size))
            rest = Data(rest[line.upperBound...].dropFirst(size + 2))
        }
        return String(decoding: content, as: UTF8.self)
    }

    private static func contentLength(_ head: String) -> Int? {
        for line in head.lowercased().split(separator: "\r\n") where line.hasPrefix("content-length: ") {
            return Int(line.dropFirst(16))
        }
        return nil
    }

    private mutating func receive() async throws -> Bool {
        guard let more = try await inbound.next() else { return false }
        more.withUnsafeReadableBytes { received.append(contentsOf: $0.bindMemory(to: UInt8.self)) }
        return true
    }

    private mutating func take(_ count: Int) -> String {
        defer { received.removeFirst(count) }
        return String(decoding: received.prefix(count), as: UTF8.self)
    }
}

/// Returns the text of a request.
func rawRequest(_ line: String, _ headers: [String] = [], body: String? = nil) -> String {
    var lines = ["\(line) HTTP/1.1", "Host: 127.0.0.1"] + headers
    if let body { lines.append("Content-Length: \(body.utf8.count)") }
    return (lines + ["", ""]).joined(separator: "\r\n") + (body ?? "")
}
