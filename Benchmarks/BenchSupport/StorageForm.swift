// SPDX-License-Identifier: Apache-2.0

public import ACPStorage
import ACPPostgres
import ACPRedis
import ACPSQLite

/// Opens the storage that a text names: `memory`, `sqlite:PATH`, `redis://…`, `redis+cluster://…` or
/// `postgresql://…`, each with its defaults.
public func openStorage(_ form: String, runLimit: Int? = nil) throws -> any Storage {
    switch form.prefix(while: { $0 != ":" }) {
    case "memory": return try MemoryStorage(runLimit.map { .init(runLimit: $0) } ?? .init())
    case "sqlite": return try SQLiteStorage(path: String(form.dropFirst("sqlite:".count)))
    case "redis", "redis+cluster": return try RedisStorage(url: form)
    case "postgres", "postgresql": return try PostgresStorage(url: form)
    default:
        throw StorageError(
            .refused, "\(form) is not a storage: use memory, sqlite:PATH, redis://… or postgresql://…")
    }
}
