// SPDX-License-Identifier: Apache-2.0

import ACPCore
public import ACPStorage
import GRDB

extension SQLiteStorage {
    /// Returns one page of runs, newest first, and the number of all runs, from one state of the database.
    ///
    /// The page is found in an index, and only the documents of its runs are read. The totals of all runs and of an
    /// agent's runs are stored; those of a session and of a status are counted in the index.
    public func storedRuns(_ query: RunQuery) async throws -> StoragePage<StoredRun> {
        try await database.read("Listing runs") { db in
            let listing = query.filter.listing
            let total =
                try Int.fetchOne(
                    db.cachedStatement(sql: listing.total), arguments: StatementArguments(listing.arguments)) ?? 0
            let rows = try db.rows(
                """
                SELECT id FROM acp_runs WHERE \(listing.condition)
                ORDER BY created_at DESC, id DESC LIMIT ? OFFSET ?
                """, StatementArguments(listing.arguments) + [max(0, query.limit), max(0, query.offset)])
            var ids: [RunID] = []
            while let row = try rows.next() { ids.append(try runID(row[0])) }
            let table = RunTable(db)
            return StoragePage(items: try ids.compactMap { try table.stored($0) }, total: total)
        }
    }
}

extension RunQuery.Filter {
    /// The SQL of a listing. The conditions match those of the indexes exactly.
    fileprivate var listing: (condition: String, total: String, arguments: [String]) {
        switch self {
        case .all:
            ("1", "SELECT runs FROM acp_run_counts WHERE listing = 'all' AND name = ''", [])
        case .agent(let name):
            ("agent_name = ?", "SELECT runs FROM acp_run_counts WHERE listing = 'agent' AND name = ?", [name.rawValue])
        case .session(let id):
            ("session_id = ?", "SELECT COUNT(*) FROM acp_runs WHERE session_id = ?", [id.rawValue])
        case .unfinished(let status):
            (
                "status = ? AND ended_at IS NULL",
                "SELECT COUNT(*) FROM acp_runs WHERE status = ? AND ended_at IS NULL", [status.rawValue]
            )
        }
    }
}
