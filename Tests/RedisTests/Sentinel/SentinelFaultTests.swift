// SPDX-License-Identifier: Apache-2.0

import RedisTestSupport
import Testing

@testable import Redis

/// Faults that users of Redis clients commonly report, behind Sentinel.
@Suite("Sentinel faults", .serialized, .timeLimit(.minutes(5)))
struct SentinelFaultTests {
    @Test(
        "Faults 1, 2 and 6: After SIGKILL of the master, no command is executed twice and no caller stays with the old master"
    )
    func killedMaster() async throws {
        let setup = try await RedisTestSentinels.start()
        defer { setup.stop() }
        try await withClient(setup.url, { $0.commandTimeout = .seconds(20) }) { client in
            let old = try #require(try await setup.master())
            let counted = try await Self.counted(while: { try await Self.killAndWait(setup, old) }, on: client)
            var stored = 0
            for caller in 0..<8 { stored += try await client.get("n\(caller)")?.int ?? 0 }
            // Some acknowledged writes may not have reached the replica; none is present twice.
            #expect(stored <= counted.0 + counted.1)
            #expect(stored > 0)
        }
    }

    /// Kills the master and waits until callers continue on the new one.
    private static func killAndWait(_ setup: RedisTestSentinels, _ old: RedisTestServer) async throws {
        try await old.kill()
        let new = try await setup.waitForFailover(from: old)
        let before = try await new.send("GET", "n7").int ?? 0
        #expect(try await poll { try await new.send("GET", "n7").int ?? 0 > before + 100 })
    }

    private static func counted(
        while body: () async throws -> Void, on client: RedisClient
    ) async throws -> (Int, Int) {
        let isOver = Flag()
        return try await withThrowingTaskGroup(of: (Int, Int).self) { group in
            for caller in 0..<8 { group.addTask { await countUp("n\(caller)", client, until: isOver) } }
            try await poll { try await client.get("n0")?.int ?? 0 > 100 }
            try await body()
            isOver.set()
            return try await group.reduce(into: (0, 0)) { $0 = ($0.0 + $1.0, $0.1 + $1.1) }
        }
    }

    /// Increments a counter until the event is over. Returns the numbers of acknowledged and of in-doubt increments.
    private static func countUp(_ key: String, _ client: RedisClient, until isOver: Flag) async -> (Int, Int) {
        var (acknowledged, unknown) = (0, 0)
        while !isOver.isSet {
            if let error = await redisError({ try await client.incr(key) }) {
                // `READONLY` and refusals of the old master are not expected.
                #expect(error.mayHaveExecuted, "\(error)")
                unknown += 1
            } else {
                acknowledged += 1
            }
        }
        return (acknowledged, unknown)
    }

    @Test(
        "Fault 3, half-open sockets: Commands in flight on a paused master continue on the new one before their time limit"
    )
    func pausedMaster() async throws {
        let setup = try await RedisTestSentinels.start()
        defer { setup.stop() }
        try await withClient(setup.url, { $0.commandTimeout = .seconds(60) }) { client in
            try await client.set("a", "1")
            let subscription = try await client.subscribe(to: ["news"])
            let old = try #require(try await setup.master())
            old.pause()
            async let reply = client.get("a")
            try await setup.waitForFailover(from: old)
            let start = ContinuousClock.now
            #expect(try await reply?.string == "1")
            #expect(ContinuousClock.now - start < .seconds(30), "the call waited for the time limit of the connection")
            // Fault 4, dead pub/sub: the connection is open and silent, and the subscription moves nevertheless.
            var events = subscription.makeAsyncIterator()
            #expect(try await events.next() == .gap)
            try await client.publish("m", to: "news")
            #expect(try await events.next().map { if case .message = $0 { true } else { false } } == true)
            old.resume()
        }
    }

    @Test(
        "Fault 5, storms: Hundreds of tasks that start or lose the master at once query the Sentinels a few times"
    )
    func storms() async throws {
        let setup = try await RedisTestSentinels.start()
        defer { setup.stop() }
        func queryCount() async throws -> Int {
            var sum = 0
            for sentinel in setup.sentinels {
                let text = try await sentinel.send("INFO", "commandstats").string ?? ""
                for line in text.split(whereSeparator: \.isNewline)
                where line.hasPrefix("cmdstat_sentinel|get-master-addr-by-name:") {
                    sum += Int(line.split(separator: "=")[1].prefix { $0 != "," }) ?? 0
                }
            }
            return sum
        }
        let start = try await queryCount()
        try await withClient(setup.url, { $0.commandTimeout = .seconds(30) }) { client in
            func flood() async throws {
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for number in 0..<500 { group.addTask { _ = try await client.get("key\(number)") } }
                    try await group.waitForAll()
                }
            }
            try await flood()
            #expect(try await queryCount() - start <= 3)
            let old = try #require(try await setup.master())
            try await old.kill()
            let before = try await queryCount()
            let clock = ContinuousClock.now
            try await flood()
            let pauses = Int((ContinuousClock.now - clock) / .milliseconds(25))
            let count = try await queryCount() - before
            // Three Sentinels are queried each time, with a pause of at least 25 ms before the next time.
            #expect(count <= 3 * (pauses + 3), "\(count) queries")
            #expect(count < 300)
        }
    }

    @Test(
        "Fault 7, replies off by one: Callers that are cancelled during a failover never receive another caller's reply"
    )
    func cancellations() async throws {
        let setup = try await RedisTestSentinels.start()
        defer { setup.stop() }
        try await withClient(setup.url, { $0.commandTimeout = .seconds(20) }) { client in
            for number in 0..<40 { try await client.set("k\(number)", "\(number)") }
            let old = try #require(try await setup.master())
            let isOver = Flag()
            try await withThrowingTaskGroup(of: Void.self) { group in
                for caller in 0..<8 {
                    group.addTask {
                        var round = caller
                        while !isOver.isSet {
                            round += 1
                            let number = round % 40
                            let task = Task { try await client.get("k\(number)")?.int }
                            if round.isMultiple(of: 3) { task.cancel() }
                            if let reply = try? await task.value { #expect(reply == number) }
                        }
                    }
                }
                try await old.kill()
                try await setup.waitForFailover(from: old)
                _ = try await client.get("k1")
                isOver.set()
                try await group.waitForAll()
            }
        }
    }
}
