// SPDX-License-Identifier: Apache-2.0

import ACPStorage
import Logging
import Redis
import Synchronization

/// Writes indexes on a cluster, where they are on other servers than the runs and cannot change in one step with them.
///
/// The changes of one index go out in order, one lot at a time; what comes meanwhile goes out together in the next. Whoever
/// made a change waits until it is written, so that a list read afterwards shows it; but not for long: a server that is down
/// must not hold up runs on others. Its changes are written when it is back. What is lost with this process is found by
/// ``IndexRepair``.
final class IndexWriter: Sendable {
    /// How long a change is waited for.
    private static let patience = Duration.milliseconds(250)
    /// How many changes of one index wait at most. Those beyond are left to the repair.
    private static let limit = 10_000
    /// How many changes go out at once.
    private static let lotSize = 500

    private struct Change {
        let change: IndexChange
        /// From when the time is counted in which a queue has to look.
        let since: ContinuousClock.Instant
        let countdown: Countdown?
    }

    private struct Lane {
        var pending: [Change] = []
        var isFailing = false
    }

    private struct State {
        var lanes: [String: Lane] = [:]
        var tasks: [String: Task<Void, Never>] = [:]
        var isEnded = false
    }

    private let link: RedisLink
    private let milliseconds: Int
    private let logger: Logger
    private let onDue: @Sendable (_ index: String, _ members: [String]) -> Void
    private let state = Mutex(State())

    /// - Parameter onDue: Gets what is due in a queue to which something was added.
    init(
        link: RedisLink, timeToLive: Duration, logger: Logger,
        onDue: @escaping @Sendable (_ index: String, _ members: [String]) -> Void
    ) {
        self.link = link
        milliseconds = timeToLive.wholeMilliseconds
        self.logger = logger
        self.onDue = onDue
    }

    /// Writes changes, and returns when they are written or when that takes long.
    /// - Returns: Whether all are written.
    @discardableResult
    func write(_ changes: [IndexChange], since: ContinuousClock.Instant) async -> Bool {
        guard !changes.isEmpty else { return true }
        let countdown = Countdown()
        add(changes, since: since, countdown)
        if await countdown.wait(atMost: Self.patience) { return true }
        // One has waited in vain: others need not, until something is written again.
        state.withLock { state in
            for change in changes where state.lanes[change.key]?.pending.isEmpty == false {
                state.lanes[change.key]?.isFailing = true
            }
        }
        return false
    }

    /// Writes what a commit changes. A run that has ended is left to expire only when all its places are written; until then
    /// the queue has it looked at soon.
    func write(_ changes: [IndexChange], queue: String, soon: Int, since: ContinuousClock.Instant) async {
        var rest = changes
        guard let last = rest.lastIndex(where: { $0.kind == .enqueue && $0.key == queue && $0.score > soon }) else {
            await write(changes, since: since)
            return
        }
        var final = rest.remove(at: last)
        if await !write(rest, since: since) { final.score = soon }
        await write([final], since: since)
    }

    /// Begins to write changes.
    func begin(_ changes: [IndexChange], since: ContinuousClock.Instant) {
        add(changes, since: since, nil)
    }

    private func add(_ changes: [IndexChange], since: ContinuousClock.Instant, _ countdown: Countdown?) {
        var lost = 0
        state.withLock { state in
            guard !state.isEnded else { return }
            for change in changes {
                var lane = state.lanes[change.key] ?? Lane()
                guard lane.pending.count < Self.limit else {
                    lost += 1
                    continue
                }
                // A server that is in trouble is not waited for.
                let waited = lane.isFailing ? nil : countdown
                if lane.isFailing { countdown?.miss() }
                waited?.add()
                lane.pending.append(Change(change: change, since: since, countdown: waited))
                state.lanes[change.key] = lane
                if state.tasks[change.key] == nil {
                    // Unstructured: the change has to be written even if its caller stops waiting. It ends when all changes
                    // of the index are written, and with the storage, in `stop()` or `end()`.
                    state.tasks[change.key] = Task { await self.run(change.key) }
                }
            }
        }
        countdown?.close()
        if lost > 0 {
            logger.warning("Changes of indexes were dropped; they will be repaired", metadata: ["count": "\(lost)"])
        }
    }

