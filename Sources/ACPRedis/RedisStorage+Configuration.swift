// SPDX-License-Identifier: Apache-2.0

public import ACPStorage
public import Redis

extension RedisStorage {
    /// The servers of a ``RedisStorage``, how long it keeps runs and sessions, and the names of its keys.
    ///
    /// ```swift
    /// var configuration = RedisStorage.Configuration(redis: try RedisConfiguration(url: "redis://localhost:6379"))
    /// configuration.redis.commandTimeout = .seconds(2)
    /// configuration.timeToLive = .seconds(3600)
    /// let storage = try RedisStorage(configuration)
    /// ```
    public struct Configuration: Sendable {
        /// The default of ``timeToLive``: one day.
        public static let defaultTimeToLive = Duration.seconds(86_400)
        /// The default of ``prefix``: `acp:`.
        public static let defaultPrefix = "acp:"

        static let longestTimeToLive = Duration.seconds(100 * 365 * 86_400)

        /// The client: servers, credentials, TLS, connection pool, time limits, metrics and traces. Defaults to a
        /// server at `localhost:6379`.
        public var redis: RedisConfiguration
        /// How long a run is kept after its last update, and a session after its last use. Defaults to one day. Must be
        /// between a millisecond and 100 years.
        public var timeToLive: Duration
        /// The prefix of all keys and channels, which keeps the storage apart from other data in the same database.
        /// Defaults to `acp:`. Must not be empty.
        public var prefix: String

        /// Creates a configuration.
        ///
        /// - Parameters:
        ///   - redis: The client. Defaults to a server at `localhost:6379`.
        ///   - timeToLive: How long a run is kept after its last update, and a session after its last use. Defaults to
        ///     one day.
        ///   - prefix: The prefix of all keys and channels. Defaults to `acp:`.
        public init(
            redis: RedisConfiguration = RedisConfiguration(), timeToLive: Duration = Self.defaultTimeToLive,
            prefix: String = Self.defaultPrefix
        ) {
            self.redis = redis
            self.timeToLive = timeToLive
            self.prefix = prefix
        }

        /// Checks what can be checked without a server. The initializers of ``RedisStorage`` call it.
        ///
        /// - Throws: `StorageError` with code `invalidConfiguration`, whose message names the value and what is
        ///   allowed. If the client's configuration is invalid, its cause is a `RedisError`.
        public func validate() throws(StorageError) {
            try Self.reportingErrorsOfClient { try redis.validate() }
            try Self.validate(timeToLive: timeToLive, prefix: prefix)
        }

        static func validate(timeToLive: Duration, prefix: String) throws(StorageError) {
            guard !prefix.isEmpty else {
                throw StorageError(
                    .invalidConfiguration,
                    "the prefix is empty: the storage could not tell its keys from those of other applications")
            }
            // Redis counts in milliseconds, and Lua up to 2^53.
            guard timeToLive >= .milliseconds(1), timeToLive <= longestTimeToLive else {
                throw StorageError(
                    .invalidConfiguration,
                    "the time to live is \(timeToLive); it must be between a millisecond and 100 years")
            }
        }

        static func reportingErrorsOfClient<Value>(_ body: () throws -> Value) throws(StorageError) -> Value {
            do {
                return try body()
            } catch {
                let reason = (error as? RedisError)?.message ?? "\(error)"
                throw StorageError(
                    .invalidConfiguration, "the configuration of the Redis client is invalid. \(reason)", cause: error)
            }
        }
    }
}
