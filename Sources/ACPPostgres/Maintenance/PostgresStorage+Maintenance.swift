// SPDX-License-Identifier: Apache-2.0

import ACPStorage

extension PostgresStorage {
    /// How many runs or sessions one step of pruning takes with it.
    private static let pruneStep = 100

    /// Deletes everything that this storage keeps, in one transaction. The tables stay. Other tables are not touched.
    public func removeAll() async throws {
        _ = try await database.write(
            "Removing all", isRepeatable: true, "TRUNCATE \(Schema.tables.joined(separator: ", "))", [])
    }

    /// Deletes the runs that ended longer ago than that, whole, and the sessions that were last used longer ago and have no run left;
    /// also processes that nobody has heard of for so long. Unfinished runs stay.
    ///
    /// It works in short steps, each a transaction, and beside everything else. Several may do it at the same time.
    ///
    /// - Returns: What was deleted.
    public func prune(olderThan age: Duration) async throws -> PostgresPruneResult {
        var result = PostgresPruneResult(runs: 0, sessions: 0)
        let milliseconds = min(max(0, age.wholeMilliseconds), 3_200_000_000_000)
        let limit = "clock_timestamp() - $1::bigint * interval '1 millisecond'"
        func step(_ action: String, _ sql: String) async throws -> Int {
            try Task.checkCancellation()
            return try await database.write(
                action, isRepeatable: true, sql, [.int(milliseconds), .int(Self.pruneStep)]
            ).count
        }
        while true {
            let runs = try await step(
                "Deleting old runs",
                """
                WITH old AS (
                    SELECT key FROM acp_runs WHERE ended_at <= \(limit) ORDER BY ended_at LIMIT $2::bigint
                    FOR UPDATE SKIP LOCKED
                ) DELETE FROM acp_runs AS r USING old WHERE r.key = old.key RETURNING acp_notify('c', r.id)
                """)
            result.runs += runs
            if runs < Self.pruneStep { break }
        }
        while true {
            let sessions = try await step(
                "Deleting old sessions",
                """
                WITH old AS (
                    SELECT key FROM acp_sessions AS s WHERE used_at <= \(limit)
                    AND NOT EXISTS (SELECT FROM acp_runs WHERE session_id = s.id) ORDER BY used_at LIMIT $2::bigint
                    FOR UPDATE SKIP LOCKED
                ) DELETE FROM acp_sessions AS s USING old WHERE s.key = old.key RETURNING s.key
                """)
            result.sessions += sessions
            if sessions < Self.pruneStep { break }
        }
        _ = try await step(
            "Deleting old processes",
            """
            DELETE FROM acp_processes WHERE id IN (
                SELECT id FROM acp_processes AS p WHERE expires_at <= \(limit)
                AND NOT EXISTS (SELECT FROM acp_runs WHERE owner_process = p.id AND ended_at IS NULL)
                LIMIT $2::bigint)
            """)
        return result
    }

    /// What the storage keeps, and how much room it takes on the server.
    public func statistics() async throws -> PostgresStorageStatistics {
        let parts = Schema.tables.sorted().map {
            "SELECT '\($0)'::text, (SELECT count(*) FROM \($0))::bigint, pg_total_relation_size('\($0)')::bigint"
        }
        let rows = try await database.read(
            "Counting rows", parts.joined(separator: " UNION ALL ") + " ORDER BY 1")
        return PostgresStorageStatistics(
            tables: rows.rows.map {
                .init(name: $0.text(0) ?? "", rows: $0.int(1) ?? 0, bytes: $0.int(2) ?? 0)
            })
    }
}

/// What ``PostgresStorage/prune(olderThan:)`` deleted.
public struct PostgresPruneResult: Sendable, Hashable {
    public var runs: Int
    public var sessions: Int

    public init(runs: Int, sessions: Int) {
        self.runs = runs
        self.sessions = sessions
    }
}

/// What a ``PostgresStorage`` keeps.
public struct PostgresStorageStatistics: Sendable, Hashable {
    /// A table, how many rows it has, and how many bytes it takes with its indexes.
    public struct TableCount: Sendable, Hashable {
        public var name: String
        public var rows: Int
        public var bytes: Int
    }

    /// All tables of the storage.
    public var tables: [TableCount]
}
