// SPDX-License-Identifier: Apache-2.0

/// A type that commands can be sent to: a client, a leased connection or a single server.
///
/// The typed commands, such as `get(_:)`, are extensions of this protocol.
public protocol RedisCommandExecutor: Sendable {
    /// Sends a command and returns its reply, which is never an error reply.
    /// - Throws: ``RedisError``.
    func send(_ command: RedisCommand) async throws -> RESPValue

    /// Sends commands in one write and waits for all replies.
    ///
    /// - Parameters:
    ///   - commands: The commands, in the order of the results.
    ///   - timeout: The time limit for all commands together. If `nil`, ``RedisConfiguration/commandTimeout`` applies.
    /// - Returns: One result for each command.
    /// - Throws: ``RedisError`` if none of the commands was sent, or the task was cancelled.
    func pipeline(_ commands: [RedisCommand], timeout: Duration?) async throws -> [Result<RESPValue, RedisError>]
}

extension RedisCommandExecutor {
    /// Sends a command by name and returns its reply.
    ///
    /// ```swift
    /// let reply = try await client.send("GETRANGE", "greeting", 0, 4)
    /// ```
    /// - Throws: ``RedisError``.
    @discardableResult
    public func send(_ name: String, _ arguments: any RedisArgumentConvertible...) async throws -> RESPValue {
        try await send(RedisCommand(name, arguments: arguments.map(\.redisArgument)))
    }

    /// Sends commands in one write and waits for all replies, within ``RedisConfiguration/commandTimeout``.
    ///
    /// - Parameter commands: The commands, in the order of the results.
    /// - Returns: One result for each command.
    /// - Throws: ``RedisError`` if none of the commands was sent, or the task was cancelled.
    public func pipeline(_ commands: [RedisCommand]) async throws -> [Result<RESPValue, RedisError>] {
        try await pipeline(commands, timeout: nil)
    }

    func int(_ command: RedisCommand) async throws -> Int {
        let reply = try await send(command)
        guard let number = reply.int else { throw RedisError.unexpected(reply, expected: "an integer") }
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
        guard let elements = reply.array else { throw RedisError.unexpected(reply, expected: "an array") }
        return elements
    }
}
