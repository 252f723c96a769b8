// SPDX-License-Identifier: Apache-2.0

import NIOCore
import RedisTestSupport
import Testing

@testable import Redis

/// Faults that users of Redis clients commonly report, as far as one server can show them. The second one, a stale
/// topology, requires several servers.
@Suite("Client faults", .timeLimit(.minutes(2)))
struct ClientFaultTests {
    @Test("Fault 1, READONLY forever: A connection to a server that became a replica is replaced")
    func readOnlyForever() async throws {
        let master = try await RedisTestServer.start()
        let replica = try await RedisTestServer.start { $0.extra = ["replicaof 127.0.0.1 \(master.port)"] }
        // The behavior of a virtual address in a failover: new connections lead to the new master, old ones stay open.
        let proxy = try await FaultProxy.start(to: replica.port)
        try await withClient("redis://127.0.0.1:\(proxy.port)", { $0.pool.maxConnections = 1 }) { client in
            try await client.ping()
            proxy.target = master.port
            try await client.set("key", "value")
            try await client.set("key", "value")
            #expect(proxy.accepted == 2)
        }
        await proxy.stop()
        master.stop()
        replica.stop()
    }

    @Test("Fault 1, READONLY forever: A server that stays a replica is a prompt and clear error")
    func permanentReplica() async throws {
        let options = { (options: inout RedisTestServer.Options) in options.extra = ["replicaof 127.0.0.1 1"] }
        try await withServer(options, { $0.commandTimeout = .seconds(60) }) { _, client in
            let error = await redisError { try await client.set("key", "value") }
            #expect(error?.code == .readOnly)
            #expect(error?.mayHaveExecuted == false)
        }
    }

    @Test("Fault 3, half-open sockets: A silent server costs one time limit, not minutes")
    func halfOpen() async throws {
        let server = try await RedisTestServer.start()
        let proxy = try await FaultProxy.start(to: server.port)
        let limit = Duration.milliseconds(300)
        try await withClient("redis://127.0.0.1:\(proxy.port)", { $0.commandTimeout = limit }) { client in
            try await client.ping(timeout: .seconds(10))
            proxy.mode = .blackhole
            let error = await redisError { try await client.incr("n") }
            #expect(error?.code == .timedOut)
            #expect(error?.mayHaveExecuted == true)
            #expect(error?.message.contains("check before sending it again") == true)
            proxy.mode = .forward
            // The dead connection was closed, and a new one works.
            try await poll { try await client.ping(timeout: .seconds(5)) > .zero }
            #expect(proxy.accepted == 2)
        }
        await proxy.stop()
        server.stop()
    }