    private func run(_ index: String) async {
        var pause = Duration.milliseconds(50)
        while let lot = next(index) {
            do throws(StorageError) {
                let reply = try await link.send(
                    Self.request(index, lot.map { ($0.change, $0.since) }, ttl: milliseconds),
                    .writing("Writing an index", at: index))
                written(index, lot.count)
                pause = .milliseconds(50)
                let due = (reply.array ?? []).compactMap(\.string)
                if !due.isEmpty { onDue(index, due) }
            } catch {
                if error.code != .closed, !error.isTransient {
                    logger.warning(
                        "An index was not written", metadata: ["index": "\(index)", "error": "\(error)"])
                }
                guard error.code != .corruptData, error.code != .closed, !isEnding else {
                    // It will not go better next time. What the index lacks is found by the repair, once it is possible.
                    lot.forEach { $0.countdown?.giveUp() }
                    written(index, lot.count)
                    continue
                }
                state.withLock { $0.lanes[index]?.isFailing = true }
                lot.forEach { $0.countdown?.giveUp() }
                try? await Task.sleep(for: pause)
                pause = min(pause * 2, .seconds(1))
                continue
            }
            lot.forEach { $0.countdown?.done() }
        }
    }

    /// Nobody waits for servers that are down any more.
    private var isEnding: Bool { Task.isCancelled || state.withLock { $0.isEnded } }

    /// What is written next; it stays in its place until it is written. Nil, and the end of the task, if there is nothing.
    private func next(_ index: String) -> [Change]? {
        state.withLock { state in
            guard let lane = state.lanes[index], !lane.pending.isEmpty, !Task.isCancelled else {
                state.lanes[index] = nil
                state.tasks[index] = nil
                return nil
            }
            return Array(lane.pending.prefix(Self.lotSize))
        }
    }

    private func written(_ index: String, _ count: Int) {
        state.withLock { state in
            state.lanes[index]?.pending.removeFirst(count)
            state.lanes[index]?.isFailing = false
        }
    }

    /// One request for the changes of one index.
    static func request(
        _ index: String, _ changes: [(change: IndexChange, since: ContinuousClock.Instant)], ttl: Int
    ) -> RedisRequest {
        let now = ContinuousClock.now
        var request = RedisRequest.script(
            RedisScripts.index, keys: [.index: index], [.ttl: .number(ttl)], capacity: changes.count * IndexStep.count,
            isIdempotent: true)
        for (change, since) in changes {
            var number = change.score
            // The run expires so long after it was written, and that was at the earliest when this began.
            if change.kind == .enqueue || change.kind == .intend { number -= (now - since).wholeMilliseconds + 1 }
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

    /// Waits until all is written, but not for servers that are down.
    func end() async {
        let tasks = state.withLock { state in
            state.isEnded = true
            for (index, lane) in state.lanes where lane.isFailing { state.tasks[index]?.cancel() }
            return Array(state.tasks.values)
        }
        for task in tasks { await task.value }
    }
}

/// Counts down what somebody waits for.
private final class Countdown: Sendable {
    private struct State {
        var left = 0
        var isClosed = false
        var isGivenUp = false
        var hasMissed = false
        var waiter: CheckedContinuation<Void, Never>?
    }

    private let state = Mutex(State())

    func add() { state.withLock { $0.left += 1 } }
    func close() { update { $0.isClosed = true } }
    func done() { update { $0.left -= 1 } }
    /// Something is not waited for.
    func miss() { update { $0.hasMissed = true } }
    func giveUp() { update { $0.isGivenUp = true } }

    private func update(_ body: (inout State) -> Void) {
        let waiter = state.withLock { state -> CheckedContinuation<Void, Never>? in
            body(&state)
            return Self.isOver(state) ? state.waiter.take() : nil
        }
        waiter?.resume()
    }

    private static func isOver(_ state: State) -> Bool { state.isGivenUp || (state.isClosed && state.left <= 0) }

    /// Returns whether all is done.
    func wait(atMost limit: Duration) async -> Bool {
        // Unstructured, so that it can be let go of at once; it is cancelled before this returns.
        let alarm = Task {
            guard (try? await Task.sleep(for: limit)) != nil else { return }
            self.giveUp()
        }
        await withCheckedContinuation { waiter in
            let isOver = state.withLock { state in
                if Self.isOver(state) { return true }
                state.waiter = waiter
                return false
            }
            if isOver { waiter.resume() }
        }
        alarm.cancel()
        return state.withLock { !$0.isGivenUp && !$0.hasMissed }
    }
}
