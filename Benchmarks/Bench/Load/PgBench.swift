// SPDX-License-Identifier: Apache-2.0

import Foundation

/// The inserts of `pgbench`, which comes with PostgreSQL.
struct PgBench {
    private let server: PostgresTestServer
    private let folder: URL
    /// The transactions per second that were measured last, by the number of rows in each.
    private var rates: [Int: Double] = [:]

    /// Creates the table for its rows.
    init(_ server: PostgresTestServer, folder: URL) throws {
        self.server = server
        self.folder = folder
        try server.sql("CREATE TABLE bench_rows (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, event bytea)")
    }

    /// Returns the number of rows that it inserts per second, several in each transaction.
    mutating func rowsPerSecond(inTransactionsOf rows: Int, connections: Int, seconds: Double) throws -> Double {
        let expected: Double
        if let known = rates[rows] {
            expected = known
        } else {
            expected = try transactionsPerSecond(of: rows, connections: connections, each: 50)
        }
        let each = max(50, Int(expected * seconds / Double(connections)))
        let rate = try transactionsPerSecond(of: rows, connections: connections, each: each)
        rates[rows] = rate
        return rate * Double(rows)
    }

    /// - Parameter each: The number of transactions of each connection. A time limit of pgbench needs a signal that processes
    ///   with tasks block, and with them the programs that they start.
    private func transactionsPerSecond(of rows: Int, connections: Int, each: Int) throws -> Double {
        let script = folder.appendingPathComponent("insert-\(rows).sql")
        // About as long as the event of a part.
        let event = String(repeating: "x", count: 150)
        let text = """
            INSERT INTO bench_rows (event) SELECT '\(event)'::bytea FROM generate_series(1, \(rows));
            """
        try Data(text.utf8).write(to: script)
        let output = try Command.run(
            "\(server.binaries)/pgbench",
            [
                "-h", "127.0.0.1", "-p", "\(server.port)", "-U", "tester", "-n", "-M", "prepared", "-c",
                "\(connections)",
                "-j", "2", "-t", "\(each)", "-f", script.path, "postgres",
            ])
        guard let match = output.firstMatch(of: /tps = ([0-9.]+)/), let rate = Double(match.1) else {
            throw BenchError("unexpected output of pgbench:\n\(output)")
        }
        return rate
    }
}
