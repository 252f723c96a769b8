// SPDX-License-Identifier: Apache-2.0

import NIOConcurrencyHelpers
import NIOCore

/// A connection that is used exclusively by the closure of ``RedisClient/withConnection(to:timeout:_:)``.
///
/// Commands are executed in the order in which they are sent, and are not retried: the state of a connection, such as
/// its watched keys, is lost with the connection, so the caller must start again.
///
/// ```swift
/// try await client.withConnection { connection in
///     try await connection.send("WATCH", "stock")
///     let stock = try await connection.get("stock")?.int ?? 0
///     _ = try await connection.transaction([.set("stock", stock - 1)])
/// }
/// ```
public final class RedisLeasedConnection: RedisCommandExecutor {
    private struct State {
        var isEnded = false
        var isWatching = false
        var isInTransaction = false
        /// Whether the state of the connection is unknown, so that it must be closed after use.
        var shouldClose = false
    }

    private let connection: RedisConnection
    private let configuration: RedisConfiguration
    private let state = NIOLockedValueBox(State())

    init(_ connection: RedisConnection, configuration: RedisConfiguration) {
        self.connection = connection
        self.configuration = configuration
    }

    /// Sends a command and returns its reply. Set the ``RedisCommand/timeout`` of a blocking command to more than the
    /// time that it may block.
    /// - Throws: ``RedisError``.
    public func send(_ command: RedisCommand) async throws -> RESPValue {
        try willSend([command])
        let deadline = NIODeadline.after(command.timeout ?? configuration.commandTimeout)
        do {
            return try await connection.send(command, deadline: deadline)
        } catch {
            didFail(error)
            throw error
        }
    }

    /// Sends commands in one write and waits for all replies.
    ///
    /// - Parameters:
    ///   - commands: The commands, in the order of the results.
    ///   - timeout: The time limit for all commands together. If `nil`, ``RedisConfiguration/commandTimeout`` applies.
    /// - Returns: One result for each command.
    /// - Throws: ``RedisError`` if none of the commands was sent, or the task was cancelled.
    public func pipeline(
        _ commands: [RedisCommand], timeout: Duration? = nil
    ) async throws -> [Result<RESPValue, RedisError>] {
        if commands.isEmpty { return [] }
        try willSend(commands)
        do {
            return try await connection.send(
                commands, deadline: .after(timeout ?? configuration.commandTimeout))
        } catch {
            didFail(error)
            throw error
        }
    }

    /// Executes commands atomically (`MULTI`, `EXEC`), in one write.
    ///
    /// - Parameters:
    ///   - commands: The commands, in the order of the results.
    ///   - timeout: The time limit for the transaction. If `nil`, ``RedisConfiguration/commandTimeout`` applies.
    /// - Returns: One result for each command.
    /// - Throws: ``RedisError``, with the code `transactionAborted` if a watched key has changed.
    public func transaction(
        _ commands: [RedisCommand], timeout: Duration? = nil
    ) async throws -> [Result<RESPValue, RedisError>] {
        if commands.isEmpty { return [] }
        return try RedisTransaction.unwrap(try await pipeline(RedisTransaction.wrap(commands), timeout: timeout))
    }

    private func willSend(_ commands: [RedisCommand]) throws {
        for command in commands {
            if let refusal = RestrictedCommand.error(for: command, on: .leased) { throw refusal }
        }
        try self.state.withLockedValue { state in
            if state.isEnded {
                throw RedisError(.closed, "The leased connection was used after the body of withConnection had ended.")
            }
            for command in commands {
                switch command.name {
                case "WATCH": state.isWatching = true
                case "MULTI": state.isInTransaction = true
                case "EXEC", "DISCARD": (state.isInTransaction, state.isWatching) = (false, false)
                case "UNWATCH": state.isWatching = false
                default: break
                }
            }
        }
    }

    private func didFail(_ error: any Error) {
        // An error reply does not change the connection. After any other failure, replies may still arrive.
        guard let error = error as? RedisError, error.serverReply != nil else {
            return state.withLockedValue { $0.shouldClose = true }
        }
    }

    /// Returns the connection to its pool in its initial state, or closes it.
    func end(returningTo pool: ConnectionPool) async {
        let state = self.state.withLockedValue { state in
            state.isEnded = true
            return state
        }
        if !state.shouldClose, await reset(state) {
            pool.release(connection)
        } else {
            connection.close()
        }
    }

    private func reset(_ state: State) async -> Bool {
        guard state.isInTransaction || state.isWatching else { return true }
        let command = RedisCommand(state.isInTransaction ? "DISCARD" : "UNWATCH")
        let reply = try? await connection.send(command, deadline: .after(configuration.commandTimeout))
        return reply != nil
    }
}
