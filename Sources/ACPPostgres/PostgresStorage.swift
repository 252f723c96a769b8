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
/// The first call makes them, or brings them up to date, unless ``PostgresConfiguration/skipMigrations`` says otherwise. They stand
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

    /// Where the data is, and how it gets there.
    public let configuration: PostgresConfiguration

    let database: PostgresDatabase
    let postgresCoordination: PostgresCoordination

    /// A storage in the database that a URL names. Nothing is connected yet.
    ///
    /// - Parameters:
    ///   - url: `postgresql://[user[:password]@][host][:port][/database][?parameter=value]`, with all that libpq knows. Nil means
    ///     the environment variable `DATABASE_URL`, and `postgresql://localhost` if that is not set.
    ///   - logger: Where what happens in the background is logged.
    /// - Throws: `StorageError` with code `refused` if the URL cannot be read.
    public convenience init(url: String? = nil, logger: Logger? = nil) throws(StorageError) {
        try self.init(url.map { PostgresConfiguration(url: $0) } ?? .fromEnvironment(), logger: logger)
    }

    /// A storage in the database that these fields name. Nothing is connected yet.
    ///
    /// - Parameters:
    ///   - host: The server's name or address, or the folder of its Unix socket.
    ///   - port: Its port.
    ///   - database: The database's name.
    ///   - user: The role to work as. Nil: what libpq takes, the name of the system's user as a rule.
    ///   - password: Its password, if the server wants one.
    ///   - sslMode: What libpq does about TLS, see ``PostgresConfiguration/init(host:port:database:user:password:sslMode:)``.
    ///   - logger: Where what happens in the background is logged.
    /// - Throws: `StorageError` with code `refused` if a field cannot be read.
    public convenience init(
        host: String, port: Int = 5432, database: String, user: String? = nil, password: String? = nil,
        sslMode: String? = nil, logger: Logger? = nil
    ) throws(StorageError) {
        let configuration = PostgresConfiguration(
            host: host, port: port, database: database, user: user, password: password, sslMode: sslMode)
        try self.init(configuration, logger: logger)
    }

    /// A storage that is configured in every detail. Nothing is connected yet.
    ///
    /// - Parameters:
    ///   - configuration: Where the data is, and how it gets there.
    ///   - logger: Where what happens in the background is logged.
    /// - Throws: `StorageError` with code `refused` if the URL cannot be read.
    public init(_ configuration: PostgresConfiguration, logger: Logger? = nil) throws(StorageError) {
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
