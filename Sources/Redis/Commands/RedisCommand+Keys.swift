// SPDX-License-Identifier: Apache-2.0

/// The remaining time to live of a key.
public enum RedisTTL: Hashable, Sendable {
    /// The key does not exist.
    case missing
    /// The key does not expire.
    case unlimited
    /// The key expires after this time.
    case expires(in: Duration)
}

extension RedisCommand {
    /// Returns a `DEL` command, which deletes keys. The reply is the number of keys that existed.
    public static func del(_ keys: [String]) -> RedisCommand {
        RedisCommand("DEL", arguments: keys.map { RedisArgument($0) })
    }

    /// Returns an `UNLINK` command, which is like `DEL` but frees memory in the background.
    public static func unlink(_ keys: [String]) -> RedisCommand {
        RedisCommand("UNLINK", arguments: keys.map { RedisArgument($0) })
    }

    /// Returns an `EXISTS` command. The reply is the number of the keys that exist.
    public static func exists(_ keys: [String]) -> RedisCommand {
        RedisCommand("EXISTS", arguments: keys.map { RedisArgument($0) }, isIdempotent: true)
    }

    /// Returns a `PEXPIRE` command, which sets the time to live of a key. The reply is 1, or 0 if the key does not
    /// exist.
    public static func expire(_ key: String, after duration: Duration) -> RedisCommand {
        RedisCommand("PEXPIRE", key, duration.wholeMilliseconds)
    }

    /// Returns a `PERSIST` command, which removes the time to live of a key. The reply is 1, or 0 if the key does not
    /// exist or does not expire.
    public static func persist(_ key: String) -> RedisCommand {
        RedisCommand("PERSIST", key)
    }

    /// Returns a `PTTL` command. The reply is the time to live in milliseconds, -1 if the key does not expire, or -2 if
    /// it does not exist.
    public static func pttl(_ key: String) -> RedisCommand {
        RedisCommand("PTTL", key).idempotent
    }
}

extension RedisCommandExecutor {
    /// Deletes keys and returns the number of keys that existed.
    /// - Throws: ``RedisError``.
    @discardableResult
    public func del(_ keys: String...) async throws -> Int {
        keys.isEmpty ? 0 : try await int(.del(keys))
    }

    /// Deletes keys, freeing their memory in the background, and returns the number of keys that existed.
    /// - Throws: ``RedisError``.
    @discardableResult
    public func unlink(_ keys: [String]) async throws -> Int {
        keys.isEmpty ? 0 : try await int(.unlink(keys))
    }

    /// Returns the number of the keys that exist.
    /// - Throws: ``RedisError``.
    public func exists(_ keys: String...) async throws -> Int {
        keys.isEmpty ? 0 : try await int(.exists(keys))
    }

    /// Sets the time to live of a key, with a precision of milliseconds (`PEXPIRE`).
    ///
    /// - Parameters:
    ///   - key: The key.
    ///   - duration: The time to live.
    /// - Returns: `false` if the key does not exist.
    /// - Throws: ``RedisError``.
    @discardableResult
    public func expire(_ key: String, after duration: Duration) async throws -> Bool {
        try await bool(.expire(key, after: duration))
    }

    /// Removes the time to live of a key.
    ///
    /// - Returns: `false` if the key does not exist or does not expire.
    /// - Throws: ``RedisError``.
    @discardableResult
    public func persist(_ key: String) async throws -> Bool {
        try await bool(.persist(key))
    }

    /// Returns the remaining time to live of a key (`PTTL`).
    /// - Throws: ``RedisError``.
    public func ttl(_ key: String) async throws -> RedisTTL {
        switch try await int(.pttl(key)) {
        case -2: .missing
        case -1: .unlimited
        case let milliseconds: .expires(in: .milliseconds(milliseconds))
        }
    }

    /// Returns the number of bytes that a key uses in the server (`MEMORY USAGE`), or `nil` if it does not exist.
    /// - Throws: ``RedisError``.
    public func memoryUsage(_ key: String) async throws -> Int? {
        try await optional(RedisCommand("MEMORY", "USAGE", key).idempotent)?.int
    }
}
