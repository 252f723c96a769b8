// SPDX-License-Identifier: Apache-2.0

import ACPPostgres
import ArgumentParser

extension StorageCommand {
    struct Prune: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Deletes old runs and sessions from PostgreSQL.",
            discussion: """
                Deletes runs that ended longer ago, with their events, and sessions that were last used longer ago and have \
                no runs. Unfinished runs remain. The command can be used while servers are running, and interrupted at any \
                time.

                Redis and SQLite delete old runs by themselves, see --ttl.
                """)

        @OptionGroup var options: StorageOptions

        @Option(help: "The age: a number with s, m, h or d for seconds, minutes, hours or days, such as 90d.")
        var olderThan: Age

        func run() async throws {
            guard case .postgres = try options.access().specification else {
                throw ValidationError(
                    "prune is for PostgreSQL; Redis and SQLite delete old runs by themselves, see --ttl.")
            }
            try await StorageCommand.use(options) { storage in
                guard let postgres = storage as? PostgresStorage else { return }
                let result = try await postgres.prune(olderThan: olderThan.duration)
                try Console.print("Deleted \(result.runs) runs and \(result.sessions) sessions.")
            }
        }
    }

    struct Schema: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Prints the SQL that creates or migrates the tables in PostgreSQL.",
            discussion:
                "A storage executes it by itself, unless migrations are disabled. It can be executed repeatedly.")

        func run() throws {
            try Console.write(PostgresStorage.schemaSQL)
        }
    }

    /// A duration with a unit, such as `90d`.
    struct Age: ExpressibleByArgument {
        let duration: Duration

        init?(argument: String) {
            let units: [Character: Int] = ["s": 1, "m": 60, "h": 3_600, "d": 86_400]
            guard let unit = argument.last.flatMap({ units[$0] }), let number = Int(argument.dropLast()), number >= 0
            else { return nil }
            let (seconds, isTooLarge) = number.multipliedReportingOverflow(by: unit)
            guard !isTooLarge else { return nil }
            duration = .seconds(seconds)
        }
    }
}
