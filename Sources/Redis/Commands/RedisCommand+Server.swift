// SPDX-License-Identifier: Apache-2.0

extension RedisCommand {
    /// `PUBLISH`: publishes to a channel; the number of subscribers that got it.
    public static func publish(_ message: any RedisArgumentConvertible, to channel: String) -> RedisCommand {
        RedisCommand("PUBLISH", channel, message)
    }

    /// `SPUBLISH`: publishes to a shard channel (Redis 7).
    public static func spublish(_ message: any RedisArgumentConvertible, to channel: String) -> RedisCommand {
        RedisCommand("SPUBLISH", channel, message)
    }
}

extension RedisCommandExecutor {
    /// Asks the server for a sign of life and returns how long that took, the time for a connection included.
    /// - Throws: ``RedisError``.
    @discardableResult
    public func ping(timeout: Duration? = nil) async throws -> Duration {
        let clock = ContinuousClock()
        let start = clock.now
        _ = try await send(RedisCommand("PING", arguments: [], isIdempotent: true, timeout: timeout))
        return clock.now - start
    }

    /// Publishes to a channel and returns how many subscribers got it.
    /// - Throws: ``RedisError``.
    @discardableResult
    public func publish(_ message: any RedisArgumentConvertible, to channel: String) async throws -> Int {
        try await int(.publish(message, to: channel))
    }

    /// Publishes to a shard channel and returns how many subscribers got it (Redis 7).
    /// - Throws: ``RedisError``.
    @discardableResult
    public func spublish(_ message: any RedisArgumentConvertible, to channel: String) async throws -> Int {
        try await int(.spublish(message, to: channel))
    }

    /// What the server tells about itself, by the names of `INFO`.
    /// - Parameter section: For example `memory`; nil means the default sections.
    /// - Throws: ``RedisError``.
    public func info(_ section: String? = nil) async throws -> [String: String] {
        var command = RedisCommand("INFO").idempotent
        if let section { command.append(section) }
        let text = try await send(command).string ?? ""
        var fields: [String: String] = [:]
        // The line breaks are CR LF, which is one Character.
        for line in text.split(whereSeparator: \.isNewline) where !line.hasPrefix("#") {
            guard let colon = line.firstIndex(of: ":") else { continue }
            fields[String(line[..<colon])] = String(line[line.index(after: colon)...])
        }
        return fields
    }

    /// The number of keys in the database.
    /// - Throws: ``RedisError``.
    public func dbsize() async throws -> Int {
        try await int(RedisCommand("DBSIZE").idempotent)
    }

    /// The clock of the server, as the time since the beginning of 1970 in UTC.
    /// - Throws: ``RedisError``.
    public func time() async throws -> Duration {
        let parts = try await array(RedisCommand("TIME").idempotent)
        guard parts.count == 2, let seconds = parts[0].int, let microseconds = parts[1].int else {
            throw RedisError(.unexpectedReply, "The reply to TIME is not a pair of numbers.")
        }
        return .seconds(seconds) + .microseconds(microseconds)
    }

    // MARK: Scripts

    /// Runs a script.
    /// - Parameters:
    ///   - script: The script.
    ///   - keys: The keys that it touches, `KEYS` in Lua.
    ///   - arguments: What else it needs, `ARGV` in Lua.
    /// - Throws: ``RedisError``.
    @discardableResult
    public func eval(
        _ script: RedisScript, keys: [String] = [], arguments: [any RedisArgumentConvertible] = []
    ) async throws -> RESPValue {
        try await send(script.command(keys: keys, arguments: arguments))
    }

    /// Loads a script into the server and returns its digest.
    /// - Throws: ``RedisError``.
    @discardableResult
    public func scriptLoad(_ script: RedisScript) async throws -> String {
        let reply = try await send(RedisCommand("SCRIPT", "LOAD", script.source).idempotent)
        guard let sha1 = reply.string else { throw RedisError.unexpected(reply, wanted: "a digest") }
        return sha1
    }

    /// Whether the server has the scripts, in the same order.
    /// - Throws: ``RedisError``.
    public func scriptExists(_ scripts: RedisScript...) async throws -> [Bool] {
        let arguments: [RedisArgument] = ["EXISTS"] + scripts.map { RedisArgument($0.sha1) }
        let command = RedisCommand("SCRIPT", arguments: arguments, isIdempotent: true)
        return try await array(command).map { $0.int == 1 }
    }
}
