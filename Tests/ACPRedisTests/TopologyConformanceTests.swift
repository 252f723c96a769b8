// SPDX-License-Identifier: Apache-2.0

import ACPCore
import ACPRedis
import ACPStorage
import ACPStorageTesting
import Redis
import RedisTestSupport
import Testing

/// Servers that are started by the first test that uses them, for tests that leave them intact.
actor SharedTopology<Setup: Sendable> {
    private let start: @Sendable () async throws -> Setup
    private var starting: Task<Setup, any Error>?

    init(_ start: @escaping @Sendable () async throws -> Setup) { self.start = start }

    var setup: Setup {
        get async throws {
            // Concurrent tests receive the same servers. The task ends when the servers have started; they end with the
            // test process.
            let task = starting ?? Task { try await self.start() }
            starting = task
            return try await task.value
        }
    }
}

/// Returns the conformance suite for servers at a URL.
private func suite(_ url: @escaping @Sendable () async throws -> String) -> StorageSuite {
    StorageSuite(
        makeShortLived: { .init(try RedisStorage(url: try await url(), timeToLive: .seconds(2), prefix: "short:")) },
        neighbor: .init(
            create: {
                try await withClient(try await url()) { client in
                    for name in RedisStorageConformanceTests.neighbors { try await client.set(name, "untouched") }
                }
            },
            isUntouched: {
                try await withClient(try await url()) { client in
                    for name in RedisStorageConformanceTests.neighbors
                    where try await client.get(name)?.string != "untouched" { return false }
                    return true
                }
            }),
        makeStorage: { try RedisStorage(url: try await url()) }
    )
}

@Suite("Conformance of the Redis storage behind Sentinel")
struct SentinelConformanceTests {
    static let servers = SharedTopology { try await RedisTestSentinels.start() }
    static let suite = ACPRedisTests.suite { try await servers.setup.url }

    @Test("The storage passes the conformance check", arguments: StorageSuite.checks)
    func conformance(_ check: StorageCheck) async throws {
        try await check.run(on: Self.suite)
    }
}

@Suite("Conformance of the Redis storage on a cluster")
struct ClusterConformanceTests {
    static let servers = SharedTopology { try await RedisTestCluster.start() }
    static let suite = ACPRedisTests.suite { try await servers.setup.url }

    @Test("The storage passes the conformance check", arguments: StorageSuite.checks)
    func conformance(_ check: StorageCheck) async throws {
        try await check.run(on: Self.suite)
    }
}
