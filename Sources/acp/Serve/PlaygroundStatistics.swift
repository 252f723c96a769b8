// SPDX-License-Identifier: Apache-2.0

import ACPCore
import ACPPostgres
import ACPRedis
import ACPSQLite
import ACPStorage

extension Storage {
    /// Returns figures about the storage for the playground, or `nil` if it has none.
    var playgroundStatistics: (@Sendable () async throws -> JSONObject)? {
        switch self {
        case let storage as SQLiteStorage: { try await storage.statistics().playgroundFigures }
        case let storage as RedisStorage: { try await storage.statistics().playgroundFigures }
        case let storage as PostgresStorage: { try await storage.statistics().playgroundFigures }
        default: nil
        }
    }
}

extension SQLiteStorageStatistics {
    fileprivate var playgroundFigures: JSONObject {
        let tables = tables.map { JSONValue.object(["name": .string($0.name), "rows": .integer(Int64($0.rows))]) }
        return [
            "storage": "SQLite", "file_bytes": .integer(Int64(fileBytes)), "free_bytes": .integer(Int64(freeBytes)),
            "log_bytes": .integer(Int64(logBytes)), "tables": .array(tables),
        ]
    }
}

extension RedisStorageStatistics {
    fileprivate var playgroundFigures: JSONObject {
        let kinds = kinds.map {
            JSONValue.object([
                "name": .string($0.name), "keys": .integer(Int64($0.keys)),
                "bytes": .integer(Int64($0.approximateBytes)),
            ])
        }
        var figures: JSONObject = [
            "storage": "Redis", "keys": .integer(Int64(keys)), "bytes": .integer(Int64(approximateBytes)),
        ]
        if let serverMemoryUsed { figures["server_memory_bytes"] = .integer(Int64(serverMemoryUsed)) }
        figures["kinds"] = .array(kinds)
        return figures
    }
}

extension PostgresStorageStatistics {
    fileprivate var playgroundFigures: JSONObject {
        let tables = tables.map {
            JSONValue.object([
                "name": .string($0.name), "rows": .integer(Int64($0.rows)), "bytes": .integer(Int64($0.bytes)),
            ])
        }
        return ["storage": "PostgreSQL", "tables": .array(tables)]
    }
}
