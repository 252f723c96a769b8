// SPDX-License-Identifier: Apache-2.0

/// Something that commands can be sent to: a client, or a connection leased from one. The typed commands are
/// extensions of this protocol.
public protocol RedisCommandExecutor: Sendable {
    /// Sends a command and waits for its answer, which is never an error reply.
    /// - Throws: ``RedisError``.
    func send(_ command: RedisCommand) async throws -> RESPValue

    /// Sends commands in one write and waits for all answers.
    /// - Throws: ``RedisError`` if none of the commands was sent, or the task was cancelled.
    func pipeline(_ commands: [RedisCommand], timeout: Duration?) async throws -> [Result<RESPValue, RedisError>]
}

extension RedisCommandExecutor {
    /// Sends any command.
    ///
    /// ```swift
    /// let reply = try await client.send("GETRANGE", "greeting", 0, 4)
    /// ```
    /// - Throws: ``RedisError``.
    @discardableResult
    public func send(_ name: String, _ arguments: any RedisArgumentConvertible...) async throws -> RESPValue {
        try await send(RedisCommand(name, arguments: arguments.map(\.redisArgument)))
    }

    /// Sends commands in one write and waits for all answers, as long as the configuration allows.
    /// - Throws: ``RedisError`` if none of the commands was sent, or the task was cancelled.
    public func pipeline(_ commands: [RedisCommand]) async throws -> [Result<RESPValue, RedisError>] {
        try await pipeline(commands, timeout: nil)
    }

    func int(_ command: RedisCommand) async throws -> Int {
        let reply = try await send(command)
        guard let number = reply.int else { throw RedisError.unexpected(reply, wanted: "an integer") }
        return number
    }

    func bool(_ command: RedisCommand) async throws -> Bool {
        try await int(command) != 0
    }

    func optional(_ command: RedisCommand) async throws -> RESPValue? {
        let reply = try await send(command)
        return reply.isNull ? nil : reply
    }

    func array(_ command: RedisCommand) async throws -> [RESPValue] {
        let reply = try await send(command)
        guard let elements = reply.array else { throw RedisError.unexpected(reply, wanted: "an array") }
        return elements
    }
}
