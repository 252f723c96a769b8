// SPDX-License-Identifier: Apache-2.0

import NIOCore
import Synchronization
import Tracing

extension RedisClient {
    /// Sends a command to one server, without splitting it.
    func sendUnsplit(_ command: RedisCommand) async throws -> RESPValue {
        guard let tracer else { return try await attempt(command) }
        return try await RedisSpan.trace(tracer, command.name, count: 1, configuration) {
            try await attempt(command)
        }
    }

    func traced<Value: Sendable>(
        _ name: String, count: Int, _ body: @Sendable () async throws -> Value
    ) async throws -> Value {
        guard let tracer else { return try await body() }
        return try await RedisSpan.trace(tracer, name, count: count, configuration, body)
    }

    // MARK: One command

    private func attempt(_ command: RedisCommand) async throws -> RESPValue {
        var state = AttemptState(
            isIdempotent: command.isIdempotent, limit: command.timeout ?? configuration.commandTimeout)
        while true {
            let resolution = isOpen ? routing.route(command, state.redirection) : .fail(.clientClosed)
            switch resolution {
            case .wait(let ticket): try await self.wait(for: ticket, state)
            case .fail(let error): try await self.prepareNextAttempt(after: error, at: nil, &state)
            case .ready(let route):
                do {
                    let pool = route.node.shared
                    let connection: RedisConnection
                    if let free = pool.acquireNow() {
                        connection = free
                    } else {
                        connection = try await pool.acquire(deadline: state.deadline)
                    }
                    let reply =
                        route.requiresAsking
                        ? try await Self.sendAsking(command, on: connection, deadline: state.deadline)
                        : try await connection.send(command, deadline: state.deadline)
                    metrics.recordCompletion(commands: 1, since: state.start)
                    return reply
                } catch {
                    try await self.prepareNextAttempt(after: error, at: route.node, &state)
                }
            }
        }
    }

    private static func sendAsking(
        _ command: RedisCommand, on connection: RedisConnection, deadline: NIODeadline
    ) async throws -> RESPValue {
        let results = try await connection.send([RedisCommand("ASKING"), command], deadline: deadline)
        guard results.count == 2 else { throw RedisError(.protocolError, "The server sent no reply to ASKING.") }
        return try results[1].get()
    }

    // MARK: Several commands

    func batch(
        _ commands: [RedisCommand], name: String, timeout: Duration?
    ) async throws -> [Result<RESPValue, RedisError>] {
        if commands.isEmpty { return [] }
        return try await traced(name, count: commands.count) {
            guard routing.isStandalone else {
                return try await attempt(distributed: commands, timeout: timeout)
            }
            return try await attempt(commands, timeout: timeout)
        }
    }

    /// Sends a batch to the only server.
    ///
    /// Replies arrive in order. If some were lost, the ones before are final and the remaining commands are sent again.
    private func attempt(
        _ commands: [RedisCommand], timeout: Duration?
    ) async throws -> [Result<RESPValue, RedisError>] {
        let isIdempotent = commands.allSatisfy(\.isIdempotent)
        var state = AttemptState(isIdempotent: isIdempotent, limit: timeout ?? configuration.commandTimeout)
        var completed: [Result<RESPValue, RedisError>] = []
        while true {
            do {
                try checkOpen()
                let rest = completed.isEmpty ? commands : Array(commands[completed.count...])
                let results = try await sendToOnlyServer(rest, deadline: state.deadline)
                if isIdempotent, case .failure(let error)? = results.last, error.code == .outcomeUnknown {
                    completed += Self.finalResults(results.prefix(PipelineRecovery.finalCount(results)), state)
                    throw error
                }
                completed += Self.finalResults(results[...], state)
                if state.attempt == 0, let resumeIndex = PipelineRecovery.resumeIndex(commands, completed) {
                    completed.removeSubrange(resumeIndex...)
                    state.attempt += 1
                } else {
                    record(completed, since: state.start)
                    return completed
                }
            } catch {
                guard let failure = await finalFailure(after: error, at: nil, &state) else { continue }
                guard !completed.isEmpty else { throw finish(failure, since: state.start) }
                if failure.code == .cancelled { throw finish(failure.markingInDoubt(true), since: state.start) }
                // Some commands were executed: their results must be returned together with the failures of the others.
                completed += Array(repeating: .failure(failure), count: commands.count - completed.count)
                record(completed, since: state.start)
                return completed
            }
        }
    }

