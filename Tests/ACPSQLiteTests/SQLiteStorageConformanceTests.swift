// SPDX-License-Identifier: Apache-2.0

import ACPSQLite
import ACPStorage
import ACPStorageTesting
import GRDB
import Synchronization
import Testing

@Suite("Conformance of the SQLite storage")
struct SQLiteStorageConformanceTests {
    /// A file can be open in one storage at a time, and a check may open a second one: that one gets another file, the
    /// same each time it is opened.
    @Test("The storage passes the conformance check", arguments: StorageSuite.checks)
    func conformance(_ check: StorageCheck) async throws {
        let folder = try TemporaryFolder()
        let opened = Mutex(0)
        let suite = StorageSuite(neighbor: neighbor(folder.path("first.sqlite"))) {
            let number = opened.withLock { opened in
                opened += 1
                return opened
            }
            return try SQLiteStorage(path: folder.path(number == 1 ? "first.sqlite" : "second.sqlite"))
        }
        try await check.run(on: suite)
    }

    /// A table of another program in the same file.
    private func neighbor(_ path: String) -> StorageSuite.Neighbor {
        .init(
            create: {
                try await DatabaseQueue(path: path).write { db in
                    try db.execute(sql: "CREATE TABLE acpx (a TEXT); INSERT INTO acpx VALUES ('untouched')")
                }
            },
            isUntouched: {
                try await DatabaseQueue(path: path).read { db in
                    try String.fetchAll(db, sql: "SELECT a FROM acpx") == ["untouched"]
                }
            })
    }
}
