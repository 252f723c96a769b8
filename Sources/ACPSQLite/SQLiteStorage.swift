// SPDX-License-Identifier: Apache-2.0

import ACPCore
public import ACPStorage
import GRDB
public import Logging
public import ServiceLifecycle

/// Storage in a SQLite file: durable, without a server to operate, for one process.
///
/// ```swift
/// let storage = try SQLiteStorage(path: "runs.sqlite")
/// let server = ACPServer(storage: storage)
/// try await server.run(port: 8000)
/// try await storage.close()
/// ```
///
/// ## Durability
/// A commit is one transaction. An acknowledged commit survives the end of the process and, with the default
/// ``Configuration/Durability/full``, a power failure. Commits of many runs that wait at the same time share a
/// transaction, and thereby its cost; each succeeds or fails independently.
///
/// ## One process
/// A second storage on the same file is refused, in this process or another: opening it throws a `StorageError` that
/// names the process that uses the file. So when a file is opened, all processes that used it before have ended: their
/// unfinished runs are orphaned (``coordination``), even if their heartbeats would not have expired yet.
///
/// ## Time to live
/// Runs and sessions are kept until they are deleted, or, with ``Configuration/timeToLive``, for that long after a run
/// has ended.
///
/// ## Life cycle
/// Opening reads the file, and migrates it if necessary, before the initializer returns. The storage ends with
/// ``close()``, or runs as a `Service` and ends with its service group.
///
/// ## Errors
/// All methods and initializers throw `StorageError`, whose cause is GRDB's `DatabaseError` if there is one.
public final class SQLiteStorage: Storage, Service {
    /// The file, and how data is kept in it.
    public let configuration: Configuration
    /// The path of the database file, with symbolic links resolved.
    public var path: String { database.path }

    let database: SQLiteDatabase
    let sqliteCoordination: SQLiteCoordination
    let now: @Sendable () -> Timestamp
    private let retention: RetentionLoop?

    /// Opens a database file, and creates it if it does not exist.
    ///
    /// - Parameters:
    ///   - path: The path of the file. Its folder must exist.
    ///   - logger: The logger for background work. If `nil`, a logger labelled `SQLiteStorage`.
    /// - Throws: `StorageError` with code
    ///   - `invalidConfiguration` if the path does not name a file,
    ///   - `refused` if the file is in use by another storage, cannot be written, or belongs to another program,
    ///   - `corruptData` if it is not a SQLite database, or is a damaged one.
    public convenience init(path: String, logger: Logger? = nil) throws(StorageError) {
        try self.init(Configuration(path: path), logger: logger)
    }

    /// Opens the database file of a configuration, and creates it if it does not exist.
    ///
    /// - Parameters:
    ///   - configuration: The file, and how data is kept in it.
    ///   - logger: The logger for background work. If `nil`, a logger labelled `SQLiteStorage`.
    /// - Throws: `StorageError` with code `invalidConfiguration`, see ``Configuration/validate()``, or with one of the
    ///   codes of ``init(path:logger:)``.
    public convenience init(_ configuration: Configuration, logger: Logger? = nil) throws(StorageError) {
        try self.init(configuration, logger: logger, now: { .now })
    }

    /// Opens a database file with a given clock, so that tests of the time to live need not wait.
    package init(
        _ configuration: Configuration, logger: Logger? = nil, now: @escaping @Sendable () -> Timestamp
    ) throws(StorageError) {
        try configuration.validate()
        self.configuration = configuration
        self.now = now
        let database = try SQLiteDatabase(configuration)
        let coordination = SQLiteCoordination(database)
        self.database = database
        sqliteCoordination = coordination
        retention = configuration.timeToLive.map { age in
            RetentionLoop(
                Retention(database: database, coordination: coordination, age: age, now: now),
                logger: logger ?? Logger(label: "SQLiteStorage"))
        }
        retention?.start()
    }

    deinit {
        // Background tasks refer to the database, not to the storage, so they must end with the storage.
        retention?.stop()
    }

    /// Durable, for one process, and without expiry: see ``Configuration/timeToLive``.
    public var capabilities: StorageCapabilities {
        StorageCapabilities(isDurable: true, isShared: false, timeToLive: nil)
    }

    /// Coordination inside this process. Signals are in the database. Heartbeats are not: no other process can read
    /// them, and they must not outlive this one.
    public var coordination: any Coordination { sqliteCoordination }

    /// Reads from the database, and returns how long that took.
    public func ping() async throws -> Duration {
        let start = ContinuousClock.now
        try await database.read("Pinging") { db in
            _ = try Int.fetchOne(db, sql: "SELECT runs FROM acp_run_counts WHERE listing = 'all'")
        }
        return .now - start
    }

    /// Waits for running calls, writes everything into the database file, and releases it. Calling it again has no
    /// effect.
    public func close() async throws {
        await retention?.end()
        try await database.close()
    }

    /// Waits until the service group shuts down or the task is cancelled, and then closes the storage.
    public func run() async throws {
        try? await gracefulShutdown()
        try await close()
    }
}
