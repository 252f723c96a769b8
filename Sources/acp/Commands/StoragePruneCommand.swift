// SPDX-License-Identifier: Apache-2.0

import ACPPostgres
import ArgumentParser

extension StorageCommand {
    struct Prune: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Deletes old runs and sessions from PostgreSQL.",
            discussion: """
                Runs go that ended longer ago than that, with their events; sessions that were last used longer ago and have \
                no run left. Unfinished runs stay. It may be done while servers work, and ended at any time.

                Redis and SQLite do this by themselves, see --ttl.
                """)

        @OptionGroup var options: StorageOptions

        @Option(help: "How old: a number with s, m, h or d for seconds, minutes, hours or days, such as 90d.")
        var olderThan: Age

        func run() async throws {
            guard case .postgres = try options.specification() else {
                throw ValidationError(
                    "prune is for PostgreSQL; in Redis and SQLite, --ttl says how long things are kept.")
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
            abstract: "Prints the SQL that makes the tables in PostgreSQL, or brings them up to date.",
            discussion: "A storage runs it by itself, unless migrations are turned off. It may be run again.")

        func run() throws {
            try Console.write(PostgresStorage.schemaSQL)
        }
    }

    /// A length of time as people write it.
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
