// SPDX-License-Identifier: Apache-2.0

import ACPStorage
import Synchronization

/// Sends commits that wait at the same moment in one transaction.
///
/// The cost of a small transaction is mostly that of making it durable and of the round trip, which do not depend on the
/// number of its commits. So while batches are in flight, further commits gather, and the next batch contains them. Each
/// commit has its own outcome: the functions of the database report a refusal without an error. An error ends the
/// transaction as a whole; then each of its commits is sent in a transaction of its own.
///
/// There is no task of its own: the caller of the first commit of a batch sends the batch, and the others wait for it.
final class CommitQueue: Sendable {
    /// What a caller does next.
    private enum Turn {
        /// Sends a batch of its own commit and others.
        case send(with: [Waiter])
        case end(Result<ResultSet, StorageError>)
        /// Sends its commit alone, because the batch was rolled back.
        ///
        /// - Parameter isInDoubt: Whether the commit may be stored already.
        case sendAlone(isInDoubt: Bool)
    }

    private struct Waiter: Sendable {
        let id: Int
        let commit: PreparedCommit
        let continuation: CheckedContinuation<Turn, Never>
    }

    private struct State {
        var machine: CommitQueueStateMachine
        /// The callers that wait for a batch.
        var waiters: [Int: Waiter] = [:]
        var nextID = 0
        var isTimerSet = false
    }

    /// How long a batch waits for the lock of a row, in milliseconds. Another transaction that keeps the row of one run
    /// delays the commits of other runs no longer than this. It is shorter than the time after which the server looks
    /// for a deadlock (`deadlock_timeout`), and much longer than a transaction of this storage.
    private static let lockTimeout = "500ms"

    private let database: PostgresDatabase
    private let limits: CommitQueueStateMachine.Limits
    private let state: Mutex<State>

    init(_ database: PostgresDatabase, limits: CommitQueueStateMachine.Limits? = nil) {
        self.database = database
        self.limits = limits ?? Self.limits(connections: database.configuration.maximumConnections)
        state = Mutex(State(machine: CommitQueueStateMachine(self.limits)))
    }

    /// Returns the limits for a number of connections. At least half of the connections remain for other calls.
    ///
    /// Each batch is executed by one process of the server. So batches are small enough that the commits of some dozens
    /// of runs are divided among several of them.
    static func limits(connections: Int) -> CommitQueueStateMachine.Limits {
        CommitQueueStateMachine.Limits(
            batchesInFlight: min(4, max(1, connections / 2)), commits: 16, bytes: 1_048_576)
    }

    /// The number of commits that wait for a batch, for tests.
    var waitingCount: Int { state.withLock { $0.machine.waitingCount } }

    // MARK: Commits

    /// Executes a commit, and returns its row. It is completed even if the caller is cancelled.
    func execute(_ commit: PreparedCommit) async throws(StorageError) -> ResultSet {
        // A large commit would delay others, and the check before a commit reports a refusal as an error.
        guard commit.check == nil, commit.byteCount <= limits.bytes else { return try await sendAlone(commit) }
        let deadline = ContinuousClock.now + database.configuration.poolTimeout
        let id = state.withLock { state in
            state.nextID += 1
            return state.nextID
        }
        switch await turn(of: commit, id, deadline) {
        case .send(let others):
            guard !others.isEmpty else {
                defer { end(id) }
                return try await sendAlone(commit, waitingUntil: deadline)
            }
            return try await send(commit, id, with: others, waitingUntil: deadline)
        case .end(let result): return try result.get()
        case .sendAlone(let isInDoubt): return try await sendAlone(commit, isInDoubt: isInDoubt)
        }
    }

    private func turn(of commit: PreparedCommit, _ id: Int, _ deadline: ContinuousClock.Instant) async -> Turn {
        await withCheckedContinuation { continuation in
            let (isSent, mustSetTimer) = state.withLock { state in
                if state.machine.add(id, byteCount: commit.byteCount, deadline: deadline) { return (true, false) }
                state.waiters[id] = Waiter(id: id, commit: commit, continuation: continuation)
                defer { state.isTimerSet = true }
                return (false, !state.isTimerSet)
            }
            if isSent { continuation.resume(returning: .send(with: [])) }
            if mustSetTimer { scheduleTimeout(at: deadline) }
        }
    }

    private func sendAlone(
        _ commit: PreparedCommit, waitingUntil deadline: ContinuousClock.Instant? = nil, isInDoubt: Bool = false
    ) async throws(StorageError) -> ResultSet {
        let batch = Batch(
            transaction: (commit.check.map { [$0] } ?? []) + [commit.statement], followUp: commit.notification)
        let results = try await database.commit(
            "Committing to run \(commit.run)", batch, waitingUntil: deadline, isInDoubt: isInDoubt)
        guard let last = results.last else { throw missingResults }
        return last
    }

