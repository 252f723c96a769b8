// SPDX-License-Identifier: Apache-2.0

/// A member of a sorted set with its score.
public struct RedisScoredMember: Hashable, Sendable {
    /// The member as received; `member.string` is its text.
    public var member: RESPValue
    /// The score of the member.
    public var score: Double

    /// Creates a member with a score.
    public init(member: RESPValue, score: Double) {
        self.member = member
        self.score = score
    }
}

/// A bound of a range of scores.
public enum RedisScoreBound: Hashable, Sendable {
    /// A bound that is part of the range.
    case inclusive(Double)
    /// A bound that is not part of the range.
    case exclusive(Double)

    /// Negative infinity: the range has no lower bound.
    public static let lowest = RedisScoreBound.inclusive(-.infinity)
    /// Positive infinity: the range has no upper bound.
    public static let highest = RedisScoreBound.inclusive(.infinity)

    var argument: RedisArgument {
        switch self {
        case .inclusive(let score): RedisArgument(score)
        case .exclusive(let score): RedisArgument("(\(score.respText)")
        }
    }
}

extension RedisCommand {
    /// Returns a `ZADD` command, which adds members or changes their scores. The reply is the number of new members.
    public static func zadd(
        _ key: String, _ members: [(score: Double, member: any RedisArgumentConvertible)]
    ) -> RedisCommand {
        RedisCommand(
            "ZADD",
            arguments: [RedisArgument(key)] + members.flatMap { [RedisArgument($0.score), $0.member.redisArgument] })
    }

    /// Returns a `ZREM` command, which removes members. The reply is the number of members that existed.
    public static func zrem(_ key: String, _ members: [any RedisArgumentConvertible]) -> RedisCommand {
        RedisCommand("ZREM", arguments: [RedisArgument(key)] + members.map(\.redisArgument))
    }

    /// Returns a `ZRANGE` command. The reply contains the members between two ranks, both inclusive. Negative ranks
    /// count from the end.
    public static func zrange(
        _ key: String, from start: Int = 0, through end: Int = -1, reversed: Bool = false, withScores: Bool = false
    ) -> RedisCommand {
        var command = RedisCommand("ZRANGE", key, start, end)
        if reversed { command.append("REV") }
        if withScores { command.append("WITHSCORES") }
        return command.idempotent
    }

    /// Returns a `ZRANGE … BYSCORE` command. The reply contains the members in a range of scores. If `reversed`, the
    /// highest score is first; the bounds stay the same.
    public static func zrangeByScore(
        _ key: String, from low: RedisScoreBound = .lowest, through high: RedisScoreBound = .highest,
        reversed: Bool = false, limit: (offset: Int, count: Int)? = nil, withScores: Bool = false
    ) -> RedisCommand {
        let bounds = reversed ? (high, low) : (low, high)
        var command = RedisCommand("ZRANGE", key, bounds.0.argument, bounds.1.argument, "BYSCORE")
        if reversed { command.append("REV") }
        if let limit { command.append("LIMIT", limit.offset, limit.count) }
        if withScores { command.append("WITHSCORES") }
        return command.idempotent
    }

    /// Returns a `ZREVRANGE` command, for servers before version 6.2. The reply contains the members from the highest
    /// score to the lowest.
    public static func zrevrange(
        _ key: String, from start: Int = 0, through end: Int = -1, withScores: Bool = false
    ) -> RedisCommand {
        var command = RedisCommand("ZREVRANGE", key, start, end)
        if withScores { command.append("WITHSCORES") }
        return command.idempotent
    }

    /// Returns a `ZCARD` command. The reply is the number of members.
    public static func zcard(_ key: String) -> RedisCommand {
        RedisCommand("ZCARD", key).idempotent
    }

    /// Returns a `ZSCORE` command. The reply is the score of the member, or null.
    public static func zscore(_ key: String, _ member: any RedisArgumentConvertible) -> RedisCommand {
        RedisCommand("ZSCORE", key, member).idempotent
    }

    /// Returns a `ZREMRANGEBYSCORE` command, which removes the members in a range of scores. The reply is the number of
    /// removed members.
    public static func zremrangeByScore(
        _ key: String, from low: RedisScoreBound, through high: RedisScoreBound
    ) -> RedisCommand {
        RedisCommand("ZREMRANGEBYSCORE", key, low.argument, high.argument)
    }
}

