// SPDX-License-Identifier: Apache-2.0

/// How long a key lives on.
public enum RedisTTL: Hashable, Sendable {
    /// The key does not exist.
    case missing
    /// The key does not expire.
    case unlimited
    /// The key expires after so long.
    case expires(in: Duration)
}

extension RedisCommand {
    /// `DEL`: deletes keys; the number of those that existed.
    public static func del(_ keys: [String]) -> RedisCommand {
        RedisCommand("DEL", arguments: keys.map { RedisArgument($0) })
    }

    /// `UNLINK`: like `DEL`, but frees memory in the background.
    public static func unlink(_ keys: [String]) -> RedisCommand {
        RedisCommand("UNLINK", arguments: keys.map { RedisArgument($0) })
    }

    /// `EXISTS`: how many of the keys exist.
    public static func exists(_ keys: [String]) -> RedisCommand {
        RedisCommand("EXISTS", arguments: keys.map { RedisArgument($0) }, isIdempotent: true)
    }

    /// `PEXPIRE`: makes a key expire after so long; 1, or 0 if there is no such key.
    public static func expire(_ key: String, after duration: Duration) -> RedisCommand {
        RedisCommand("PEXPIRE", key, duration.wholeMilliseconds)
    }

    /// `PERSIST`: makes a key stay; 1, or 0 if there is no such key or it does not expire.
    public static func persist(_ key: String) -> RedisCommand {
        RedisCommand("PERSIST", key)
    }

    /// `PTTL`: milliseconds until a key expires; -1 if it does not, -2 if there is no such key.
    public static func pttl(_ key: String) -> RedisCommand {
        RedisCommand("PTTL", key).idempotent
    }
}

extension RedisCommandExecutor {
    /// Deletes keys and returns how many of them existed.
    /// - Throws: ``RedisError``.
    @discardableResult
    public func del(_ keys: String...) async throws -> Int {
        keys.isEmpty ? 0 : try await int(.del(keys))
    }

    /// Deletes keys, freeing their memory in the background, and returns how many of them existed.
    /// - Throws: ``RedisError``.
    @discardableResult
    public func unlink(_ keys: [String]) async throws -> Int {
        keys.isEmpty ? 0 : try await int(.unlink(keys))
    }

    /// How many of the keys exist.
    /// - Throws: ``RedisError``.
    public func exists(_ keys: String...) async throws -> Int {
        keys.isEmpty ? 0 : try await int(.exists(keys))
    }

    /// Makes a key expire after so long, with a precision of milliseconds (`PEXPIRE`); false if there is no such key.
    /// - Throws: ``RedisError``.
    @discardableResult
    public func expire(_ key: String, after duration: Duration) async throws -> Bool {
        try await bool(.expire(key, after: duration))
    }

    /// Makes a key stay; false if there is no such key or it does not expire.
    /// - Throws: ``RedisError``.
    @discardableResult
    public func persist(_ key: String) async throws -> Bool {
        try await bool(.persist(key))
    }

    /// How long a key lives on (`PTTL`).
    /// - Throws: ``RedisError``.
    public func ttl(_ key: String) async throws -> RedisTTL {
        switch try await int(.pttl(key)) {
        case -2: .missing
        case -1: .unlimited
        case let milliseconds: .expires(in: .milliseconds(milliseconds))
        }
    }

    /// How many bytes a key takes in the server, or nil if there is no such key (`MEMORY USAGE`).
    /// - Throws: ``RedisError``.
    public func memoryUsage(_ key: String) async throws -> Int? {
        try await optional(RedisCommand("MEMORY", "USAGE", key).idempotent)?.int
    }
}
