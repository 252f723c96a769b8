// SPDX-License-Identifier: Apache-2.0

import ACPCore
public import ACPStorage
import GRDB

extension SQLiteStorage {
    /// Returns one page of an agent's runs in the order in which their status changed, and the number of all such runs,
    /// from one state of the database.
    ///
    /// The page is found in an index that has the runs of each status in order. Ended runs are counted by adding stored
    /// numbers, the others in the index. The runs of a session are examined one by one.
    public func storedRuns(_ query: RunStatusQuery) async throws -> StoragePage<StoredRun> {
        try await database.read("Listing runs by status") { db in
            let statuses = query.statuses.isEmpty ? Set(DetailedRunStatus.allCases) : query.statuses
            var found: [RunStatusQuery.Position] = []
            var total = 0
            if let session = query.session {
                let runs = try StatusIndex(db, query).runs(of: session, in: statuses)
                total = runs.count
                found = runs.filter { run in query.after.map { run < $0 } ?? true }
            } else {
                for status in statuses {
                    let index = StatusIndex(db, query)
                    total += try index.count(status)
                    found += try index.page(status)
                }
            }
            found.sort(by: >)
            let table = RunTable(db)
            return StoragePage(
                items: try found.prefix(max(0, query.limit)).compactMap { try table.stored($0.run) }, total: total)
        }
    }
}

/// Reads `acp_runs_by_status`, or its counterpart for the runs of a principal.
private struct StatusIndex {
    let db: Database
    let query: RunStatusQuery
    /// The time from which runs are selected, in microseconds.
    let since: Int64

    init(_ db: Database, _ query: RunStatusQuery) {
        self.db = db
        self.query = query
        since = query.changedSince?.microseconds ?? .min
    }

    /// The condition of the runs of the agent and, if there is one, of the principal.
    private var selected: String { ofPrincipal + "agent_name = ?" }
    private var ofPrincipal: String { query.principal == nil ? "" : "principal = ? AND " }
    /// The arguments of ``selected``.
    private var selection: StatementArguments {
        StatementArguments([query.principal?.rawValue, query.agent.rawValue].compactMap(\.self))
    }

    private func positions(_ rows: RowCursor) throws -> [RunStatusQuery.Position] {
        var found: [RunStatusQuery.Position] = []
        while let row = try rows.next() {
            found.append(.init(changedAt: Timestamp(microseconds: row[0]), run: try runID(row[1])))
        }
        return found
    }

    /// Returns the first runs in a status after the position of the query.
    func page(_ status: DetailedRunStatus) throws -> [RunStatusQuery.Position] {
        guard query.limit > 0 else { return [] }
        let condition = query.after == nil ? "" : "AND (status_changed_at, id) < (?, ?)"
        var arguments: StatementArguments = selection + [status.rawValue, since]
        if let after = query.after { arguments += [after.changedAt.microseconds, after.run.rawValue] }
        return try positions(
            db.rows(
                """
                SELECT status_changed_at, id FROM acp_runs
                WHERE \(selected) AND detailed_status = ? AND status_changed_at >= ? \(condition)
                ORDER BY status_changed_at DESC, id DESC LIMIT ?
                """, arguments + [query.limit]))
    }

    /// Returns the runs of a session in some statuses, in no particular order.
    ///
    /// They are found in the index of the session's runs. The operator + excludes the agent from the choice of an
    /// index: SQLite would otherwise read all runs of the agent in `acp_runs_by_status`.
    func runs(of session: SessionID, in statuses: Set<DetailedRunStatus>) throws -> [RunStatusQuery.Position] {
        let rows = try db.rows(
            """
            SELECT status_changed_at, id, detailed_status FROM acp_runs
            WHERE session_id = ? AND \(ofPrincipal)+agent_name = ? AND +status_changed_at >= ?
            """, [session.rawValue] + selection + [since])
        var found: [RunStatusQuery.Position] = []
        while let row = try rows.next() {
            guard let status = DetailedRunStatus(rawValue: row[2]), statuses.contains(status) else { continue }
            found.append(.init(changedAt: Timestamp(microseconds: row[0]), run: try runID(row[1])))
        }
        return found
    }

    /// Returns the number of runs in a status.
    func count(_ status: DetailedRunStatus) throws -> Int {
        let key = selection + [status.rawValue]
        guard status.hasEnded else {
            return try count(
                """
                SELECT COUNT(*) FROM acp_runs
                WHERE \(selected) AND detailed_status = ? AND status_changed_at >= ?
                """, key + [since])
        }
        let sum = "SELECT SUM(runs) FROM acp_status_counts WHERE agent_name = ? AND status = ?"
        let name = query.agent.rawValue + (query.principal.map { " \($0)" } ?? "")
        let ended: StatementArguments = [name, status.rawValue]
        guard query.changedSince != nil else { return try count(sum + " AND level = 0", ended) }
        let ranges = CountedRanges(since: since)
        return try count(sum + " AND level = 0 AND period > ?", ended + [ranges.large])
            + count(sum + " AND level = 1 AND period > ? AND period < ?", ended + [ranges.small, ranges.smallEnd])
            + count(
                """
                SELECT COUNT(*) FROM acp_runs
                WHERE \(selected) AND detailed_status = ? AND status_changed_at >= ? AND status_changed_at < ?
                """, key + [ranges.since, ranges.timeEnd])
    }

    private func count(_ sql: String, _ arguments: StatementArguments) throws -> Int {
        try Int.fetchOne(db.cachedStatement(sql: sql), arguments: arguments) ?? 0
    }
}
