// SPDX-License-Identifier: Apache-2.0

import NIOCore
import NIOPosix
import Redis
import RedisTestSupport
import Synchronization

/// Records every command that a server executes, with MONITOR.
final class RedisMonitor: Sendable {
    private let channel: any Channel
    private let text: Text
    private let client: RedisClient

    private final class Text: ChannelInboundHandler, Sendable {
        typealias InboundIn = ByteBuffer
        let all = Mutex("")

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            let part = String(buffer: unwrapInboundIn(data))
            all.withLock { $0 += part }
        }
    }

    init(_ server: RedisTestServer) async throws {
        let text = Text()
        channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .channelInitializer { $0.pipeline.addHandler(text) }
            .connect(host: "127.0.0.1", port: server.port).get()
        self.text = text
        client = try RedisClient(url: server.url)
        try await channel.writeAndFlush(ByteBuffer(string: "MONITOR\r\n"))
        guard try await poll(until: { text.all.withLock { $0.contains("+OK") } }) else {
            throw MonitorError(description: "MONITOR was not confirmed")
        }
    }

    /// Returns the commands that clients send during a step, without those inside scripts.
    func commands(_ step: () async throws -> Void) async throws -> [String] {
        try await lines(step).map { Self.name(of: $0) }
    }

    /// Returns those commands with their arguments: the lines that MONITOR prints.
    func lines(_ step: () async throws -> Void) async throws -> [String] {
        _ = try await seen()
        try await step()
        return try await seen()
    }

    private static func name(of line: String) -> String {
        guard let start = line.firstIndex(of: "\"") else { return "" }
        return line[line.index(after: start)...].prefix { $0 != "\"" }.uppercased()
    }

    private func seen() async throws -> [String] {
        let mark = "mark-\(UInt64.random(in: 0 ... .max))"
        try await client.send("ECHO", mark)
        guard try await poll(until: { text.all.withLock { $0.contains("\"\(mark)\"\r\n") } }) else {
            throw MonitorError(description: "the mark did not come")
        }
        let lines = text.all.withLock { text in
            defer { text = "" }
            return text.split(separator: "\r\n")
        }
        return lines.map(String.init).filter { line in
            let isSetup = ["", "ECHO", "HELLO", "CLIENT", "SELECT"].contains(Self.name(of: line))
            return !isSetup && !line.contains(" lua]")
        }
    }

    func close() async {
        try? await channel.close()
        await client.close()
    }
}

struct MonitorError: Error {
    let description: String
}
