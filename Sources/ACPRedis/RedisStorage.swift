// SPDX-License-Identifier: Apache-2.0

public import ACPStorage
public import Logging
import Redis
public import ServiceLifecycle

/// Storage in Redis, which many server processes can share. Data expires by itself.
///
/// ```swift
/// let storage = try RedisStorage(url: "redis://localhost:6379", timeToLive: .seconds(3600))
/// let server = ACPServer(storage: storage)
/// ```
///
/// Every key expires: a run with all its data once it was not written for ``timeToLive``, and a session once it was not
/// used for that time. Listings never include an expired run, and their totals are exact.
///
/// ## Atomicity
/// A commit is one script, which Redis executes as a whole: it checks the owner and the number of events, appends,
/// replaces the snapshot, changes the listings and notifies the run's watchers. It takes one round trip, and appending
/// costs the same at the first event and at the hundred-thousandth.
///
/// On a Redis Cluster all of that holds except for the listings, which are divided into buckets in other slots than the
/// run: they are written right after the run, before the commit returns, and merged when they are read. If the process
/// ends in between, or a server with listings is down, the next process that lists or creates runs repairs them within
/// half a minute.
///
/// ## Several processes
/// Any number of storages, in any number of processes, may use the same servers and prefix. They see each other's runs,
/// events and sessions, and communicate through ``coordination``.
///
/// ## Life cycle
/// A storage can be used right away and connects when necessary. It ends with ``close()``, or runs as a `Service` and
/// ends with its service group. The caller closes a client that the storage was created with.
///
/// ## Errors
/// All methods and initializers throw `StorageError`, whose cause is the client's `RedisError` if there is one.
public final class RedisStorage: Storage, Service {
    /// How long a run is kept after its last update, and a session after its last use.
    public let timeToLive: Duration
    /// The prefix of all keys and channels.
    public var prefix: String { keys.prefix }

    let keys: RedisKeys
    let executor: RedisExecutor
    let trackedRuns: TrackedRuns
    let indexMaintenance: IndexMaintenance
    let statusFill: StatusFill
    /// Writes the indexes on a cluster. `nil` where scripts write them.
    let indexes: IndexWriter?
    /// Moves runs into buckets on a cluster that versions before buckets wrote.
    let migration: BucketMigration?
    let redisCoordination: RedisCoordination
    let eviction: EvictionCheck
    let logger: Logger
    private let ownClient: RedisClient?

    /// Creates a storage with a client of its own. Does not connect yet.
    ///
    /// - Parameters:
    ///   - configuration: The servers, how long runs and sessions are kept, and the prefix of all keys.
    ///   - logger: The logger for connection failures and background work. If `nil`, the logger of
    ///     ``Configuration/redis``.
    /// - Throws: `StorageError` with code `invalidConfiguration`; see ``Configuration/validate()``. Its cause is a
    ///   `RedisError` if the client's configuration is invalid or a certificate cannot be read.
    public convenience init(_ configuration: Configuration, logger: Logger? = nil) throws(StorageError) {
        try configuration.validate()
        var redis = configuration.redis
        if let logger { redis.logger = logger }
        let client = try Configuration.reportingErrorsOfClient { [redis] in try RedisClient(redis) }
        try self.init(
            client: client, ownClient: client, timeToLive: configuration.timeToLive, prefix: configuration.prefix,
            logger: redis.logger)
    }

    /// Creates a storage on the servers of a URL. Does not connect yet.
    ///
    /// - Parameters:
    ///   - url: `redis://[user:password@]host[:port][/db]`, `rediss://…` for TLS, `unix:///path/to/redis.sock`,
    ///     `redis+sentinel://[user:password@]host[:port],…/master-name[/db]`,
    ///     `redis+cluster://[user:password@]host[:port],…`. If `nil`, the environment variable `REDIS_URL` is used, or
    ///     `redis://localhost:6379` if that is not set.
    ///   - timeToLive: How long a run is kept after its last update, and a session after its last use. Defaults to one
    ///     day.
    ///   - prefix: The prefix of all keys and channels. Defaults to `acp:`.
    ///   - logger: The logger for connection failures and background work. If `nil`, a logger labelled `RedisClient`.
    /// - Throws: `StorageError` with code `invalidConfiguration`. Its cause is a `RedisError` if the URL is invalid.
    public convenience init(
        url: String? = nil, timeToLive: Duration = Configuration.defaultTimeToLive,
        prefix: String = Configuration.defaultPrefix, logger: Logger? = nil
    ) throws(StorageError) {
        let redis = try Configuration.reportingErrorsOfClient {
            try url.map { try RedisConfiguration(url: $0) } ?? .fromEnvironment()
        }
        try self.init(Configuration(redis: redis, timeToLive: timeToLive, prefix: prefix), logger: logger)
    }