    /// Sends a batch, and passes its results to the other callers.
    private func send(
        _ own: PreparedCommit, _ id: Int, with others: [Waiter], waitingUntil deadline: ContinuousClock.Instant
    ) async throws(StorageError) -> ResultSet {
        // All batches take locks in the same order. The own commit has no waiter.
        let commits = ([(own, nil)] + others.map { ($0.commit, $0) }).sorted { $0.0.order < $1.0.order }
        let batch = Batch(
            transaction: [Self.lockTimeoutSetting] + commits.map(\.0.statement),
            followUp: PreparedCommit.notification(of: commits.map(\.0.run)))
        let results: [ResultSet]
        do throws(StorageError) {
            results = try await database.commit(
                "Committing to \(commits.count) runs", batch, waitingUntil: deadline, repeatsCollisions: false)
            guard results.count == commits.count + 1 else { throw missingResults }
        } catch {
            return try await handle(error, own, id, others)
        }
        end(id)
        var ownResult: ResultSet?
        for ((_, waiter), result) in zip(commits, results.dropFirst()) {
            if let waiter {
                waiter.continuation.resume(returning: .end(.success(result)))
            } else {
                ownResult = result
            }
        }
        guard let ownResult else { throw missingResults }
        return ownResult
    }

    private static let lockTimeoutSetting = Statement(
        "SELECT set_config('lock_timeout', $1::text, true)", [.text(lockTimeout)])

    private var missingResults: StorageError {
        StorageError(
            .outcomeUnknown, "Committing failed in \(database.location): the server sent fewer results than statements")
    }

    /// A batch has failed as a whole.
    private func handle(
        _ error: StorageError, _ own: PreparedCommit, _ id: Int, _ others: [Waiter]
    ) async throws(StorageError) -> ResultSet {
        let cause = error.cause as? PostgresError
        if cause?.code == .poolExhausted, error.code != .outcomeUnknown {
            let waitAgain = end(id, unsent: others)
            for waiter in others where !waitAgain.contains(waiter.id) {
                waiter.continuation.resume(returning: .end(.failure(error)))
            }
            throw error
        }
        end(id)
        guard let cause, cause.code == .serverError, !cause.endsConnection else {
            for waiter in others { waiter.continuation.resume(returning: .end(.failure(error))) }
            throw error
        }
        // The server rolled this attempt back. An earlier one may have been executed, if its response was lost.
        let isInDoubt = error.code == .outcomeUnknown
        for waiter in others { waiter.continuation.resume(returning: .sendAlone(isInDoubt: isInDoubt)) }
        return try await sendAlone(own, isInDoubt: isInDoubt)
    }

    /// Lets the callers of the next batches send them.
    ///
    /// - Parameter unsent: The other commits of the batch, if it was not sent.
    /// - Returns: The commits that wait again.
    @discardableResult
    private func end(_ id: Int, unsent: [Waiter] = []) -> Set<Int> {
        let (batches, waitAgain, deadline) = state.withLock { state in
            let now = unsent.isEmpty ? nil : ContinuousClock.now
            let (batches, waitAgain) = state.machine.ended(id, unsentAt: now)
            for waiter in unsent where waitAgain.contains(waiter.id) { state.waiters[waiter.id] = waiter }
            let deadline = state.isTimerSet ? nil : state.machine.nextDeadline
            if deadline != nil { state.isTimerSet = true }
            return (
                batches.map { $0.compactMap { state.waiters.removeValue(forKey: $0) } }, Set(waitAgain), deadline
            )
        }
        for batch in batches {
            batch.first?.continuation.resume(returning: .send(with: Array(batch.dropFirst())))
        }
        if let deadline { scheduleTimeout(at: deadline) }
        return waitAgain
    }

    // MARK: Timeouts and the end

    /// Schedules the timeout of waiting commits. One timer serves all of them.
    private func scheduleTimeout(at deadline: ContinuousClock.Instant) {
        database.loop.schedule(at: deadline) { [weak self] in self?.failTimedOutCommits() }
    }

    private func failTimedOutCommits() {
        let (late, next) = state.withLock { state in
            let late = state.machine.expire(at: .now).compactMap { state.waiters.removeValue(forKey: $0) }
            let next = state.machine.nextDeadline
            state.isTimerSet = next != nil
            return (late, next)
        }
        for waiter in late {
            let error = PostgresError(.poolExhausted, "the commits before this one took too long")
            fail(waiter, error)
        }
        if let next { scheduleTimeout(at: next) }
    }

    /// Fails the waiting commits. Those in flight are completed.
    func close() {
        let waiters = state.withLock { state in
            state.machine.close().compactMap { state.waiters.removeValue(forKey: $0) }
        }
        for waiter in waiters { fail(waiter, PostgresError(.closed, "the storage was closed")) }
    }

    private func fail(_ waiter: Waiter, _ error: PostgresError) {
        waiter.continuation.resume(
            returning: .end(
                .failure(
                    StorageError(
                        error, doing: "Committing to run \(waiter.commit.run)", changes: true,
                        location: database.location))))
    }
}
