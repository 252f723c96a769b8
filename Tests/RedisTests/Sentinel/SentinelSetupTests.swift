// SPDX-License-Identifier: Apache-2.0

import RedisTestSupport
import Testing

@testable import Redis

@Suite("Sentinel setups", .serialized, .timeLimit(.minutes(5)))
struct SentinelSetupTests {
    @Test("Users and passwords of servers and Sentinels and TLS to both work, with clear errors if they are wrong")
    func secured() async throws {
        let setup = try await RedisTestSentinels.start {
            $0.credentials = RedisCredentials(username: "worker", password: "s3cret")
            $0.sentinelPassword = "watch"
            $0.tls = true
        }
        defer { setup.stop() }
        try await withClient(setup.url) { client in
            try await client.set("a", "1")
            #expect(try await client.get("a")?.string == "1")
            let subscription = try await client.subscribe(to: ["c"])
            try await client.publish("m", to: "c")
            for try await event in subscription {
                if case .message(let message) = event { #expect(message.text == "m") }
                break
            }
        }
        let wrong = [
            (setup.url.replacing("s3cret", with: "guess-1"), "guess-1", "password"),
            (setup.url.replacing("watch", with: "guess-2"), "guess-2", "sentinel_password"),
            (setup.url.replacing("sentinel_password=watch&", with: ""), "s3cret", "sentinel_password"),
        ]
        for (url, secret, remedy) in wrong {
            try await withClient(url, { $0.commandTimeout = .seconds(10) }) { client in
                let error = await redisError { try await client.ping() }
                #expect(error?.code == .authenticationFailed, "\(String(describing: error))")
                #expect(error?.message.contains(remedy) == true, "\(String(describing: error))")
                #expect(!"\(String(describing: error))".contains(secret))
            }
        }
    }

    @Test(
        "Unreachable Sentinels are skipped, and an unknown master or a server that is not a Sentinel is a clear error"
    )
    func mistakes() async throws {
        let setup = try await RedisTestSentinels.start()
        defer { setup.stop() }
        try await withClient(setup.url.replacing("mymaster", with: "other")) { client in
            let error = await redisError { try await client.ping() }
            #expect(error?.code == .invalidConfiguration)
            #expect(error?.message.contains("\"other\"") == true)
        }
        let master = try #require(try await setup.master())
        try await withClient("redis+sentinel://127.0.0.1:\(master.port)/mymaster") { client in
            let error = await redisError { try await client.ping() }
            #expect(error?.code == .invalidConfiguration)
            #expect(error?.message.contains("not a Sentinel") == true, "\(String(describing: error))")
        }
        try await setup.sentinels[0].kill()
        try await setup.sentinels[1].kill()
        try await withClient(setup.url) { client in
            try await client.set("a", "1")
            #expect(try await client.get("a")?.string == "1")
        }
        try await setup.sentinels[2].kill()
        try await withClient(setup.url, { $0.commandTimeout = .seconds(1) }) { client in
            let error = await redisError { try await client.ping() }
            #expect(error?.code == .connectFailed)
            #expect(error?.message.contains("\(setup.sentinels[2].port)") == true, "\(String(describing: error))")
        }
    }

    @Test("Reads are sent to replicas if configured, and a replica that fails costs no read")
    func replicaReads() async throws {
        let setup = try await RedisTestSentinels.start()
        defer { setup.stop() }
        let master = try #require(try await setup.master())
        let replicas = setup.servers.filter { $0 !== master }
        try await withClient(setup.url + "?read_from=replicas") { client in
            try await client.set("a", "1")
            #expect(try await Self.readsReachReplicas(client, replicas), "no read went to a replica")
            #expect(try await poll { try await client.get("a")?.string == "1" })
            try await client.set("a", "2")
            let current = try await client.send(RedisCommand.get("a").onMaster)
            #expect(current.string == "2")
            try await replicas[0].kill()
            for _ in 0..<50 {
                let value = try await client.get("a")
                #expect(value != nil)
            }
        }
    }

    private static func readsReachReplicas(_ client: RedisClient, _ replicas: [RedisTestServer]) async throws -> Bool {
        try await poll {
            _ = try await client.get("a")
            for replica in replicas {
                let text = try await replica.send("INFO", "commandstats").string ?? ""
                if text.contains("cmdstat_get:") { return true }
            }
            return false
        }
    }
}
