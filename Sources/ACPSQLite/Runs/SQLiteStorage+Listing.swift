// SPDX-License-Identifier: Apache-2.0

import ACPCore
public import ACPStorage
import GRDB

extension SQLiteStorage {
    /// Returns one page of runs, newest first, and the number of all runs, from one state of the database.
    ///
    /// The page is found in an index, and only the documents of its runs are read. The totals of all runs and of an
    /// agent's runs are stored; those of a session and of a status are counted in the index. With a principal, both are in the
    /// counterparts for the principal's runs.
    public func storedRuns(_ query: RunQuery) async throws -> StoragePage<StoredRun> {
        try await database.read("Listing runs") { db in
            let listing = query.listing
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

extension RunQuery {
    /// The SQL of a listing. The conditions match those of the indexes exactly.
    fileprivate var listing: (condition: String, total: String, arguments: [String]) {
        let kept = "SELECT runs FROM acp_run_counts WHERE listing ="
        let counted = "SELECT COUNT(*) FROM acp_runs WHERE"
        let unfinished = "status = ? AND ended_at IS NULL"
        guard let principal = principal?.rawValue else {
            return switch filter {
            case .all: ("1", "\(kept) 'all' AND name = ''", [])
            case .agent(let name): ("agent_name = ?", "\(kept) 'agent' AND name = ?", [name.rawValue])
            case .session(let id): ("session_id = ?", "\(counted) session_id = ?", [id.rawValue])
            case .unfinished(let status): (unfinished, "\(counted) \(unfinished)", [status.rawValue])
            }
        }
        let own = "principal = ?"
        switch filter {
        case .all: return (own, "\(kept) 'principal' AND name = ?", [principal])
        case .agent(let name):
            return (
                "\(own) AND agent_name = ?", "\(kept) 'agent of principal' AND name = ?2 || ' ' || ?1",
                [principal, name.rawValue]
            )
        case .session(let id):
            let condition = "\(own) AND session_id = ?"
            return (condition, "\(counted) \(condition)", [principal, id.rawValue])
        case .unfinished(let status):
            let condition = "\(own) AND \(unfinished)"
            return (condition, "\(counted) \(condition)", [principal, status.rawValue])
        }
    }
}
