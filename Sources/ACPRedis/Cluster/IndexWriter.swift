// SPDX-License-Identifier: Apache-2.0

import ACPCore
import ACPStorage
import Logging
import Redis
import Synchronization

/// Writes indexes on a cluster, where they are on other servers than the runs and cannot change in one atomic step with
/// them.
///
/// The changes of one bucket (``IndexBuckets``) are sent in order, one batch at a time; changes that arrive meanwhile
/// form the next batch. All changes of a run travel in one call, which makes them at one moment.
/// The caller of a change waits until it is written, so that a list read afterwards contains it, but not for long: a
/// server that is down must not delay runs on others. Its changes are written when it is back. Changes that are lost
/// with this process are found by ``IndexRepair``.
final class IndexWriter: Sendable {
    /// How long the caller of a change waits.
    private static let maximumWait = Duration.milliseconds(250)
    /// The maximum number of pending changes of one bucket. Further ones are left to the repair.
    private static let limit = 10_000
    /// The number of changes in one batch.
    private static let batchSize = 500

    private struct Change {
        let change: IndexChange
        /// The start of the time after which a queue checks the run.
        let since: ContinuousClock.Instant
        let latch: CompletionLatch?
    }

    private struct BucketQueue {
        var pending: [Change] = []
        var isFailing = false
    }

    private struct State {
        var queues: [Int: BucketQueue] = [:]
        var tasks: [Int: Task<Void, Never>] = [:]
        var isEnded = false
    }

    private let executor: RedisExecutor
    private let milliseconds: Int
    private let logger: Logger
    private let onDue: @Sendable (_ bucket: Int, _ due: [(queue: String, members: [String])]) -> Void
    private let state = Mutex(State())

    /// - Parameter onDue: Receives the due members of queues of a bucket to which something was added.
    init(
        executor: RedisExecutor, timeToLive: Duration, logger: Logger,
        onDue: @escaping @Sendable (_ bucket: Int, _ due: [(queue: String, members: [String])]) -> Void
    ) {
        self.executor = executor
        milliseconds = timeToLive.wholeMilliseconds
        self.logger = logger
        self.onDue = onDue
    }

    /// Writes changes of the indexes of a run, and returns when they are written or when that takes too long.
    func write(_ changes: [IndexChange], of run: RunID, since: ContinuousClock.Instant) async {
        guard !changes.isEmpty else { return }
        let bucket = IndexBuckets.number(of: run)
        let latch = CompletionLatch()
        add(changes, to: bucket, since: since, latch)
        if await latch.wait(atMost: Self.maximumWait) { return }
        // One caller has waited in vain: others do not wait until the bucket can be written again.
        state.withLock { state in
            if state.queues[bucket]?.pending.isEmpty == false { state.queues[bucket]?.isFailing = true }
        }
    }

    /// Starts writing changes of the indexes of a run without waiting for them.
    func begin(_ changes: [IndexChange], of run: RunID, since: ContinuousClock.Instant) {
        add(changes, to: IndexBuckets.number(of: run), since: since, nil)
    }

    private func add(
        _ changes: [IndexChange], to bucket: Int, since: ContinuousClock.Instant, _ latch: CompletionLatch?
    ) {
        var dropped = 0
        state.withLock { state in
            guard !state.isEnded, !changes.isEmpty else { return }
            var queue = state.queues[bucket] ?? BucketQueue()
            if queue.pending.count < Self.limit {
                // Callers do not wait for a server that is failing.
                let waited = queue.isFailing ? nil : latch
                if queue.isFailing { latch?.skip() }
                for change in changes {
                    waited?.add()
                    queue.pending.append(Change(change: change, since: since, latch: waited))
                }
            } else {
                dropped = changes.count
            }
            state.queues[bucket] = queue
            if state.tasks[bucket] == nil {
                // Unstructured: the changes must be written even if their caller stops waiting. The task ends when all
                // changes of the bucket are written, or with the storage, in `stop()` or `end()`.
                state.tasks[bucket] = Task { await self.run(bucket) }
            }
        }
        latch?.close()
        if dropped > 0 {
            logger.warning("Changes of indexes were dropped; they will be repaired", metadata: ["count": "\(dropped)"])
        }
    }

    private func run(_ bucket: Int) async {
        var pause = Duration.milliseconds(50)
        while let batch = next(bucket) {
            do throws(StorageError) {
                let reply = try await executor.send(
                    Self.request(batch.map { ($0.change, $0.since) }, ttl: milliseconds),
                    .writing("Writing indexes", at: batch[0].change.key))
                removeWritten(bucket, batch.count)
                pause = .milliseconds(50)
                let due = Self.due(reply)
                if !due.isEmpty { onDue(bucket, due) }
            } catch {
                if error.code != .closed, !error.isTransient {
                    logger.warning(
                        "Indexes were not written", metadata: ["bucket": "\(bucket)", "error": "\(error)"])
                }
                guard error.code != .corruptData, error.code != .closed, !isEnding else {
                    // The next attempt would fail as well. The repair finds what the indexes lack, once they can be
                    // written.
                    batch.forEach { $0.latch?.abandon() }
                    removeWritten(bucket, batch.count)
                    continue
                }
                state.withLock { $0.queues[bucket]?.isFailing = true }
                batch.forEach { $0.latch?.abandon() }
                try? await Task.sleep(for: pause)
                pause = min(pause * 2, .seconds(1))
                continue
            }
            batch.forEach { $0.latch?.complete() }
        }
    }

