// SPDX-License-Identifier: Apache-2.0

import NIOCore
import Synchronization

extension RedisClient {
    /// A command of a pipeline without a final result.
    private struct Pending {
        let index: Int
        var state: AttemptState
    }

    /// The commands of a pipeline for one server.
    private struct Partition {
        /// The server, or `nil` if none can be determined.
        let node: RedisNode?
        var refusal: RedisError?
        var pending: [Pending] = []
        /// The commands to write, including `ASKING` before some of them.
        var commands: [RedisCommand] = []
        /// The indexes of the pending commands in `commands`.
        var positions: [Int] = []

        mutating func add(_ pending: Pending, _ command: RedisCommand, requiresAsking: Bool) {
            if requiresAsking { commands.append(RedisCommand("ASKING")) }
            positions.append(commands.count)
            commands.append(command)
            self.pending.append(pending)
        }
    }

    /// Sends each command of a pipeline to its server: one write per server, all at the same time. Commands that a
    /// server did not execute because of the topology are sent again, to their current server.
    func attempt(
        distributed commands: [RedisCommand], timeout: Duration?
    ) async throws -> [Result<RESPValue, RedisError>] {
        let isIdempotent = commands.allSatisfy(\.isIdempotent)
        let first = AttemptState(isIdempotent: isIdempotent, limit: timeout ?? configuration.commandTimeout)
        var results = [Result<RESPValue, RedisError>?](repeating: nil, count: commands.count)
        var pending = commands.indices.map { Pending(index: $0, state: first) }
        send: while !pending.isEmpty {
            let partitions: [Partition]
            switch self.partitions(pending, of: commands) {
            case .ready(let found): partitions = found
            case .wait(let ticket):
                do {
                    try await topology.wait(for: ticket, deadline: first.deadline)
                    continue
                } catch {
                    try Self.failPending(pending, because: error, &results)
                    break send
                }
            case .fail(let error):
                try Self.failPending(pending, because: error, &results)
                break send
            }
            pending = []
            var pause = Duration.zero
            for (partition, replies) in await send(partitions, deadline: first.deadline) {
                var isExecutedLater = false
                for position in partition.pending.indices.reversed() {
                    let item = partition.pending[position]
                    guard case .failure(let error) = replies[position] else {
                        isExecutedLater = true
                        results[item.index] = replies[position]
                        continue
                    }
                    switch next(item, after: error, at: partition.node, isExecutedLater: isExecutedLater) {
                    case .retry(let item, let wait):
                        pause = max(pause, wait)
                        pending.append(item)
                    case .final(let failure):
                        results[item.index] = .failure(failure)
                    }
                }
            }
            pending.sort { $0.index < $1.index }
            if !pending.isEmpty, pause > .zero {
                do {
                    try await topology.pause(pause, deadline: first.deadline)
                } catch {
                    try Self.failPending(pending, because: error, &results)
                    break send
                }
            }
        }
        let final = results.map { $0 ?? .failure(.neverSent) }
        record(final, since: first.start)
        if let error = Self.commonFailure(final) { throw error }
        return final
    }

    /// Fails the commands of a pipeline that have no final result.
    /// - Throws: ``RedisError`` if the task was cancelled.
    private static func failPending(
        _ pending: [Pending], because error: any Error, _ results: inout [Result<RESPValue, RedisError>?]
    ) throws {
        let error = AttemptState.redisError(error)
        if error.code == .cancelled {
            let isInDoubt = pending.contains { $0.state.isInDoubt } || results.contains { $0 != nil }
            throw error.markingInDoubt(isInDoubt)
        }
        for item in pending { results[item.index] = .failure(item.state.final(error)) }
    }

    private enum Next {
        case retry(Pending, after: Duration)
        case final(RedisError)
    }

    /// Decides how a failed command continues.
    /// - Parameter isExecutedLater: Whether a later command on the same connection was executed.
    private func next(
        _ item: Pending, after error: RedisError, at node: RedisNode?, isExecutedLater: Bool
    ) -> Next {
        var item = item
        let failure = item.state.noteFailure(error)
        let advice = topology.failed(error, at: node)
        // A script that the server has lost is sent again only if that keeps the order of execution.
        let isInOrder = advice != .standard || failure.serverReply == nil || !isExecutedLater
        guard isInOrder, let wait = item.state.pause(after: error, advice),
            NIODeadline.after(wait) < item.state.deadline, isOpen
        else { return .final(failure) }
        return .retry(item, after: wait)
    }

    /// Returns the error of a pipeline of which no command was sent, or `nil` if some were.
    private static func commonFailure(_ results: [Result<RESPValue, RedisError>]) -> RedisError? {
        for result in results {
            guard case .failure(let error) = result, !error.mayHaveExecuted, error.serverReply == nil else {
                return nil
            }
        }
        if case .failure(let error)? = results.first { return error }
        return nil
    }

    private func partitions(_ pending: [Pending], of commands: [RedisCommand]) -> Resolution<[Partition]> {
        if !isOpen { return .fail(.clientClosed) }
        var partitions: [Partition] = []
        var positions: [ObjectIdentifier: Int] = [:]
        for item in pending {
            let command = commands[item.index]
            let route: Route<RedisNode>
            switch routing.route(command, item.state.redirection) {
            case .ready(let found): route = found
            case .wait(let ticket): return .wait(ticket)
            case .fail(let error):
                // The other commands are not affected.
                var refused = Partition(node: nil, refusal: error)
                refused.add(item, command, requiresAsking: false)
                partitions.append(refused)
                continue
            }
            let id = ObjectIdentifier(route.node.shared)
            let position = positions[id] ?? partitions.count
            if position == partitions.count {
                positions[id] = position
                partitions.append(Partition(node: route.node))
            }
            partitions[position].add(item, command, requiresAsking: route.requiresAsking)
        }
        return .ready(partitions)
    }

    private func send(
        _ partitions: [Partition], deadline: NIODeadline
    ) async -> [(Partition, [Result<RESPValue, RedisError>])] {
        if partitions.count == 1 { return [(partitions[0], await Self.send(partitions[0], deadline: deadline))] }
        return await withTaskGroup(of: (Partition, [Result<RESPValue, RedisError>]).self) { group in
            for partition in partitions {
                group.addTask { (partition, await Self.send(partition, deadline: deadline)) }
            }
            var all: [(Partition, [Result<RESPValue, RedisError>])] = []
            for await replies in group { all.append(replies) }
            return all
        }
    }

    private static func send(_ partition: Partition, deadline: NIODeadline) async -> [Result<RESPValue, RedisError>] {
        guard let node = partition.node else {
            return partition.positions.map { _ in .failure(partition.refusal ?? .neverSent) }
        }
        do {
            let connection = try await node.shared.acquire(deadline: deadline)
            let results = try await connection.send(partition.commands, deadline: deadline)
            return partition.positions.map { results[$0] }
        } catch {
            let failure =
                error as? RedisError
                ?? RedisError(.outcomeUnknown, "\(error)", cause: error, mayHaveExecuted: true)
            return partition.positions.map { _ in .failure(failure) }
        }
    }
}
