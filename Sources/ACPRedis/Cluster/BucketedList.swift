// SPDX-License-Identifier: Apache-2.0

import ACPCore
import ACPStorage
import Redis

/// A list of runs that is divided into buckets (``IndexBuckets``), newest first.
///
/// A page is merged from the first members of each bucket. Since runs are distributed at random, a few members of each
/// are sufficient; a bucket with more of the newest runs is asked again. All buckets are read in one round trip, and
/// each together with its queue of runs that may have expired, so that totals are exact.
struct BucketedList: Sendable {
    typealias Position = RunStatusQuery.Position

    let executor: RedisExecutor
    let keys: RedisKeys
    let maintenance: IndexMaintenance
    let migration: BucketMigration?
    let principal: PrincipalID?
    /// Returns the indexes of a bucket that are read.
    let indexes: @Sendable (RedisKeys) -> [String]
    let task: RedisTask

    /// The maximum number of due runs of a bucket that are checked at once.
    private static let dueLimit = 16
    /// The maximum number of members of a bucket that are read at once.
    private static let maximumPart = 1_000
    /// The number of runs to skip from which on the beginning of the page is searched for.
    private static let searchedOffset = 2_048

    /// What is known of a bucket.
    private struct Bucket {
        let number: Int
        var total = 0
        /// Newest first.
        var found: [Position] = []
        /// The last position at which nothing before is missing in `found`. `nil` if nothing is missing at all.
        var end: Position?
    }

    /// What one call returns of a bucket: its number of runs, and the first members of each of its indexes.
    private typealias Part = (total: Int, pages: [[Position]])

    /// Returns a page, and the number of all runs, after all expired runs have been removed.
    ///
    /// - Parameters:
    ///   - since: The oldest position to count and to return. If `nil`, it does not matter.
    ///   - after: The position after which the page begins.
    ///   - offset: The number of runs to skip after it. If it is great, the list has one index in each bucket, and
    ///     `after` is `nil`.
    ///   - limit: The maximum number of runs.
    func page(
        since: Timestamp? = nil, after: Position? = nil, skipping offset: Int = 0, limit: Int
    ) async throws(StorageError) -> StoragePage<Position> {
        var (start, skipped) = (after, max(0, offset))
        var total: Int?
        if skipped >= Self.searchedOffset, limit > 0 {
            total = try await firstParts(since: since, after: nil, limit: 0).reduce(0) { $0 + $1.total }
            guard skipped < total ?? 0 else { return StoragePage(items: [], total: total ?? 0) }
            if let found = try await position(beforeRank: skipped) {
                start = found.position
                skipped -= found.count
            }
        }
        let (sum, overflow) = skipped.addingReportingOverflow(max(0, limit))
        let wanted = limit <= 0 ? 0 : overflow ? Int.max : sum
        var size = Self.partSize(wanted)
        let first = try await firstParts(since: since, after: start, limit: size)
        var buckets = keys.buckets.indices.map { Bucket(number: $0) }
        for (index, part) in first.enumerated() { Self.add(part, to: &buckets[index], requested: size) }
        var merged: [Position]
        while true {
            merged = buckets.flatMap(\.found)
            merged.sort(by: >)
            // Positions after the last one of the page do not matter.
            let last = wanted == 0 ? nil : merged.count >= wanted ? merged[wanted - 1] : nil
            let incomplete = buckets.indices.filter { index in
                guard wanted > 0, let end = buckets[index].end else { return false }
                return last.map { end > $0 } ?? true
            }
            if incomplete.isEmpty { break }
            size = min(2 * size, Self.maximumPart)
            let more = try await parts(
                of: incomplete.map { (buckets[$0].number, buckets[$0].end) }, since: since, limit: size)
            for (index, part) in zip(incomplete, more) {
                if let end = buckets[index].end { buckets[index].found.removeAll { $0 < end } }
                Self.add(part, to: &buckets[index], requested: size)
            }
        }
        let items = merged.dropFirst(skipped).prefix(max(0, limit))
        return StoragePage(items: Array(items), total: total ?? buckets.reduce(0) { $0 + $1.total })
    }

    /// Returns the number of members of each bucket that nearly always suffices for a number of members of all.
    static func partSize(_ wanted: Int) -> Int {
        let mean = Double(wanted) / Double(IndexBuckets.tags.count)
        return min(wanted, maximumPart, Int(min(mean + 3 * mean.squareRoot() + 3, Double(maximumPart))))
    }

    private static func add(_ part: Part, to bucket: inout Bucket, requested: Int) {
        bucket.total = part.total
        bucket.found += part.pages.joined()
        bucket.found.sort(by: >)
        // An index of which fewer members were returned than requested has no more.
        bucket.end = part.pages.filter { $0.count >= requested }.compactMap(\.last).max()
    }

    // MARK: Requests

