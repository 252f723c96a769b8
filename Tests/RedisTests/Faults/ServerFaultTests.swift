// SPDX-License-Identifier: Apache-2.0

import RedisTestSupport
import Testing

@testable import Redis

@Suite("Server faults", .timeLimit(.minutes(2)))
struct ServerFaultTests {
    @Test("A killed server is used again after its restart, and no command is executed twice")
    func killAndRestart() async throws {
        try await withServer({ $0.appendOnly = true }, { $0.commandTimeout = .seconds(20) }) { server, client in
            let outcome = try await withThrowingTaskGroup(of: (Int, Int).self) { group in
                for caller in 0..<8 {
                    group.addTask {
                        var (acknowledged, unknown) = (0, 0)
                        for _ in 0..<200 {
                            do {
                                try await client.incr("n\(caller % 2)")
                                acknowledged += 1
                            } catch let error as RedisError {
                                #expect(error.mayHaveExecuted, "\(error)")
                                unknown += 1
                            }
                        }
                        return (acknowledged, unknown)
                    }
                }
                try await poll { try await client.get("n0")?.int ?? 0 > 50 }
                try await server.restart()
                return try await group.reduce(into: (0, 0)) { $0 = ($0.0 + $1.0, $0.1 + $1.1) }
            }
            let counted = try await client.mget(["n0", "n1"]).reduce(0) { $0 + ($1?.int ?? 0) }
            // All acknowledged writes are present, and no more than were sent.
            #expect(counted >= outcome.0)
            #expect(counted <= outcome.0 + outcome.1)
        }
    }

    @Test("Without a server, a command fails at its time limit with the remedy")
    func noServer() async throws {
        let port = try FreePort.find()
        try await withClient("redis://127.0.0.1:\(port)", { $0.commandTimeout = .milliseconds(200) }) { client in
            let error = await redisError { try await client.incr("n") }
            #expect(error?.code == .connectFailed)
            #expect(error?.mayHaveExecuted == false)
            #expect(error?.message.contains("\(port)") == true)
            let subscribing = await redisError { try await client.subscribe(to: ["news"]) }
            #expect(subscribing?.code == .connectFailed)
        }
    }

    @Test("Commands wait for a server that starts late")
    func lateServer() async throws {
        let server = try await RedisTestServer.start()
        try await server.kill()
        try await withClient(server.url, { $0.commandTimeout = .seconds(20) }) { client in
            async let reply = client.incr("n")
            try await server.restart()
            #expect(try await reply == 1)
        }
        server.stop()
    }

    @Test("A server without memory refuses writes with the right code and serves reads")
    func outOfMemory() async throws {
        try await withServer({ $0.maxMemory = 2 << 20 }) { _, client in
            let value = String(repeating: "x", count: 100_000)
            var error: RedisError?
            for index in 0..<100 where error == nil {
                error = await redisError { try await client.set("key\(index)", value) }
            }
            #expect(error?.code == .outOfMemory)
            #expect(error?.mayHaveExecuted == false)
            let first = try await client.get("key0")
            #expect(first?.string == value)
        }
    }

    @Test("A paused server (CLIENT PAUSE) delays commands without losing any")
    func clientPause() async throws {
        try await withServer({ _ in }, { $0.commandTimeout = .seconds(20) }) { _, client in
            try await client.send("CLIENT", "PAUSE", 300, "ALL")
            let results = try await client.pipeline((0..<10).map { _ in .incr("n") })
            #expect(try results.last?.get().int == 10)
        }
    }

    @Test("A server that is not Redis is a clear error")
    func noRedis() async throws {
        // A TLS server either waits for a TLS handshake or replies with data that is not RESP.
        let server = try await RedisTestServer.start { $0.tls = true }
        let configure = { (configuration: inout RedisConfiguration) in
            configuration.connectTimeout = .milliseconds(300)
            configuration.commandTimeout = .seconds(2)
        }
        try await withClient("redis://127.0.0.1:\(server.port)", configure) { client in
            let error = await redisError { try await client.ping() }
            #expect(error?.message.contains("rediss://") == true, "\(String(describing: error))")
        }
        server.stop()
    }

    @Test("An exhausted pool fails with a clear error at the time limit")
    func exhausted() async throws {
        let configure = { (configuration: inout RedisConfiguration) in
            configuration.pool.maxConnections = 1
            configuration.pool.maxCommandsPerConnection = 1
            configuration.commandTimeout = .seconds(20)
        }
        try await withServer({ _ in }, configure) { _, client in
            try await client.ping()
            async let slow = client.send("DEBUG", "SLEEP", 0.5)
            try await poll { try await hasStarted(client) }
            _ = try await slow
        }

        func hasStarted(_ client: RedisClient) async throws -> Bool {
            let probe = await redisError { try await client.send(RedisCommand("PING").timeout(.milliseconds(20))) }
            return probe?.code == .poolExhausted
        }
    }

    @Test("A connection that the server closes is replaced without an error")
    func closedByServer() async throws {
        try await withServer { _, client in
            let pool = (client.topology as? StandaloneTopology)?.server.shared
            for _ in 0..<20 {
                try await client.incr("n")
                try await client.withConnection { connection in
                    _ = try await connection.send("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
                }
                try await poll { pool?.counts.open == 0 }
            }
            let count = try await client.get("n")
            #expect(count?.int == 20)
        }
    }
}
