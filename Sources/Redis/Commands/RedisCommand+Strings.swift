// SPDX-License-Identifier: Apache-2.0

/// The expiration that `SET` gives a key.
public enum RedisExpiration: Hashable, Sendable {
    /// After this duration, in whole milliseconds.
    case after(Duration)
    /// At a Unix time in milliseconds.
    case atUnixMilliseconds(Int)
    /// The time to live that the key had before (`KEEPTTL`).
    case keep

    var arguments: [RedisArgument] {
        switch self {
        case .after(let duration): ["PX", RedisArgument(duration.wholeMilliseconds)]
        case .atUnixMilliseconds(let time): ["PXAT", RedisArgument(time)]
        case .keep: ["KEEPTTL"]
        }
    }
}

/// A condition under which `SET` sets a key.
public enum RedisSetCondition: String, Hashable, Sendable {
    /// Set the key only if it does not exist.
    case ifAbsent = "NX"
    /// Set the key only if it exists.
    case ifPresent = "XX"
}

extension Duration {
    /// The duration in milliseconds, rounded up, so that a time to live does not become zero.
    var wholeMilliseconds: Int {
        let nanoseconds = self.nanoseconds
        return Int(nanoseconds / 1_000_000) + (nanoseconds % 1_000_000 > 0 ? 1 : 0)
    }
}

extension RedisCommand {
    /// Returns a `GET` command. The reply is the value, or null.
    public static func get(_ key: String) -> RedisCommand {
        RedisCommand("GET", arguments: [RedisArgument(key)], isIdempotent: true)
    }

    /// Returns a `SET` command. The reply is `OK`, or null if the condition was not met.
    ///
    /// - Parameters:
    ///   - key: The key.
    ///   - value: The value.
    ///   - expires: The expiration. If `nil`, the key does not expire.
    ///   - condition: The condition. If `nil`, the key is always set.
    ///   - returningOld: Whether the reply is the previous value, or null. Defaults to `false`.
    public static func set(
        _ key: String, _ value: any RedisArgumentConvertible, expires: RedisExpiration? = nil,
        if condition: RedisSetCondition? = nil, returningOld: Bool = false
    ) -> RedisCommand {
        var arguments = [RedisArgument(key), value.redisArgument]
        if let condition { arguments.append(RedisArgument(condition.rawValue)) }
        if returningOld { arguments.append("GET") }
        if let expires { arguments += expires.arguments }
        return RedisCommand("SET", arguments: arguments)
    }

    /// Returns an `MGET` command. The reply contains the value, or null, of each key.
    public static func mget(_ keys: [String]) -> RedisCommand {
        RedisCommand("MGET", arguments: keys.map { RedisArgument($0) }, isIdempotent: true)
    }

    /// Returns an `INCRBY` command, which adds to the number in a key. The reply is the sum.
    public static func incr(_ key: String, by amount: Int = 1) -> RedisCommand {
        RedisCommand("INCRBY", key, amount)
    }
}

extension RedisCommandExecutor {
    /// Returns the value of a key, or `nil` if it does not exist.
    /// - Throws: ``RedisError``.
    public func get(_ key: String) async throws -> RESPValue? {
        try await optional(.get(key))
    }

    /// Sets the value of a key.
    /// - Parameters:
    ///   - key: The key.
    ///   - value: The value.
    ///   - expires: The expiration. If `nil`, the key does not expire.
    ///   - condition: The condition. If `nil`, the key is always set.
    /// - Returns: `false` if the condition was not met.
    /// - Throws: ``RedisError``.
    @discardableResult
    public func set(
        _ key: String, _ value: any RedisArgumentConvertible, expires: RedisExpiration? = nil,
        if condition: RedisSetCondition? = nil
    ) async throws -> Bool {
        try await !send(.set(key, value, expires: expires, if: condition)).isNull
    }

    /// Sets the value of a key and returns the previous value, or `nil` if the key did not exist.
    /// - Throws: ``RedisError``.
    public func getAndSet(
        _ key: String, _ value: any RedisArgumentConvertible, expires: RedisExpiration? = nil
    ) async throws -> RESPValue? {
        try await optional(.set(key, value, expires: expires, returningOld: true))
    }

    /// Returns the values of keys in the same order, `nil` for keys that do not exist.
    /// - Throws: ``RedisError``.
    public func mget(_ keys: [String]) async throws -> [RESPValue?] {
        if keys.isEmpty { return [] }
        return try await array(.mget(keys)).map { $0.isNull ? nil : $0 }
    }

    /// Adds to the number in a key, which counts as 0 if it does not exist, and returns the sum.
    /// - Throws: ``RedisError``.
    @discardableResult
    public func incr(_ key: String, by amount: Int = 1) async throws -> Int {
        try await int(.incr(key, by: amount))
    }
}
