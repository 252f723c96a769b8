// SPDX-License-Identifier: Apache-2.0

extension RedisCommand {
    /// `HSET`: sets fields of a hash; the number of new ones.
    public static func hset(
        _ key: String, _ fields: [(field: String, value: any RedisArgumentConvertible)]
    ) -> RedisCommand {
        RedisCommand(
            "HSET",
            arguments: [RedisArgument(key)] + fields.flatMap { [RedisArgument($0.field), $0.value.redisArgument] })
    }

    /// `HSETNX`: sets a field unless it exists; 1 if it was set.
    public static func hsetnx(_ key: String, _ field: String, _ value: any RedisArgumentConvertible) -> RedisCommand {
        RedisCommand("HSETNX", key, field, value)
    }

    /// `HGET`: the value of a field, or null.
    public static func hget(_ key: String, _ field: String) -> RedisCommand {
        RedisCommand("HGET", key, field).idempotent
    }

    /// `HGETALL`: all fields with their values.
    public static func hgetall(_ key: String) -> RedisCommand {
        RedisCommand("HGETALL", key).idempotent
    }

    /// `HDEL`: deletes fields; the number of those that existed.
    public static func hdel(_ key: String, _ fields: [String]) -> RedisCommand {
        RedisCommand("HDEL", arguments: [RedisArgument(key)] + fields.map { RedisArgument($0) })
    }

    /// `HLEN`: the number of fields.
    public static func hlen(_ key: String) -> RedisCommand {
        RedisCommand("HLEN", key).idempotent
    }
}

extension RedisCommandExecutor {
    /// Sets fields of a hash and returns how many of them are new.
    /// - Throws: ``RedisError``.
    @discardableResult
    public func hset(
        _ key: String, _ fields: (field: String, value: any RedisArgumentConvertible)...
    ) async throws -> Int {
        try await int(.hset(key, fields))
    }

    /// Sets a field of a hash unless it exists; true if it was set.
    /// - Throws: ``RedisError``.
    public func hsetnx(_ key: String, _ field: String, _ value: any RedisArgumentConvertible) async throws -> Bool {
        try await bool(.hsetnx(key, field, value))
    }

    /// The value of a field, or nil.
    /// - Throws: ``RedisError``.
    public func hget(_ key: String, _ field: String) async throws -> RESPValue? {
        try await optional(.hget(key, field))
    }

    /// All fields of a hash with their values; none if it does not exist.
    /// - Throws: ``RedisError``.
    public func hgetall(_ key: String) async throws -> [String: RESPValue] {
        let reply = try await send(.hgetall(key))
        guard let pairs = reply.pairs else { throw RedisError.unexpected(reply, wanted: "a map") }
        return Dictionary(pairs.map { ($0.key.string ?? "", $0.value) }, uniquingKeysWith: { $1 })
    }

    /// Deletes fields of a hash and returns how many of them existed.
    /// - Throws: ``RedisError``.
    @discardableResult
    public func hdel(_ key: String, _ fields: String...) async throws -> Int {
        fields.isEmpty ? 0 : try await int(.hdel(key, fields))
    }

    /// The number of fields of a hash.
    /// - Throws: ``RedisError``.
    public func hlen(_ key: String) async throws -> Int {
        try await int(.hlen(key))
    }
}
