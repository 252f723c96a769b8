// SPDX-License-Identifier: Apache-2.0

import ACPStorage
import ACPStorageTesting
import Testing

@Suite("Memory storage conformance")
struct MemoryStorageConformanceTests {
    static let suite = StorageSuite(
        makeShortLived: {
            let clock = ManualClock()
            let storage = MemoryStorage(.init(timeToLive: .seconds(60)), now: clock.now)
            return .init(storage) { clock.advance(by: $0) }
        },
        timeout: .seconds(120),
        makeStorage: { MemoryStorage() }
    )

    @Test("The storage conforms", arguments: StorageSuite.checks)
    func conforms(_ check: StorageCheck) async throws {
        try await check.run(on: Self.suite)
    }
}
