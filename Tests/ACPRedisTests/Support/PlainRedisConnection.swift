// SPDX-License-Identifier: Apache-2.0

import NIOCore
import NIOPosix
import Synchronization

/// A stand-in for another Redis client library: one connection, RESP2, and no knowledge of scripts or of ACP.
final class PlainRedisConnection: Sendable {
    enum Reply: Sendable {
        case text(String)
        case error(String)
        case number(Int)
        case bytes([UInt8]?)
        case list([Reply]?)
    }

    struct Lost: Error {}

    private let channel: any Channel
    private let inbox = Inbox()

    init(port: Int) async throws {
        let inbox = inbox
        channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .channelInitializer { $0.pipeline.addHandler(inbox) }
            .connect(host: "127.0.0.1", port: port).get()
    }

    deinit { channel.close(promise: nil) }

    /// Closes the connection, which is not reported as lost to a subscriber.
    func close() {
        inbox.deliver(to: nil)
        channel.close(promise: nil)
    }

    /// Sends commands in one write, and returns their replies in order.
    func call(_ commands: [[[UInt8]]]) async throws -> [Reply] {
        var buffer = ByteBuffer()
        for words in commands {
            buffer.writeString("*\(words.count)\r\n")
            for word in words {
                buffer.writeString("$\(word.count)\r\n")
                buffer.writeBytes(word)
                buffer.writeString("\r\n")
            }
        }
        let bytes = buffer
        return try await withCheckedThrowingContinuation { continuation in
            channel.eventLoop.execute { [self] in
                inbox.expect(commands.count, continuation)
                channel.writeAndFlush(bytes, promise: nil)
            }
        }
    }

    /// Subscribes to a channel. The connection can be used for nothing else from now on.
    ///
    /// - Parameter receive: Called with each message, and with `nil` when the connection is lost.
    func subscribe(to channel: String, _ receive: @escaping @Sendable ([UInt8]?) -> Void) async throws {
        inbox.deliver(to: receive)
        _ = try await call([[Array("SUBSCRIBE".utf8), Array(channel.utf8)]])
    }

    /// Parses replies and resumes the calls that wait for them.
    private final class Inbox: ChannelInboundHandler, Sendable {
        typealias InboundIn = ByteBuffer
        private typealias Call = (count: Int, replies: [Reply], continuation: CheckedContinuation<[Reply], any Error>)

        private struct State {
            var bytes: [UInt8] = []
            var calls: [Call] = []
            var receive: (@Sendable ([UInt8]?) -> Void)?
            var isLost = false
        }

        private let state = Mutex(State())

        func expect(_ count: Int, _ continuation: CheckedContinuation<[Reply], any Error>) {
            let isLost = state.withLock { state in
                if !state.isLost { state.calls.append((count, [], continuation)) }
                return state.isLost
            }
            if isLost { continuation.resume(throwing: Lost()) }
        }

        func deliver(to receive: (@Sendable ([UInt8]?) -> Void)?) {
            state.withLock { $0.receive = receive }
        }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            let part = Array(buffer: unwrapInboundIn(data))
            let actions: [@Sendable () -> Void] = state.withLock { state in
                state.bytes += part
                var actions: [@Sendable () -> Void] = []
                var position = 0
                while let reply = Self.parse(state.bytes, &position) {
                    state.bytes.removeFirst(position)
                    position = 0
                    if let action = Self.take(reply, &state) { actions.append(action) }
                }
                return actions
            }
            for action in actions { action() }
        }

        private static func take(_ reply: Reply, _ state: inout State) -> (@Sendable () -> Void)? {
            if let receive = state.receive, case .list(let parts?) = reply, parts.count == 3,
                case .bytes(let kind?) = parts[0], kind == Array("message".utf8), case .bytes(let payload?) = parts[2]
            {
                return { receive(payload) }
            }
            guard !state.calls.isEmpty else { return nil }
            state.calls[0].replies.append(reply)
            guard state.calls[0].replies.count == state.calls[0].count else { return nil }
            let call = state.calls.removeFirst()
            return { call.continuation.resume(returning: call.replies) }
        }

        func channelInactive(context: ChannelHandlerContext) {
            let (calls, receive) = state.withLock { state in
                state.isLost = true
                defer { state.calls = [] }
                return (state.calls, state.receive)
            }
            for call in calls { call.continuation.resume(throwing: Lost()) }
            receive?(nil)
        }

        /// Parses the reply at a position, and moves the position behind it. Returns `nil` if it is not complete.
        private static func parse(_ bytes: [UInt8], _ position: inout Int) -> Reply? {
            guard let end = bytes[position...].firstIndex(of: UInt8(ascii: "\n")) else { return nil }
            let line = String(decoding: bytes[position..<end].dropLast(), as: UTF8.self)
            let text = String(line.dropFirst())
            position = end + 1
            switch line.first {
            case "+": return .text(text)
            case "-": return .error(text)
            case ":": return .number(Int(text) ?? 0)
            case "$":
                guard let count = Int(text), count >= 0 else { return .bytes(nil) }
                guard bytes.count >= position + count + 2 else { return nil }
                defer { position += count + 2 }
                return .bytes(Array(bytes[position..<(position + count)]))
            default:
                guard let count = Int(text), count >= 0 else { return .list(nil) }
                var parts: [Reply] = []
                for _ in 0..<count {
                    guard let part = parse(bytes, &position) else { return nil }
                    parts.append(part)
                }
                return .list(parts)
            }
        }
    }
}
