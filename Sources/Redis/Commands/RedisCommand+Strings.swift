// SPDX-License-Identifier: Apache-2.0

/// When a key expires.
public enum RedisExpiration: Hashable, Sendable {
    /// After so long, in whole milliseconds.
    case after(Duration)
    /// At a Unix time in milliseconds.
    case atUnixMilliseconds(Int)
    /// When it would have expired before the command.
    case keep

    var arguments: [RedisArgument] {
        switch self {
        case .after(let duration): ["PX", RedisArgument(duration.wholeMilliseconds)]
        case .atUnixMilliseconds(let time): ["PXAT", RedisArgument(time)]
        case .keep: ["KEEPTTL"]
        }
    }
}

/// Whether `SET` needs a key to be absent or present.
public enum RedisSetCondition: String, Hashable, Sendable {
    /// Set the key only if it does not exist.
    case ifAbsent = "NX"
    /// Set the key only if it exists.
    case ifPresent = "XX"
}

extension Duration {
    /// Milliseconds, rounded up: a time to live must not become zero.
    var wholeMilliseconds: Int {
        let nanoseconds = self.nanoseconds
        return Int(nanoseconds / 1_000_000) + (nanoseconds % 1_000_000 > 0 ? 1 : 0)
    }
}

extension RedisCommand {
    /// `GET`: the value of a key, or null.
    public static func get(_ key: String) -> RedisCommand {
        RedisCommand("GET", arguments: [RedisArgument(key)], isIdempotent: true)
    }

    /// `SET`: sets a key; `OK`, or null if the condition was not met. With `returningOld`, the value before.
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

    /// `MGET`: the values of keys, each of them or null.
    public static func mget(_ keys: [String]) -> RedisCommand {
        RedisCommand("MGET", arguments: keys.map { RedisArgument($0) }, isIdempotent: true)
    }

    /// `INCRBY`: adds to the number in a key.
    public static func incr(_ key: String, by amount: Int = 1) -> RedisCommand {
        RedisCommand("INCRBY", key, amount)
    }
}

extension RedisCommandExecutor {
    /// The value of a key, or nil if there is none.
    /// - Throws: ``RedisError``.
    public func get(_ key: String) async throws -> RESPValue? {
        try await optional(.get(key))
    }

    /// Sets a key.
    /// - Parameters:
    ///   - key: The key.
    ///   - value: Its value.
    ///   - expires: When the key expires; nil means never.
    ///   - condition: Whether the key has to be absent or present.
    /// - Returns: False if the condition was not met.
    /// - Throws: ``RedisError``.
    @discardableResult
    public func set(
        _ key: String, _ value: any RedisArgumentConvertible, expires: RedisExpiration? = nil,
        if condition: RedisSetCondition? = nil
    ) async throws -> Bool {
        try await !send(.set(key, value, expires: expires, if: condition)).isNull
    }

    /// Sets a key and returns the value that it had before, or nil.
    /// - Throws: ``RedisError``.
    public func getAndSet(
        _ key: String, _ value: any RedisArgumentConvertible, expires: RedisExpiration? = nil
    ) async throws -> RESPValue? {
        try await optional(.set(key, value, expires: expires, returningOld: true))
    }

    /// The values of keys in the same order, nil for those that do not exist.
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
