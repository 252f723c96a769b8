// SPDX-License-Identifier: Apache-2.0

import ACPPostgres
import ACPRedis
import ACPSQLite
import ACPStorage
import Foundation
import Logging

/// A storage as it is specified on the command line.
enum StorageSpecification: Equatable {
    /// In memory, until the server ends.
    case memory
    /// A SQLite file. If `nil`, the one in the user's data folder.
    case sqlite(path: String?)
    /// Redis at a URL. If `nil`, at that of `REDIS_URL`.
    case redis(url: String?)
    /// PostgreSQL at a URL. If `nil`, at that of `DATABASE_URL`.
    case postgres(url: String?)

    /// The accepted forms and their meaning, for help and errors.
    static let forms = [
        (form: "sqlite", meaning: "in a SQLite file in the user's data folder"),
        (form: "sqlite:path/to/file", meaning: "in a SQLite file, which is created if it does not exist"),
        (form: "memory", meaning: "in memory, until the server ends"),
        (form: "redis", meaning: "in Redis at $REDIS_URL, or on this machine"),
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
        (form: "postgres", meaning: "in PostgreSQL at $DATABASE_URL, or on this machine"),
        (
            form: "postgres://[user:password@]host[:port]/database[?sslmode=…]",
            meaning:
                "in PostgreSQL, with all parameters of libpq; or postgresql://. Behind a pooler, startup_options=no and, "
                + "if it does not support them, prepared_statements=no"
        ),
    ]

    /// The error of a text that is not one of the accepted forms. It contains only the part before the first colon,
    /// since the rest may contain a password.
    struct UnknownForm: Error, CustomStringConvertible {
        let scheme: String

        var description: String {
            let forms = StorageSpecification.forms.map { "\($0.form) (\($0.meaning))" }
            return "\"\(scheme)\" is not a supported storage: use \(forms.joined(separator: ", or "))"
        }
    }

    private static let redisSchemes = [
        "redis://", "rediss://", "unix://", "redis+sentinel://", "rediss+sentinel://", "redis+cluster://",
        "rediss+cluster://",
    ]

    init(_ text: String) throws(UnknownForm) {
        // Schemes are case-insensitive. Values from files end with a line break.
        let text = text.trimmingCharacters(in: .whitespacesAndNewlines)
        let scheme = text.prefix { $0 != ":" }
        let lowered = scheme.lowercased() + text.dropFirst(scheme.count)
        switch lowered {
        case "memory", "memory:": self = .memory
        case "sqlite": self = .sqlite(path: nil)
        case _ where lowered.hasPrefix("sqlite:"):
            // Other programs use the form "sqlite:///data/runs.sqlite".
            let path = text.dropFirst("sqlite:".count)
            self = .sqlite(path: String(path.hasPrefix("//") ? path.dropFirst(2) : path))
        case "redis": self = .redis(url: nil)
        case _ where Self.redisSchemes.contains { lowered.hasPrefix($0) }: self = .redis(url: lowered)
        case "postgres", "postgresql": self = .postgres(url: nil)
        case _ where ["postgres://", "postgresql://"].contains { lowered.hasPrefix($0) }: self = .postgres(url: lowered)
        default: throw UnknownForm(scheme: String(text.prefix { $0 != ":" }.prefix(40)))
        }
    }

    /// Opens the storage. The caller must close it.
    ///
    /// - Parameters:
    ///   - prefix: The prefix of all keys in Redis.
    ///   - timeToLive: How long runs and sessions are stored. If `nil`, the default of the storage applies.
    ///   - logger: Receives the storage's log messages.
    /// - Throws: `StorageError` if the URL is not valid or the file cannot be used.
    func open(prefix: String, timeToLive: Duration?, logger: Logger) throws -> any Storage {
        switch self {
        case .memory:
            return try MemoryStorage(timeToLive.map { .init(timeToLive: $0) } ?? .init())
        case .sqlite(let path):
            let path = try path ?? DataFolder.defaultStorage()
            return try SQLiteStorage(.init(path: path, timeToLive: timeToLive), logger: logger)
        case .redis(let url):
            return try RedisStorage(
                url: url, timeToLive: timeToLive ?? RedisStorage.Configuration.defaultTimeToLive, prefix: prefix,
                logger: logger)
        case .postgres(let url):
            return try PostgresStorage(url: url, logger: logger)
        }
    }
}
