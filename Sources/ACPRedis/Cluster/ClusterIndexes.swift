// SPDX-License-Identifier: Apache-2.0

import ACPCore
import ACPStorage
import Redis

/// The rules that keep indexes correct on a cluster, where they cannot change in one atomic step with the runs.
///
/// A run is written first, then its entries in all indexes, which are in one bucket and change together: see
/// ``IndexBuckets``. A change that is lost in between, because the process ends, is found:
///
/// - a run is created only when an early check of it is in the queue of runs to check, and deleted after one was added;
/// - a run that has not ended is checked repeatedly, and each check repairs its entries in all indexes;
/// - a run that has ended is checked when it expires, as on one server;
/// - a list that contains a run which no longer exists or has another status repairs that run at once.
///
/// The processes that list or create runs do the checks, as on one server, and so do those that look for runs to take
/// over.
enum ClusterIndexes {
    /// The interval at which a run that has not ended is checked: a list may be wrong for this long after a process has
    /// ended.
    static let interval = Duration.seconds(30)

    /// The delay of an early check, in milliseconds.
    static func recheckDelay(_ timeToLive: Duration) -> Int { min(interval, timeToLive).wholeMilliseconds }

    /// Returns the changes of one commit in the form that ``RedisScripts/index`` expects.
    ///
    /// - Parameter keys: Those of the run's bucket.
    static func changes(
        _ changes: [IndexChange], of indexEntry: RunIndexEntry?, isTerminal: Bool, keys: RedisKeys, timeToLive: Duration
    ) -> [IndexChange] {
        let whole = timeToLive.wholeMilliseconds
        let recheckDelay = recheckDelay(timeToLive)
        let queues = indexEntry.map(keys.expiryQueues) ?? [keys.runsExpiry]
        var result: [IndexChange] = []
        for var change in changes {
            switch change.kind {
            // A queue moves a member by itself when it is checked.
            case .requeue: continue
            case .enqueue where queues.contains(change.key): continue
            case .enqueue: change.score = whole
            default: break
            }
            result.append(change)
        }
        if let indexEntry {
            result += queues.map {
                IndexChange(
                    kind: .enqueue, key: $0, score: isTerminal ? whole : recheckDelay,
                    member: indexEntry.expiryMember)
            }
        }
        return result
    }

    /// Returns the changes that schedule an early check of a run, to be made before the run is changed.
    ///
    /// - Parameter keys: Those of the run's bucket.
    static func scheduledChecks(_ indexEntry: RunIndexEntry, keys: RedisKeys, timeToLive: Duration) -> [IndexChange] {
        keys.expiryQueues(of: indexEntry).map {
            IndexChange(
                kind: .checkSoon, key: $0, score: min(interval, timeToLive).wholeMilliseconds,
                member: indexEntry.expiryMember)
        }
    }
}

/// Repairs the entries of runs in all indexes.
struct IndexRepair: Sendable {
    /// A run to check.
    struct Candidate: Sendable {
        let run: RunID
        /// Its index entry, as far as it is known.
        var indexEntry: RunIndexEntry?
        /// Indexes in which the run was found. Some of them may be the right ones.
        var indexes: [String] = []
    }

    /// The state of a run, with the changes that make its indexes agree with it.
    private struct RunState {
        var exists = true
        let digest: String
        let owner: String
        var changes: [IndexChange]
        /// The process that owns the run, if that has not ended.
        var process: ProcessID?
    }

    let executor: RedisExecutor
    let keys: RedisKeys
    let timeToLive: Duration

    /// The number of checks of a run that is written meanwhile.
    private static let attempts = 5

    /// Checks runs and corrects their indexes: three round trips for any number of runs.
    ///
    /// - Returns: The runs that do not exist.
    @discardableResult
    func repair(_ candidates: [Candidate]) async throws(StorageError) -> Set<RunID> {
        var rest = candidates
        var missing: Set<RunID> = []
        for _ in 0..<Self.attempts where !rest.isEmpty {
            let begin = ContinuousClock.now
            let runStates = try await runStates(of: rest)
            for (candidate, runState) in zip(rest, runStates) {
                if runState.exists { missing.remove(candidate.run) } else { missing.insert(candidate.run) }
            }
            try await write(zip(rest, runStates).map { ($0.run, $1.changes) }, since: begin)
            // The run and its indexes may have been written in between. Then this repair is outdated, and is repeated.
            let checks: [RedisRequest] = zip(rest, runStates).map { candidate, runState in
                .script(
                    RedisScripts.isUnchanged,
                    keys: [.run: keys.run(candidate.run), .owner: keys.owner(candidate.run)],
                    [.digest: .text(runState.digest), .owner: .text(runState.owner)], isIdempotent: true)
            }
            let recalls = Set(runStates.compactMap(\.process)).map(recall)
            let results = try await executor.sendEach(
                checks + recalls, .reading("the states of runs", at: keys.runsExpiry))
            rest = zip(rest, results).filter { $0.1.int != 1 }.map(\.0)
        }
        return missing
    }

