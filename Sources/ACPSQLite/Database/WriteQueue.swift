// SPDX-License-Identifier: Apache-2.0

import DequeModule
import GRDB
import Synchronization

/// Executes writes one after the other, and those that wait together in one transaction.
///
/// The cost of a transaction is making it durable, which does not depend on its size. So while one is being made
/// durable, further writes gather, and the next transaction contains all of them. Each still succeeds or fails
/// independently: it has its own savepoint, and if a transaction fails as a whole, each of its writes is repeated in a
/// transaction of its own.
final class WriteQueue: Sendable {
    /// The maximum number of writes in one transaction, so that the first of many does not wait for all of them.
    private static let groupLimit = 256

    /// A pending write, and the completion of its caller.
    private struct Job: Sendable {
        /// Executes the write, and returns the function to call when it is durable.
        let write: @Sendable (Database) throws -> @Sendable () -> Void
        let fail: @Sendable (any Error) -> Void
    }

    private struct State {
        var waiting: Deque<Job> = []
        /// The size of the log, in bytes, at which readers are waited for.
        var logThreshold: Int
        /// Whether the queue is being drained, or is about to be.
        var isDraining = false
    }

    /// The size in bytes above which the log is truncated, and the size that it may keep on the disk.
    static let usualLogLimit = 64 * 1_048_576

    private let pool: DatabasePool
    private let logLimit: Int
    private let state: Mutex<State>

    init(_ pool: DatabasePool, logLimit: Int = WriteQueue.usualLogLimit) {
        self.pool = pool
        self.logLimit = logLimit
        state = Mutex(State(logThreshold: logLimit))
    }

    /// The number of pending writes, for tests.
    var waitingCount: Int { state.withLock { $0.waiting.count } }

    /// Writes in a transaction. Returns when it is durable, and is not cancelled with its task: a write that has begun
    /// is finished, and its result is returned.
    ///
    /// - Parameter body: May be called twice, each time on the database without the effects of the other.
    func perform<Result: Sendable>(
        _ body: @escaping @Sendable (Database) throws -> Result
    ) async throws -> Result {
        try await withCheckedThrowingContinuation { continuation in
            let job = Job(
                write: { db in
                    let result = try body(db)
                    return { continuation.resume(returning: result) }
                },
                fail: { continuation.resume(throwing: $0) })
            let mustDrain = state.withLock { state in
                state.waiting.append(job)
                defer { state.isDraining = true }
                return !state.isDraining
            }
            if mustDrain { scheduleDraining() }
        }
    }

    private func scheduleDraining() {
        pool.asyncWriteWithoutTransaction { [self] db in
            write(takeGroup(), db)
            shortenLog(db)
            let isDone = state.withLock { state in
                if state.waiting.isEmpty { state.isDraining = false }
                return !state.isDraining
            }
            if !isDone { scheduleDraining() }
        }
    }

    private func takeGroup() -> [Job] {
        state.withLock { state in
            let group = Array(state.waiting.prefix(Self.groupLimit))
            state.waiting.removeFirst(group.count)
            return group
        }
    }

    /// Keeps the log from growing without limit.
    ///
    /// SQLite writes the log into the database by itself, but restarts it only when no connection reads from it, which
    /// may never happen if reads follow each other without a pause. So when it has become long, reads are waited for. A
    /// long read is waited for once, and again when the log has doubled.
    private func shortenLog(_ db: Database) {
        let size = DatabasePath.size(pool.path + "-wal")
        guard size > state.withLock({ $0.logThreshold }) else { return }
        let isBusy = (try? Int.fetchOne(db, sql: "PRAGMA wal_checkpoint(TRUNCATE)")) != 0
        state.withLock { $0.logThreshold = isBusy ? size * 2 : logLimit }
    }

    private func write(_ jobs: [Job], _ db: Database) {
        guard jobs.count > 1 else {
            for job in jobs { writeAlone(job, db) }
            return
        }
        do {
            try db.beginTransaction(.immediate)
        } catch {
            // The next ones would wait as long, and fail as well.
            for job in jobs { job.fail(error) }
            return
        }
        do {
            var outcomes: [@Sendable () -> Void] = []
            for job in jobs { outcomes.append(try writeInSavepoint(job, db)) }
            try db.commit()
            for outcome in outcomes { outcome() }
        } catch {
            if db.isInsideTransaction { try? db.rollback() }
            for job in jobs { writeAlone(job, db) }
        }
    }

    /// - Returns: The function to call when the transaction is durable.
    /// - Throws: An error that ended the transaction as a whole.
    private func writeInSavepoint(_ job: Job, _ db: Database) throws -> @Sendable () -> Void {
        try db.run("SAVEPOINT acp")
        do {
            let done = try job.write(db)
            try db.run("RELEASE acp")
            return done
        } catch {
            // A full disk, for example, makes SQLite roll back the whole transaction.
            guard db.isInsideTransaction else { throw error }
            try db.run("ROLLBACK TO acp")
            try db.run("RELEASE acp")
            return { job.fail(error) }
        }
    }

    private func writeAlone(_ job: Job, _ db: Database) {
        let done: @Sendable () -> Void
        do {
            try db.beginTransaction(.immediate)
            done = try job.write(db)
            try db.commit()
        } catch {
            if db.isInsideTransaction { try? db.rollback() }
            job.fail(error)
            return
        }
        done()
    }
}
