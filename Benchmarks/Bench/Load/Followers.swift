// SPDX-License-Identifier: Apache-2.0

import NIOCore
import NIOPosix

/// Clients that follow runs, each on a connection of its own, and discard what they read.
struct Followers: Sendable {
    private let channels: [any Channel]

    /// Opens the connections, and waits until each has received a response.
    static func open(_ count: Int, of runs: [String], port: Int, on group: any EventLoopGroup) async throws -> Followers
    {
        var channels: [any Channel] = []
        try await withThrowingTaskGroup(of: (any Channel).self) { tasks in
            for number in 0..<count {
                // This many at a time fit into the queue of a listening socket.
                if number >= 64, let channel = try await tasks.next() { channels.append(channel) }
                let run = runs[number % runs.count]
                tasks.addTask { try await follow(run, port: port, on: group) }
            }
            for try await channel in tasks { channels.append(channel) }
        }
        return Followers(channels: channels)
    }

    /// The number of clients that are still connected.
    var count: Int { channels.count(where: \.isActive) }

    func close() async throws {
        for channel in channels { channel.close(promise: nil) }
        for channel in channels { try await channel.closeFuture.get() }
    }

    private static func follow(_ run: String, port: Int, on group: any EventLoopGroup) async throws -> any Channel {
        let answered = group.any().makePromise(of: Void.self)
        let channel: any Channel
        do {
            channel = try await ClientBootstrap(group: group)
                .channelInitializer { channel in
                    channel.eventLoop.makeCompletedFuture {
                        try channel.pipeline.syncOperations.addHandler(FollowerHandler(answered))
                    }
                }
                .connect(host: "127.0.0.1", port: port).get()
        } catch {
            answered.fail(error)
            throw error
        }
        let request =
            "GET /runs/\(run)/events HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: text/event-stream\r\n\r\n"
        try await channel.writeAndFlush(ByteBuffer(string: request))
        try await answered.futureResult.get()
        return channel
    }
}

private final class FollowerHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private var answered: EventLoopPromise<Void>?

    init(_ answered: EventLoopPromise<Void>) { self.answered = answered }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard let answered else { return }
        self.answered = nil
        let head = String(buffer: unwrapInboundIn(data))
        if head.hasPrefix("HTTP/1.1 200") {
            answered.succeed()
        } else {
            answered.fail(BenchError("a follower got the response \(head.prefix(200))"))
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        answered?.fail(BenchError("the server closed the connection of a follower"))
        answered = nil
    }
}
