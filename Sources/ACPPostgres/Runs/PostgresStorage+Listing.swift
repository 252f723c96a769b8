// SPDX-License-Identifier: Apache-2.0

import ACPCore
public import ACPStorage

extension PostgresStorage {
    /// Returns one page of runs, newest first, and the number of all runs, from one moment.
    ///
    /// The page is found in an index, and only the documents of its runs are read. The totals of all runs and of an
    /// agent's runs are stored; those of a session and of a status are counted in the index.
    public func storedRuns(_ query: RunQuery) async throws -> StoragePage<StoredRun> {
        let listing = query.filter.listing
        // The total is returned with every row, and alone if the page is empty.
        let rows = try await database.read(
            "Listing runs",
            """
            WITH total AS (\(listing.total)),
            page AS (
                SELECT key FROM acp_runs WHERE \(listing.condition) AND ($1::text IS NULL OR true)
                ORDER BY created_at DESC, id DESC LIMIT $2::bigint OFFSET $3::bigint
            )
            SELECT r.*, (SELECT n FROM total)::bigint
            FROM (SELECT 1) AS one LEFT JOIN (
                SELECT \(Self.recordColumns), created_at FROM acp_runs WHERE key IN (SELECT key FROM page)
            ) AS r ON true
            ORDER BY r.created_at DESC, r.id DESC
            """, [.text(listing.name), .int(max(0, query.limit)), .int(max(0, query.offset))])
        let items = try rows.rows.filter { !$0.isNull(0) }.map { try Self.stored($0) }
        return StoragePage(items: items, total: rows.first?.int(7) ?? 0)
    }
}

extension RunQuery.Filter {
    /// The SQL of a listing. The conditions match those of the indexes exactly.
    fileprivate var listing: (condition: String, total: String, name: String?) {
        let kept = "SELECT coalesce(sum(runs), 0) AS n FROM acp_run_counts WHERE listing ="
        let counted = "SELECT count(*) AS n FROM acp_runs WHERE"
        switch self {
        case .all: return ("true", "\(kept) 'all' AND name = ''", nil)
        case .agent(let name):
            return ("agent_name = $1::text", "\(kept) 'agent' AND name = $1::text", name.rawValue)
        case .session(let id): return ("session_id = $1::text", "\(counted) session_id = $1::text", id.rawValue)
        case .unfinished(let status):
            let condition = "status = $1::text AND ended_at IS NULL"
            return (condition, "\(counted) \(condition)", status.rawValue)
        }
    }
}
