// SPDX-License-Identifier: Apache-2.0

import ACPPostgres
import ACPRedis
import ACPSQLite
import ACPStorage
import Foundation
import Logging

/// Which storage to use, as the command line says it.
enum StorageSpecification: Equatable {
    /// In memory: gone when the server ends.
    case memory
    /// In a SQLite file, the one in the user's data folder if none is named.
    case sqlite(path: String?)
    /// In Redis, at a URL, or where `REDIS_URL` says.
    case redis(url: String?)
    /// In PostgreSQL, at a URL, or where `DATABASE_URL` says.
    case postgres(url: String?)

    /// The accepted forms, for help and errors: one per line, the form and what it means.
    static let forms = [
        (form: "sqlite", meaning: "in a SQLite file in the user's data folder"),
        (form: "sqlite:path/to/file", meaning: "in a SQLite file, which is made if it is not there"),
        (form: "memory", meaning: "in memory, gone when the server ends"),
        (form: "redis", meaning: "in Redis, where $REDIS_URL says, else on this machine"),
        (form: "redis://[user:password@]host[:port][/db]", meaning: "in Redis; rediss:// for TLS"),
        (form: "unix:///path/to/redis.sock", meaning: "in Redis, through a Unix socket"),
        (
            form: "redis+sentinel://[user:password@]host[:port],…/master-name[/db]",
            meaning: "in Redis, found through Sentinels; rediss+sentinel:// for TLS"
        ),
        (
            form: "redis+cluster://[user:password@]host[:port],…",
            meaning: "in a Redis Cluster; rediss+cluster:// for TLS"
        ),
        (form: "postgres", meaning: "in PostgreSQL, where $DATABASE_URL says, else on this machine"),
        (
            form: "postgres://[user:password@]host[:port]/database[?sslmode=…]",
            meaning:
                "in PostgreSQL, with all parameters of libpq; or postgresql://. Behind a pooler, startup_options=no and, if it does "
                + "not know them, prepared_statements=no"
        ),
    ]

    /// Not one of the accepted forms. Shows no more than the part before the first colon: what follows may hold a
    /// password.
    struct UnknownForm: Error, CustomStringConvertible {
        let scheme: String

        var description: String {
            let forms = StorageSpecification.forms.map { "\($0.form) (\($0.meaning))" }
            return "\"\(scheme)\" is no storage that this server knows: use \(forms.joined(separator: ", or "))"
        }
    }

    private static let redisSchemes = [
        "redis://", "rediss://", "unix://", "redis+sentinel://", "rediss+sentinel://", "redis+cluster://",
        "rediss+cluster://",
    ]

    init(_ text: String) throws(UnknownForm) {
        // Schemes are the same in capitals. Whatever comes from a file ends with a line break.
        let text = text.trimmingCharacters(in: .whitespacesAndNewlines)
        let scheme = text.prefix { $0 != ":" }
        let lowered = scheme.lowercased() + text.dropFirst(scheme.count)
        switch lowered {
        case "memory", "memory:": self = .memory
        case "sqlite": self = .sqlite(path: nil)
        case _ where lowered.hasPrefix("sqlite:"):
            // "sqlite:///data/runs.sqlite" is how others write URLs of files.
            let path = text.dropFirst("sqlite:".count)
            self = .sqlite(path: String(path.hasPrefix("//") ? path.dropFirst(2) : path))
        case "redis": self = .redis(url: nil)
        case _ where Self.redisSchemes.contains { lowered.hasPrefix($0) }: self = .redis(url: lowered)
        case "postgres", "postgresql": self = .postgres(url: nil)
        case _ where ["postgres://", "postgresql://"].contains { lowered.hasPrefix($0) }: self = .postgres(url: lowered)
        default: throw UnknownForm(scheme: String(text.prefix { $0 != ":" }.prefix(40)))
        }
    }

    /// Opens the storage. Whoever opens it closes it.
    ///
    /// - Parameters:
    ///   - prefix: What all keys in Redis begin with.
    ///   - timeToLive: How long things are kept. Nil means what the storage does by itself.
    ///   - logger: Where what happens in the background is logged.
    /// - Throws: `RedisError` if the URL is wrong, `StorageError` if the file cannot be used.
    func open(prefix: String, timeToLive: Duration?, logger: Logger) throws -> any Storage {
        switch self {
        case .memory:
            return MemoryStorage(timeToLive.map { .init(timeToLive: $0) } ?? .init())
        case .sqlite(let path):
            let path = try path ?? DataFolder.defaultStorage()
            return try SQLiteStorage(SQLiteConfiguration(path: path, retention: timeToLive), logger: logger)
        case .redis(let url):
            return try RedisStorage(
                url: url, ttl: timeToLive ?? RedisStorage.defaultTimeToLive, prefix: prefix, logger: logger)
        case .postgres(let url):
            return try PostgresStorage(url: url, logger: logger)
        }
    }
}
