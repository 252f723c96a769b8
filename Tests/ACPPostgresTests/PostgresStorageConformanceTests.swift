// SPDX-License-Identifier: Apache-2.0

import ACPPostgres
import ACPStorage
import ACPStorageTesting
import Testing

@Suite("Conformance of the PostgreSQL storage")
struct PostgresStorageConformanceTests {
    static let suite = StorageSuite(
        neighbor: .init(
            create: {
                try await SharedServer.shared.server.sql(
                    "DROP TABLE IF EXISTS acpx; CREATE TABLE acpx AS SELECT 'untouched' AS word")
            },
            isUntouched: { try await SharedServer.shared.server.sql("SELECT word FROM acpx") == "untouched" }),
        makeStorage: {
            // Several storages are open at the same time.
            var configuration = PostgresStorage.Configuration(url: try await SharedServer.shared.server.url)
            configuration.maximumConnections = 4
            return try PostgresStorage(configuration)
        }
    )

    @Test("The storage passes the conformance check", arguments: StorageSuite.checks)
    func conformance(_ check: StorageCheck) async throws {
        try await check.run(on: Self.suite)
    }
}
