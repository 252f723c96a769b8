// SPDX-License-Identifier: Apache-2.0

import ACPCore
public import ACPStorage
import Redis

extension RedisStorage {
    /// How many runs that may have expired are looked at in one go.
    private static let pruneLimit = 100
    /// How many records are asked for in one pipeline.
    private static let recordsAtOnce = 100
    /// How often a page is read again because runs on it went away or changed meanwhile.
    private static let attempts = 20

    /// One page of runs, newest first, and how many there are in all: two round trips.
    public func storedRuns(_ query: RunQuery) async throws -> StoragePage<StoredRun> {
        try link.checkOpen()
        guard let index = keys.index(for: query.filter) else { return StoragePage(items: [], total: 0) }
        var attempt = 1
        while true {
            let page = try await page(of: index, query)
            let (records, isCurrent) = try await records(of: page.items, in: index, query.filter)
            if isCurrent || attempt == Self.attempts {
                return StoragePage(items: records, total: page.total)
            }
            attempt += 1
        }
    }

    /// The ids of a page, after everything that expired has been cleared away.
    private func page(of index: String, _ query: RunQuery) async throws(StorageError) -> StoragePage<RunID> {
        let task = RedisTask.reading("a list of runs", at: index)
        let start = max(0, query.offset)
        let (end, overflow) = start.addingReportingOverflow(max(0, query.limit))
        // A last rank of -1 would be that of the oldest run.
        let ranks = query.limit > 0 ? (start, overflow ? Int.max : end - 1) : (1, 0)
        while true {
            let reply =
                link.isCluster
                ? try await clusterPage(of: index, ranks, task)
                : try await link.send(
                    .script(
                        RedisScripts.page, keys: [.queue: keys.runsExpiry, .index: index],
                        [
                            .firstRank: .number(ranks.0), .lastRank: .number(ranks.1),
                            .limit: .number(Self.pruneLimit),
                        ], isIdempotent: true),
                    task)
            guard let parts = reply.array, let due = parts.first?.array else {
                throw task.corrupt("the script's answer is not what was expected")
            }
            if !due.isEmpty {
                try await housekeeping.prune(.init(runs: due.compactMap(\.string)))
                continue
            }
            guard parts.count == 3, let total = parts[1].int, let members = parts[2].array else {
                throw task.corrupt("the script's answer is not what was expected")
            }
            var ids: [RunID] = []
            for member in members {
                guard let id = member.string.flatMap(RunID.init(rawValue:)) else {
                    throw task.corrupt("one of its members is no run id")
                }
                ids.append(id)
            }
            return StoragePage(items: ids, total: total)
        }
    }

    /// What the script ``RedisScripts/page`` gives, where the queue and the index are on different servers. The queue comes
    /// first: a run that expires in between is found missing when it is read.
    private func clusterPage(
        of index: String, _ ranks: (Int, Int), _ task: RedisTask
    ) async throws(StorageError) -> RESPValue {
        let due = try await link.send(
            .script(
                RedisScripts.due, keys: [.index: keys.runsExpiry], [.limit: .number(Self.pruneLimit)],
                isIdempotent: true), task)
        guard due.array?.isEmpty == true else { return .array([due]) }
        let range = try await link.send(
            .script(
                RedisScripts.range, keys: [.index: index],
                [.firstRank: .number(ranks.0), .lastRank: .number(ranks.1)], isIdempotent: true), task)
        return .array([due] + (range.array ?? []))
    }

    /// The runs of a page, and whether the page still is as it was.
    private func records(
        of ids: [RunID], in index: String, _ filter: RunQuery.Filter
    ) async throws(StorageError) -> (records: [StoredRun], isCurrent: Bool) {
        var records: [StoredRun] = []
        var gone: [RunID] = []
        var misplaced: [IndexRepair.Suspect] = []
        var isCurrent = true
        for start in stride(from: 0, to: ids.count, by: Self.recordsAtOnce) {
            let part = ids[start..<min(start + Self.recordsAtOnce, ids.count)]
            let replies = try await link.sendEach(
                part.map(recordRequest), .reading("the runs of a list", at: keys.run(part[start])))
            for (id, reply) in zip(part, replies) {
                guard var record = try storedRun(id, in: reply) else {
                    gone.append(id)
                    continue
                }
                let run = try record.snapshot.decode(name(of: .run(id)))
                // Decoded once, here and for whoever lists.
                record.snapshot = Encoded(json: record.snapshot.json, value: run)
                if filter.includes(RunSummary(run)) {
                    records.append(record)
                } else {
                    isCurrent = false
                    misplaced.append(.init(run: id, place: RunPlace(run)))
                }
            }
        }
        if !gone.isEmpty {
            // They were deleted since the page was read, or they were evicted and will not go from the index by themselves.
            try await housekeeping.forget(gone, in: index)
            isCurrent = false
        }
        // On one server it was written in between. On a cluster its index may also have been left behind.
        if link.isCluster { try await housekeeping.putRight(misplaced) }
        return (records, isCurrent)
    }
}
