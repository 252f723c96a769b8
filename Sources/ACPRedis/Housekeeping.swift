// SPDX-License-Identifier: Apache-2.0

import ACPCore
import ACPStorage
import Logging
import Redis
import Synchronization

/// Takes expired runs out of indexes, a bounded number at a time.
final class Housekeeping: Sendable {
    /// What is due in queues.
    struct Due: Sendable {
        /// Members of the queue of runs that may have expired.
        var runs: [String] = []
        /// Runs that a process may own no more.
        var owned: (process: ProcessID, runs: [RunID])?

        var isEmpty: Bool { runs.isEmpty && (owned?.runs.isEmpty ?? true) }
    }

    private struct State {
        var task: Task<Void, Never>?
        var isEnded = false
        var newRuns = 0
        var askedAt: ContinuousClock.Instant?
    }

    /// Of so many new runs one asks what is due. It is told of more than so many runs, so that old ones go away faster than new
    /// ones come.
    private static let runsPerQuestion = 8

    private let link: RedisLink
    private let keys: RedisKeys
    private let milliseconds: Int
    /// After so long the next new run asks, however few there were.
    private let interval: Duration
    private let logger: Logger
    private let state = Mutex(State())
    private let repair: IndexRepair

    init(link: RedisLink, keys: RedisKeys, timeToLive: Duration, logger: Logger) {
        repair = IndexRepair(link: link, keys: keys, timeToLive: timeToLive)
        self.link = link
        self.keys = keys
        milliseconds = timeToLive.wholeMilliseconds
        interval = min(.seconds(1), timeToLive / 16)
        self.logger = logger
    }

    /// Whether the run that is created now asks the queues what is due.
    func isToAsk() -> Bool {
        let now = ContinuousClock.now
        return state.withLock { state in
            state.newRuns += 1
            if let asked = state.askedAt, now - asked < interval, state.newRuns < Self.runsPerQuestion { return false }
            state.newRuns = 0
            state.askedAt = now
            return true
        }
    }

    /// Looks at what is due, in the background, one lot at a time. What comes meanwhile is due again later.
    func startPruning(_ due: Due) {
        guard !due.isEmpty else { return }
        state.withLock { state in
            guard state.task == nil, !state.isEnded else { return }
            // Unstructured: whoever creates a run does not wait for old ones to be cleared away. It ends by itself after one
            // pipeline, and before that with the storage, which cancels it in `stop()` and waits for it in `end()`.
            state.task = Task {
                do {
                    try await prune(due)
                } catch {
                    logger.debug("Expired runs were not cleared away", metadata: ["error": "\(error)"])
                }
                self.state.withLock { $0.task = nil }
            }
        }
    }

    func prune(_ due: Due) async throws(StorageError) {
        if link.isCluster { return try await pruneCluster(due) }
        var requests = due.runs.compactMap(pruning)
        if let (process, runs) = due.owned {
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
        _ = try await link.sendEach(requests, .writing("clearing away expired runs", at: keys.runsExpiry))
    }

    private func pruning(_ member: String) -> RedisRequest? {
        guard let place = RunPlace(expiryMember: member) else {
            // Nothing of ours. It would be due for ever.
            return RedisRequest("ZREM", [.text(keys.runsExpiry), .text(member)], isIdempotent: true)
        }
        return .script(
            RedisScripts.prune,
            keys: [.run: keys.run(place.id), .queue: keys.runsExpiry],
            moreKeys: keys.listings(of: place) + keys.allUnfinished,
            [.id: .text(place.id.rawValue), .queueMember: .text(member), .ttl: .number(milliseconds)],
            isIdempotent: true)
    }

    /// Takes runs out of an index that are not there although they have not expired: evicted, or deleted by hand.
    func forget(_ runs: [RunID], in index: String) async throws(StorageError) {
        if link.isCluster { return try await putRight(runs.map { .init(run: $0, indexes: [index]) }) }
        let requests = runs.map { run in
            RedisRequest.script(
                RedisScripts.forget, keys: [.run: keys.run(run)], moreKeys: [index, keys.runs] + keys.allUnfinished,
                [.id: .text(run.rawValue)], isIdempotent: true)
        }
        _ = try await link.sendEach(requests, .writing("clearing away runs that are gone", at: index))
    }

    // MARK: On a cluster

    private func pruneCluster(_ due: Due) async throws(StorageError) {
        var suspects: [IndexRepair.Suspect] = []
        for member in due.runs {
            if let place = RunPlace(expiryMember: member) {
                suspects.append(.init(run: place.id, place: place))
            } else {
                // Nothing of ours. It would be due for ever.
                _ = try await link.send(
                    RedisRequest("ZREM", [.text(keys.runsExpiry), .text(member)], isIdempotent: true),
                    .writing("clearing away expired runs", at: keys.runsExpiry))
            }
        }
        try await putRight(suspects)
        if let (process, runs) = due.owned { try await pruneOwned(runs, by: process) }
    }

    /// Puts the places of runs in all indexes right.
    func putRight(_ suspects: [IndexRepair.Suspect]) async throws(StorageError) {
        if !suspects.isEmpty { try await repair.repair(suspects) }
    }

    private func pruneOwned(_ runs: [RunID], by process: ProcessID) async throws(StorageError) {
        guard !runs.isEmpty else { return }
        let begin = ContinuousClock.now
        let replies = try await link.sendEach(
            runs.flatMap { [.read("GET", .text(keys.owner($0))), .read("PTTL", .text(keys.owner($0)))] },
            .reading("the owners of runs", at: keys.processRuns(process)))
        let wanted = RunOwner.storedPrefix(of: process)
        let ownerless = runs.enumerated().filter { replies[$0.offset * 2].isNull }.map(\.element)
        let unfinished = try await unfinished(of: ownerless)
        let changes = runs.enumerated().map { index, run in
            let isOwned =
                replies[index * 2].string?.utf8.starts(with: wanted.utf8) ?? unfinished.contains(run)
            let left = replies[index * 2 + 1].int ?? 0
            return IndexChange(
                kind: isOwned ? .enqueue : .remove, key: keys.processRuns(process),
                score: left < 0 ? milliseconds : left,
                member: run.rawValue)
        }
        _ = try await link.send(
            IndexWriter.request(keys.processRuns(process), changes.map { ($0, begin) }, ttl: milliseconds),
            .writing("clearing away runs of a process", at: keys.processRuns(process)))
    }

    /// Those of some runs that are there and have not ended. What cannot be read may not have ended.
    func unfinished(of runs: [RunID]) async throws(StorageError) -> Set<RunID> {
        guard !runs.isEmpty else { return [] }
        let replies = try await link.sendEach(
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
