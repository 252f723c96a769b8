// SPDX-License-Identifier: Apache-2.0

import RedisTestSupport
import Testing

@testable import Redis

@Suite("Cluster setups", .serialized, .timeLimit(.minutes(5)))
struct ClusterSetupTests {
    @Test("Users, passwords and TLS work, with clear errors if they are wrong")
    func secured() async throws {
        let cluster = try await RedisTestCluster.start {
            $0.credentials = RedisCredentials(username: "worker", password: "s3cret")
            $0.tls = true
            $0.replicasPerMaster = 0
        }
        defer { cluster.stop() }
        try await withClient(cluster.url) { client in
            let results = try await client.pipeline((0..<60).map { .set("key\($0)", "\($0)") })
            #expect(results.allSatisfy { (try? $0.get()) != nil })
            #expect(try await client.mget((0..<60).map { "key\($0)" }).map { $0?.int } == Array(0..<60))
            let subscription = try await client.ssubscribe(to: ["a", "b", "c", "d"])
            try await client.spublish("m", to: "c")
            for try await event in subscription {
                if case .message(let message) = event { #expect(message.channel == "c") }
                break
            }
        }
        try await withClient(cluster.url.replacing("s3cret", with: "guess")) { client in
            let error = await redisError { try await client.get("a") }
            #expect(error?.code == .authenticationFailed)
            #expect(!"\(String(describing: error))".contains("guess"))
            let subscribing = await redisError { try await client.ssubscribe(to: ["a"]) }
            #expect(subscribing?.code == .authenticationFailed, "\(String(describing: subscribing))")
        }
    }

    @Test("A client finds the cluster through any listed node, and reports if none is reachable")
    func deadNodes() async throws {
        let cluster = try await RedisTestCluster.start { $0.replicasPerMaster = 0 }
        defer { cluster.stop() }
        let ports = try (0..<3).map { _ in try FreePort.find() }.map { "127.0.0.1:\($0)" }
        let some = "redis+cluster://" + (ports + ["127.0.0.1:\(cluster.servers[1].port)"]).joined(separator: ",")
        try await withClient(some) { client in
            for number in 0..<30 { try await client.set("key\(number)", "x") }
            var pages = 0
            for try await keys in client.scan(match: "key*") { pages += keys.isEmpty ? 0 : 1 }
            #expect(pages == 30)
            #expect(try await client.masters().count == 3)
        }
        try await withClient(
            "redis+cluster://" + ports.joined(separator: ","), { $0.commandTimeout = .seconds(1) }
        ) { client in
            let error = await redisError { try await client.get("a") }
            #expect(error?.code == .connectFailed)
            #expect(error?.message.contains(ports[2]) == true, "\(String(describing: error))")
        }
    }

    @Test("A cluster URL for a standalone server, and the reverse, are clear errors")
    func noCluster() async throws {
        let server = try await RedisTestServer.start()
        try await withClient("redis+cluster://127.0.0.1:\(server.port)") { client in
            let error = await redisError { try await client.get("a") }
            #expect(error?.code == .invalidConfiguration)
            #expect(error?.message.contains("not in cluster mode") == true)
        }
        server.stop()
        let cluster = try await RedisTestCluster.start { $0.replicasPerMaster = 0 }
        defer { cluster.stop() }
        let other = try await cluster.servers.asyncFirst { try await cluster.master(ofKey: "a") !== $0 }
        try await withClient(try #require(other).url) { client in
            let error = await redisError { try await client.get("a") }
            #expect(error?.code == .redirected)
            #expect(error?.message.contains("redis+cluster://") == true)
        }
    }

    @Test("Nodes that announce host names are reached by these names")
    func announcedNames() async throws {
        let cluster = try await RedisTestCluster.start {
            $0.replicasPerMaster = 0
            $0.extra = ["cluster-announce-hostname localhost", "cluster-preferred-endpoint-type hostname"]
        }
        defer { cluster.stop() }
        try await withClient(cluster.url) { client in
            for number in 0..<30 { try await client.set("key\(number)", "x") }
            let hosts = try await client.masters().map { "\($0.address)".prefix { $0 != ":" } }
            #expect(Set(hosts) == ["localhost"])
            // A redirection contains the host names as well.
            let slot = HashSlot(ofKey: "key1").number
            let source = try await cluster.master(ofSlot: slot)
            let target = try #require(cluster.servers.first { $0 !== source })
            try await cluster.move(slots: [slot], to: target)
            #expect(try await client.get("key1")?.string == "x")
        }
    }

    @Test("A single lost connection causes one reading of the map and no polling")
    func lostConnection() async throws {
        let cluster = try await RedisTestCluster.start { $0.replicasPerMaster = 0 }
        defer { cluster.stop() }
        func readings() async throws -> Int {
            var sum = 0
            for server in cluster.servers {
                let text = try await server.send("INFO", "commandstats").string ?? ""
                for line in text.split(whereSeparator: \.isNewline) where line.hasPrefix("cmdstat_cluster|shards:") {
                    sum += Int(line.split(separator: "=")[1].prefix { $0 != "," }) ?? 0
                }
            }
            return sum
        }
        try await withClient(cluster.url) { client in
            for number in 0..<30 { try await client.set("key\(number)", "x") }
            for server in cluster.servers { try await server.send("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes") }
            // The lookups are complete when their number no longer grows.
            var last = -1
            let isOver = try await poll(for: .seconds(20), every: .seconds(1)) {
                let now = try await readings()
                defer { last = now }
                return now == last
            }
            #expect(isOver, "the client continues to read the map")
        }
    }

    @Test("Reads are sent to replicas if configured, and to the master when replicas are down")
    func replicaReads() async throws {
        let cluster = try await RedisTestCluster.start { $0.masters = 3 }
        defer { cluster.stop() }
        try await withClient(cluster.url + "?read_from=replicas") { client in
            try await client.set("a", "1")
            let replica = try await cluster.replica(of: try await cluster.master(ofKey: "a"))
            let arrived = try await poll {
                _ = try await client.get("a")
                return try await replica.send("INFO", "commandstats").string?.contains("cmdstat_get:") == true
            }
            #expect(arrived, "no read went to the replica")
            #expect(try await poll { try await client.get("a")?.string == "1" })
            try await replica.kill()
            for _ in 0..<50 { #expect(try await client.get("a")?.string == "1") }
        }
    }
}
