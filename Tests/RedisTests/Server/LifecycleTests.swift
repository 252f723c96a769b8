// SPDX-License-Identifier: Apache-2.0

import InMemoryTracing
import Logging
import MetricsTestKit
import RedisTestSupport
import ServiceLifecycle
import Testing
import Tracing

@testable import Redis

@Suite("Client lifecycle", .timeLimit(.minutes(2)))
struct LifecycleTests {
    @Test("A closed client refuses commands")
    func closed() async throws {
        try await withServer { _, client in
            try await client.ping()
            await client.close()
            await client.close()
            for error in [
                await redisError { try await client.ping() },
                await redisError { try await client.pipeline([.get("a")]) },
                await redisError { try await client.withConnection { _ in } },
            ] {
                #expect(error?.code == .closed)
            }
        }
    }

    @Test("A graceful shutdown completes commands in flight")
    func graceful() async throws {
        try await withServer { server, client in
            try await client.ping()
            let pool = try #require((client.topology as? StandaloneTopology)?.server.shared)
            // The ping is counted until the pool has processed its end.
            try await poll { pool.counts.inFlight == 0 }
            async let slow = client.send("EVAL", "for i = 1, 3000000 do end return 'done'", 0)
            try await poll { pool.counts.inFlight == 1 }
            await client.shutdownGracefully()
            #expect(try await slow.string == "done")
            try await withClient(server.url) { other in
                let clients = try await other.send("CLIENT", "LIST").string ?? ""
                #expect(clients.split(whereSeparator: \.isNewline).count == 1)
            }
        }
    }

    @Test("A client that runs as a service opens the minimum of connections and ends with the group")
    func service() async throws {
        try await withServer({ _ in }, { $0.pool.minIdleConnections = 2 }) { _, client in
            let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
            let group = ServiceGroup(services: [client], logger: logger)
            try await withThrowingTaskGroup(of: Void.self) { tasks in
                tasks.addTask { try await group.run() }
                try await poll { (client.topology as? StandaloneTopology)?.server.shared.counts.open == 2 }
                await group.triggerGracefulShutdown()
                try await tasks.waitForAll()
            }
            #expect(await redisError { try await client.ping() }?.code == .closed)
        }
    }

    @Test("A released client closes its connections")
    func forgotten() async throws {
        let server = try await RedisTestServer.start()
        try await withClient(server.url) { witness in
            func useOnce() async throws {
                let client = try RedisClient(url: server.url)
                try await client.ping()
            }
            try await useOnce()
            #expect(
                try await poll {
                    let clients = try await witness.send("CLIENT", "LIST").string ?? ""
                    return clients.split(whereSeparator: \.isNewline).count == 1
                })
        }
        server.stop()
    }

    @Test("A cancelled caller stops waiting for a connection")
    func cancelledWaiter() async throws {
        let port = try FreePort.find()
        try await withClient("redis://127.0.0.1:\(port)", { $0.commandTimeout = .seconds(600) }) { client in
            // Ends when its command is cancelled below.
            let task = Task { try await client.incr("n") }
            let pool = (client.topology as? StandaloneTopology)?.server.shared
            try await poll { pool?.counts.waiting == 1 }
            task.cancel()
            let error = await redisError { try await task.value }
            #expect(error?.code == .cancelled)
            #expect(pool?.counts.waiting == 0)
        }
    }

    @Test("Metrics count commands, errors, durations and connections")
    func metrics() async throws {
        let factory = TestMetrics()
        try await withServer({ _ in }, { $0.metricsFactory = factory }) { _, client in
            try await client.set("a", "text")
            _ = try await client.pipeline([.get("a"), .get("a"), .incr("a")])
            _ = await redisError { try await client.llen("a") }
        }
        #expect(try factory.expectCounter("redis_client_commands").totalValue == 5)
        #expect(try factory.expectCounter("redis_client_errors", [("code", "serverError")]).totalValue == 2)
        #expect(try factory.expectTimer("redis_client_latency").values.count == 3)
        #expect(try factory.expectGauge("redis_client_connections", [("pool", "shared")]).values.contains(1))
    }

    @Test("Spans contain the command's name but no arguments")
    func spans() async throws {
        let tracer = InMemoryTracer()
        try await withServer({ _ in }, { $0.tracer = tracer }) { _, client in
            try await client.set("secret-key", "secret-value")
            _ = try await client.pipeline([.get("secret-key"), .get("secret-key")])
            _ = await redisError { try await client.llen("secret-key") }
        }
        let spans = tracer.finishedSpans
        #expect(spans.map(\.operationName) == ["SET", "PIPELINE", "LLEN"])
        #expect(spans.allSatisfy { $0.attributes.get("db.system") == "redis" })
        #expect(spans.last?.attributes.get("error.type") == "serverError")
        #expect(!"\(spans)".contains("secret-key"))
    }
}
