// SPDX-License-Identifier: Apache-2.0

import RedisTestSupport
import Synchronization
import Testing

@testable import Redis

/// The faults that users of Redis clients report again and again, on a cluster.
@Suite("Faults of clusters", .serialized, .timeLimit(.minutes(5)))
struct ClusterClientFaultTests {
    private static let slot = HashSlot(ofKey: "{m}").number

    @Test(
        "Fault 1, READONLY for ever, and fault 2, a stale topology: a failover by order is followed, and nothing is lost"
    )
    func orderedFailover() async throws {
        let cluster = try await RedisTestCluster.start()
        defer { cluster.stop() }
        try await withClient(cluster.url, { $0.commandTimeout = .seconds(20) }) { client in
            let old = try await cluster.master(ofSlot: Self.slot)
            let replica = try await cluster.replica(of: old)
            let counted = try await Self.counting(on: client) {
                try await cluster.send(to: replica, "CLUSTER", "FAILOVER")
                try await cluster.waitForPromotion(ofSlot: Self.slot, from: old)
            }
            // Fault 6, double execution: what was acknowledged is there, and no more than was sent.
            let stored = try await client.get("{m}n")?.int ?? 0
            #expect(stored >= counted.acknowledged && stored <= counted.acknowledged + counted.unknown)
            #expect(try await cluster.master(ofSlot: Self.slot) === replica)
        }
    }

    @Test("Fault 6, double execution: increments while their slot moves to and fro are counted once each")
    func countingWhileMoving() async throws {
        let cluster = try await RedisTestCluster.start { $0.replicasPerMaster = 0 }
        defer { cluster.stop() }
        try await withClient(cluster.url, { $0.commandTimeout = .seconds(20) }) { client in
            let counted = try await Self.counting(on: client) {
                for round in 0..<9 { try await cluster.move(slots: [Self.slot], to: cluster.servers[round % 3]) }
            }
            #expect(counted.unknown == 0)
            #expect(try await client.get("{m}n")?.int == counted.acknowledged)
        }
    }

    /// Counts up from several tasks while something happens.
    private static func counting(
        on client: RedisClient, _ body: () async throws -> Void
    ) async throws -> (acknowledged: Int, unknown: Int) {
        let isOver = Flag()
        return try await withThrowingTaskGroup(of: (Int, Int).self) { group in
            for _ in 0..<8 {
                group.addTask {
                    var (acknowledged, unknown) = (0, 0)
                    while !isOver.isSet {
                        do {
                            try await client.incr("{m}n")
                            acknowledged += 1
                        } catch let error as RedisError {
                            #expect(error.mayHaveExecuted, "\(error)")
                            unknown += 1
                        }
                    }
                    return (acknowledged, unknown)
                }
            }
            try await poll { try await client.get("{m}n")?.int ?? 0 > 100 }
            try await body()
            let before = try await client.get("{m}n")?.int ?? 0
            try await poll { try await client.get("{m}n")?.int ?? 0 > before + 100 }
            isOver.set()
            return try await group.reduce(into: (0, 0)) { $0 = ($0.0 + $1.0, $0.1 + $1.1) }
        }
    }

    @Test(
        "Fault 3, half-open sockets: a paused master is replaced, and calls go on long before their connections time out"
    )
    func pausedMaster() async throws {
        let cluster = try await RedisTestCluster.start()
        defer { cluster.stop() }
        try await withClient(cluster.url, { $0.commandTimeout = .seconds(60) }) { client in
            try await client.set("{m}a", "1")
            let subscription = try await client.ssubscribe(to: ["{m}c"])
            let old = try await cluster.master(ofSlot: Self.slot)
            old.pause()
            // Under way on a connection that stays open and silent.
            async let answer = client.get("{m}a")
            try await cluster.waitForPromotion(ofSlot: Self.slot, from: old)
            let start = ContinuousClock.now
            #expect(try await answer?.string == "1")
            #expect(ContinuousClock.now - start < .seconds(30), "it waited for the connection's time limit")
            try await client.set("{m}a", "2")
            // Fault 4, dead pub/sub: the subscription has moved, with a gap.
            var events = subscription.makeAsyncIterator()
            #expect(try await events.next() == .gap)
            try await client.spublish("m", to: "{m}c")
            #expect(try await events.next().map { if case .message = $0 { true } else { false } } == true)
            old.resume()
            try await cluster.waitUntilOK()
            #expect(try await client.get("{m}a")?.string == "2")
        }
    }

