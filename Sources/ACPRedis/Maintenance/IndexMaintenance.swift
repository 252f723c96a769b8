// SPDX-License-Identifier: Apache-2.0

import ACPCore
import ACPStorage
import Logging
import Redis
import Synchronization

/// Removes expired runs from indexes, a bounded number at a time.
final class IndexMaintenance: Sendable {
    /// Members of queues that are due for a check.
    struct Due: Sendable {
        /// A due member of a queue of runs that may have expired.
        struct Expiring: Sendable, Hashable {
            let queue: String
            let member: String
            /// The principal whose queue it is. `nil` if it is the queue of all runs.
            var principal: PrincipalID?
        }

        var expiring: [Expiring] = []
        /// Runs that a process may no longer own.
        var owned: [(process: ProcessID, runs: [RunID])] = []

        var isEmpty: Bool { expiring.isEmpty && owned.allSatisfy(\.runs.isEmpty) }
    }

    private struct State {
        var task: Task<Void, Never>?
        var isEnded = false
        var newRuns = 0
        var queriedAt: ContinuousClock.Instant?
    }

    /// One of this many new runs queries the queues. It receives more due runs than that, so that expired runs are
    /// removed faster than new ones are created.
    private static let runsPerQuery = 8

    private let executor: RedisExecutor
    private let keys: RedisKeys
    private let milliseconds: Int
    /// The time after which the next new run queries the queues, however few runs were created.
    private let interval: Duration
    private let logger: Logger
    private let state = Mutex(State())
    private let repair: IndexRepair

    init(executor: RedisExecutor, keys: RedisKeys, timeToLive: Duration, logger: Logger) {
        repair = IndexRepair(executor: executor, keys: keys, timeToLive: timeToLive)
        self.executor = executor
        self.keys = keys
        milliseconds = timeToLive.wholeMilliseconds
        interval = min(.seconds(1), timeToLive / 16)
        self.logger = logger
    }

    /// Returns whether the run that is being created should query the queues for due runs.
    func shouldQueryDueRuns() -> Bool {
        let now = ContinuousClock.now
        return state.withLock { state in
            state.newRuns += 1
            if let asked = state.queriedAt, now - asked < interval, state.newRuns < Self.runsPerQuery { return false }
            state.newRuns = 0
            state.queriedAt = now
            return true
        }
    }

    /// Checks due runs in the background, one batch at a time. A batch that arrives meanwhile is dropped: its runs stay
    /// due.
    func startPruning(_ due: Due) {
        guard !due.isEmpty else { return }
        state.withLock { state in
            guard state.task == nil, !state.isEnded else { return }
            // Unstructured: the creation of a run does not wait for the removal of old ones. The task ends by itself
            // after one pipeline, or earlier with the storage, which cancels it in `stop()` and waits for it in
            // `end()`.
            state.task = Task {
                do {
                    try await prune(due)
                } catch {
                    logger.debug("Expired runs could not be removed", metadata: ["error": "\(error)"])
                    if executor.isCluster { await pruneEachQueue(due) }
                }
                self.state.withLock { $0.task = nil }
            }
        }
    }

    func prune(_ due: Due) async throws(StorageError) {
        if executor.isCluster { return try await pruneCluster(due) }
        var requests = due.expiring.map(pruning)
        for (process, runs) in due.owned {
            for run in runs {
                requests.append(
                    .script(
                        RedisScripts.pruneOwned,
                        keys: [
                            .owner: keys.owner(run), .processRuns: keys.processRuns(process), .run: keys.run(run),
                        ],
                        moreKeys: keys.allUnfinished,
                        [
                            .id: .text(run.rawValue), .ownerPrefix: .text(RunOwner.storedPrefix(of: process)),
                            .ttl: .number(milliseconds),
                        ],
                        isIdempotent: true))
            }
        }
        guard !requests.isEmpty else { return }
        _ = try await executor.sendEach(requests, .writing("removing expired runs", at: keys.runsExpiry))
    }

    private func pruning(_ due: Due.Expiring) -> RedisRequest {
        guard let indexEntry = RunIndexEntry(expiryMember: due.member, of: due.principal) else {
            return removal(due)
        }
        let indexes =
            due.principal == nil
            ? keys.commonListings(of: indexEntry) + keys.allUnfinished + keys.allStatusRuns(indexEntry.agent)
            : keys.principalIndexes(of: indexEntry)
        return .script(
            RedisScripts.prune, keys: [.run: keys.run(indexEntry.id), .queue: due.queue], moreKeys: indexes,
            [.id: .text(indexEntry.id.rawValue), .queueMember: .text(due.member), .ttl: .number(milliseconds)],
            isIdempotent: true)
    }

