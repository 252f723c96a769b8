// SPDX-License-Identifier: Apache-2.0

public import ACPStorage
public import Logging
public import ServiceLifecycle

/// Storage in PostgreSQL: durable, shared by many server processes, and open to SQL.
///
/// ```swift
/// let storage = try PostgresStorage(url: "postgresql://agents@db.example.com/agents?sslmode=verify-full")
/// let server = ACPServer(storage: storage)
/// ```
///
/// ## Atomicity
/// A commit is one transaction: a function in the database checks the owner and the number of events, appends, and
/// replaces the snapshot. The notification of the run's watchers follows in the same round trip. A commit is durable
/// when it returns, as far as the server's settings guarantee it. While commits are being made durable, those to other
/// runs gather, and share the next transaction; each still succeeds or fails independently.
///
/// ## Several processes
/// Any number of storages, in any number of processes, may use the same database. They see each other's runs, events
/// and sessions, and communicate through ``coordination``. Heartbeats are measured with the server's clock only.
///
/// ## Tables
/// The first call creates the tables, or migrates them, unless ``Configuration/skipsMigrations`` is `true`. They are in
/// the first schema of the connection's `search_path`.
///
/// ## Life cycle
/// A storage can be used right away and connects when necessary. It ends with ``close()``, or runs as a `Service` and
/// ends with its service group.
///
/// ## Errors
/// All methods and initializers throw `StorageError`, whose cause is a ``PostgresError`` if there is one.
public final class PostgresStorage: Storage, Service {
    /// The SQL that creates or migrates the tables, for operators who run it themselves. It may be run repeatedly.
    public static var schemaSQL: String { Schema.script }

    /// The database, and how it is connected to.
    public let configuration: Configuration

    let database: PostgresDatabase
    let commits: CommitQueue
    let postgresCoordination: PostgresCoordination

    /// Creates a storage in the database of a URL. Does not connect yet.
    ///
    /// - Parameters:
    ///   - url: `postgresql://[user[:password]@][host][:port][/database][?parameter=value]`, with all parameters of
    ///     libpq. If `nil`, the environment variable `DATABASE_URL` is used, or `postgresql://localhost` if that is not
    ///     set.
    ///   - logger: The logger for background work. If `nil`, a logger labelled `PostgresStorage`.
    /// - Throws: `StorageError` with code `invalidConfiguration` if the URL is invalid.
    public convenience init(url: String? = nil, logger: Logger? = nil) throws(StorageError) {
        try self.init(url.map { Configuration(url: $0) } ?? .fromEnvironment(), logger: logger)
    }

    /// Creates a storage from a configuration. Does not connect yet.
    ///
    /// - Parameters:
    ///   - configuration: The database, and how it is connected to.
    ///   - logger: The logger for background work. If `nil`, a logger labelled `PostgresStorage`.
    /// - Throws: `StorageError` with code `invalidConfiguration`; see ``Configuration/validate()``.
    public convenience init(_ configuration: Configuration, logger: Logger? = nil) throws(StorageError) {
        try self.init(configuration, logger: logger, commitLimits: nil)
    }

    /// - Parameter commitLimits: If `nil`, those for the number of connections.
    init(
        _ configuration: Configuration, logger: Logger? = nil, commitLimits: CommitQueueStateMachine.Limits?
    ) throws(StorageError) {
        try configuration.validate()
        self.configuration = configuration
        database = try PostgresDatabase(configuration, logger: logger ?? Logger(label: "PostgresStorage"))
        commits = CommitQueue(database, limits: commitLimits)
        postgresCoordination = PostgresCoordination(database)
    }

    deinit {
        // Background tasks refer to the database, not to the storage, so they must end with the storage.
        postgresCoordination.stop()
        database.abandon()
    }

    /// Durable, shared, and without expiry: see ``prune(olderThan:)``.
    public var capabilities: StorageCapabilities {
        StorageCapabilities(isDurable: true, isShared: true, timeToLive: nil)
    }

    /// Communication between the processes that use this database, by rows with a lease, and by LISTEN and NOTIFY.
    public var coordination: any Coordination { postgresCoordination }

    /// Sends a query, and returns how long the response took, without the time for connecting and for creating the
    /// tables.
    public func ping() async throws -> Duration {
        try await database.prepareSchema()
        let start = ContinuousClock.now
        _ = try await database.read("Pinging", "SELECT 1::bigint")
        return .now - start
    }

    /// Waits for running calls, ends all streams of ``coordination``, and closes the connections. Calls that wait for a
    /// connection, or commits that wait for others, fail. Calling it again has no effect.
    public func close() async {
        commits.close()
        await postgresCoordination.end()
        await database.close()
    }

    /// Waits until the service group shuts down or the task is cancelled, and then closes the storage.
    public func run() async throws {
        try? await gracefulShutdown()
        await close()
    }
}
