// SPDX-License-Identifier: Apache-2.0

import ACPCore
public import ACPStorage
import Redis

extension RedisStorage {
    /// Returns one page of an agent's runs in the order in which their status changed, and the number of all such runs:
    /// two round trips.
    ///
    /// The runs of a session are read one by one.
    public func storedRuns(_ query: RunStatusQuery) async throws -> StoragePage<StoredRun> {
        try executor.checkOpen()
        if let session = query.session { return try await storedRuns(query, of: session) }
        // Earlier versions wrote no runs with a principal.
        if query.principal == nil, !executor.isCluster { try await statusFill.complete(query.agent) }
        let statuses = RedisKeys.statuses.filter { query.statuses.isEmpty || query.statuses.contains($0) }
        var attempt = 1
        while true {
            let page = try await positions(in: statuses, query)
            let listed = Dictionary(page.items.map { ($0.run, $0) }, uniquingKeysWith: { first, _ in first })
            // On one server, a run that does not belong on the page was usually written in between.
            let (records, isCurrent) = try await records(
                of: page.items.map(\.run), in: { $0.indexes(of: query) },
                repairs: executor.isCluster || attempt > 3
            ) { query.includes($0) && listed[$0.id] == .init($0) }
            if isCurrent || attempt == Self.attempts { return StoragePage(items: records, total: page.total) }
            attempt += 1
        }
    }

    /// Returns the positions of the runs of a page, after all expired runs have been removed.
    private func positions(
        in statuses: [DetailedRunStatus], _ query: RunStatusQuery
    ) async throws(StorageError) -> StoragePage<RunStatusQuery.Position> {
        let indexes = statuses.map { keys.statusRuns(query, $0) }
        let task = RedisTask.reading("a list of runs by status", at: indexes.first ?? keys.pattern)
        if executor.isCluster {
            let list = bucketedList(of: query.principal, task) { keys in statuses.map { keys.statusRuns(query, $0) } }
            return try await list.page(since: query.changedSince, after: query.after, limit: query.limit)
        }
        // Lua's numbers are exact to 2^53.
        let limit = min(max(0, query.limit), 1 << 50)
        let arguments: ScriptValues<StatusPageArgument, RedisArgument> = [
            .since: .text(query.changedSince.map { "\($0.microseconds)" } ?? ""),
            .afterTime: .text(query.after.map { "\($0.changedAt.microseconds)" } ?? ""),
            .afterRun: .text(query.after?.run.rawValue ?? ""), .limit: .number(limit),
            .dueLimit: .number(Self.pruneLimit),
        ]
        while true {
            let reply = try await executor.send(
                .script(
                    RedisScripts.statusPage, keys: [.queue: keys.expiryQueue(of: query.principal)],
                    moreKeys: indexes, arguments, isIdempotent: true), task)
            guard let parts = reply.array, let due = parts.first?.array else {
                throw task.corrupt("the script's reply is not the expected one")
            }
            if !due.isEmpty {
                try await prune(due, of: query.principal)
                continue
            }
            guard parts.count == 3, let total = parts[1].int, let pages = parts[2].array else {
                throw task.corrupt("the script's reply is not the expected one")
            }
            var found: [RunStatusQuery.Position] = []
            for page in pages { found += try RunStatusQuery.Position.positions(page, task) }
            found.sort(by: >)
            return StoragePage(items: Array(found.prefix(limit)), total: total)
        }
    }

    /// Selects runs of a session, all of which are read.
    private func storedRuns(
        _ query: RunStatusQuery, of session: SessionID
    ) async throws(StorageError) -> StoragePage<StoredRun> {
        let all = RunQuery(.session(session), principal: query.principal, limit: .max)
        guard let index = keys.index(for: all) else { return StoragePage(items: [], total: 0) }
        let page = try await page(of: index, all)
        let (records, _) = try await records(
            of: page.items, in: { $0.indexes(of: $0.index(for: all) ?? index, query.principal) },
            repairs: executor.isCluster
        ) { all.includes(RunSummary($0)) }
        var found: [(position: RunStatusQuery.Position, run: StoredRun)] = []
        for record in records {
            let run = try record.snapshot.decode(name(of: .run(record.id)))
            if query.includes(run) { found.append((.init(run), record)) }
        }
        found.sort { $0.position > $1.position }
        let rest = found.drop { entry in query.after.map { entry.position >= $0 } ?? false }
        return StoragePage(items: rest.prefix(max(0, query.limit)).map(\.run), total: found.count)
    }
}
