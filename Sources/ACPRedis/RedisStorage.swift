// SPDX-License-Identifier: Apache-2.0

public import ACPStorage
public import Logging
public import Redis
public import ServiceLifecycle

/// Storage in Redis: fast, shared by many server processes, and cleaning up after itself.
///
/// ```swift
/// let storage = try RedisStorage(url: "redis://localhost:6379", ttl: .seconds(3600))
/// let server = ACPServer(storage: storage)
/// ```
///
/// Every key expires: a run with all that belongs to it when nothing was written to it for ``timeToLive``, a session when it
/// was not used for so long. Listings never show an expired run, and their totals are exact.
///
/// ## Atomicity
/// A commit is one script, which Redis executes as a whole: it checks the owner and the number of events, appends, replaces
/// the snapshot, changes the listings and wakes whoever watches. It is one round trip, and appending costs the same at the
/// first and at the hundred-thousandth event.
///
/// On a Redis Cluster all of that holds except for the listings, which are on other servers than the run: they are written
/// right after it, before the commit returns. If the process dies in between, or a server with listings is down, they are put
/// right within half a minute, by whoever lists or creates runs.
///
/// ## Several processes
/// Any number of storages, in any number of processes, may work with the same server and prefix. They see each other's runs,
/// events and sessions, and reach each other by ``coordination``.
///
/// ## Life
/// A storage is used right away; it connects when it has to. It ends with ``close()``, or is run as a `Service` and ends with
/// its service group. A client that was handed in is the caller's to close.
///
/// ## Errors
/// Everything throws `StorageError`, whose cause is the client's `RedisError`.
public final class RedisStorage: Storage, Service {
    /// How long a run is kept after its last update, and a session after its last use, unless said otherwise: a day.
    public static let defaultTimeToLive = Duration.seconds(86_400)
    /// What all keys begin with, unless said otherwise.
    public static let defaultPrefix = "acp:"

    /// How long a run is kept after its last update, and a session after its last use.
    public let timeToLive: Duration
    /// What all keys and channels begin with.
    public var prefix: String { keys.prefix }

    let keys: RedisKeys
    let link: RedisLink
    let tracked: TrackedRuns
    let housekeeping: Housekeeping
    /// What writes the indexes on a cluster; nil where scripts do.
    let indexes: IndexWriter?
    let redisCoordination: RedisCoordination
    let eviction: EvictionCheck
    let logger: Logger
    private let ownClient: RedisClient?

    /// A storage on the server that a URL names.
    ///
    /// - Parameters:
    ///   - url: `redis://[user:password@]host[:port][/db]`, `rediss://…` for TLS, `unix:///path/to/redis.sock`,
    ///     `redis+sentinel://[user:password@]host[:port],…/master-name[/db]`, `redis+cluster://[user:password@]host[:port],…`.
    ///     Nil means the environment variable `REDIS_URL`, and `redis://localhost:6379` if that is not set.
    ///   - ttl: How long a run is kept after its last update, and a session after its last use.
    ///   - prefix: What all keys begin with: a namespace of the application's own.
    ///   - logger: Where connection failures and what happens in the background are logged.
    /// - Throws: `RedisError` with code `invalidConfiguration`. Nothing is connected yet.
    public convenience init(
        url: String? = nil, ttl: Duration = RedisStorage.defaultTimeToLive,
        prefix: String = RedisStorage.defaultPrefix, logger: Logger? = nil
    ) throws {
        try self.init(
            configuration: try url.map { try RedisConfiguration(url: $0) } ?? .fromEnvironment(), ttl: ttl,
            prefix: prefix, logger: logger)
    }

    /// A storage on the server that these fields name.
    ///
    /// - Parameters:
    ///   - host: The server's name or address.
    ///   - port: Its port.
    ///   - db: The number of the logical database.
    ///   - username: The ACL user. Nil means the user `default`.
    ///   - password: The password, if the server wants one.
    ///   - tls: Encryption. Nil means none.
    ///   - ttl: How long a run is kept after its last update, and a session after its last use.
    ///   - prefix: What all keys begin with.
    ///   - logger: Where connection failures and what happens in the background are logged.
    /// - Throws: `RedisError` with code `invalidConfiguration`.
    public convenience init(
        host: String, port: Int = RedisAddress.defaultPort, db: Int = 0, username: String? = nil,
        password: String? = nil, tls: RedisTLSConfiguration? = nil,
        ttl: Duration = RedisStorage.defaultTimeToLive, prefix: String = RedisStorage.defaultPrefix,
        logger: Logger? = nil
    ) throws {
        let configuration = RedisConfiguration(
            host: host, port: port, database: db, username: username, password: password, tls: tls)
        try self.init(configuration: configuration, ttl: ttl, prefix: prefix, logger: logger)
    }

