// SPDX-License-Identifier: Apache-2.0

import Foundation
import GRDB

/// Reads what a server process and its storage have used.
struct CostMeter {
    let server: ServerProcess
    let backing: Backing

    func read() async throws -> Usage {
        var usage = Usage()
        usage[.serverTime] = server.processorTime()
        if let postgres = backing.postgres {
            try read(postgres, into: &usage)
        } else if !backing.redisServers.isEmpty {
            let counters = try await RedisCounters.read(backing.redisServers)
            usage[.storageTime] = counters.processorTime
            usage[.commands] = counters.commands
            usage[.sent] = counters.bytesReceived
            usage[.received] = counters.bytesSent
            usage[.kept] = counters.memory
        } else if let path = backing.file {
            usage[.sent] = bytesWritten()
            usage[.kept] = try await databaseSize(path)
        } else {
            usage[.kept] = try server.memory() * 1_024
        }
        return usage
    }

    /// The bytes that the server has written to disks. `nil` where /proc does not contain them.
    private func bytesWritten() -> Double? {
        let text = (try? String(contentsOfFile: "/proc/\(server.pid)/io", encoding: .utf8)) ?? ""
        return text.firstMatch(of: /\nwrite_bytes: ([0-9]+)/).flatMap { Double($0.1) }
    }

    private func databaseSize(_ path: String) async throws -> Double {
        var configuration = Configuration()
        configuration.readonly = true
        let queue = try DatabaseQueue(path: path, configuration: configuration)
        // The pages in use, those in the write-ahead log included.
        let size = try await queue.read { db in
            try Double.fetchOne(
                db,
                sql: """
                    SELECT (page_count - freelist_count) * page_size
                    FROM pragma_page_count, pragma_freelist_count, pragma_page_size
                    """)
        }
        try queue.close()
        guard let size else { throw BenchError("SQLite did not report the size of \(path)") }
        return size
    }

    private func read(_ postgres: PostgresTestServer, into usage: inout Usage) throws {
        let text = try postgres.sql(
            """
            SELECT (SELECT coalesce(sum(calls), 0) FROM pg_stat_statements WHERE query NOT LIKE '%pg_stat_statements%'),
                pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0'), pg_database_size(current_database()),
                (SELECT count(DISTINCT xmin::text) FROM acp_events)
            """)
        let counts = text.split(separator: "|").compactMap { Double($0) }
        guard counts.count == 4 else { throw BenchError("unexpected output of psql: \(text)") }
        usage[.storageTime] = postgres.processorTime()
        usage[.commands] = counts[0]
        usage[.sent] = counts[1]
        usage[.kept] = counts[2]
        usage[.transactions] = counts[3]
    }
}
