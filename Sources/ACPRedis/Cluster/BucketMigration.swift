// SPDX-License-Identifier: Apache-2.0

import ACPCore
import ACPStorage
import Logging
import Redis
import Synchronization

/// Moves runs into buckets (``IndexBuckets``) that a version before buckets listed on a cluster.
///
/// Those versions had one index of all runs of each kind. Whenever they write a run, they add it to their queue of runs
/// that may have expired. So that queue contains every run whose entries in the buckets may be missing or outdated. A
/// run that is moved is repaired (``IndexRepair``), which adds it to all indexes of its bucket, and removed from the
/// queue. A list is read when all runs are moved that were in the queue before; while processes of an earlier version
/// run, they keep adding to it.
///
/// Their other indexes are left as they are, for processes of earlier versions. Nothing extends them any more: they
/// expire two TTLs after such a process has last written them.
final class BucketMigration: Sendable {
    private struct State {
        var task: Task<Result<Void, StorageError>, Never>?
        var isStarted = false
        var isComplete = false
        var isEnded = false
    }

    /// The approximate number of runs that are moved at once.
    private static let step = 500

    private let executor: RedisExecutor
    private let keys: RedisKeys
    private let timeToLive: Duration
    private let logger: Logger
    private let repair: IndexRepair
    private let state = Mutex(State())

    init(executor: RedisExecutor, keys: RedisKeys, timeToLive: Duration, logger: Logger) {
        self.executor = executor
        self.keys = keys
        self.timeToLive = timeToLive
        self.logger = logger
        repair = IndexRepair(executor: executor, keys: keys, timeToLive: timeToLive)
    }

    /// Whether the queue was empty when it was last read here.
    var isComplete: Bool { state.withLock { $0.isComplete } }

    /// The request that returns the number of runs to move.
    var check: RedisRequest { .read("ZCARD", .text(keys.runsExpiry)) }

    /// Moves all runs in the background that are to be moved, at the first call.
    func start() {
        state.withLock { state in
            guard !state.isStarted else { return }
            state.isStarted = true
            if state.task == nil { _ = begin(&state) }
        }
    }

    /// Moves all runs that were to be moved when this was called.
    func complete() async throws(StorageError) {
        // A pass that has begun already may have missed runs that were added meanwhile.
        if let earlier = state.withLock({ $0.task }) { _ = await earlier.value }
        let task = state.withLock { state in
            state.isStarted = true
            return state.task ?? begin(&state)
        }
        guard let task else { throw StorageError(.closed, "the Redis storage was closed") }
        try await task.value.get()
    }

    private func begin(_ state: inout State) -> Task<Result<Void, StorageError>, Never>? {
        guard !state.isEnded else { return nil }
        // Unstructured, because several callers wait for the task, and cancellation of the first one must not affect
        // the others. Each step has a time limit, and closing the storage ends it.
        let task = Task {
            var result: Result<Void, StorageError>
            do throws(StorageError) {
                result = .success(try await pass())
            } catch {
                result = .failure(error)
            }
            self.state.withLock { $0.task = nil }
            return result
        }
        state.task = task
        return task
    }

    /// Moves all members of the queue. Those that are added meanwhile may be missed.
    private func pass() async throws(StorageError) {
        let task = RedisTask.reading("the runs of earlier versions", at: keys.runsExpiry)
        let count = try await executor.send(check, task).int ?? 0
        state.withLock { $0.isComplete = count == 0 }
        guard count > 0 else { return }
        var cursor = "0"
        repeat {
            let reply = try await executor.send(
                .read("ZSCAN", .text(keys.runsExpiry), .text(cursor), "COUNT", .number(Self.step)), task)
            guard let parts = reply.array, parts.count == 2, let next = parts[0].string, let members = parts[1].array
            else { throw task.corrupt("the reply to ZSCAN is not a cursor with members") }
            try await move(members)
            cursor = next
        } while cursor != "0"
        logger.debug("Runs of an earlier version were moved into buckets", metadata: ["count": "\(count)"])
    }

    /// - Parameter members: Members of the queue and their scores in turn.
    private func move(_ members: [RESPValue]) async throws(StorageError) {
        guard !members.isEmpty else { return }
        let begin = ContinuousClock.now
        let entries = stride(from: 0, to: members.count, by: 2).compactMap {
            members[$0].string.flatMap { RunIndexEntry(expiryMember: $0) }
        }
        let missing = try await repair.repair(entries.map { .init(run: $0.id, indexEntry: $0) })
        // A process of an earlier version adds a run to its queue before it creates it. If that process ends right
        // after that, the run is found by this check.
        try await repair.write(
            entries.filter { missing.contains($0.id) }.map { entry in
                let keys = keys.bucket(of: entry.id)
                return (entry.id, ClusterIndexes.scheduledChecks(entry, keys: keys, timeToLive: timeToLive))
            }, since: begin)
        var removal = RedisRequest.script(
            RedisScripts.removeUnchanged, keys: [.index: keys.runsExpiry], [:], capacity: members.count,
            isIdempotent: true)
        // A member that was added anew meanwhile has another score, and stays.
        for member in members { removal.append(.bytes(member.bytes ?? [])) }
        _ = try await executor.send(removal, .writing("Moving runs into buckets", at: keys.runsExpiry))
    }

    // MARK: End

    func stop() {
        state.withLock { state in
            state.isEnded = true
            state.task?.cancel()
        }
    }

    func end() async {
        stop()
        _ = await state.withLock { $0.task }?.value
    }
}