    @Test("Fault 5, storms: hundreds of tasks that begin at once, or lose a server at once, read the map a few times")
    func storms() async throws {
        let cluster = try await RedisTestCluster.start()
        defer { cluster.stop() }
        func readings() async throws -> Int {
            var sum = 0
            for server in cluster.servers where server.isRunning {
                let text = try await server.send("INFO", "commandstats").string ?? ""
                for line in text.split(whereSeparator: \.isNewline) where line.hasPrefix("cmdstat_cluster|shards:") {
                    sum += Int(line.split(separator: "=")[1].prefix { $0 != "," }) ?? 0
                }
            }
            return sum
        }
        try await withClient(cluster.url, { $0.commandTimeout = .seconds(30) }) { client in
            func flood() async throws {
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for number in 0..<500 { group.addTask { _ = try await client.get("key\(number)") } }
                    try await group.waitForAll()
                }
            }
            // The set-up of the cluster has read it as well.
            let first = try await readings()
            try await flood()
            #expect(try await readings() - first <= 3)
            let old = try await cluster.master(ofSlot: Self.slot)
            try await old.kill()
            let before = try await readings()
            let start = ContinuousClock.now
            try await flood()
            let pauses = Int((ContinuousClock.now - start) / .milliseconds(25))
            // Three servers are asked each time, with a pause of at least 25 ms before the next time.
            let after = try await readings()
            #expect(after - before <= 3 * (pauses + 2), "\(after - before) readings")
            #expect(after - before < 200)
        }
    }

    @Test("Fault 7, replies off by one: callers that are cancelled while slots move never get somebody else's answer")
    func cancellations() async throws {
        let cluster = try await RedisTestCluster.start { $0.replicasPerMaster = 0 }
        defer { cluster.stop() }
        try await withClient(cluster.url, { $0.commandTimeout = .seconds(20) }) { client in
            for number in 0..<40 { try await client.set("{m}\(number)", "\(number)") }
            let isOver = Flag()
            try await withThrowingTaskGroup(of: Void.self) { group in
                for caller in 0..<8 {
                    group.addTask {
                        var round = caller
                        while !isOver.isSet {
                            round += 1
                            let number = round % 40
                            let task = Task { try await client.get("{m}\(number)")?.int }
                            if round.isMultiple(of: 3) { task.cancel() }
                            if let answer = try? await task.value { #expect(answer == number) }
                        }
                    }
                }
                for round in 0..<6 { try await cluster.move(slots: [Self.slot], to: cluster.servers[round % 3]) }
                isOver.set()
                try await group.waitForAll()
            }
        }
    }

    @Test("Fault 2, a stale topology: a client that knows only nodes that are gone by now finds the others")
    func replacedNodes() async throws {
        let cluster = try await RedisTestCluster.start { $0.replicasPerMaster = 0 }
        defer { cluster.stop() }
        let first = cluster.servers[0]
        try await withClient(cluster.url(listing: [first]), { $0.commandTimeout = .seconds(20) }) { client in
            for number in 0..<30 { try await client.set("key\(number)", "x") }
            // The one that was listed hands over to a new one, a few slots for all, and leaves.
            let new = try await cluster.addNode()
            try await cluster.move(slots: 0..<60, to: new)
            _ = try await client.get("key1")
            try await first.kill()
            // What it had is gone; everything else goes on, also what is read from other nodes only.
            let key = try await (0..<1000).asyncFirst { number in
                try await cluster.servers[1].send("CLUSTER", "KEYSLOT", "other\(number)").int ?? 0 > 6000
            }
            for _ in 0..<20 { try await client.set("other\(try #require(key))", "x") }
        }
    }
}

/// Something that happens once.
final class Flag: Sendable {
    private let state = Mutex(false)
    var isSet: Bool { state.withLock { $0 } }
    func set() { state.withLock { $0 = true } }
}
