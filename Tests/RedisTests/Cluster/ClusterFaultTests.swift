// SPDX-License-Identifier: Apache-2.0

import RedisTestSupport
import Synchronization
import Testing

@testable import Redis

/// Faults that users of Redis clients commonly report, on a cluster.
@Suite("Cluster faults", .serialized, .timeLimit(.minutes(5)))
struct ClusterClientFaultTests {
    private static let slot = HashSlot(ofKey: "{m}").number

    @Test(
        "Faults 1 and 2, READONLY forever and a stale topology: A manual failover is followed without losing writes"
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
            // Fault 6, double execution: all acknowledged writes are present, and no more than were sent.
            let stored = try await client.get("{m}n")?.int ?? 0
            #expect(stored >= counted.acknowledged && stored <= counted.acknowledged + counted.unknown)
            #expect(try await cluster.master(ofSlot: Self.slot) === replica)
        }
    }

    @Test("Fault 6, double execution: Increments while their slot moves repeatedly are counted once each")
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

    /// Increments counters from several tasks during an event.
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
        "Fault 3, half-open sockets: A paused master is replaced, and calls continue long before their connections time out"
    )
    func pausedMaster() async throws {
        let cluster = try await RedisTestCluster.start()
        defer { cluster.stop() }
        try await withClient(cluster.url, { $0.commandTimeout = .seconds(60) }) { client in
            try await client.set("{m}a", "1")
            let subscription = try await client.ssubscribe(to: ["{m}c"])
            let old = try await cluster.master(ofSlot: Self.slot)
            old.pause()
            // In flight on a connection that stays open and silent.
            async let reply = client.get("{m}a")
            try await cluster.waitForPromotion(ofSlot: Self.slot, from: old)
            let start = ContinuousClock.now
            #expect(try await reply?.string == "1")
            #expect(ContinuousClock.now - start < .seconds(30), "the call waited for the time limit of the connection")
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

    @Test("Fault 5, storms: Hundreds of tasks that start or lose a server at once read the map a few times")
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
            // Starting the cluster has read the map as well.
            let first = try await readings()
            try await flood()
            #expect(try await readings() - first <= 3)
            let old = try await cluster.master(ofSlot: Self.slot)
            try await old.kill()
            let before = try await readings()
            let start = ContinuousClock.now
            try await flood()
            let pauses = Int((ContinuousClock.now - start) / .milliseconds(25))
            // Three servers are queried each time, with a pause of at least 25 ms before the next time.
            let after = try await readings()
            #expect(after - before <= 3 * (pauses + 2), "\(after - before) readings")
            #expect(after - before < 200)
        }
    }

    @Test(
        "Fault 7, replies off by one: Callers that are cancelled while slots move never receive another caller's reply")
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
                            if let reply = try? await task.value { #expect(reply == number) }
                        }
                    }
                }
                for round in 0..<6 { try await cluster.move(slots: [Self.slot], to: cluster.servers[round % 3]) }
                isOver.set()
                try await group.waitForAll()
            }
        }
    }

    @Test("Fault 2, a stale topology: A client whose listed nodes have left the cluster finds the others")
    func replacedNodes() async throws {
        let cluster = try await RedisTestCluster.start { $0.replicasPerMaster = 0 }
        defer { cluster.stop() }
        let first = cluster.servers[0]
        try await withClient(cluster.url(listing: [first]), { $0.commandTimeout = .seconds(20) }) { client in
            for number in 0..<30 { try await client.set("key\(number)", "x") }
            // The listed node hands its slots over to a new node and leaves the cluster.
            let new = try await cluster.addNode()
            try await cluster.move(slots: 0..<60, to: new)
            _ = try await client.get("key1")
            try await first.kill()
            // Only the data of the removed node is lost; reads from the other nodes succeed.
            let key = try await (0..<1000).asyncFirst { number in
                try await cluster.servers[1].send("CLUSTER", "KEYSLOT", "other\(number)").int ?? 0 > 6000
            }
            for _ in 0..<20 { try await client.set("other\(try #require(key))", "x") }
        }
    }
}

/// A one-time event.
final class Flag: Sendable {
    private let state = Mutex(false)
    var isSet: Bool { state.withLock { $0 } }
    func set() { state.withLock { $0 = true } }
}