    /// A storage with a client of its own, configured in every detail: the pool, time limits, metrics, traces.
    ///
    /// - Throws: `RedisError` with code `invalidConfiguration`.
    public convenience init(
        configuration: RedisConfiguration, ttl: Duration = RedisStorage.defaultTimeToLive,
        prefix: String = RedisStorage.defaultPrefix, logger: Logger? = nil
    ) throws {
        var configuration = configuration
        if let logger { configuration.logger = logger }
        let client = try RedisClient(configuration)
        try self.init(
            client: client, ownClient: client, ttl: ttl, prefix: prefix, logger: configuration.logger)
    }

    /// A storage on a client that is there already, and that stays the caller's to close.
    ///
    /// - Parameters:
    ///   - client: A `RedisClient`, or an adapter for a client of another make.
    ///   - ttl: How long a run is kept after its last update, and a session after its last use.
    ///   - prefix: What all keys begin with.
    ///   - logger: Where what happens in the background is logged.
    /// - Throws: `RedisError` with code `invalidConfiguration` if the TTL or the prefix make no sense.
    public convenience init(
        client: any RedisStorageClient, ttl: Duration = RedisStorage.defaultTimeToLive,
        prefix: String = RedisStorage.defaultPrefix, logger: Logger? = nil
    ) throws {
        try self.init(
            client: client, ownClient: nil, ttl: ttl, prefix: prefix, logger: logger ?? Logger(label: "RedisStorage"))
    }

    init(
        client: any RedisStorageClient, ownClient: RedisClient?, ttl: Duration, prefix: String, logger: Logger,
        now: @escaping @Sendable () -> ContinuousClock.Instant = { .now }
    ) throws {
        guard !prefix.isEmpty else {
            throw RedisError(
                .invalidConfiguration, "The prefix is empty: the storage could not tell its keys from others.")
        }
        guard ttl >= .milliseconds(1) else {
            throw RedisError(.invalidConfiguration, "The time to live is \(ttl); it must be a millisecond or more.")
        }
        // Redis counts in milliseconds, and Lua to 2^53.
        timeToLive = min(ttl, .seconds(100 * 365 * 86_400))
        let keys = RedisKeys(prefix: prefix, hashTags: client.isCluster)
        let link = RedisLink(client, pattern: keys.pattern)
        let housekeeping = Housekeeping(link: link, keys: keys, timeToLive: timeToLive, logger: logger)
        self.link = link
        self.keys = keys
        self.housekeeping = housekeeping
        tracked = TrackedRuns(timeToLive: timeToLive, now: now)
        indexes =
            link.isCluster
            ? IndexWriter(link: link, timeToLive: timeToLive, logger: logger) { index, members in
                housekeeping.startPruning(keys.due(members, in: index))
            } : nil
        eviction = EvictionCheck(link, logger: logger)
        redisCoordination = RedisCoordination(
            link: link, keys: keys, timeToLive: timeToLive, eviction: eviction, logger: logger)
        self.logger = logger
        self.ownClient = ownClient
    }

    deinit {
        // What runs in the background refers to the client, not to the storage: it must not go on without it.
        indexes?.stop()
        housekeeping.stop()
        redisCoordination.stop()
    }

    /// Durable as far as what was acknowledged is there after this process ended. Whether it is there after the Redis server
    /// ended is a matter of the server's persistence.
    public var capabilities: StorageCapabilities {
        StorageCapabilities(isDurable: true, isShared: true, timeToLive: timeToLive)
    }

    /// How processes on this storage talk to each other: by keys that expire, and by Redis pub/sub.
    public var coordination: any Coordination { redisCoordination }

    /// Asks Redis for a sign of life.
    public func ping() async throws -> Duration {
        let start = ContinuousClock.now
        _ = try await link.send(.read("PING"), .reading("the answer to PING", at: prefix))
        let duration = ContinuousClock.now - start
        await eviction.perform()
        return duration
    }

    /// Ends what runs in the background, ends all streams of ``coordination``, and closes the client, unless it was handed in.
    /// Commands under way are waited for.
    public func close() async {
        await indexes?.end()
        _ = link.close()
        await housekeeping.end()
        await redisCoordination.end()
        await ownClient?.shutdownGracefully()
    }

    /// Waits until the service group shuts down or the task is cancelled, and closes the storage then.
    public func run() async throws {
        if let ownClient {
            try await ownClient.run()
        } else {
            try? await gracefulShutdown()
        }
        await close()
    }

    /// The key that holds a document.
    public func name(of document: StoredDocument) -> String { keys.name(of: document) }

    /// The time to live as Redis wants it.
    var milliseconds: Int { timeToLive.wholeMilliseconds }
}

extension Duration {
    /// Rounded up: nothing expires before its time.
    var wholeMilliseconds: Int {
        let (seconds, attoseconds) = components
        return Int(seconds) * 1_000 + Int((attoseconds + 999_999_999_999_999) / 1_000_000_000_000_000)
    }
}
