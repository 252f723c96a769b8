// SPDX-License-Identifier: Apache-2.0

import NIOCore
import Synchronization
import Tracing

extension RedisClient {
    /// Sends a command that goes to one server as a whole.
    func sendWhole(_ command: RedisCommand) async throws -> RESPValue {
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
                        route.asks
                        ? try await Self.sendAsking(command, on: connection, deadline: state.deadline)
                        : try await connection.send(command, deadline: state.deadline)
                    metrics.finished(commands: 1, since: state.start)
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
        guard results.count == 2 else { throw RedisError(.protocolError, "The server did not answer ASKING.") }
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

    /// All of them on the one server there is.
    ///
    /// Replies come in order. If some were lost, those before them are final, and only the rest is sent again.
    private func attempt(
        _ commands: [RedisCommand], timeout: Duration?
    ) async throws -> [Result<RESPValue, RedisError>] {
        let isIdempotent = commands.allSatisfy(\.isIdempotent)
        var state = AttemptState(isIdempotent: isIdempotent, limit: timeout ?? configuration.commandTimeout)
        var answered: [Result<RESPValue, RedisError>] = []
        while true {
            do {
                try checkOpen()
                let rest = answered.isEmpty ? commands : Array(commands[answered.count...])
                let results = try await sendToOnlyServer(rest, deadline: state.deadline)
                if isIdempotent, case .failure(let error)? = results.last, error.code == .outcomeUnknown {
                    answered += Self.settled(results.prefix(PipelineScripts.finalCount(results)), state)
                    throw error
                }
                answered += Self.settled(results[...], state)
                if state.attempt == 0, let resumption = PipelineScripts.resumption(commands, answered) {
                    answered.removeSubrange(resumption...)
                    state.attempt += 1
                } else {
                    record(answered, since: state.start)
                    return answered
                }
            } catch {
                guard let failure = await finalFailure(after: error, at: nil, &state) else { continue }
                guard !answered.isEmpty else { throw finish(failure, since: state.start) }
                if failure.code == .cancelled { throw finish(failure.keepingDoubt(true), since: state.start) }
                // Some were executed: their results must not get lost with those of the others.
                answered += Array(repeating: .failure(failure), count: commands.count - answered.count)
                record(answered, since: state.start)
                return answered
            }
        }
    }

    private func sendToOnlyServer(
        _ commands: [RedisCommand], deadline: NIODeadline
    ) async throws -> [Result<RESPValue, RedisError>] {
        guard case .ready(let node) = routing.node(forKey: nil) else { throw RedisError.neverSent }
        return try await node.shared.acquire(deadline: deadline).send(commands, deadline: deadline)
    }

    /// The results of commands as they look to the caller.
    private static func settled(
        _ results: ArraySlice<Result<RESPValue, RedisError>>, _ state: AttemptState
    ) -> [Result<RESPValue, RedisError>] {
        state.isInDoubt ? results.map { $0.mapError { state.final($0) } } : Array(results)
    }

    func record(_ results: [Result<RESPValue, RedisError>], since start: NIODeadline) {
        metrics.finished(commands: results.count, since: start)
        for case .failure(let error) in results { metrics.failed(error) }
    }

    // MARK: A transaction

    /// A transaction where there are several servers. It goes to one of them as a whole, and is repeated as a whole if
    /// it was certainly not executed.
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
                    // A transaction is not taken by a server that is just getting its slot: it has to wait until that
                    // is done.
                    state.redirection = nil
                }
            }
        }
    }

    // MARK: Failures

    /// Returns when more is known of the servers.
    private func wait(for ticket: Ticket, _ state: AttemptState) async throws {
        do {
            try await topology.wait(for: ticket, deadline: state.deadline)
        } catch {
            throw finish(state.final(error), since: state.start)
        }
    }

    /// Returns when it is time for another attempt, or throws what the caller has to know.
    private func prepareNextAttempt(
        after error: any Error, at node: RedisNode?, _ state: inout AttemptState
    ) async throws {
        guard let failure = await finalFailure(after: error, at: node, &state) else { return }
        throw finish(failure, since: state.start)
    }

    /// Returns what the caller has to know, or `nil` when it is time for another attempt.
    private func finalFailure(
        after error: any Error, at node: RedisNode?, _ state: inout AttemptState
    ) async -> RedisError? {
        // What this attempt came to decides about the next one; what all of them may have done is what the caller has
        // to know.
        let latest = AttemptState.redisError(error)
        let failure = state.noteFailure(latest)
        let advice = topology.failed(latest, at: node)
        guard let pause = state.pause(after: latest, advice), NIODeadline.after(pause) < state.deadline, isOpen
        else {
            return !isOpen && failure.code == .neverSent
                ? RedisError.clientClosed.keepingDoubt(state.isInDoubt) : failure
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
        metrics.finished(commands: 1, since: start)
        metrics.failed(error)
        return error
    }
}
