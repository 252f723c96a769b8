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
            "Looks after a storage: whether it answers, what it holds, emptying it, and the tables of PostgreSQL.",
        discussion: """
            These commands go to the storage itself, not to a server.

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
            abstract: "Asks the storage for a sign of life.", discussion: "The exit code is 2 if there is none.")

        @OptionGroup var options: StorageOptions

        func run() async throws {
            try await StorageCommand.use(options) { storage in
                let (seconds, attoseconds) = try await storage.ping().components
                let microseconds = seconds * 1_000_000 + attoseconds / 1_000_000_000_000
                try Console.print("The storage answered in \(microseconds) µs.")
            }
        }
    }

    struct Stats: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Shows what a storage holds: keys and memory in Redis, rows and bytes in SQLite and PostgreSQL.",
            discussion: "A SQLite file may be in use by a server meanwhile.")

        @OptionGroup var options: StorageOptions

        @Flag(help: "Print JSON, for programs.")
        var json = false

        func run() async throws {
            switch try options.specification() {
            case .memory:
                throw ValidationError(
                    "A storage in memory has nothing to show to another process: use sqlite:PATH or redis://….")
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
            discussion: "Asks at the prompt of a terminal; elsewhere --yes is needed.")

        @OptionGroup var options: StorageOptions

        @Flag(help: "Do not ask.")
        var yes = false

        func run() async throws {
            if !yes {
                guard Console.isInteractive else { throw ValidationError("Nothing was deleted: add --yes.") }
                try Console.write("Delete everything in \(try options.place())? [y/N] ")
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
        let storage = try await options.open()
        do {
            try await reporting { try await body(storage) }
        } catch {
            try? await storage.close()
            throw error
        }
        try await storage.close()
    }

    /// Tells what a storage could not do.
    fileprivate static func reporting(_ body: () async throws -> Void) async throws {
        do {
            try await body()
        } catch let error as StorageError {
            Console.error(error.message)
            throw ExitStatus.unsuccessful.code
        }
    }
}
