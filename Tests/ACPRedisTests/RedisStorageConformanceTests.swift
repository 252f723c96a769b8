// SPDX-License-Identifier: Apache-2.0

import ACPCore
import ACPRedis
import ACPStorage
import ACPStorageTesting
import Redis
import RedisTestSupport
import Testing

@Suite("Conformance of the Redis storage")
struct RedisStorageConformanceTests {
    static let servers = SharedServer()
    static let suite = StorageSuite(
        makeShortLived: {
            let url = try await servers.url
            return .init(try RedisStorage(url: url, timeToLive: .seconds(2), prefix: "short:"))
        },
        neighbor: .init(
            create: {
                try await withClient(try await servers.url) { client in
                    for name in neighbors { try await client.set(name, "untouched") }
                }
            },
            isUntouched: {
                try await withClient(try await servers.url) { client in
                    for name in neighbors where try await client.get(name)?.string != "untouched" { return false }
                    return true
                }
            }),
        makeStorage: { try RedisStorage(url: try await servers.url) }
    )

    /// Keys of other applications: with other prefixes that sort before and after this one, and with a longer one.
    static let neighbors = ["other:run:1", "acp", "acp-run:1", "acp:other:run:1", "acp:test:runs", "acpx:runs"]

    @Test("The storage passes the conformance check", arguments: StorageSuite.checks)
    func conformance(_ check: StorageCheck) async throws {
        try await check.run(on: Self.suite)
    }
}
