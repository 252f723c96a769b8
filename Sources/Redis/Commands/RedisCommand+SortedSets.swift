// SPDX-License-Identifier: Apache-2.0

/// A member of a sorted set with its score.
public struct RedisScoredMember: Hashable, Sendable {
    /// The member as the server sent it; `member.string` is its text.
    public var member: RESPValue
    /// Its score.
    public var score: Double

    /// Makes a member.
    public init(member: RESPValue, score: Double) {
        self.member = member
        self.score = score
    }
}

/// A limit of a range of scores.
public enum RedisScoreBound: Hashable, Sendable {
    /// The score itself belongs to the range.
    case inclusive(Double)
    /// The score itself does not belong to the range.
    case exclusive(Double)

    /// Below all scores.
    public static let lowest = RedisScoreBound.inclusive(-.infinity)
    /// Above all scores.
    public static let highest = RedisScoreBound.inclusive(.infinity)

    var argument: RedisArgument {
        switch self {
        case .inclusive(let score): RedisArgument(score)
        case .exclusive(let score): RedisArgument("(\(score.respText)")
        }
    }
}

extension RedisCommand {
    /// `ZADD`: adds members or changes their scores; the number of new ones.
    public static func zadd(
        _ key: String, _ members: [(score: Double, member: any RedisArgumentConvertible)]
    ) -> RedisCommand {
        RedisCommand(
            "ZADD",
            arguments: [RedisArgument(key)] + members.flatMap { [RedisArgument($0.score), $0.member.redisArgument] })
    }

    /// `ZREM`: removes members; the number of those that existed.
    public static func zrem(_ key: String, _ members: [any RedisArgumentConvertible]) -> RedisCommand {
        RedisCommand("ZREM", arguments: [RedisArgument(key)] + members.map(\.redisArgument))
    }

    /// `ZRANGE`: members from one rank to another, both included; negative ones count from the end.
    public static func zrange(
        _ key: String, from start: Int = 0, through end: Int = -1, reversed: Bool = false, withScores: Bool = false
    ) -> RedisCommand {
        var command = RedisCommand("ZRANGE", key, start, end)
        if reversed { command.append("REV") }
        if withScores { command.append("WITHSCORES") }
        return command.idempotent
    }

    /// `ZRANGE … BYSCORE`: members by their scores. Reversed, the highest comes first; the bounds stay the same.
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

    /// `ZREVRANGE`: members from the highest score down, for servers before version 6.2.
    public static func zrevrange(
        _ key: String, from start: Int = 0, through end: Int = -1, withScores: Bool = false
    ) -> RedisCommand {
        var command = RedisCommand("ZREVRANGE", key, start, end)
        if withScores { command.append("WITHSCORES") }
        return command.idempotent
    }

    /// `ZCARD`: the number of members.
    public static func zcard(_ key: String) -> RedisCommand {
        RedisCommand("ZCARD", key).idempotent
    }

    /// `ZSCORE`: the score of a member, or null.
    public static func zscore(_ key: String, _ member: any RedisArgumentConvertible) -> RedisCommand {
        RedisCommand("ZSCORE", key, member).idempotent
    }

    /// `ZREMRANGEBYSCORE`: removes members by their scores; the number of those removed.
    public static func zremrangeByScore(
        _ key: String, from low: RedisScoreBound, through high: RedisScoreBound
    ) -> RedisCommand {
        RedisCommand("ZREMRANGEBYSCORE", key, low.argument, high.argument)
    }
}

extension RedisCommandExecutor {
    /// Adds members to a sorted set, or changes their scores, and returns how many of them are new.
    /// - Throws: ``RedisError``.
    @discardableResult
    public func zadd(
        _ key: String, _ members: (score: Double, member: any RedisArgumentConvertible)...
    ) async throws -> Int {
        try await int(.zadd(key, members))
    }

    /// Removes members of a sorted set and returns how many of them existed.
    /// - Throws: ``RedisError``.
    @discardableResult
    public func zrem(_ key: String, _ members: any RedisArgumentConvertible...) async throws -> Int {
        members.isEmpty ? 0 : try await int(.zrem(key, members))
    }

    /// Members from one rank to another, both included; negative ones count from the end.
    /// - Throws: ``RedisError``.
    public func zrange(
        _ key: String, from start: Int = 0, through end: Int = -1, reversed: Bool = false
    ) async throws -> [RESPValue] {
        try await array(.zrange(key, from: start, through: end, reversed: reversed))
    }

    /// Members with their scores, from one rank to another.
    /// - Throws: ``RedisError``.
    public func zrangeWithScores(
        _ key: String, from start: Int = 0, through end: Int = -1, reversed: Bool = false
    ) async throws -> [RedisScoredMember] {
        try RedisScoredMember.parse(
            try await array(.zrange(key, from: start, through: end, reversed: reversed, withScores: true)))
    }

    /// Members by their scores. Reversed, the highest comes first; the bounds stay the same.
    /// - Throws: ``RedisError``.
    public func zrangeByScore(
        _ key: String, from low: RedisScoreBound = .lowest, through high: RedisScoreBound = .highest,
        reversed: Bool = false, limit: (offset: Int, count: Int)? = nil
    ) async throws -> [RESPValue] {
        try await array(.zrangeByScore(key, from: low, through: high, reversed: reversed, limit: limit))
    }

    /// The number of members of a sorted set.
    /// - Throws: ``RedisError``.
    public func zcard(_ key: String) async throws -> Int {
        try await int(.zcard(key))
    }

    /// The score of a member, or nil.
    /// - Throws: ``RedisError``.
    public func zscore(_ key: String, _ member: any RedisArgumentConvertible) async throws -> Double? {
        try await optional(.zscore(key, member))?.double
    }

    /// Removes members by their scores and returns how many.
    /// - Throws: ``RedisError``.
    @discardableResult
    public func zremrangeByScore(
        _ key: String, from low: RedisScoreBound = .lowest, through high: RedisScoreBound
    ) async throws -> Int {
        try await int(.zremrangeByScore(key, from: low, through: high))
    }
}

extension RedisScoredMember {
    /// RESP3 servers send pairs, RESP2 servers a flat list.
    static func parse(_ elements: [RESPValue]) throws -> [RedisScoredMember] {
        var members: [RedisScoredMember] = []
        if case .array? = elements.first {
            for element in elements {
                guard let pair = element.array, pair.count == 2, let score = pair[1].double else {
                    throw RedisError.unexpected(element, wanted: "a member with its score")
                }
                members.append(RedisScoredMember(member: pair[0], score: score))
            }
        } else {
            for index in stride(from: 0, to: elements.count - 1, by: 2) {
                guard let score = elements[index + 1].double else {
                    throw RedisError.unexpected(elements[index + 1], wanted: "a score")
                }
                members.append(RedisScoredMember(member: elements[index], score: score))
            }
        }
        return members
    }
}
