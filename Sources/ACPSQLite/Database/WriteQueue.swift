// SPDX-License-Identifier: Apache-2.0

import DequeModule
import GRDB
import Synchronization

/// Writes one after the other, and those that wait together in one transaction.
///
/// What a transaction costs is making it durable, which it costs once however much is in it. So while one is on its way to
/// the disk, writes gather, and the next one takes them all. Each still succeeds or fails by itself: it stands in a savepoint,
/// and if a transaction fails as a whole, each of its writes gets one of its own.
final class WriteQueue: Sendable {
    /// Writes in one transaction at most, so that the first of many does not wait for all of them.
    private static let groupLimit = 256

    /// A write that waits: what it does, and who is told.
    private struct Job: Sendable {
        /// Does the writing, and gives what is to be called when it is durable.
        let write: @Sendable (Database) throws -> @Sendable () -> Void
        let fail: @Sendable (any Error) -> Void
    }

    private struct State {
        var waiting: Deque<Job> = []
        /// How long the log has to be for readers to be waited for.
        var logThreshold: Int
        /// Somebody takes from the queue, or is about to.
        var isDraining = false
    }

    /// What the log is cut back to when it is longer, and what it is allowed to keep of the disk.
    static let usualLogLimit = 64 * 1_048_576

    private let pool: DatabasePool
    private let logLimit: Int
    private let state: Mutex<State>

    init(_ pool: DatabasePool, logLimit: Int = WriteQueue.usualLogLimit) {
        self.pool = pool
        self.logLimit = logLimit
        state = Mutex(State(logThreshold: logLimit))
    }

    /// How many writes wait: for tests.
    var waitingCount: Int { state.withLock { $0.waiting.count } }

    /// Writes in a transaction. Returns when it is durable, and is not cancelled with its task: a write that has begun is
    /// finished, and its outcome is told.
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

    /// Keeps the log from growing without end.
    ///
    /// SQLite takes it into the database by itself, but begins it anew only when nobody reads from it, and with readers that
    /// follow each other without a pause there is no such moment. So when it has become long, they are waited for. Somebody who
    /// reads for a long time is waited for once, and again when the log has become twice as long.
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
            // The next ones would wait as long, and in vain.
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

    /// - Returns: What to call when the transaction is durable.
    /// - Throws: What ends the transaction as a whole.
    private func writeInSavepoint(_ job: Job, _ db: Database) throws -> @Sendable () -> Void {
        try db.run("SAVEPOINT acp")
        do {
            let done = try job.write(db)
            try db.run("RELEASE acp")
            return done
        } catch {
            // A full disk, for example, makes SQLite undo the whole transaction.
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