    /// Returns the first parts of all buckets, when all runs are in them.
    private func firstParts(
        since: Timestamp?, after: Position?, limit: Int
    ) async throws(StorageError) -> [Part] {
        let all = keys.buckets.indices.map { ($0, after) }
        guard let migration else { return try await parts(of: all, since: since, limit: limit) }
        guard migration.isComplete else {
            try await migration.complete()
            return try await parts(of: all, since: since, limit: limit)
        }
        // The check costs no round trip of its own.
        var isComplete = true
        let found = try await parts(of: all, since: since, limit: limit, checks: migration.check) { reply in
            isComplete = reply.int == 0
        }
        if isComplete { return found }
        try await migration.complete()
        return try await parts(of: all, since: since, limit: limit)
    }

    /// Returns parts of buckets, after all runs of these buckets that have expired have been removed.
    ///
    /// - Parameters:
    ///   - starts: Buckets, each with the position after which its part begins.
    ///   - checks: A request to send together with the first ones.
    ///   - onCheck: Receives the reply to it.
    private func parts(
        of starts: [(bucket: Int, after: Position?)], since: Timestamp?, limit: Int, checks: RedisRequest? = nil,
        onCheck: (RESPValue) -> Void = { _ in }
    ) async throws(StorageError) -> [Part] {
        var found: [Part] = Array(repeating: (0, []), count: starts.count)
        var rest = Array(starts.indices)
        var check = checks
        while !rest.isEmpty {
            let requests = rest.map { request(starts[$0].bucket, after: starts[$0].after, since: since, limit: limit) }
            let replies = try await executor.sendEach(requests + (check.map { [$0] } ?? []), task)
            if check != nil, let reply = replies.last { onCheck(reply) }
            check = nil
            var due = IndexMaintenance.Due()
            var again: [Int] = []
            for (index, reply) in zip(rest, replies) {
                guard let parts = reply.array, let members = parts.first?.array else {
                    throw task.corrupt("the script's reply is not the expected one")
                }
                if !members.isEmpty {
                    let bucket = keys.buckets[starts[index].bucket]
                    let queue = bucket.expiryQueue(of: principal)
                    due.expiring += bucket.due([(queue, members.compactMap(\.string))]).expiring
                    again.append(index)
                    continue
                }
                guard parts.count == 3, let total = parts[1].int, let pages = parts[2].array else {
                    throw task.corrupt("the script's reply is not the expected one")
                }
                var positions: [[Position]] = []
                for page in pages { positions.append(try Position.positions(page, task)) }
                found[index] = (total, positions)
            }
            try await maintenance.prune(due)
            rest = again
        }
        return found
    }

    private func request(_ bucket: Int, after: Position?, since: Timestamp?, limit: Int) -> RedisRequest {
        let bucket = keys.buckets[bucket]
        return .script(
            RedisScripts.statusPage, keys: [.queue: bucket.expiryQueue(of: principal)], moreKeys: indexes(bucket),
            [
                .since: .text(since.map { "\($0.microseconds)" } ?? ""),
                .afterTime: .text(after.map { "\($0.changedAt.microseconds)" } ?? ""),
                .afterRun: .text(after?.run.rawValue ?? ""), .limit: .number(limit),
                .dueLimit: .number(Self.dueLimit),
            ], isIdempotent: true)
    }

    // MARK: Great offsets

    /// Returns a position at or before a rank of the whole list and near it, and the number of members up to it. If
    /// none is found, returns `nil`.
    ///
    /// The member at a 64th of the rank in one bucket is near that rank in the list. Of 64 such members, a quarter is
    /// probably newer than the one at that rank, and the newest is nearly always newer.
    private func position(beforeRank rank: Int) async throws(StorageError) -> (position: Position, count: Int)? {
        let lists = keys.buckets.compactMap { indexes($0).first }
        let replies = try await executor.sendEach(
            lists.map {
                .script(
                    RedisScripts.element, keys: [.index: $0], [.rank: .number(rank / lists.count)], isIdempotent: true)
            }, task)
        var positions: [Position] = []
        for reply in replies { positions += try Position.positions(reply, task) }
        positions.sort(by: >)
        guard let newest = positions.first else { return nil }
        for position in [positions[positions.count / 4], newest] {
            let counts = try await executor.sendEach(
                lists.map {
                    .script(
                        RedisScripts.rank, keys: [.index: $0],
                        [.time: .text("\(position.changedAt.microseconds)"), .run: .text(position.run.rawValue)],
                        isIdempotent: true)
                }, task)
            let count = counts.reduce(0) { $0 + ($1.int ?? 0) }
            if count <= rank { return (position, count) }
        }
        return nil
    }
}

extension RunStatusQuery.Position {
    /// Reads members of an index with their scores.
    static func positions(_ page: RESPValue, _ task: RedisTask) throws(StorageError) -> [RunStatusQuery.Position] {
        let members = page.array ?? []
        var found: [RunStatusQuery.Position] = []
        for index in stride(from: 0, to: members.count - 1, by: 2) {
            guard let run = members[index].string.flatMap(RunID.init(rawValue:)),
                let score = members[index + 1].string.flatMap({ Double($0) }),
                let time = Int64(exactly: score.rounded())
            else { throw task.corrupt("one of its members is not a run id with a time") }
            found.append(.init(changedAt: Timestamp(microseconds: time), run: run))
        }
        return found
    }
}
