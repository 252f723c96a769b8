// SPDX-License-Identifier: Apache-2.0

import ACPCore
public import ACPStorage

extension PostgresStorage {
    /// Returns one page of runs, newest first, and the number of all runs, from one moment.
    ///
    /// The page is found in an index, and only the documents of its runs are read. The totals of all runs and of an
    /// agent's runs are stored; those of a session and of a status are counted in the index. With a principal, both are in
    /// the counterparts for the principal's runs.
    public func storedRuns(_ query: RunQuery) async throws -> StoragePage<StoredRun> {
        let listing = query.listing
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
            """,
            [.text(listing.name), .int(max(0, query.limit)), .int(max(0, query.offset))]
                + (query.principal.map { [.text($0.rawValue)] } ?? []))
        let items = try rows.rows.filter { !$0.isNull(0) }.map { try Self.stored($0) }
        return StoragePage(items: items, total: rows.first?.int(7) ?? 0)
    }
}

extension RunQuery {
    /// The SQL of a listing. The conditions match those of the indexes exactly. The last parameter is the principal, if
    /// there is one.
    fileprivate var listing: (condition: String, total: String, name: String?) {
        let kept = "SELECT coalesce(sum(runs), 0) AS n FROM acp_run_counts WHERE listing ="
        let counted = "SELECT count(*) AS n FROM acp_runs WHERE"
        let own = principal == nil ? "" : "principal = $4::text AND "
        switch filter {
        case .all:
            let total = principal == nil ? "'all' AND name = ''" : "'principal' AND name = $4::text"
            return ("\(own)true", "\(kept) \(total)", nil)
        case .agent(let name):
            let total =
                principal == nil
                ? "'agent' AND name = $1::text" : "'agent of principal' AND name = $1::text || ' ' || $4::text"
            return ("\(own)agent_name = $1::text", "\(kept) \(total)", name.rawValue)
        case .session(let id):
            let condition = "\(own)session_id = $1::text"
            return (condition, "\(counted) \(condition)", id.rawValue)
        case .unfinished(let status):
            let condition = "\(own)status = $1::text AND ended_at IS NULL"
            return (condition, "\(counted) \(condition)", status.rawValue)
        }
    }
}
