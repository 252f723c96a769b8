// SPDX-License-Identifier: Apache-2.0

import NIOCore
import RedisTestSupport
import Testing

@testable import Redis

@Suite("Subscriptions on a real server", .timeLimit(.minutes(2)))
struct SubscriptionTests {
    private func text(_ event: RedisSubscriptionEvent?) -> String? {
        if case .message(let message) = event { message.text } else { nil }
    }

    @Test("Messages arrive in order in both protocol versions", arguments: [false, true])
    func messages(resp2: Bool) async throws {
        try await withServer({ $0.resp2Only = resp2 }) { _, client in
            var events = try await client.subscribe(to: ["a", "b"]).makeAsyncIterator()
            for index in 0..<20 { try await client.publish("\(index)", to: index % 2 == 0 ? "a" : "b") }
            for index in 0..<20 { #expect(text(try await events.next()) == "\(index)") }
        }
    }

    @Test("Patterns and shard channels receive their messages")
    func kinds() async throws {
        try await withServer { _, client in
            var pattern = try await client.psubscribe(to: ["news.*"]).makeAsyncIterator()
            var shard = try await client.ssubscribe(to: ["shard"]).makeAsyncIterator()
            try await client.publish("p", to: "news.today")
            try await client.spublish("s", to: "shard")
            let expected = RedisMessage(channel: "news.today", pattern: "news.*", payload: ByteBuffer(string: "p"))
            #expect(try await pattern.next() == .message(expected))
            #expect(text(try await shard.next()) == "s")
        }
    }

    @Test("All subscriptions share one connection, and a channel is unsubscribed with the last one")
    func sharing() async throws {
        try await withServer { _, client in
            let first = try await client.subscribe(to: ["news"])
            let second = try await client.subscribe(to: ["news"])
            #expect(try await client.publish("x", to: "news") == 1)
            for subscription in [first, second] {
                var events = subscription.makeAsyncIterator()
                #expect(text(try await events.next()) == "x")
            }
            first.cancel()
            second.cancel()
            #expect(try await poll { try await client.publish("y", to: "news") == 0 })
        }
    }

    @Test("A subscription without references ends")
    func abandoned() async throws {
        try await withServer { _, client in
            _ = try await client.subscribe(to: ["news"])
            #expect(try await poll { try await client.publish("x", to: "news") == 0 })
        }
    }

    @Test("Cancelling the reader ends the subscription")
    func cancellation() async throws {
        try await withServer { _, client in
            let subscription = try await client.subscribe(to: ["news"])
            await withTaskGroup(of: Int.self) { group in
                group.addTask {
                    var count = 0
                    do { for try await _ in subscription { count += 1 } } catch { count = -1 }
                    return count
                }
                group.cancelAll()
                #expect(await group.next() == 0)
            }
            #expect(try await poll { try await client.publish("x", to: "news") == 0 })
        }
    }

    @Test("A slow reader receives a gap and the newest messages")
    func overflow() async throws {
        try await withServer({ _ in }, { $0.pubSub.bufferLimit = 3 }) { _, client in
            let subscription = try await client.subscribe(to: ["news"])
            let witness = try await client.subscribe(to: ["news", "end"])
            for index in 0..<10 { try await client.publish("\(index)", to: "news") }
            try await client.publish("end", to: "end")
            // When the second subscription has the last message, all others were delivered.
            for try await event in witness where text(event) == "end" { break }
            var events = subscription.makeAsyncIterator()
            var received: [String] = []
            for _ in 0..<4 { received.append(text(try await events.next()) ?? "gap") }
            #expect(received == ["gap", "7", "8", "9"])
        }
    }

    @Test("Closing the client ends its subscriptions and refuses new ones")
    func closing() async throws {
        try await withServer { _, client in
            var events = try await client.subscribe(to: ["news"]).makeAsyncIterator()
            await client.close()
            #expect(try await events.next() == nil)
            let error = await redisError { try await client.subscribe(to: ["news"]) }
            #expect(error?.code == .closed)
        }
    }

    @Test("Subscribing to no channel throws an error")
    func nothing() async throws {
        let client = try RedisClient(url: "redis://localhost:1")
        let error = await redisError { try await client.subscribe(to: []) }
        #expect(error?.code == .invalidCommand)
        await client.close()
    }
}
