// SPDX-License-Identifier: Apache-2.0

import RedisTestSupport
import Testing

@testable import Redis

@Suite("Cluster", .serialized, .timeLimit(.minutes(5)))
struct ClusterTests {
    @Test("Commands are routed to their masters, pipelines are split, and transactions stay together")
    func commands() async throws {
        let cluster = try await RedisTestCluster.start()
        defer { cluster.stop() }
        try await withClient(cluster.url) { client in
            for number in 0..<100 { try await client.set("key\(number)", "\(number)") }
            let values = try await client.mget((0..<100).map { "key\($0)" })
            #expect(values.map { $0?.int } == Array(0..<100))
            let results = try await client.pipeline((0..<100).map { .incr("key\($0)") })
            #expect(try results.map { try $0.get().int } == Array(1...100))
            #expect(try await client.unlink((0..<50).map { "key\($0)" } + ["none"]) == 50)
            #expect(try await client.exists("key1", "key60", "key61") == 2)
            let refused = await redisError { try await client.send("MSET", "a", 1, "b", 2) }
            #expect(refused?.code == .invalidCommand)
            #expect(refused?.message.contains("hash tag") == true)
            try await client.send("MSET", "{t}a", 1, "{t}b", 2)
            let transaction = try await client.transaction([.incr("{t}a"), .incr("{t}b")])
            #expect(try transaction.map { try $0.get().int } == [2, 3])
            let apart = await redisError { try await client.transaction([.incr("a"), .incr("b")]) }
            #expect(apart?.code == .invalidCommand)
            let script = RedisScript("return redis.call('INCRBY', KEYS[1], ARGV[1])")
            for number in 0..<20 {
                #expect(try await client.eval(script, keys: ["counter\(number)"], arguments: [5]).int == 5)
            }
        }
    }

    @Test("A moving slot is followed during and after the migration, with its subscriptions")
    func resharding() async throws {
        let cluster = try await RedisTestCluster.start()
        defer { cluster.stop() }
        try await withClient(cluster.url, { $0.commandTimeout = .seconds(20) }) { client in
            let slot = HashSlot(ofKey: "{m}").number
            let subscription = try await client.ssubscribe(to: ["{m}news"])
            try await client.set("{m}a", "1")
            let source = try await cluster.master(ofSlot: slot)
            let target = try #require(cluster.servers.prefix(3).first { $0 !== source })
            try await cluster.beginMoving(slot: slot, to: target)
            // The key does not exist, so that the server replies ASK.
            try await client.set("{m}b", "2")
            #expect(try await client.get("{m}a")?.string == "1")
            #expect(try await target.send("CLUSTER", "COUNTKEYSINSLOT", "\(slot)").int == 1)
            try await cluster.move(slots: [slot], to: target)
            for number in 0..<20 { try await client.set("{m}\(number)", "x") }
            #expect(try await client.get("{m}a")?.string == "1")
            #expect(try await cluster.master(ofSlot: slot) === target)
            var events = subscription.makeAsyncIterator()
            #expect(try await events.next() == .gap)
            try await client.spublish("extra", to: "{m}news")
            guard case .message(let message)? = try await events.next() else {
                Issue.record("no message")
                return
            }
            #expect(message.text == "extra")
        }
    }

    @Test("A killed master is replaced by its replica without affecting the other masters")
    func promotion() async throws {
        let cluster = try await RedisTestCluster.start()
        defer { cluster.stop() }
        try await withClient(cluster.url, { $0.commandTimeout = .seconds(20) }) { client in
            for number in 0..<100 { try await client.set("key\(number)", "\(number)") }
            let slot = HashSlot(ofKey: "key1").number
            let subscription = try await client.ssubscribe(to: ["key1"])
            let old = try await cluster.master(ofSlot: slot)
            let healthy = try await (0..<100).asyncFirst { try await cluster.master(ofKey: "key\($0)") !== old }
            let other = "key\(try #require(healthy))"
            try await old.kill()
            let start = ContinuousClock.now
            try await client.set(other, "fine")
            #expect(ContinuousClock.now - start < .seconds(1))
            _ = try await client.send(RedisCommand.set("key1", "again").idempotent)
            let new = try await cluster.waitForPromotion(ofSlot: slot, from: old)
            #expect(try await new.send("GET", "key1").string == "again")
            var events = subscription.makeAsyncIterator()
            #expect(try await events.next() == .gap)
            try await client.spublish("extra", to: "key1")
            if case .message(let message)? = try await events.next() { #expect(message.text == "extra") }
        }
    }
}

extension Sequence {
    func asyncFirst(where condition: (Element) async throws -> Bool) async rethrows -> Element? {
        for element in self where try await condition(element) { return element }
        return nil
    }
}
