// SPDX-License-Identifier: Apache-2.0

import ACPStorageTesting
import Foundation
import OwnBackend
import Synchronization
import Testing

@Suite("Conformance of the example backend")
struct JournalStorageConformanceTests {
    @Test("The storage conforms", arguments: StorageSuite.checks)
    func conforms(_ check: StorageCheck) async throws {
        try await withTemporaryFolder { folder in
            // Only one storage at a time can open a journal. A check can open further storages beside its first one:
            // these use a second file.
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
