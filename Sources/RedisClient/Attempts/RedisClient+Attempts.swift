// SPDX-License-Identifier: Apache-2.0

import NIOCore
import Synchronization
import Tracing

extension RedisClient {
    /// Sends a command that goes to one server as a whole.
    func sendWhole(_ command: RedisCommand) async throws -> RESPValue {
        guard let tracer else { return try await self.attempt(command) }
        return try await RedisSpan.trace(tracer, command.name, count: 1, self.configuration) {
            try await self.attempt(command)
        }
    }

    func traced<Value: Sendable>(
        _ name: String, count: Int, _ body: @Sendable () async throws -> Value
    ) async throws -> Value {
        guard let tracer else { return try await body() }
        return try await RedisSpan.trace(tracer, name, count: count, self.configuration, body)
    }

    // MARK: One command

    private func attempt(_ command: RedisCommand) async throws -> RESPValue {
        var state = AttemptState(
            isIdempotent: command.isIdempotent, limit: command.timeout ?? self.configuration.commandTimeout)
        while true {
            var node: RedisNode?
            do {
                try self.checkOpen()
                let route = try self.topology.route(command, state.redirection)
                node = route.node
                let pool = route.node.shared
                let connection: RedisConnection
                if let free = pool.acquireNow() {
                    connection = free
                } else {
                    connection = try await pool.acquire(deadline: state.deadline)
                }
                let reply =
                    route.asks
                    ? try await Self.sendAsking(command, on: connection, deadline: state.deadline)
                    : try await connection.send(command, deadline: state.deadline)
                self.metrics.finished(commands: 1, since: state.start)
                return reply
            } catch {
                try await self.prepareNextAttempt(after: error, at: node, &state)
            }
        }
    }

    private static func sendAsking(
        _ command: RedisCommand, on connection: RedisConnection, deadline: NIODeadline
    ) async throws -> RESPValue {
        let results = try await connection.send([RedisCommand("ASKING"), command], deadline: deadline)
        guard results.count == 2 else { throw RedisError(.protocolError, "The server did not answer ASKING.") }
        return try results[1].get()
    }

    // MARK: Several commands

    func batch(
        _ commands: [RedisCommand], name: String, timeout: Duration?
    ) async throws -> [Result<RESPValue, RedisError>] {
        if commands.isEmpty { return [] }
        return try await self.traced(name, count: commands.count) {
            guard self.topology.isStandalone else {
                return try await self.attempt(distributed: commands, timeout: timeout)
            }
            return try await self.attempt(commands, timeout: timeout)
        }
    }

    /// All of them on the one server there is.
    private func attempt(
        _ commands: [RedisCommand], timeout: Duration?
    ) async throws -> [Result<RESPValue, RedisError>] {
        let isIdempotent = commands.allSatisfy(\.isIdempotent)
        var state = AttemptState(isIdempotent: isIdempotent, limit: timeout ?? self.configuration.commandTimeout)
        var answered: [Result<RESPValue, RedisError>] = []
        while true {
            do {
                try self.checkOpen()
                let pool = try self.topology.node(forKey: nil).shared
                let connection = try await pool.acquire(deadline: state.deadline)
                let rest = answered.isEmpty ? commands : Array(commands[answered.count...])
                let results = try await connection.send(rest, deadline: state.deadline)
                if isIdempotent, case .failure(let error)? = results.last, error.code == .outcomeUnknown {
                    throw error
                }
                answered += results
                if state.attempt == 0, let resumption = PipelineScripts.resumption(commands, answered) {
                    answered.removeSubrange(resumption...)
                    state.attempt += 1
                } else {
                    self.record(answered, since: state.start)
                    return answered
                }
            } catch {
                try await self.prepareNextAttempt(after: error, at: nil, &state)
            }
        }
    }

    func record(_ results: [Result<RESPValue, RedisError>], since start: NIODeadline) {
        self.metrics.finished(commands: results.count, since: start)
        for case .failure(let error) in results { self.metrics.failed(error) }
    }

    // MARK: A transaction

    /// A transaction where there are several servers. It goes to one of them as a whole, and is repeated as a whole if it
    /// was certainly not executed.
    func attempt(
        transaction commands: [RedisCommand], timeout: Duration?
    ) async throws -> [Result<RESPValue, RedisError>] {
        let key = self.topology.isPartitioned ? try SplitCommand.commonKey(of: commands) : nil
        var state = AttemptState(isIdempotent: false, limit: timeout ?? self.configuration.commandTimeout)
        while true {
            var node: RedisNode?
            do {
                try self.checkOpen()
                let current = try self.topology.node(forKey: key)
                node = current
                let connection = try await current.shared.acquire(deadline: state.deadline)
                let results = try await connection.send(RedisTransaction.wrap(commands), deadline: state.deadline)
                let unwrapped = try RedisTransaction.unwrap(results)
                self.record(unwrapped, since: state.start)
                return unwrapped
            } catch {
                try await self.prepareNextAttempt(after: error, at: node, &state)
                // A transaction is not taken by a server that is just getting its slot: it has to wait until that is done.
                state.redirection = nil
            }
        }
    }

    // MARK: Failures

    /// Returns when it is time for another attempt, or throws what the caller has to know.
    func prepareNextAttempt(
        after error: any Error, at node: RedisNode?, _ state: inout AttemptState
    ) async throws {
        if error is TopologyPending {
            do {
                return try await self.topology.settle(deadline: state.deadline)
            } catch {
                throw self.finish(state.final(error))
            }
        }
        // What this attempt came to decides about the next one; what all of them may have done is what the caller has to know.
        let latest = AttemptState.redisError(error)
        var failure = state.final(error)
        state.isAnswerLost = failure.mayHaveExecuted
        let lesson = self.topology.learn(from: latest, at: node)
        guard let pause = state.pause(after: latest, lesson), NIODeadline.after(pause) < state.deadline,
            !self.isClosed.load(ordering: .acquiring)
        else {
            if self.isClosed.load(ordering: .acquiring), failure.code == .neverSent { failure = .clientClosed }
            throw self.finish(failure, since: state.start)
        }
        guard pause > .zero else { return }
        do {
            try await self.topology.pause(pause, deadline: state.deadline)
        } catch {
            throw RedisError(
                .cancelled, "The calling task was cancelled.", mayHaveExecuted: state.isIdempotent || state.isAnswerLost
            )
        }
    }

    private func finish(_ error: RedisError, since start: NIODeadline? = nil) -> RedisError {
        if let start { self.metrics.finished(commands: 1, since: start) }
        self.metrics.failed(error)
        return error
    }
}
