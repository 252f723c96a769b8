// SPDX-License-Identifier: Apache-2.0

import ACPStorage

extension PostgresStorage {
    /// The maximum number of runs or sessions that one step of pruning deletes.
    private static let pruneStep = 100

    /// Deletes all data of this storage, in one transaction. The tables remain, and other tables are not changed.
    public func removeAll() async throws {
        _ = try await database.write(
            "Removing all", isRepeatable: true, "TRUNCATE \(Schema.tables.joined(separator: ", "))", [])
    }

    /// Deletes the runs that ended longer ago than a given time, and the sessions that were last used longer ago and
    /// have no run left; also processes whose heartbeats expired longer ago. Unfinished runs are kept.
    ///
    /// It works in short steps, each a transaction, concurrently with all other calls. Several processes may prune at
    /// the same time.
    ///
    /// - Parameter age: The time since the end of a run, or since the last use of a session.
    /// - Returns: The numbers of deleted runs and sessions.
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
        if result.runs > 0 { try await pruneCounts() }
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
        while true {
            try Task.checkCancellation()
            let forgotten = try await database.write(
                "Forgetting deleted runs", isRepeatable: true,
                """
                DELETE FROM acp_deleted_runs WHERE id IN (
                    SELECT id FROM acp_deleted_runs WHERE until <= clock_timestamp() ORDER BY until LIMIT $1::bigint
                    FOR UPDATE SKIP LOCKED)
                RETURNING id
                """, [.int(Self.pruneStep)])
            if forgotten.count < Self.pruneStep { break }
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

    /// Deletes the numbers of ended runs, and of principals' runs, that have become 0. The lock keeps commits from adding to one part of a number
    /// while the others are deleted.
    private func pruneCounts() async throws {
        _ = try await database.write(
            "Deleting numbers of runs", isRepeatable: true,
            """
            DO $acp$ BEGIN
                LOCK TABLE acp_status_counts IN SHARE ROW EXCLUSIVE MODE;
                DELETE FROM acp_status_counts WHERE (agent_name, status, level, period) IN (
                    SELECT agent_name, status, level, period FROM acp_status_counts
                    GROUP BY agent_name, status, level, period HAVING sum(runs) = 0);
                IF EXISTS (SELECT FROM acp_run_counts WHERE listing IN ('principal', 'agent of principal')) THEN
                    LOCK TABLE acp_run_counts IN SHARE ROW EXCLUSIVE MODE;
                    DELETE FROM acp_run_counts WHERE (listing, name) IN (
                        SELECT listing, name FROM acp_run_counts WHERE listing IN ('principal', 'agent of principal')
                        GROUP BY listing, name HAVING sum(runs) = 0);
                END IF;
            END $acp$
            """, [])
    }

    /// Counts the rows of the storage's tables, and their bytes on the server.
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

/// The numbers of runs and sessions that ``PostgresStorage/prune(olderThan:)`` deleted.
public struct PostgresPruneResult: Sendable, Hashable {
    /// The number of deleted runs.
    public var runs: Int
    /// The number of deleted sessions.
    public var sessions: Int

    /// Creates a result.
    public init(runs: Int, sessions: Int) {
        self.runs = runs
        self.sessions = sessions
    }
}

/// The rows of a ``PostgresStorage``, and their bytes.
public struct PostgresStorageStatistics: Sendable, Hashable {
    /// A table with its number of rows and bytes.
    public struct TableCount: Sendable, Hashable {
        /// The name of the table.
        public var name: String
        /// The number of rows.
        public var rows: Int
        /// The size of the table on the server with its indexes, in bytes.
        public var bytes: Int
    }

    /// All tables of the storage.
    public var tables: [TableCount]
}
