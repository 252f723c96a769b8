// SPDX-License-Identifier: Apache-2.0

import ACPPostgres
import ACPRedis
import ACPSQLite
import ACPStorage
import ArgumentParser

struct StorageCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "storage",
        abstract:
            "Administers a storage: checks it, shows statistics, deletes data, and prints the schema for PostgreSQL.",
        discussion: """
            These commands access the storage directly, not through a server.

            Examples:
              acp storage stats
              acp storage clear --storage sqlite:runs.sqlite
              acp storage ping --storage redis://localhost:6379
              acp storage stats --storage redis://localhost:6379 --json
              acp storage clear --storage redis://localhost:6379 --prefix test: --yes
              acp storage prune --storage postgres://localhost/agents --older-than 90d
              acp storage schema | psql postgres://localhost/agents
            """,
        subcommands: [Ping.self, Stats.self, Clear.self, Prune.self, Schema.self]
    )

    struct Ping: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Checks the connectivity of a storage.", discussion: "The exit code is 1 if the storage fails.")

        @OptionGroup var options: StorageOptions

        func run() async throws {
            try await StorageCommand.use(options) { storage in
                let (seconds, attoseconds) = try await storage.ping().components
                let microseconds = seconds * 1_000_000 + attoseconds / 1_000_000_000_000
                try Console.print("The storage responded in \(microseconds) µs.")
            }
        }
    }

    struct Stats: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Shows statistics: keys and memory of Redis, rows and bytes of SQLite and PostgreSQL.",
            discussion: "A SQLite file can be in use by a server meanwhile.")

        @OptionGroup var options: StorageOptions

        @Flag(help: "Print JSON, for programs.")
        var json = false

        func run() async throws {
            switch try options.access().specification {
            case .memory:
                throw ValidationError(
                    "A storage in memory cannot be read by another process: use sqlite:PATH or redis://….")
            case .sqlite(let path):
                try await StorageCommand.reporting {
                    let path = try path ?? DataFolder.defaultStorage()
                    try (await SQLiteStorage.statistics(ofFile: path)).print(asJSON: json)
                }
            case .redis:
                try await StorageCommand.use(options) { storage in
                    guard let redis = storage as? RedisStorage else { return }
                    try (await redis.statistics()).print(asJSON: json)
                }
            case .postgres:
                try await StorageCommand.use(options) { storage in
                    guard let postgres = storage as? PostgresStorage else { return }
                    try (await postgres.statistics()).print(asJSON: json)
                }
            }
        }
    }

    struct Clear: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Deletes all runs, events and sessions of a storage, and nothing else.",
            discussion: "Asks for confirmation on a terminal; otherwise --yes is required.")

        @OptionGroup var options: StorageOptions

        @Flag(help: "Do not ask for confirmation.")
        var yes = false

        func run() async throws {
            if !yes {
                guard Console.isInteractive else { throw ValidationError("Nothing was deleted: add --yes.") }
                try Console.write("Delete everything in \(try options.access().place())? [y/N] ")
                guard readLine()?.lowercased() == "y" else { return Console.note("Nothing was deleted.") }
            }
            try await StorageCommand.use(options) { storage in
                try await storage.removeAll()
                try Console.print("The storage is empty.")
            }
        }
    }

    static func use(
        _ options: StorageOptions, _ body: (any Storage) async throws -> Void
    ) async throws {
        let storage = try await options.access().open()
        do {
            try await reporting { try await body(storage) }
        } catch {
            try? await storage.close()
            throw error
        }
        try await storage.close()
    }

    /// Prints the errors of a storage and exits with 1.
    fileprivate static func reporting(_ body: () async throws -> Void) async throws {
        do {
            try await body()
        } catch let error as StorageError {
            Console.error(error.message)
            throw ExitStatus.unsuccessful.code
        }
    }
}
