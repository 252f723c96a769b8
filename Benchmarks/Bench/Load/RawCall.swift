// SPDX-License-Identifier: Apache-2.0

import NIOCore
import NIOPosix

/// One HTTP request on a connection of its own, whose response is only read and counted, so that the client takes
/// little of the processors that it shares with the server.
struct RawCall: Sendable {
    struct Outcome: Sendable {
        /// The time since the request was sent.
        var firstEvent: Duration?
        var whole: Duration = .zero
        var events = 0
    }

    private let port: Int
    private let group: any EventLoopGroup

    init(port: Int, on group: any EventLoopGroup) {
        self.port = port
        self.group = group
    }

    /// Runs an agent, whose input is a number.
    func run(_ agent: String, _ number: Int, mode: String = "stream") async throws -> Outcome {
        let body = """
            {"agent_name":"\(agent)","mode":"\(mode)","input":[{"role":"user","parts":[{"content":"\(number)",\
            "content_type":"text/plain"}]}]}
            """
        return try await send(
            """
            POST /runs HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\nContent-Type: application/json\r\n\
            Content-Length: \(body.utf8.count)\r\n\r\n\(body)
            """)
    }

    /// Follows a run until it has ended.
    func follow(_ run: String) async throws -> Outcome {
        try await send(
            """
            GET /runs/\(run)/events HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\nAccept: text/event-stream\r\n\r\n
            """)
    }

    func get(_ path: String) async throws -> Outcome {
        try await send("GET \(path) HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")
    }

    private func send(_ request: String) async throws -> Outcome {
        let done = group.any().makePromise(of: Outcome.self)
        let channel: any Channel
        do {
            channel = try await ClientBootstrap(group: group)
                .channelOption(.socketOption(.tcp_nodelay), value: 1)
                .channelInitializer { channel in
                    channel.eventLoop.makeCompletedFuture {
                        try channel.pipeline.syncOperations.addHandler(CountingHandler(done))
                    }
                }
                .connect(host: "127.0.0.1", port: port).get()
        } catch {
            done.fail(error)
            throw error
        }
        try await channel.writeAndFlush(ByteBuffer(string: request))
        return try await done.futureResult.get()
    }
}

/// Counts the events of a stream: each ends with an empty line, and JSON has no line feeds.
private final class CountingHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private let done: EventLoopPromise<RawCall.Outcome>
    private var outcome = RawCall.Outcome()
    private var start = ContinuousClock.now
    private var beginning = ByteBuffer()
    private var last: UInt8 = 0
    private var limit: Scheduled<Void>?

    init(_ done: EventLoopPromise<RawCall.Outcome>) { self.done = done }

    func channelActive(context: ChannelHandlerContext) {
        start = .now
        let (done, channel) = (done, context.channel)
        limit = context.eventLoop.scheduleTask(in: .minutes(5)) {
            done.fail(BenchError("a response was not complete after 5 minutes"))
            channel.close(promise: nil)
        }
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let buffer = unwrapInboundIn(data)
        if beginning.readableBytes < 512 { beginning.writeImmutableBuffer(buffer) }
        var last = last
        var count = 0
        buffer.withUnsafeReadableBytes { bytes in
            for byte in bytes {
                if byte == 0x0A, last == 0x0A { count += 1 }
                last = byte
            }
        }
        self.last = last
        if outcome.events == 0, count > 0 { outcome.firstEvent = start.duration(to: .now) }
        outcome.events += count
    }

    func channelInactive(context: ChannelHandlerContext) {
        limit?.cancel()
        outcome.whole = start.duration(to: .now)
        let head = String(buffer: beginning)
        guard head.hasPrefix("HTTP/1.1 2") else {
            return done.fail(BenchError("the server responded \(head.prefix(512))"))
        }
        done.succeed(outcome)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        done.fail(error)
        context.close(promise: nil)
    }
}
