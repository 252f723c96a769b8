// SPDX-License-Identifier: Apache-2.0

import NIOConcurrencyHelpers
import NIOCore

/// A connection that one caller has for itself, for the time of `withConnection`.
///
/// Commands are executed in the order in which they are sent. There are no retries: what a lost connection held, such
/// as watched keys, is lost with it, so the caller has to start again.
public final class RedisLeasedConnection: RedisCommandExecutor {
    private struct State {
        var isEnded = false
        var isWatching = false
        var isInTransaction = false
        /// Something happened after which nobody else should get the connection.
        var isSpoiled = false
    }

    private let connection: RedisConnection
    private let configuration: RedisConfiguration
    private let state = NIOLockedValueBox(State())

    init(_ connection: RedisConnection, configuration: RedisConfiguration) {
        self.connection = connection
        self.configuration = configuration
    }

    /// Sends a command and waits for its answer. Give a blocking command a ``RedisCommand/timeout`` that is longer than
    /// the time it may block.
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

    /// Sends commands in one write and waits for all answers.
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

    /// Executes commands as one atomic unit, in one write.
    /// - Throws: ``RedisError``; `transactionAborted` if a key that was watched has changed.
    public func transaction(
        _ commands: [RedisCommand], timeout: Duration? = nil
    ) async throws -> [Result<RESPValue, RedisError>] {
        if commands.isEmpty { return [] }
        return try RedisTransaction.unwrap(try await pipeline(RedisTransaction.wrap(commands), timeout: timeout))
    }

    private func willSend(_ commands: [RedisCommand]) throws {
        for command in commands {
            if let refusal = RefusedCommand.check(command, in: .leased) { throw refusal }
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
        // An error reply leaves the connection as it was. After anything else its answers may still be under way.
        guard let error = error as? RedisError, error.serverReply != nil else {
            return state.withLockedValue { $0.isSpoiled = true }
        }
    }

    /// Gives the connection back as it was found, or closes it.
    func end(returningTo pool: ConnectionPool) async {
        let state = self.state.withLockedValue { state in
            state.isEnded = true
            return state
        }
        if !state.isSpoiled, await reset(state) {
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
