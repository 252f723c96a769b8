// SPDX-License-Identifier: Apache-2.0

extension RedisCommand {
    /// Returns an `RPUSH` command, which appends to a list. The reply is the new length.
    public static func rpush(_ key: String, _ values: [any RedisArgumentConvertible]) -> RedisCommand {
        RedisCommand("RPUSH", arguments: [RedisArgument(key)] + values.map(\.redisArgument))
    }

    /// Returns an `LRANGE` command. The reply contains the elements between two indexes, both inclusive. Negative
    /// indexes count from the end.
    public static func lrange(_ key: String, from start: Int = 0, through end: Int = -1) -> RedisCommand {
        RedisCommand("LRANGE", key, start, end).idempotent
    }

    /// Returns an `LLEN` command. The reply is the length of the list.
    public static func llen(_ key: String) -> RedisCommand {
        RedisCommand("LLEN", key).idempotent
    }

    /// Returns an `LINDEX` command. The reply is the element at the index, or null.
    public static func lindex(_ key: String, _ index: Int) -> RedisCommand {
        RedisCommand("LINDEX", key, index).idempotent
    }
}

extension RedisCommandExecutor {
    /// Appends to a list and returns its new length.
    /// - Throws: ``RedisError``.
    @discardableResult
    public func rpush(_ key: String, _ values: any RedisArgumentConvertible...) async throws -> Int {
        try await int(.rpush(key, values))
    }

    /// Returns the elements of a list between two indexes, both inclusive. Negative indexes count from the end.
    /// - Throws: ``RedisError``.
    public func lrange(_ key: String, from start: Int = 0, through end: Int = -1) async throws -> [RESPValue] {
        try await array(.lrange(key, from: start, through: end))
    }

    /// Returns the length of a list, 0 if it does not exist.
    /// - Throws: ``RedisError``.
    public func llen(_ key: String) async throws -> Int {
        try await int(.llen(key))
    }

    /// Returns the element of a list at an index, or `nil` if the list is shorter.
    /// - Throws: ``RedisError``.
    public func lindex(_ key: String, _ index: Int) async throws -> RESPValue? {
        try await optional(.lindex(key, index))
    }
}
