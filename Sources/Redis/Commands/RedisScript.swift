// SPDX-License-Identifier: Apache-2.0

/// A Lua script that runs atomically in the server.
///
/// ```swift
/// let bump = RedisScript("return redis.call('INCRBY', KEYS[1], ARGV[1])")
/// let total = try await client.eval(bump, keys: ["total"], arguments: [5]).int
/// ```
///
/// The digest of the source is computed once, when the script is made: keep scripts in static properties. The first
/// use on a connection sends the source, later ones the digest only. That holds in pipelines and transactions as well.
public struct RedisScript: Hashable, Sendable {
    /// The Lua source.
    public let source: String
    /// The SHA-1 digest of the source by which the server knows the script, in lower case hexadecimal digits.
    public let sha1: String

    /// Makes a script.
    public init(_ source: String) {
        self.source = source
        sha1 = SHA1.hexDigest(of: source.utf8)
    }

    /// The script as a command, for pipelines and transactions.
    /// - Parameters:
    ///   - keys: The keys that the script touches, `KEYS` in Lua.
    ///   - arguments: What else it needs, `ARGV` in Lua.
    public func command(keys: [String], arguments: [any RedisArgumentConvertible] = []) -> RedisCommand {
        var all: [RedisArgument] = [RedisArgument(sha1), RedisArgument(keys.count)]
        all.reserveCapacity(2 + keys.count + arguments.count)
        for key in keys { all.append(RedisArgument(key)) }
        for argument in arguments { all.append(argument.redisArgument) }
        var command = RedisCommand("EVALSHA", arguments: all)
        command.script = self
        return command
    }

    /// Scripts with the same digest are the same.
    public static func == (lhs: RedisScript, rhs: RedisScript) -> Bool { lhs.sha1 == rhs.sha1 }

    /// Hashes the digest.
    public func hash(into hasher: inout Hasher) { hasher.combine(sha1) }
}