    /// Creates a storage on an existing client. The caller closes the client, after the storage.
    ///
    /// - Parameters:
    ///   - client: A `RedisClient`, or an adapter for another Redis client library.
    ///   - timeToLive: How long a run is kept after its last update, and a session after its last use. Defaults to one
    ///     day.
    ///   - prefix: The prefix of all keys and channels. Defaults to `acp:`.
    ///   - logger: The logger for background work. If `nil`, a logger labelled `RedisStorage`.
    /// - Throws: `StorageError` with code `invalidConfiguration` if the time to live or the prefix is invalid; see
    ///   ``Configuration/validate()``.
    public convenience init(
        client: any RedisStorageClient, timeToLive: Duration = Configuration.defaultTimeToLive,
        prefix: String = Configuration.defaultPrefix, logger: Logger? = nil
    ) throws(StorageError) {
        try self.init(
            client: client, ownClient: nil, timeToLive: timeToLive, prefix: prefix,
            logger: logger ?? Logger(label: "RedisStorage"))
    }

    init(
        client: any RedisStorageClient, ownClient: RedisClient?, timeToLive: Duration, prefix: String, logger: Logger,
        now: @escaping @Sendable () -> ContinuousClock.Instant = { .now }
    ) throws(StorageError) {
        try Configuration.validate(timeToLive: timeToLive, prefix: prefix)
        self.timeToLive = timeToLive
        let keys = RedisKeys(prefix: prefix, hashTags: client.isCluster)
        let executor = RedisExecutor(client, pattern: keys.pattern)
        let indexMaintenance = IndexMaintenance(executor: executor, keys: keys, timeToLive: timeToLive, logger: logger)
        self.executor = executor
        self.keys = keys
        self.indexMaintenance = indexMaintenance
        statusFill = StatusFill(executor: executor, keys: keys, timeToLive: timeToLive)
        trackedRuns = TrackedRuns(timeToLive: timeToLive, now: now)
        indexes =
            executor.isCluster
            ? IndexWriter(executor: executor, timeToLive: timeToLive, logger: logger) { bucket, due in
                indexMaintenance.startPruning(keys.buckets[bucket].due(due))
            } : nil
        migration =
            executor.isCluster
            ? BucketMigration(executor: executor, keys: keys, timeToLive: timeToLive, logger: logger) : nil
        eviction = EvictionCheck(executor, logger: logger)
        redisCoordination = RedisCoordination(
            executor: executor, keys: keys, timeToLive: timeToLive, eviction: eviction, logger: logger)
        self.logger = logger
        self.ownClient = ownClient
    }

    deinit {
        // Background tasks refer to the client, not to the storage, so they must end with the storage.
        indexes?.stop()
        migration?.stop()
        indexMaintenance.stop()
        redisCoordination.stop()
    }

    /// Durable, shared and expiring. An acknowledged commit survives the end of this process; whether it survives the
    /// end of the Redis server depends on the server's persistence.
    public var capabilities: StorageCapabilities {
        StorageCapabilities(isDurable: true, isShared: true, timeToLive: timeToLive)
    }

    /// Communication between the processes that use this storage, by keys that expire and by Redis pub/sub.
    public var coordination: any Coordination { redisCoordination }

    /// Sends `PING`, and returns how long the reply took.
    public func ping() async throws -> Duration {
        let start = ContinuousClock.now
        _ = try await executor.send(.read("PING"), .reading("the reply to PING", at: prefix))
        let duration = ContinuousClock.now - start
        await eviction.perform()
        return duration
    }

    /// Waits for running commands, ends background work and all streams of ``coordination``, and closes the client
    /// unless the caller created it.
    public func close() async {
        await indexes?.end()
        _ = executor.close()
        await migration?.end()
        await indexMaintenance.end()
        await redisCoordination.end()
        await ownClient?.shutdownGracefully()
    }

    /// Waits until the service group shuts down or the task is cancelled, and then closes the storage.
    public func run() async throws {
        if let ownClient {
            try await ownClient.run()
        } else {
            try? await gracefulShutdown()
        }
        await close()
    }

    /// Returns the key that holds a document.
    public func name(of document: StoredDocument) -> String { keys.name(of: document) }

    /// The time to live in milliseconds, as Redis counts it.
    var milliseconds: Int { timeToLive.wholeMilliseconds }
}

extension Duration {
    /// The duration in milliseconds, rounded up so that nothing expires early.
    var wholeMilliseconds: Int {
        let (seconds, attoseconds) = components
        return Int(seconds) * 1_000 + Int((attoseconds + 999_999_999_999_999) / 1_000_000_000_000_000)
    }
}