    private func sendToOnlyServer(
        _ commands: [RedisCommand], deadline: NIODeadline
    ) async throws -> [Result<RESPValue, RedisError>] {
        guard case .ready(let node) = routing.node(forKey: nil) else { throw RedisError.neverSent }
        return try await node.shared.acquire(deadline: deadline).send(commands, deadline: deadline)
    }

    /// Returns the results for the caller.
    private static func finalResults(
        _ results: ArraySlice<Result<RESPValue, RedisError>>, _ state: AttemptState
    ) -> [Result<RESPValue, RedisError>] {
        state.isInDoubt ? results.map { $0.mapError { state.final($0) } } : Array(results)
    }

    func record(_ results: [Result<RESPValue, RedisError>], since start: NIODeadline) {
        metrics.recordCompletion(commands: results.count, since: start)
        for case .failure(let error) in results { metrics.recordFailure(error) }
    }

    // MARK: Transactions

    /// Executes a transaction where there are several servers. It is sent to one server as a whole, and retried as a
    /// whole if it was certainly not executed.
    func attempt(
        transaction commands: [RedisCommand], timeout: Duration?
    ) async throws -> [Result<RESPValue, RedisError>] {
        let key = routing.isPartitioned ? try SplitCommand.commonKey(of: commands) : nil
        var state = AttemptState(isIdempotent: false, limit: timeout ?? configuration.commandTimeout)
        while true {
            switch isOpen ? routing.node(forKey: key) : .fail(.clientClosed) {
            case .wait(let ticket): try await self.wait(for: ticket, state)
            case .fail(let error): try await self.prepareNextAttempt(after: error, at: nil, &state)
            case .ready(let node):
                do {
                    let connection = try await node.shared.acquire(deadline: state.deadline)
                    let results = try await connection.send(RedisTransaction.wrap(commands), deadline: state.deadline)
                    let unwrapped = try RedisTransaction.unwrap(results)
                    record(unwrapped, since: state.start)
                    return unwrapped
                } catch {
                    try await self.prepareNextAttempt(after: error, at: node, &state)
                    // A server that is importing the slot does not accept transactions: the transaction must wait until
                    // the migration is complete.
                    state.redirection = nil
                }
            }
        }
    }

    // MARK: Failures

    /// Waits until the topology has changed.
    private func wait(for ticket: Ticket, _ state: AttemptState) async throws {
        do {
            try await topology.wait(for: ticket, deadline: state.deadline)
        } catch {
            throw finish(state.final(error), since: state.start)
        }
    }

    /// Returns when another attempt is due, or throws the failure for the caller.
    private func prepareNextAttempt(
        after error: any Error, at node: RedisNode?, _ state: inout AttemptState
    ) async throws {
        guard let failure = await finalFailure(after: error, at: node, &state) else { return }
        throw finish(failure, since: state.start)
    }

    /// Returns the failure for the caller, or `nil` when another attempt is due.
    private func finalFailure(
        after error: any Error, at node: RedisNode?, _ state: inout AttemptState
    ) async -> RedisError? {
        // The latest failure decides about the next attempt; the failure for the caller covers all attempts.
        let latest = AttemptState.redisError(error)
        let failure = state.noteFailure(latest)
        let advice = topology.failed(latest, at: node)
        guard let pause = state.pause(after: latest, advice), NIODeadline.after(pause) < state.deadline, isOpen
        else {
            return !isOpen && failure.code == .neverSent
                ? RedisError.clientClosed.markingInDoubt(state.isInDoubt) : failure
        }
        guard pause > .zero else { return nil }
        do {
            try await topology.pause(pause, deadline: state.deadline)
            return nil
        } catch {
            return state.final(RedisError(.cancelled, "The calling task was cancelled."))
        }
    }

    private func finish(_ error: RedisError, since start: NIODeadline) -> RedisError {
        metrics.recordCompletion(commands: 1, since: start)
        metrics.recordFailure(error)
        return error
    }
}
