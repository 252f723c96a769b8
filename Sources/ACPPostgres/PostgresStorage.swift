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
/// A commit is one transaction: a function in the database checks the owner and the number of events, appends, and replaces the
/// snapshot. The notification for whoever watches follows in the same round trip. It is durable when it returns, as far as the server's own settings say.
///
/// ## Several processes
/// Any number of storages, in any number of processes, may work with the same database. They see each other's runs, events and
/// sessions, and reach each other by ``coordination``. Heartbeats are judged by the server's clock alone.
///
/// ## Tables
/// The first call makes them, or brings them up to date, unless ``Configuration/skipsMigrations`` says otherwise. They stand
/// in the first schema of the connection's `search_path`.
///
/// ## Life
/// A storage is used right away; it connects when it has to, and again when it lost a connection. It ends with ``close()``, or is
/// run as a `Service` and ends with its service group.
///
/// ## Errors
/// Everything throws `StorageError`, whose cause is a ``PostgresError``.
public final class PostgresStorage: Storage, Service {
    /// The SQL that makes the tables or brings them up to date, for people who run it themselves. It may be run again.
    public static var schemaSQL: String { Schema.script }

    /// The database, and how it is connected to.
    public let configuration: Configuration

    let database: PostgresDatabase
    let postgresCoordination: PostgresCoordination

    /// Creates a storage in the database of a URL. Does not connect yet.
    ///
    /// - Parameters:
    ///   - url: `postgresql://[user[:password]@][host][:port][/database][?parameter=value]`, with all parameters of libpq. If
    ///     `nil`, the environment variable `DATABASE_URL` is used, or `postgresql://localhost` if that is not set.
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
    public init(_ configuration: Configuration, logger: Logger? = nil) throws(StorageError) {
        try configuration.validate()
        self.configuration = configuration
        database = try PostgresDatabase(configuration, logger: logger ?? Logger(label: "PostgresStorage"))
        postgresCoordination = PostgresCoordination(database)
    }

    deinit {
        // What runs in the background refers to the database, not to the storage: it must not go on without it.
        postgresCoordination.stop()
        database.abandon()
    }

    /// Durable, shared, and without expiry: see ``prune(olderThan:)``.
    public var capabilities: StorageCapabilities {
        StorageCapabilities(isDurable: true, isShared: true, timeToLive: nil)
    }

    /// How processes on this storage talk to each other: by rows with a lease, and by LISTEN and NOTIFY.
    public var coordination: any Coordination { postgresCoordination }

    /// Asks the server for a sign of life. The time of connecting and of making the tables does not count.
    public func ping() async throws -> Duration {
        try await database.prepareSchema()
        let start = ContinuousClock.now
        _ = try await database.read("Asking for a sign of life", "SELECT 1::bigint")
        return .now - start
    }

    /// Waits for calls under way, ends all streams of ``coordination``, and closes the connections. Closing twice is fine.
    public func close() async {
        await postgresCoordination.end()
        await database.close()
    }

    /// Waits until the service group shuts down or the task is cancelled, and closes the storage then.
    public func run() async throws {
        try? await gracefulShutdown()
        await close()
    }
}
