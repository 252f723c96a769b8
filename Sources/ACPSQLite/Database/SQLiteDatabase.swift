// SPDX-License-Identifier: Apache-2.0

import ACPStorage
import Dispatch
import GRDB
import Synchronization

/// The open database: one connection that writes, several that read, and the lock. No call blocks a thread of Swift's
/// concurrency pool.
final class SQLiteDatabase: Sendable {
    /// How long a write waits for another program that has the file locked, in seconds.
    private static let busyTimeout = 5.0

    private enum Phase {
        case open
        /// Running calls are still waited for.
        case closing
        case closed
    }

    private struct Usage {
        var phase = Phase.open
        var running = 0
        /// Continuations that wait for running calls to end, or for the database to be closed.
        var waitingForIdle: CheckedContinuation<Void, Never>?
        var waitingForEnd: [CheckedContinuation<Void, Never>] = []
    }

    let path: String
    let reserve: DiskReserve
    /// The maximum number of pages of the file. `nil` if there is no limit.
    let maximumPages: Int?
    private let pool: DatabasePool
    private let writes: WriteQueue
    private let lock: FileLock
    private let usage = Mutex(Usage())

    init(_ configuration: SQLiteStorage.Configuration) throws(StorageError) {
        let path = try DatabasePath.resolve(configuration.path)
        self.path = path
        lock = try FileLock(database: path)
        try DatabasePath.create(path)
        try DatabasePath.checkIsWritable(path)
        reserve = DiskReserve(database: path, maximumSize: configuration.maximumSize)
        (pool, maximumPages) = try Self.open(configuration, path, reserve)
        writes = WriteQueue(pool)
    }

    private static func open(
        _ configuration: SQLiteStorage.Configuration, _ path: String, _ reserve: DiskReserve
    ) throws(StorageError) -> (pool: DatabasePool, maximumPages: Int?) {
        do {
            let pool = try DatabasePool(path: path, configuration: connections(configuration, path: path))
            try Schema.migrate(pool)
            let maximumPages = try pool.writeWithoutTransaction { db in
                try db.execute(sql: "PRAGMA synchronous = \(configuration.durability.pragma)")
                let pageSize = try Int.fetchOne(db, sql: "PRAGMA page_size") ?? 4_096
                _ = try Int.fetchOne(db, sql: "PRAGMA wal_autocheckpoint = \(reserve.checkpointPages(of: pageSize))")
                let maximumPages = configuration.maximumSize.map { $0 / pageSize }
                if let maximumPages {
                    _ = try Int.fetchOne(db, sql: "PRAGMA max_page_count = \(maximumPages)")
                }
                return maximumPages
            }
            return (pool, maximumPages)
        } catch {
            let failure = StorageError(error, doing: "Opening \(path)", changes: false, path: path)
            // Opening needs some disk space as well. Once the database is open, data can be deleted.
            guard reserve.isFilled, DiskReserve.freeSpace(path) < reserve.size,
                failure.code == .full || failure.isDiskError
            else { throw failure }
            reserve.release()
            return try open(configuration, path, reserve)
        }
    }

    private static func connections(_ settings: SQLiteStorage.Configuration, path: String) -> Configuration {
        var configuration = Configuration()
        configuration.label = "ACPSQLite"
        configuration.busyMode = .timeout(busyTimeout)
        configuration.maximumReaderCount = settings.readers
        configuration.journalMode = .wal
        configuration.prepareDatabase { db in
            guard !db.configuration.readonly else { return }
            try Schema.checkOwnership(db, path: path)
            // Only effective before the first table is created.
            try db.execute(sql: "PRAGMA auto_vacuum = INCREMENTAL")
            try db.execute(sql: "PRAGMA journal_size_limit = \(WriteQueue.usualLogLimit)")
            // On macOS, a plain fsync leaves the data in the drive's cache. Elsewhere these have no effect.
            try db.execute(sql: "PRAGMA fullfsync = \(settings.durability == .full ? 1 : 0)")
            try db.execute(sql: "PRAGMA checkpoint_fullfsync = 1")
            // Rollback data of statements is kept in memory: another disk may be full too.
            try db.execute(sql: "PRAGMA temp_store = MEMORY")
        }
        return configuration
    }

    // MARK: Calls

