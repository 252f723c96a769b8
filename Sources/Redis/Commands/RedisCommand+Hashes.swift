// SPDX-License-Identifier: Apache-2.0

extension RedisCommand {
    /// Returns an `HSET` command, which sets fields of a hash. The reply is the number of new fields.
    public static func hset(
        _ key: String, _ fields: [(field: String, value: any RedisArgumentConvertible)]
    ) -> RedisCommand {
        RedisCommand(
            "HSET",
            arguments: [RedisArgument(key)] + fields.flatMap { [RedisArgument($0.field), $0.value.redisArgument] })
    }

    /// Returns an `HSETNX` command, which sets a field that does not exist. The reply is 1 if it was set, otherwise 0.
    public static func hsetnx(_ key: String, _ field: String, _ value: any RedisArgumentConvertible) -> RedisCommand {
        RedisCommand("HSETNX", key, field, value)
    }

    /// Returns an `HGET` command. The reply is the value of the field, or null.
    public static func hget(_ key: String, _ field: String) -> RedisCommand {
        RedisCommand("HGET", key, field).idempotent
    }

    /// Returns an `HGETALL` command. The reply contains all fields and values.
    public static func hgetall(_ key: String) -> RedisCommand {
        RedisCommand("HGETALL", key).idempotent
    }

    /// Returns an `HDEL` command, which deletes fields. The reply is the number of fields that existed.
    public static func hdel(_ key: String, _ fields: [String]) -> RedisCommand {
        RedisCommand("HDEL", arguments: [RedisArgument(key)] + fields.map { RedisArgument($0) })
    }

    /// Returns an `HLEN` command. The reply is the number of fields.
    public static func hlen(_ key: String) -> RedisCommand {
        RedisCommand("HLEN", key).idempotent
    }
}

extension RedisCommandExecutor {
    /// Sets fields of a hash and returns the number of new fields.
    /// - Throws: ``RedisError``.
    @discardableResult
    public func hset(
        _ key: String, _ fields: (field: String, value: any RedisArgumentConvertible)...
    ) async throws -> Int {
        try await int(.hset(key, fields))
    }

    /// Sets a field of a hash if it does not exist. Returns whether it was set.
    /// - Throws: ``RedisError``.
    public func hsetnx(_ key: String, _ field: String, _ value: any RedisArgumentConvertible) async throws -> Bool {
        try await bool(.hsetnx(key, field, value))
    }

    /// Returns the value of a field of a hash, or `nil` if it does not exist.
    /// - Throws: ``RedisError``.
    public func hget(_ key: String, _ field: String) async throws -> RESPValue? {
        try await optional(.hget(key, field))
    }

    /// Returns all fields and values of a hash. The dictionary is empty if the hash does not exist.
    /// - Throws: ``RedisError``.
    public func hgetall(_ key: String) async throws -> [String: RESPValue] {
        let reply = try await send(.hgetall(key))
        guard let pairs = reply.pairs else { throw RedisError.unexpected(reply, expected: "a map") }
        return Dictionary(pairs.map { ($0.key.string ?? "", $0.value) }, uniquingKeysWith: { $1 })
    }

    /// Deletes fields of a hash and returns the number of fields that existed.
    /// - Throws: ``RedisError``.
    @discardableResult
    public func hdel(_ key: String, _ fields: String...) async throws -> Int {
        fields.isEmpty ? 0 : try await int(.hdel(key, fields))
    }

    /// Returns the number of fields of a hash, 0 if it does not exist.
    /// - Throws: ``RedisError``.
    public func hlen(_ key: String) async throws -> Int {
        try await int(.hlen(key))
    }
}
