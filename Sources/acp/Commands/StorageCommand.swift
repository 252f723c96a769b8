// SPDX-License-Identifier: Apache-2.0

import ACPRedis
import ACPStorage
import ArgumentParser

struct StorageCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "storage",
        abstract: "Looks after a storage: whether it answers, what it holds, and emptying it.",
        discussion: """
            These commands go to the storage itself, not to a server.

            Examples:
              acp storage ping --storage redis://localhost:6379
              acp storage stats --storage redis://localhost:6379 --json
              acp storage clear --storage redis://localhost:6379 --prefix test: --yes
            """,
        subcommands: [Ping.self, Stats.self, Clear.self]
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
            abstract: "Shows how many keys a storage in Redis has, of which kinds, and how much memory they take.")

        @OptionGroup var options: StorageOptions

        @Flag(help: "Print JSON, for programs.")
        var json = false

        func run() async throws {
            try await StorageCommand.use(options) { storage in
                guard let redis = storage as? RedisStorage else {
                    throw ValidationError("A storage in memory has nothing to show to another process: use redis://….")
                }
                let statistics = try await redis.statistics()
                if json {
                    try Console.print(document: Document(statistics))
                } else {
                    var table = Table("KIND", "KEYS", "BYTES (ABOUT)")
                    for kind in statistics.kinds {
                        table.add(Table.Cell(kind.name), "\(kind.keys)", "\(kind.approximateBytes)")
                    }
                    table.add("all", "\(statistics.keys)", "\(statistics.approximateBytes)")
                    try table.print()
                    if let used = statistics.serverMemoryUsed {
                        let limit = statistics.serverMemoryLimit.flatMap { $0 > 0 ? "\($0)" : nil } ?? "no limit"
                        try Console.print("The server uses \(used) bytes (\(limit)).")
                    }
                }
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
                try Console.write("Delete everything with prefix \(options.prefix)? [y/N] ")
                guard readLine()?.lowercased() == "y" else { return Console.note("Nothing was deleted.") }
            }
            try await StorageCommand.use(options) { storage in
                try await storage.removeAll()
                try Console.print("The storage is empty.")
            }
        }
    }

    fileprivate static func use(
        _ options: StorageOptions, _ body: (any Storage) async throws -> Void
    ) async throws {
        let storage = try await options.open()
        do {
            try await body(storage)
        } catch let error as StorageError {
            try? await storage.close()
            Console.error(error.message)
            throw ExitStatus.unsuccessful.code
        } catch {
            try? await storage.close()
            throw error
        }
        try await storage.close()
    }
}
