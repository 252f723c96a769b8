// SPDX-License-Identifier: Apache-2.0

extension RedisCommand {
    /// Returns a `PUBLISH` command. The reply is the number of subscribers that received the message.
    public static func publish(_ message: any RedisArgumentConvertible, to channel: String) -> RedisCommand {
        RedisCommand("PUBLISH", channel, message)
    }

    /// Returns an `SPUBLISH` command, which publishes to a shard channel (Redis 7 or later). The reply is the number of
    /// subscribers that received the message.
    public static func spublish(_ message: any RedisArgumentConvertible, to channel: String) -> RedisCommand {
        RedisCommand("SPUBLISH", channel, message)
    }
}

extension RedisCommandExecutor {
    /// Checks that the server responds (`PING`).
    ///
    /// - Parameter timeout: The time limit. If `nil`, ``RedisConfiguration/commandTimeout`` applies.
    /// - Returns: The duration, including the wait for a connection.
    /// - Throws: ``RedisError``.
    @discardableResult
    public func ping(timeout: Duration? = nil) async throws -> Duration {
        let clock = ContinuousClock()
        let start = clock.now
        _ = try await send(RedisCommand("PING", arguments: [], isIdempotent: true, timeout: timeout))
        return clock.now - start
    }

    /// Publishes a message to a channel and returns the number of subscribers that received it.
    /// - Throws: ``RedisError``.
    @discardableResult
    public func publish(_ message: any RedisArgumentConvertible, to channel: String) async throws -> Int {
        try await int(.publish(message, to: channel))
    }

    /// Publishes a message to a shard channel (Redis 7 or later) and returns the number of subscribers that received
    /// it.
    /// - Throws: ``RedisError``.
    @discardableResult
    public func spublish(_ message: any RedisArgumentConvertible, to channel: String) async throws -> Int {
        try await int(.spublish(message, to: channel))
    }

    /// Returns information about the server (`INFO`), by field name.
    /// - Parameter section: The section, for example `memory`. If `nil`, the default sections.
    /// - Throws: ``RedisError``.
    public func info(_ section: String? = nil) async throws -> [String: String] {
        var command = RedisCommand("INFO").idempotent
        if let section { command.append(section) }
        let text = try await send(command).string ?? ""
        var fields: [String: String] = [:]
        // The line breaks are CR LF, which is one `Character`.
        for line in text.split(whereSeparator: \.isNewline) where !line.hasPrefix("#") {
            guard let colon = line.firstIndex(of: ":") else { continue }
            fields[String(line[..<colon])] = String(line[line.index(after: colon)...])
        }
        return fields
    }

    /// Returns the number of keys in the database.
    /// - Throws: ``RedisError``.
    public func dbsize() async throws -> Int {
        try await int(RedisCommand("DBSIZE").idempotent)
    }

    /// Returns the time of the server's clock, as the duration since 1970-01-01 00:00:00 UTC.
    /// - Throws: ``RedisError``.
    public func time() async throws -> Duration {
        let parts = try await array(RedisCommand("TIME").idempotent)
        guard parts.count == 2, let seconds = parts[0].int, let microseconds = parts[1].int else {
            throw RedisError(.unexpectedReply, "The reply to TIME is not a pair of numbers.")
        }
        return .seconds(seconds) + .microseconds(microseconds)
    }

    // MARK: Scripts

    /// Executes a script. See ``RedisScript``.
    /// - Parameters:
    ///   - script: The script.
    ///   - keys: The keys that the script accesses, `KEYS` in Lua. Defaults to none.
    ///   - arguments: The other arguments, `ARGV` in Lua. Defaults to none.
    /// - Returns: The value that the script returns.
    /// - Throws: ``RedisError``.
    @discardableResult
    public func eval(
        _ script: RedisScript, keys: [String] = [], arguments: [any RedisArgumentConvertible] = []
    ) async throws -> RESPValue {
        try await send(script.command(keys: keys, arguments: arguments))
    }

    /// Loads a script into the server's script cache and returns its SHA-1 digest.
    /// - Throws: ``RedisError``.
    @discardableResult
    public func scriptLoad(_ script: RedisScript) async throws -> String {
        let reply = try await send(RedisCommand("SCRIPT", "LOAD", script.source).idempotent)
        guard let sha1 = reply.string else { throw RedisError.unexpected(reply, expected: "a digest") }
        return sha1
    }

    /// Returns whether scripts are in the server's script cache, in the order of the arguments.
    /// - Throws: ``RedisError``.
    public func scriptExists(_ scripts: RedisScript...) async throws -> [Bool] {
        let arguments: [RedisArgument] = ["EXISTS"] + scripts.map { RedisArgument($0.sha1) }
        let command = RedisCommand("SCRIPT", arguments: arguments, isIdempotent: true)
        return try await array(command).map { $0.int == 1 }
    }
}