    @Test("Fault 3, half-open sockets: A paused server is detected and used again when it resumes")
    func pausedServer() async throws {
        try await withServer({ _ in }, { $0.commandTimeout = .milliseconds(300) }) { server, client in
            try await client.ping(timeout: .seconds(10))
            server.pause()
            let error = await redisError { try await client.ping() }
            #expect(error?.code == .timedOut)
            #expect(
                error?.message.contains("is idempotent") == true,
                "the message of a read-only command reports that it is idempotent")
            server.resume()
            try await client.ping(timeout: .seconds(10))
        }
    }

    @Test("Fault 3, half-open sockets: The health check finds a dead idle connection")
    func idleHealthCheck() async throws {
        let server = try await RedisTestServer.start()
        let proxy = try await FaultProxy.start(to: server.port)
        let configure = { (configuration: inout RedisConfiguration) in
            configuration.commandTimeout = .milliseconds(200)
            configuration.pool.healthCheckInterval = .milliseconds(50)
        }
        try await withClient("redis://127.0.0.1:\(proxy.port)", configure) { client in
            try await client.ping(timeout: .seconds(10))
            proxy.mode = .blackhole
            guard let topology = client.topology as? StandaloneTopology else { return }
            #expect(try await poll { topology.server.shared.counts.open == 0 })
        }
        await proxy.stop()
        server.stop()
    }

    @Test("Fault 4, dead pub/sub: Messages arrive again after a lost connection, following a gap")
    func pubSubReconnect() async throws {
        let server = try await RedisTestServer.start()
        let proxy = try await FaultProxy.start(to: server.port)
        try await withClient("redis://127.0.0.1:\(proxy.port)") { client in
            let subscription = try await client.subscribe(to: ["news"])
            var events = subscription.makeAsyncIterator()
            try await client.publish("before", to: "news")
            #expect(try await events.next() == .message(.init(channel: "news", payload: ByteBuffer(string: "before"))))
            await proxy.cut()
            #expect(try await events.next() == .gap)
            // When the gap is delivered, the subscription is active.
            #expect(try await client.publish("after", to: "news") == 1)
            #expect(try await events.next() == .message(.init(channel: "news", payload: ByteBuffer(string: "after"))))
        }
        await proxy.stop()
        server.stop()
    }

    @Test("Fault 4, dead pub/sub: A silently dead connection is detected and replaced")
    func pubSubSilentDeath() async throws {
        let server = try await RedisTestServer.start()
        let proxy = try await FaultProxy.start(to: server.port)
        let configure = { (configuration: inout RedisConfiguration) in
            configuration.commandTimeout = .milliseconds(300)
            configuration.connectTimeout = .milliseconds(500)
            configuration.pubSub.healthCheckInterval = .milliseconds(50)
        }
        try await withClient("redis://127.0.0.1:\(proxy.port)", configure) { client in
            let subscription = try await client.subscribe(to: ["news"], timeout: .seconds(10))
            var events = subscription.makeAsyncIterator()
            let connections = proxy.accepted
            proxy.mode = .blackhole
            // One check without a reply; the attempts to reconnect fail until bytes are forwarded again.
            try await poll { proxy.accepted > connections }
            proxy.mode = .forward
            #expect(try await events.next() == .gap)
        }
        await proxy.stop()
        server.stop()
    }

    @Test("Fault 5, storms: Many callers without a connection cause one attempt at a time with growing pauses")
    func connectStorm() async throws {
        let server = try await RedisTestServer.start()
        let proxy = try await FaultProxy.start(to: server.port)
        proxy.refusesConnections = true
        let configure = { (configuration: inout RedisConfiguration) in
            configuration.pool.maxConnections = 50
            configuration.pool.initialBackoff = .milliseconds(100)
            configuration.commandTimeout = .seconds(30)
        }
        try await withClient("redis://127.0.0.1:\(proxy.port)", configure) { client in
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<500 { group.addTask { try await client.incr("n") } }
                try await poll { proxy.accepted >= 3 }
                // Three attempts require two pauses of at least 50 ms; a storm would cause hundreds of attempts in that
                // time.
                #expect(proxy.accepted < 10)
                proxy.refusesConnections = false
                try await group.waitForAll()
            }
            #expect(try await client.get("n")?.int == 500)
            #expect(proxy.accepted < 60)
        }
        await proxy.stop()
        server.stop()
    }

    @Test("Fault 6, double execution: A command whose reply was lost is not sent again")
    func noDoubleExecution() async throws {
        let server = try await RedisTestServer.start()
        let proxy = try await FaultProxy.start(to: server.port)
        try await withClient("redis://127.0.0.1:\(proxy.port)") { client in
            try await client.ping()
            proxy.mode = .closeOnReply
            let error = await redisError { try await client.incr("n") }
            #expect(error?.code == .outcomeUnknown)
            #expect(error?.mayHaveExecuted == true)
            proxy.mode = .forward
            // The server had executed the command before the reply was lost: a second execution would be visible.
            #expect(try await client.get("n")?.int == 1)
            proxy.mode = .closeOnReply
            let results = try await client.pipeline([.incr("n"), .incr("n")])
            for case .failure(let error) in results { #expect(error.code == .outcomeUnknown) }
            #expect(results.count == 2)
            proxy.mode = .forward
            #expect(try await client.get("n")?.int == 3)
        }
        await proxy.stop()
        server.stop()
    }

    @Test("Fault 6, double execution: An idempotent command is sent again")
    func idempotentRetry() async throws {
        let server = try await RedisTestServer.start()
        let proxy = try await FaultProxy.start(to: server.port)
        try await withClient("redis://127.0.0.1:\(proxy.port)", { $0.commandTimeout = .seconds(20) }) { client in
            try await client.set("key", "value")
            proxy.mode = .closeOnReply
            async let value = client.get("key")
            try await poll { proxy.accepted >= 2 }
            proxy.mode = .forward
            #expect(try await value?.string == "value")
        }
        await proxy.stop()
        server.stop()
    }

    @Test("Fault 7, replies off by one: Cancelled commands do not affect the replies to others")
    func cancellation() async throws {
        try await withServer({ _ in }, { $0.pool.maxConnections = 1 }) { _, client in
            try await client.ping()
            for round in 0..<20 {
                let cancelled = (0..<10).map { index in
                    // Ends when its command is cancelled below.
                    Task { try await client.send("ECHO", "cancelled \(round) \(index)") }
                }
                async let kept = client.send("ECHO", "kept \(round)")
                for task in cancelled { task.cancel() }
                #expect(try await kept.string == "kept \(round)")
                for (index, task) in cancelled.enumerated() {
                    // It was cancelled, or completed first; the reply belongs to it in either case.
                    if let reply = try? await task.value { #expect(reply.string == "cancelled \(round) \(index)") }
                }
            }
            #expect(try await client.info("stats")["total_connections_received"].flatMap { Int($0) } ?? 9 <= 2)
        }
    }

    @Test("Fault 7, replies off by one: A command that timed out does not affect the replies to others")
    func timeouts() async throws {
        let configure = { (configuration: inout RedisConfiguration) in
            configuration.pool.maxConnections = 1
            configuration.commandTimeout = .seconds(20)
        }
        try await withServer({ _ in }, configure) { _, client in
            try await client.ping()
            async let slow = redisError {
                try await client.send(RedisCommand("DEBUG", "SLEEP", 0.5).timeout(.milliseconds(100)))
            }
            #expect(await slow?.code == .timedOut)
            #expect(try await client.send("ECHO", "next").string == "next")
            // The connection was slow, not dead, and is still open.
            let received = try await client.info("stats")["total_connections_received"]
            #expect(received.flatMap { Int($0) } ?? 9 <= 2)
        }
    }
}
