// SPDX-License-Identifier: Apache-2.0

import Crypto

/// A Lua script that the server executes atomically.
///
/// ```swift
/// let bump = RedisScript("return redis.call('INCRBY', KEYS[1], ARGV[1])")
/// let total = try await client.eval(bump, keys: ["total"], arguments: [5]).int
/// ```
///
/// The digest of the source is computed when the script is created: keep scripts in static properties. The first use on
/// a connection sends the source, later ones only the digest, in pipelines and transactions as well.
public struct RedisScript: Hashable, Sendable {
    /// The Lua source.
    public let source: String
    /// The SHA-1 digest of the source, in lowercase hexadecimal digits. It identifies the script in the server.
    public let sha1: String

    /// Creates a script.
    ///
    /// - Parameter source: The Lua source.
    public init(_ source: String) {
        self.source = source
        let digits = Array("0123456789abcdef".utf8)
        let digest = Insecure.SHA1.hash(data: Array(source.utf8))
        sha1 = String(decoding: digest.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
    }

    /// Returns an `EVALSHA` command for the script, for pipelines and transactions.
    /// - Parameters:
    ///   - keys: The keys that the script accesses, `KEYS` in Lua.
    ///   - arguments: The other arguments, `ARGV` in Lua. Defaults to none.
    public func command(keys: [String], arguments: [any RedisArgumentConvertible] = []) -> RedisCommand {
        var all: [RedisArgument] = [RedisArgument(sha1), RedisArgument(keys.count)]
        all.reserveCapacity(2 + keys.count + arguments.count)
        for key in keys { all.append(RedisArgument(key)) }
        for argument in arguments { all.append(argument.redisArgument) }
        var command = RedisCommand("EVALSHA", arguments: all)
        command.script = self
        return command
    }

    /// Returns whether two scripts have the same digest.
    public static func == (lhs: RedisScript, rhs: RedisScript) -> Bool { lhs.sha1 == rhs.sha1 }

    /// Hashes the digest.
    public func hash(into hasher: inout Hasher) { hasher.combine(sha1) }
}
