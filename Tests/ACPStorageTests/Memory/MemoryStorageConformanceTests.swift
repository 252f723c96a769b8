// SPDX-License-Identifier: Apache-2.0

import ACPStorage
import ACPStorageTesting
import Testing

@Suite("Memory storage keeps the promises of a storage")
struct MemoryStorageConformanceTests {
    static let suite = StorageSuite(
        makeShortLived: {
            let clock = ManualClock()
            let storage = MemoryStorage(.init(timeToLive: .seconds(60)), now: clock.now)
            return .init(storage) { clock.advance(by: $0) }
        },
        patience: .seconds(120),
        makeStorage: { MemoryStorage() }
    )

    @Test("A promise", arguments: StorageSuite.checks)
    func promise(_ check: StorageCheck) async throws {
        try await check.run(on: Self.suite)
    }
}
