// SPDX-License-Identifier: Apache-2.0

import ACPCore
public import ACPStorage
import Redis

extension RedisStorage {
    /// The number of runs that may have expired that are checked at once.
    static let pruneLimit = 100
    /// The number of records that are requested in one pipeline.
    private static let recordsAtOnce = 100
    /// The number of attempts to read a page whose runs were deleted or changed meanwhile.
    static let attempts = 20

    /// Returns one page of runs, newest first, and the number of all runs: two round trips.
    public func storedRuns(_ query: RunQuery) async throws -> StoragePage<StoredRun> {
        try executor.checkOpen()
        guard let index = keys.index(for: query) else { return StoragePage(items: [], total: 0) }
        let indexes = { (keys: RedisKeys) in keys.indexes(of: keys.index(for: query) ?? index, query.principal) }
        var attempt = 1
        while true {
            let page = try await page(of: index, query)
            // A process of an earlier version does not change the indexes of principals: the entries that it left behind
            // are repaired. Other runs that do not belong on the page were usually written in between.
            let repairs = executor.isCluster || query.principal != nil && attempt > 3
            let (records, isCurrent) = try await records(of: page.items, in: indexes, repairs: repairs) {
                query.includes(RunSummary($0))
            }
            if isCurrent || attempt == Self.attempts {
                return StoragePage(items: records, total: page.total)
            }
            attempt += 1
        }
    }

    /// Returns the ids of a page, after all expired runs have been removed.
    func page(of index: String, _ query: RunQuery) async throws(StorageError) -> StoragePage<RunID> {
        let task = RedisTask.reading("a list of runs", at: index)
        if executor.isCluster {
            let list = bucketedList(of: query.principal, task) { $0.index(for: query).map { [$0] } ?? [] }
            let page = try await list.page(skipping: query.offset, limit: query.limit)
            return StoragePage(items: page.items.map(\.run), total: page.total)
        }
        let start = max(0, query.offset)
        let (end, overflow) = start.addingReportingOverflow(max(0, query.limit))
        // A last rank of -1 would be that of the oldest run.
        let ranks = query.limit > 0 ? (start, overflow ? Int.max : end - 1) : (1, 0)
        while true {
            let reply = try await executor.send(
                .script(
                    RedisScripts.page, keys: [.queue: keys.expiryQueue(of: query.principal), .index: index],
                    [
                        .firstRank: .number(ranks.0), .lastRank: .number(ranks.1), .limit: .number(Self.pruneLimit),
                    ], isIdempotent: true),
                task)
            guard let parts = reply.array, let due = parts.first?.array else {
                throw task.corrupt("the script's reply is not the expected one")
            }
            if !due.isEmpty {
                try await prune(due, of: query.principal)
                continue
            }
            guard parts.count == 3, let total = parts[1].int, let members = parts[2].array else {
                throw task.corrupt("the script's reply is not the expected one")
            }
            var ids: [RunID] = []
            for member in members {
                guard let id = member.string.flatMap(RunID.init(rawValue:)) else {
                    throw task.corrupt("one of its members is not a run id")
                }
                ids.append(id)
            }
            return StoragePage(items: ids, total: total)
        }
    }

    /// Checks due runs of a principal, or of all.
    func prune(_ due: [RESPValue], of principal: PrincipalID?) async throws(StorageError) {
        try await indexMaintenance.prune(keys.due([(keys.expiryQueue(of: principal), due.compactMap(\.string))]))
    }

    /// Returns a list on a cluster.
    ///
    /// - Parameter indexes: Returns the indexes to read, from the names of a bucket.
    func bucketedList(
        of principal: PrincipalID?, _ task: RedisTask, indexes: @escaping @Sendable (RedisKeys) -> [String]
    ) -> BucketedList {
        BucketedList(
            executor: executor, keys: keys, maintenance: indexMaintenance, migration: migration, principal: principal,
            indexes: indexes, task: task)
    }

    /// Returns the runs of a page, and whether the page is still current.
    ///
    /// - Parameters:
    ///   - ids: The ids of the page.
    ///   - indexes: Returns the indexes in which a run was found, from the names of its bucket.
    ///   - repairs: Whether the index entries of runs that do not belong on the page are repaired.
    ///   - isListed: Returns whether a run belongs on the page.
    func records(
        of ids: [RunID], in indexes: (RedisKeys) -> [String], repairs: Bool, isListed: (Run) -> Bool
    ) async throws(StorageError) -> (records: [StoredRun], isCurrent: Bool) {
        var records: [StoredRun] = []
        var gone: [RunID] = []
        var misplaced: [IndexRepair.Candidate] = []
        var isCurrent = true
        for start in stride(from: 0, to: ids.count, by: Self.recordsAtOnce) {
            let part = ids[start..<min(start + Self.recordsAtOnce, ids.count)]
            let replies = try await executor.sendEach(
                part.map(recordRequest), .reading("the runs of a list", at: keys.run(part[start])))
            for (id, reply) in zip(part, replies) {
                guard var record = try storedRun(id, in: reply) else {
                    gone.append(id)
                    continue
                }
                let run = try record.snapshot.decode(name(of: .run(id)))
                // Decoded once, for this check and for the caller.
                record.snapshot = Encoded(json: record.snapshot.json, value: run)
                if isListed(run) {
                    records.append(record)
                } else {
                    isCurrent = false
                    misplaced.append(
                        .init(run: id, indexEntry: RunIndexEntry(run), indexes: indexes(keys.bucket(of: id))))
                }
            }
        }
        if !gone.isEmpty {
            // They were deleted since the page was read, or they were evicted and will not be removed from the index
            // otherwise.
            try await indexMaintenance.forget(gone, in: indexes)
            isCurrent = false
        }
        // The run was written in between, or its index entry is outdated, as it may be on a cluster.
        if repairs { try await indexMaintenance.repairIndexes(misplaced) }
        return (records, isCurrent)
    }
}
