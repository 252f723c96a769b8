// SPDX-License-Identifier: Apache-2.0

import ACPCore
public import ACPStorage

extension PostgresStorage {
    /// Returns one page of an agent's runs in the order in which their status changed, and the number of all such runs,
    /// from one moment.
    ///
    /// The page is found in an index that has the runs of each status in order. Ended runs are counted by adding stored
    /// numbers, the others in the index. The runs of a session are examined one by one.
    public func storedRuns(_ query: RunStatusQuery) async throws -> StoragePage<StoredRun> {
        let (page, total, parameters) = query.session.map { query.listing(of: $0) } ?? query.listing
        // The total is returned with every row, and alone if the page is empty.
        let rows = try await database.read(
            "Listing runs by status",
            """
            WITH page AS (\(page))
            SELECT r.*, (\(total))::bigint
            FROM (SELECT 1) AS one LEFT JOIN (
                SELECT \(Self.recordColumns), status_changed_at FROM acp_runs WHERE key IN (SELECT key FROM page)
            ) AS r ON true
            ORDER BY r.status_changed_at DESC, r.id DESC
            """, parameters)
        let items = try rows.rows.filter { !$0.isNull(0) }.map { try Self.stored($0) }
        return StoragePage(items: items, total: rows.first?.int(7) ?? 0)
    }
}

extension RunStatusQuery {
    fileprivate typealias Listing = (page: String, total: String, parameters: [Parameter])

    private var selected: Set<DetailedRunStatus> { statuses.isEmpty ? Set(DetailedRunStatus.allCases) : statuses }

    /// The parameters of all listings: the agent, the time from which runs are selected, the position, and the limit.
    private var common: [Parameter] {
        [
            .text(agent.rawValue), .time(changedSince ?? Timestamp(microseconds: .min)),
            .time(after?.changedAt ?? Timestamp(microseconds: .max)), .text(after?.run.rawValue ?? ""),
            .int(max(0, limit)),
        ]
    }

    /// The condition of the runs of the agent and, if there is one, of the principal.
    ///
    /// - Parameter principal: The number of the parameter with the principal.
    private func selected(principal: Int) -> String {
        (self.principal == nil ? "" : "principal = $\(principal)::text AND ") + "agent_name = $1::text"
    }

    /// The parameter with the principal, if there is one.
    private var own: [Parameter] { principal.map { [.text($0.rawValue)] } ?? [] }

    private func textArray(_ statuses: Set<DetailedRunStatus>) -> Parameter {
        .textArray(statuses.map(\.rawValue).sorted())
    }

    /// The SQL of a listing without a session.
    fileprivate var listing: Listing {
        let ended = selected.filter(\.hasEnded)
        var parameters = common + [textArray(selected), textArray(ended), textArray(selected.subtracting(ended))]
        let ranges = changedSince.map { CountedRanges(since: $0.microseconds) }
        if let ranges {
            parameters += [
                .int(Int(ranges.large)), .int(Int(ranges.small)), .int(Int(ranges.smallEnd)),
                .time(Timestamp(microseconds: ranges.timeEnd)),
            ]
        }
        parameters += own
        let selected = selected(principal: parameters.count)
        let name = "$1::text" + (principal == nil ? "" : " || ' ' || $\(parameters.count)::text")
        let page = """
            SELECT s.key FROM unnest($6::text[]) AS wanted (status) CROSS JOIN LATERAL (
                SELECT key, status_changed_at, id FROM acp_runs
                WHERE \(selected) AND detailed_status = wanted.status
                    AND status_changed_at >= $2::timestamptz
                    AND (status_changed_at, id) < ($3::timestamptz, $4::text)
                ORDER BY status_changed_at DESC, id DESC LIMIT $5::bigint
            ) AS s
            ORDER BY s.status_changed_at DESC, s.id DESC LIMIT $5::bigint
            """
        var total = """
            SELECT count(*) FROM acp_runs
            WHERE \(selected) AND detailed_status = ANY ($8::text[]) AND status_changed_at >= $2::timestamptz
            """
        let sum = """
            SELECT coalesce(sum(runs), 0) FROM acp_status_counts
            WHERE agent_name = \(name) AND status = ANY ($7::text[])
            """
        if ranges != nil {
            let rest = """
                SELECT count(*) FROM acp_runs
                WHERE \(selected) AND detailed_status = ANY ($7::text[])
                    AND status_changed_at >= $2::timestamptz AND status_changed_at < $12::timestamptz
                """
            total = """
                SELECT (\(total)) + (\(sum) AND level = 0 AND period > $9::bigint)
                    + (\(sum) AND level = 1 AND period > $10::bigint AND period < $11::bigint) + (\(rest))
                """
        } else {
            total = "SELECT (\(total)) + (\(sum) AND level = 0)"
        }
        return (page, total, parameters)
    }

    /// The SQL of a listing of a session's runs.
    fileprivate func listing(of session: SessionID) -> Listing {
        let condition = """
            session_id = $7::text AND \(selected(principal: 8)) AND detailed_status = ANY ($6::text[])
                AND status_changed_at >= $2::timestamptz
            """
        let page = """
            SELECT key FROM acp_runs
            WHERE \(condition) AND (status_changed_at, id) < ($3::timestamptz, $4::text)
            ORDER BY status_changed_at DESC, id DESC LIMIT $5::bigint
            """
        return (
            page, "SELECT count(*) FROM acp_runs WHERE \(condition)",
            common + [textArray(selected), .text(session.rawValue)] + own
        )
    }
}
