// SPDX-License-Identifier: Apache-2.0

import ACPStorageTesting
import Foundation
import OwnBackend
import Synchronization
import Testing

@Suite("The example backend keeps the promises of a storage")
struct JournalStorageConformanceTests {
    @Test("A promise", arguments: StorageSuite.checks)
    func promise(_ check: StorageCheck) async throws {
        try await withTemporaryFolder { folder in
            // A journal serves one storage at a time, and a check may open a second storage beside its first: that one gets
            // another file, the same each time it is opened.
            let isFirst = Mutex(true)
            let suite = StorageSuite {
                let name = isFirst.withLock { isFirst in
                    defer { isFirst = false }
                    return isFirst ? "first.journal" : "second.journal"
                }
                return try JournalStorage(path: folder.appending(path: name).path)
            }
            try await check.run(on: suite)
        }
    }
}