extension RedisCommandExecutor {
    /// Adds members to a sorted set or changes their scores, and returns the number of new members.
    ///
    /// ```swift
    /// try await client.zadd("scores", (12.5, "alice"), (7, "bob"))
    /// ```
    /// - Throws: ``RedisError``.
    @discardableResult
    public func zadd(
        _ key: String, _ members: (score: Double, member: any RedisArgumentConvertible)...
    ) async throws -> Int {
        try await int(.zadd(key, members))
    }

    /// Removes members of a sorted set and returns the number of members that existed.
    /// - Throws: ``RedisError``.
    @discardableResult
    public func zrem(_ key: String, _ members: any RedisArgumentConvertible...) async throws -> Int {
        members.isEmpty ? 0 : try await int(.zrem(key, members))
    }

    /// Returns the members between two ranks, both inclusive. Negative ranks count from the end.
    /// - Throws: ``RedisError``.
    public func zrange(
        _ key: String, from start: Int = 0, through end: Int = -1, reversed: Bool = false
    ) async throws -> [RESPValue] {
        try await array(.zrange(key, from: start, through: end, reversed: reversed))
    }

    /// Returns the members between two ranks with their scores.
    /// - Throws: ``RedisError``.
    public func zrangeWithScores(
        _ key: String, from start: Int = 0, through end: Int = -1, reversed: Bool = false
    ) async throws -> [RedisScoredMember] {
        try RedisScoredMember.parse(
            try await array(.zrange(key, from: start, through: end, reversed: reversed, withScores: true)))
    }

    /// Returns the members in a range of scores.
    ///
    /// - Parameters:
    ///   - key: The key.
    ///   - low: The lower bound. Defaults to none.
    ///   - high: The upper bound. Defaults to none.
    ///   - reversed: Whether the highest score is first. The bounds stay the same. Defaults to `false`.
    ///   - limit: The part of the matching members to return. If `nil`, all are returned.
    /// - Throws: ``RedisError``.
    public func zrangeByScore(
        _ key: String, from low: RedisScoreBound = .lowest, through high: RedisScoreBound = .highest,
        reversed: Bool = false, limit: (offset: Int, count: Int)? = nil
    ) async throws -> [RESPValue] {
        try await array(.zrangeByScore(key, from: low, through: high, reversed: reversed, limit: limit))
    }

    /// Returns the number of members of a sorted set, 0 if it does not exist.
    /// - Throws: ``RedisError``.
    public func zcard(_ key: String) async throws -> Int {
        try await int(.zcard(key))
    }

    /// Returns the score of a member, or `nil` if the member does not exist.
    /// - Throws: ``RedisError``.
    public func zscore(_ key: String, _ member: any RedisArgumentConvertible) async throws -> Double? {
        try await optional(.zscore(key, member))?.double
    }

    /// Removes the members in a range of scores and returns their number.
    /// - Throws: ``RedisError``.
    @discardableResult
    public func zremrangeByScore(
        _ key: String, from low: RedisScoreBound = .lowest, through high: RedisScoreBound
    ) async throws -> Int {
        try await int(.zremrangeByScore(key, from: low, through: high))
    }
}

extension RedisScoredMember {
    /// Parses a reply with scores. RESP3 servers send pairs, RESP2 servers a flat array.
    static func parse(_ elements: [RESPValue]) throws -> [RedisScoredMember] {
        var members: [RedisScoredMember] = []
        if case .array? = elements.first {
            for element in elements {
                guard let pair = element.array, pair.count == 2, let score = pair[1].double else {
                    throw RedisError.unexpected(element, expected: "a member with its score")
                }
                members.append(RedisScoredMember(member: pair[0], score: score))
            }
        } else {
            for index in stride(from: 0, to: elements.count - 1, by: 2) {
                guard let score = elements[index + 1].double else {
                    throw RedisError.unexpected(elements[index + 1], expected: "a score")
                }
                members.append(RedisScoredMember(member: elements[index], score: score))
            }
        }
        return members
    }
}
