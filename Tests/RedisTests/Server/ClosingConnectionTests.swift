// SPDX-License-Identifier: Apache-2.0

import MetricsTestKit
import NIOCore
import NIOPosix
import RedisTestSupport
import Synchronization
import Testing

@testable import Redis

@Suite("Closing connections", .timeLimit(.minutes(2)))
struct ClosingConnectionTests {
    @Test("A caller that waits for a connection while one closes is not forgotten")
    func waiterDuringClose() async throws {
        try await withServer { server, client in
            let asker = Asker()
            var hooks = PoolHooks()
            hooks.connectionFailed = { _ in asker.askOnce() }
            let pool = ConnectionPool(
                .requests, factory: try ConnectionFactory(try RedisConfiguration(url: server.url)),
                settings: PoolStateMachine.Settings(
                    maxConnections: 1, minIdle: 0, growthThreshold: 100, maxPerConnection: 100, maxWaiters: 10,
                    idleTimeout: .minutes(1), healthCheckInterval: .minutes(1), initialBackoff: .milliseconds(1),
                    maxBackoff: .milliseconds(10)),
                group: MultiThreadedEventLoopGroup.singleton, metrics: RedisMetrics(TestMetrics()).pool, hooks: hooks)
            asker.pool.withLock { $0 = pool }
            pool.release(try await pool.acquire(deadline: .now() + .seconds(30)))
            try await client.send("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
            #expect(try await poll { asker.isAnswered })
            await pool.shutdown(deadline: .now() + .seconds(1))
        }
    }
}

/// Asks for a connection at the moment at which the pool learns that its only connection has closed.
private final class Asker: Sendable {
    let pool = Mutex<ConnectionPool?>(nil)
    private let hasAsked = Atomic(false)
    private let hasAnswer = Atomic(false)

    var isAnswered: Bool { hasAnswer.load(ordering: .acquiring) }

    /// Returns when the pool has decided about the caller.
    func askOnce() {
        guard let pool = pool.withLock({ $0 }), !hasAsked.exchange(true, ordering: .acquiringAndReleasing) else {
            return
        }
        // Ends with the answer, which the test waits for.
        Task {
            _ = try? await pool.acquire(deadline: .now() + .seconds(30))
            hasAnswer.store(true, ordering: .releasing)
        }
        while !isAnswered, pool.counts.inFlight < 2 {}
    }
}
