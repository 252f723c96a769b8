// SPDX-License-Identifier: Apache-2.0

import ACPPostgres
import ACPRedis
import ACPSQLite

extension SQLiteStorageStatistics {
    /// Prints a table, or JSON for programs.
    func print(asJSON json: Bool) throws {
        if json { return try Console.print(document: Document(self)) }
        var table = Table("TABLE", "ROWS")
        for entry in tables { table.add(Table.Cell(entry.name), "\(entry.rows)") }
        try table.print()
        try Console.print("\(path) has \(fileBytes) bytes (\(freeBytes) of them free), its log \(logBytes).")
    }

    private struct Document: Encodable {
        struct Count: Encodable {
            let name: String
            let rows: Int
        }

        let path: String
        let tables: [Count]
        let file_bytes: Int
        let log_bytes: Int
        let free_bytes: Int

        init(_ statistics: SQLiteStorageStatistics) {
            path = statistics.path
            tables = statistics.tables.map { Count(name: $0.name, rows: $0.rows) }
            file_bytes = statistics.fileBytes
            log_bytes = statistics.logBytes
            free_bytes = statistics.freeBytes
        }
    }
}

extension PostgresStorageStatistics {
    /// Prints a table, or JSON for programs.
    func print(asJSON json: Bool) throws {
        if json { return try Console.print(document: Document(self)) }
        var table = Table("TABLE", "ROWS", "BYTES")
        for entry in tables { table.add(Table.Cell(entry.name), "\(entry.rows)", "\(entry.bytes)") }
        try table.print()
    }

    private struct Document: Encodable {
        struct Count: Encodable {
            let name: String
            let rows: Int
            let bytes: Int
        }

        let tables: [Count]

        init(_ statistics: PostgresStorageStatistics) {
            tables = statistics.tables.map { Count(name: $0.name, rows: $0.rows, bytes: $0.bytes) }
        }
    }
}

extension RedisStorageStatistics {
    /// Prints a table, or JSON for programs.
    func print(asJSON json: Bool) throws {
        if json { return try Console.print(document: Document(self)) }
        var table = Table("KIND", "KEYS", "BYTES (ABOUT)")
        for kind in kinds { table.add(Table.Cell(kind.name), "\(kind.keys)", "\(kind.approximateBytes)") }
        table.add("all", "\(keys)", "\(approximateBytes)")
        try table.print()
        if let used = serverMemoryUsed {
            let limit = serverMemoryLimit.flatMap { $0 > 0 ? "\($0)" : nil } ?? "no limit"
            try Console.print("The server uses \(used) bytes (\(limit)).")
        }
    }

    private struct Document: Encodable {
        struct Kind: Encodable {
            let name: String
            let keys: Int
            let approximate_bytes: Int
        }

        let kinds: [Kind]
        let keys: Int
        let approximate_bytes: Int
        let server_memory_used: Int?
        let server_memory_limit: Int?

        init(_ statistics: RedisStorageStatistics) {
            kinds = statistics.kinds.map {
                Kind(name: $0.name, keys: $0.keys, approximate_bytes: $0.approximateBytes)
            }
            keys = statistics.keys
            approximate_bytes = statistics.approximateBytes
            server_memory_used = statistics.serverMemoryUsed
            server_memory_limit = statistics.serverMemoryLimit
        }
    }
}
