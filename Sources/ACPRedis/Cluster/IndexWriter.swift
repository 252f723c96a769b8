// SPDX-License-Identifier: Apache-2.0

import ACPStorage
import Logging
import Redis
import Synchronization

/// Writes indexes on a cluster, where they are on other servers than the runs and cannot change in one atomic step with
/// them.
///
/// The changes of one index are sent in order, one batch at a time; changes that arrive meanwhile form the next batch.
/// The caller of a change waits until it is written, so that a list read afterwards contains it, but not for long: a
/// server that is down must not delay runs on others. Its changes are written when it is back. Changes that are lost
/// with this process are found by ``IndexRepair``.
final class IndexWriter: Sendable {
    /// How long the caller of a change waits.
    private static let maximumWait = Duration.milliseconds(250)
    /// The maximum number of pending changes of one index. Further ones are left to the repair.
    private static let limit = 10_000
    /// The number of changes in one batch.
    private static let batchSize = 500

    private struct Change {
        let change: IndexChange
        /// The start of the time after which a queue checks the run.
        let since: ContinuousClock.Instant
        let latch: CompletionLatch?
    }

    private struct IndexQueue {
        var pending: [Change] = []
        var isFailing = false
    }

    private struct State {
        var queues: [String: IndexQueue] = [:]
        var tasks: [String: Task<Void, Never>] = [:]
        var isEnded = false
    }

    private let executor: RedisExecutor
    private let milliseconds: Int
    private let logger: Logger
    private let onDue: @Sendable (_ index: String, _ members: [String]) -> Void
    private let state = Mutex(State())

    /// - Parameter onDue: Receives the due members of a queue to which something was added.
    init(
        executor: RedisExecutor, timeToLive: Duration, logger: Logger,
        onDue: @escaping @Sendable (_ index: String, _ members: [String]) -> Void
    ) {
        self.executor = executor
        milliseconds = timeToLive.wholeMilliseconds
        self.logger = logger
        self.onDue = onDue
    }

    /// Writes changes, and returns when they are written or when that takes too long.
    /// - Returns: Whether all are written.
    @discardableResult
    func write(_ changes: [IndexChange], since: ContinuousClock.Instant) async -> Bool {
        guard !changes.isEmpty else { return true }
        let latch = CompletionLatch()
        add(changes, since: since, latch)
        if await latch.wait(atMost: Self.maximumWait) { return true }
        // One caller has waited in vain: others do not wait until the index can be written again.
        state.withLock { state in
            for change in changes where state.queues[change.key]?.pending.isEmpty == false {
                state.queues[change.key]?.isFailing = true
            }
        }
        return false
    }

    /// Writes the changes of a commit. A run that has ended is left to expire only when all its entries are written;
    /// until then, the queue checks it early.
    func write(_ changes: [IndexChange], queue: String, recheckDelay: Int, since: ContinuousClock.Instant) async {
        var rest = changes
        guard let last = rest.lastIndex(where: { $0.kind == .enqueue && $0.key == queue && $0.score > recheckDelay })
        else {
            await write(changes, since: since)
            return
        }
        var final = rest.remove(at: last)
        if await !write(rest, since: since) { final.score = recheckDelay }
        await write([final], since: since)
    }

    /// Starts writing changes without waiting for them.
    func begin(_ changes: [IndexChange], since: ContinuousClock.Instant) {
        add(changes, since: since, nil)
    }

    private func add(_ changes: [IndexChange], since: ContinuousClock.Instant, _ latch: CompletionLatch?) {
        var dropped = 0
        state.withLock { state in
            guard !state.isEnded else { return }
            for change in changes {
                var queue = state.queues[change.key] ?? IndexQueue()
                guard queue.pending.count < Self.limit else {
                    dropped += 1
                    continue
                }
                // Callers do not wait for a server that is failing.
                let waited = queue.isFailing ? nil : latch
                if queue.isFailing { latch?.skip() }
                waited?.add()
                queue.pending.append(Change(change: change, since: since, latch: waited))
                state.queues[change.key] = queue
                if state.tasks[change.key] == nil {
                    // Unstructured: the change must be written even if its caller stops waiting. The task ends when all
                    // changes of the index are written, or with the storage, in `stop()` or `end()`.
                    state.tasks[change.key] = Task { await self.run(change.key) }
                }
            }
        }
        latch?.close()
        if dropped > 0 {
            logger.warning("Changes of indexes were dropped; they will be repaired", metadata: ["count": "\(dropped)"])
        }
    }

    private func run(_ index: String) async {
        var pause = Duration.milliseconds(50)
        while let batch = next(index) {
            do throws(StorageError) {
                let reply = try await executor.send(
                    Self.request(index, batch.map { ($0.change, $0.since) }, ttl: milliseconds),
                    .writing("Writing an index", at: index))
                removeWritten(index, batch.count)
                pause = .milliseconds(50)
                let due = (reply.array ?? []).compactMap(\.string)
                if !due.isEmpty { onDue(index, due) }
            } catch {
                if error.code != .closed, !error.isTransient {
                    logger.warning(
                        "An index was not written", metadata: ["index": "\(index)", "error": "\(error)"])
                }
                guard error.code != .corruptData, error.code != .closed, !isEnding else {
                    // The next attempt would fail as well. The repair finds what the index lacks, once it can be
                    // written.
                    batch.forEach { $0.latch?.abandon() }
                    removeWritten(index, batch.count)
                    continue
                }
                state.withLock { $0.queues[index]?.isFailing = true }
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
    private func next(_ index: String) -> [Change]? {
        state.withLock { state in
            guard let queue = state.queues[index], !queue.pending.isEmpty, !Task.isCancelled else {
                state.queues[index] = nil
                state.tasks[index] = nil
                return nil
            }
            return Array(queue.pending.prefix(Self.batchSize))
        }
    }

    private func removeWritten(_ index: String, _ count: Int) {
        state.withLock { state in
            state.queues[index]?.pending.removeFirst(count)
            state.queues[index]?.isFailing = false
        }
    }

    /// Returns one request for the changes of one index.
    static func request(
        _ index: String, _ changes: [(change: IndexChange, since: ContinuousClock.Instant)], ttl: Int
    ) -> RedisRequest {
        let now = ContinuousClock.now
        var request = RedisRequest.script(
            RedisScripts.index, keys: [.index: index], [.ttl: .number(ttl)], capacity: changes.count * IndexStep.count,
            isIdempotent: true)
        for (change, since) in changes {
            var number = change.score
            // The run expires that long after it was written, which was at the earliest at this start.
            if change.kind == .enqueue || change.kind == .checkSoon { number -= (now - since).wholeMilliseconds + 1 }
            let step: ScriptValues<IndexStep, RedisArgument> = [
                .kind: .text(change.kind.rawValue), .number: .number(number), .member: .text(change.member),
            ]
            request.append(step.values)
        }
        return request
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
            for (index, queue) in state.queues where queue.isFailing { state.tasks[index]?.cancel() }
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
