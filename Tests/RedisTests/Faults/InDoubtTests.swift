// SPDX-License-Identifier: Apache-2.0

import RedisTestSupport
import Testing

@testable import Redis

/// Idempotent commands whose first reply was lost: whatever the result of the retry, the first attempt may have been
/// executed.
@Suite("Fault 6, double execution: In-doubt commands", .timeLimit(.minutes(5)))
struct InDoubtTests {
    /// Drops the reply to the operation, then calls a closure before the retry succeeds.
    private static func withLostReply<Value: Sendable>(
        _ send: @escaping @Sendable (RedisClient) async throws -> Value,
        then body: (RedisTestServer, FaultProxy, Task<Value, any Error>) async throws -> Void
    ) async throws {
        let server = try await RedisTestServer.start()
        let proxy = try await FaultProxy.start(to: server.port)
        try await withClient("redis://127.0.0.1:\(proxy.port)", { $0.commandTimeout = .seconds(30) }) { client in
            try await client.ping()
            proxy.mode = .closeOnReply
            // Ends with its command, in the closure.
            let task = Task { try await send(client) }
            // The first connection is lost, so the command is being retried.
            #expect(try await poll { proxy.accepted >= 2 })
            try await body(server, proxy, task)
        }
        await proxy.stop()
        server.stop()
    }

    @Test("A command that is refused on retry is still in doubt")
    func refused() async throws {
        try await Self.withLostReply({ try await $0.send(RedisCommand.set("key", "value").idempotent) }) {
            server, proxy, task in
            _ = try await server.send("CONFIG", "SET", "maxmemory", "1")
            proxy.mode = .forward
            let error = await redisError { try await task.value }
            #expect(error?.code == .outOfMemory)
            #expect(error?.serverReply?.prefix == "OOM")
            #expect(error?.mayHaveExecuted == true)
            #expect(try await server.send("GET", "key").string == "value", "the command was not executed")
        }
    }

    @Test("Each command of a pipeline that is refused on retry is still in doubt")
    func pipelineRefused() async throws {
        try await Self.withLostReply({
            try await $0.pipeline([RedisCommand.set("key", "value").idempotent, RedisCommand.get("key")])
        }) { server, proxy, task in
            _ = try await server.send("CONFIG", "SET", "maxmemory", "1")
            proxy.mode = .forward
            let results = try await task.value
            guard case .failure(let error) = results[0] else {
                Issue.record("the command was accepted")
                return
            }
            #expect(error.serverReply?.prefix == "OOM" && error.mayHaveExecuted)
            #expect(try results[1].get().string == "value")
        }
    }

    @Test("A command that cannot be sent again is still in doubt")
    func unreachable() async throws {
        let send = { @Sendable (client: RedisClient) in
            try await client.send(RedisCommand.set("key", "value").idempotent.timeout(.seconds(1)))
        }
        try await Self.withLostReply(send) { _, proxy, task in
            proxy.refusesConnections = true
            await proxy.cut()
            let error = await redisError { try await task.value }
            #expect(error?.mayHaveExecuted == true, "\(String(describing: error))")
        }
    }

    @Test("A caller that is cancelled during a retry receives an in-doubt error")
    func cancelled() async throws {
        try await Self.withLostReply({ try await $0.send(RedisCommand.set("key", "value").idempotent) }) {
            _, _, task in
            task.cancel()
            let error = await redisError { try await task.value }
            #expect(error?.code == .cancelled && error?.mayHaveExecuted == true, "\(String(describing: error))")
        }
    }

    @Test("A client that is closed during a retry leaves the command in doubt")
    func closed() async throws {
        let server = try await RedisTestServer.start()
        let proxy = try await FaultProxy.start(to: server.port)
        try await withClient("redis://127.0.0.1:\(proxy.port)", { $0.commandTimeout = .seconds(30) }) { client in
            try await client.ping()
            proxy.mode = .closeOnReply
            async let error = redisError { try await client.send(RedisCommand.set("key", "value").idempotent) }
            #expect(try await poll { proxy.accepted >= 2 })
            await client.close()
            #expect(await error?.mayHaveExecuted == true)
        }
        await proxy.stop()
        server.stop()
    }
}