    /// Returns the request that removes a member of a queue which is not of this storage. It would be due for ever.
    private func removal(_ due: Due.Expiring) -> RedisRequest {
        RedisRequest("ZREM", [.text(due.queue), .text(due.member)], isIdempotent: true)
    }

    /// Removes runs from indexes that no longer exist although they have not expired: they were evicted, or deleted by
    /// hand.
    ///
    /// - Parameter indexes: Returns the indexes in which a run was found, from the names of its bucket.
    func forget(_ runs: [RunID], in indexes: (RedisKeys) -> [String]) async throws(StorageError) {
        if executor.isCluster {
            return try await repairIndexes(runs.map { .init(run: $0, indexes: indexes(keys.bucket(of: $0))) })
        }
        let all = indexes(keys) + [keys.runs] + keys.allUnfinished
        let requests = runs.map { run in
            RedisRequest.script(
                RedisScripts.forget, keys: [.run: keys.run(run)], moreKeys: all,
                [.id: .text(run.rawValue)], isIdempotent: true)
        }
        _ = try await executor.sendEach(requests, .writing("removing runs that no longer exist", at: keys.runs))
    }

    // MARK: On a cluster

    /// Checks the due runs of each queue independently of the others: a server that accepts no writes must not keep runs of
    /// other servers from being found.
    private func pruneEachQueue(_ due: Due) async {
        let queues = Dictionary(grouping: due.expiring, by: \.queue)
        guard queues.count > 1 else { return }
        await withTaskGroup(of: Void.self) { group in
            for members in queues.values {
                group.addTask {
                    do {
                        try await self.prune(Due(expiring: members))
                    } catch {
                        self.logger.debug("Runs of a queue could not be checked", metadata: ["error": "\(error)"])
                    }
                }
            }
        }
    }

    private func pruneCluster(_ due: Due) async throws(StorageError) {
        var candidates: [IndexRepair.Candidate] = []
        for entry in due.expiring {
            if let indexEntry = RunIndexEntry(expiryMember: entry.member, of: entry.principal),
                keys.bucket(of: indexEntry.id).expiryQueue(of: entry.principal) == entry.queue
            {
                candidates.append(.init(run: indexEntry.id, indexEntry: indexEntry))
            } else {
                _ = try await executor.send(removal(entry), .writing("removing expired runs", at: entry.queue))
            }
        }
        try await repairIndexes(candidates)
        for (process, runs) in due.owned { try await pruneOwned(runs, by: process) }
    }

    /// Repairs the entries of runs in all indexes.
    func repairIndexes(_ candidates: [IndexRepair.Candidate]) async throws(StorageError) {
        if !candidates.isEmpty { try await repair.repair(candidates) }
    }

    private func pruneOwned(_ runs: [RunID], by process: ProcessID) async throws(StorageError) {
        guard !runs.isEmpty else { return }
        let begin = ContinuousClock.now
        let replies = try await executor.sendEach(
            runs.flatMap { [.read("GET", .text(keys.owner($0))), .read("PTTL", .text(keys.owner($0)))] },
            .reading("the owners of runs", at: keys.processRuns(process)))
        let wanted = RunOwner.storedPrefix(of: process)
        let ownerless = runs.enumerated().filter { replies[$0.offset * 2].isNull }.map(\.element)
        let unfinished = try await unfinished(of: ownerless)
        let changes = runs.enumerated().map { index, run in
            let isOwned =
                replies[index * 2].string?.utf8.starts(with: wanted.utf8) ?? unfinished.contains(run)
            let left = replies[index * 2 + 1].int ?? 0
            let change = IndexChange(
                kind: isOwned ? .enqueue : .remove, key: keys.bucket(of: run).processRuns(process),
                score: left < 0 ? milliseconds : left, member: run.rawValue)
            return (run, [change])
        }
        try await repair.write(changes, since: begin)
    }

    /// Returns those of some runs that exist and have not ended. A run that cannot be read counts as unfinished.
    func unfinished(of runs: [RunID]) async throws(StorageError) -> Set<RunID> {
        guard !runs.isEmpty else { return [] }
        let replies = try await executor.sendEach(
            runs.map { .read("GET", .text(keys.run($0))) }, .reading("runs", at: keys.run(runs[0])))
        var found: Set<RunID> = []
        for (run, reply) in zip(runs, replies) {
            guard let json = reply.bytes else { continue }
            let task = RedisTask.reading("run \(run)", at: keys.run(run))
            let isTerminal = (try? RunValue.decode(json, task))?.status.isTerminal ?? false
            if !isTerminal { found.insert(run) }
        }
        return found
    }

    func stop() {
        state.withLock { state in
            state.isEnded = true
            state.task?.cancel()
        }
    }

    func end() async {
        stop()
        await state.withLock { $0.task }?.value
    }
}