    /// Writes changes of runs, those of each bucket in one call.
    func write(
        _ changes: [(run: RunID, changes: [IndexChange])], since: ContinuousClock.Instant
    ) async throws(StorageError) {
        var buckets: [Int: [(change: IndexChange, since: ContinuousClock.Instant)]] = [:]
        for (run, changes) in changes {
            // On one server, ``StatusFill`` repairs indexes as well.
            let bucket = executor.isCluster ? IndexBuckets.number(of: run) : 0
            buckets[bucket, default: []] += changes.map { ($0, since) }
        }
        let ttl = timeToLive.wholeMilliseconds
        _ = try await executor.sendEach(
            buckets.values.filter { !$0.isEmpty }.map { IndexWriter.request($0, ttl: ttl) },
            .writing("Repairing indexes", at: keys.runsExpiry))
    }

    /// Returns the request that lists the owner of a run again. The process may have been forgotten before the run was
    /// found among its runs, and then nobody else would take the run over.
    private func recall(_ process: ProcessID) -> RedisRequest {
        .script(
            RedisScripts.recallProcess, keys: [.processes: keys.processes],
            [.process: .text(process.rawValue), .setLifetime: .number(timeToLive.wholeMilliseconds)], isIdempotent: true
        )
    }

    private func runStates(of candidates: [Candidate]) async throws(StorageError) -> [RunState] {
        let replies = try await executor.sendEach(
            candidates.map { candidate in
                .script(
                    RedisScripts.runState, keys: [.run: keys.run(candidate.run), .owner: keys.owner(candidate.run)],
                    [.ttl: .number(timeToLive.wholeMilliseconds)], isIdempotent: true)
            }, .reading("the states of runs", at: keys.runsExpiry))
        return zip(candidates, replies).map(runState)
    }

    private func runState(_ candidate: Candidate, _ reply: RESPValue) -> RunState {
        let keys = keys.bucket(of: candidate.run)
        guard let parts = reply.array, parts.count == 4, let json = parts[0].bytes, let left = parts[3].int else {
            let removals = keys.removals(of: candidate.run, candidate.indexEntry, owners: [])
            let others = candidate.indexes.map { IndexChange(kind: .remove, key: $0, member: candidate.run.rawValue) }
            return RunState(exists: false, digest: "", owner: "", changes: removals + others)
        }
        let owner = parts[1].string ?? ""
        let digest = parts[2].string ?? ""
        let task = RedisTask.reading("run \(candidate.run)", at: keys.run(candidate.run))
        guard let run = try? RunValue.decode(json, task) else {
            // The run cannot be read: it is checked again when it expires.
            let later = candidate.indexEntry.map { indexEntry in
                keys.expiryQueues(of: indexEntry).map {
                    IndexChange(kind: .enqueue, key: $0, score: left, member: indexEntry.expiryMember)
                }
            }
            return RunState(digest: digest, owner: owner, changes: later ?? [])
        }
        let process = RunOwner(stored: owner)?.process
        let indexEntry = RunIndexEntry(run)
        var changes = ClusterIndexes.changes(
            keys.changes(for: run, owner: process, from: nil, .unknown), of: indexEntry,
            isTerminal: run.status.isTerminal,
            keys: keys, timeToLive: min(timeToLive, .milliseconds(left)))
        var outdated = Set(candidate.indexes)
        if let old = candidate.indexEntry {
            let isListedElsewhere = old.expiryMember != indexEntry.expiryMember
            if isListedElsewhere {
                changes.append(IndexChange(kind: .remove, key: keys.runsExpiry, member: old.expiryMember))
                outdated.formUnion(keys.commonListings(of: old))
                if old.agent != run.agentName { outdated.formUnion(keys.allStatusRuns(old.agent)) }
            }
            if let principal = old.principal, principal != run.principal || isListedElsewhere {
                let queue = keys.principalRunsExpiry(principal)
                changes.append(IndexChange(kind: .remove, key: queue, member: old.expiryMember))
                outdated.formUnion(keys.principalIndexes(of: old))
            }
        }
        for change in changes where change.kind == .add || change.kind == .addByStatus { outdated.remove(change.key) }
        changes += outdated.sorted().map { IndexChange(kind: .remove, key: $0, member: run.id.rawValue) }
        return RunState(
            digest: digest, owner: owner, changes: changes, process: run.status.isTerminal ? nil : process)
    }
}