    /// Reads from one state of the database, concurrently with other reads and with a write.
    ///
    /// - Parameter action: The operation, as the beginning of a sentence.
    func read<Result: Sendable>(
        _ action: @autoclosure () -> String, _ body: @escaping @Sendable (Database) throws -> Result
    ) async throws -> Result {
        try enter()
        defer { leave() }
        do {
            return try await withCheckedThrowingContinuation { continuation in
                pool.asyncRead { db in continuation.resume(with: .init { try body(db.get()) }) }
            }
        } catch {
            throw StorageError(error, doing: action(), changes: false, path: path)
        }
    }

    /// Writes in a transaction, see ``WriteQueue``. The write is durable when this returns.
    func write<Result: Sendable>(
        _ action: @autoclosure () -> String, _ body: @escaping @Sendable (Database) throws -> Result
    ) async throws -> Result {
        try enter()
        defer { leave() }
        do {
            return try await writes.perform(body)
        } catch {
            throw StorageError(error, doing: action(), changes: true, path: path)
        }
    }

    /// Executes an operation that SQLite does not support in a transaction, on the connection that writes.
    func maintain(
        _ action: @autoclosure () -> String, _ body: @escaping @Sendable (Database) throws -> Void
    ) async throws {
        try await onWriter(action(), changes: false, body)
    }

    /// Executes an operation on the connection that writes, outside of a transaction.
    func onWriter<Result: Sendable>(
        _ action: @autoclosure () -> String, changes: Bool, _ body: @escaping @Sendable (Database) throws -> Result
    ) async throws -> Result {
        try enter()
        defer { leave() }
        do {
            return try await onWriter(body)
        } catch {
            throw StorageError(error, doing: action(), changes: changes, path: path)
        }
    }

    private func onWriter<Result: Sendable>(
        _ body: @escaping @Sendable (Database) throws -> Result
    ) async throws -> Result {
        try await withCheckedThrowingContinuation { continuation in
            pool.asyncWriteWithoutTransaction { db in continuation.resume(with: .init { try body(db) }) }
        }
    }

    private func enter() throws(StorageError) {
        let isOpen = usage.withLock { usage in
            guard case .open = usage.phase else { return false }
            usage.running += 1
            return true
        }
        guard isOpen else { throw StorageError(.closed, "the SQLite storage of \(path) was closed") }
    }

    private func leave() {
        let waiting = usage.withLock { usage -> CheckedContinuation<Void, Never>? in
            usage.running -= 1
            guard usage.running == 0 else { return nil }
            defer { usage.waitingForIdle = nil }
            return usage.waitingForIdle
        }
        waiting?.resume()
    }

    // MARK: End

    /// Waits for running calls, writes everything into the database file, and releases it. Concurrent calls wait for
    /// the same end.
    func close() async throws {
        let phase = usage.withLock { usage in
            defer { if case .open = usage.phase { usage.phase = .closing } }
            return usage.phase
        }
        switch phase {
        case .open: break
        case .closing: return await waitForEnd()
        case .closed: return
        }
        await waitForIdle()
        // If another program has the file open as well, the log remains, but its content need not.
        try? await onWriter { db in try db.execute(sql: "PRAGMA wal_checkpoint(PASSIVE)") }
        // No reads are running. The connection that writes must be closed last: it removes the log.
        pool.invalidateReadOnlyConnections()
        let pool = pool
        let outcome: Result<Void, any Error> = await withCheckedContinuation { continuation in
            // Closing waits for connections: not on a thread of Swift's concurrency pool.
            DispatchQueue.global().async { continuation.resume(returning: .init { try pool.close() }) }
        }
        lock.release()
        let waiting = usage.withLock { usage in
            usage.phase = .closed
            defer { usage.waitingForEnd = [] }
            return usage.waitingForEnd
        }
        for waiter in waiting { waiter.resume() }
        do {
            try outcome.get()
        } catch {
            throw StorageError(error, doing: "Closing \(path)", changes: false, path: path)
        }
    }

    private func waitForIdle() async {
        await withCheckedContinuation { continuation in
            let isIdle = usage.withLock { usage in
                if usage.running > 0 { usage.waitingForIdle = continuation }
                return usage.running == 0
            }
            if isIdle { continuation.resume() }
        }
    }

    private func waitForEnd() async {
        await withCheckedContinuation { continuation in
            let isClosed = usage.withLock { usage in
                if case .closed = usage.phase { return true }
                usage.waitingForEnd.append(continuation)
                return false
            }
            if isClosed { continuation.resume() }
        }
    }
}