    /// Whether the writer is ending and no longer waits for servers that are down.
    private var isEnding: Bool { Task.isCancelled || state.withLock { $0.isEnded } }

    /// Returns the next changes to write; they stay in the queue until they are written. Returns `nil`, and ends the
    /// task, if there are none.
    private func next(_ bucket: Int) -> [Change]? {
        state.withLock { state in
            guard let queue = state.queues[bucket], !queue.pending.isEmpty, !Task.isCancelled else {
                state.queues[bucket] = nil
                state.tasks[bucket] = nil
                return nil
            }
            return Array(queue.pending.prefix(Self.batchSize))
        }
    }

    private func removeWritten(_ bucket: Int, _ count: Int) {
        state.withLock { state in
            state.queues[bucket]?.pending.removeFirst(count)
            state.queues[bucket]?.isFailing = false
        }
    }

    /// Returns one request for changes of the indexes of one bucket.
    static func request(
        _ changes: [(change: IndexChange, since: ContinuousClock.Instant)], ttl: Int
    ) -> RedisRequest {
        let now = ContinuousClock.now
        var keys: [String] = []
        var positions: [String: Int] = [:]
        for (change, _) in changes where positions[change.key] == nil {
            keys.append(change.key)
            positions[change.key] = keys.count
        }
        var request = RedisRequest.script(
            RedisScripts.index, keys: [:], moreKeys: keys, [.ttl: .number(ttl)],
            capacity: changes.count * IndexStep.count, isIdempotent: true)
        for (change, since) in changes {
            var number = change.score
            // The run expires that long after it was written, which was at the earliest at this start.
            if change.kind == .enqueue || change.kind == .checkSoon { number -= (now - since).wholeMilliseconds + 1 }
            let step: ScriptValues<IndexStep, RedisArgument> = [
                .kind: .text(change.kind.rawValue), .position: .number(positions[change.key] ?? 0),
                .number: .number(number), .member: .text(change.member),
            ]
            request.append(step.values)
        }
        return request
    }

    /// Returns what ``RedisScripts/index`` returns: queues, each followed by its due members.
    private static func due(_ reply: RESPValue) -> [(queue: String, members: [String])] {
        let parts = reply.array ?? []
        return stride(from: 0, to: parts.count - 1, by: 2).compactMap { index in
            parts[index].string.map { ($0, (parts[index + 1].array ?? []).compactMap(\.string)) }
        }
    }

    // MARK: End

    func stop() {
        let tasks = state.withLock { state in
            state.isEnded = true
            return Array(state.tasks.values)
        }
        for task in tasks { task.cancel() }
    }

    /// Waits until all changes are written, except for those on servers that are down.
    func end() async {
        let tasks = state.withLock { state in
            state.isEnded = true
            for (bucket, queue) in state.queues where queue.isFailing { state.tasks[bucket]?.cancel() }
            return Array(state.tasks.values)
        }
        for task in tasks { await task.value }
    }
}

/// Lets a caller wait until a number of changes is written.
private final class CompletionLatch: Sendable {
    private struct State {
        var left = 0
        var isClosed = false
        var isAbandoned = false
        var hasSkipped = false
        var waiter: CheckedContinuation<Void, Never>?
    }

    private let state = Mutex(State())

    func add() { state.withLock { $0.left += 1 } }
    func close() { update { $0.isClosed = true } }
    func complete() { update { $0.left -= 1 } }
    /// Records that a change is not waited for.
    func skip() { update { $0.hasSkipped = true } }
    func abandon() { update { $0.isAbandoned = true } }

    private func update(_ body: (inout State) -> Void) {
        let waiter = state.withLock { state -> CheckedContinuation<Void, Never>? in
            body(&state)
            return Self.isFinished(state) ? state.waiter.take() : nil
        }
        waiter?.resume()
    }

    private static func isFinished(_ state: State) -> Bool { state.isAbandoned || (state.isClosed && state.left <= 0) }

    /// Waits at most for a given time, and returns whether all changes are written.
    func wait(atMost limit: Duration) async -> Bool {
        // Unstructured, so that the caller need not wait for it; it is cancelled before this returns.
        let timer = Task {
            guard (try? await Task.sleep(for: limit)) != nil else { return }
            self.abandon()
        }
        await withCheckedContinuation { waiter in
            let isFinished = state.withLock { state in
                if Self.isFinished(state) { return true }
                state.waiter = waiter
                return false
            }
            if isFinished { waiter.resume() }
        }
        timer.cancel()
        return state.withLock { !$0.isAbandoned && !$0.hasSkipped }
    }
}
