// SPDX-License-Identifier: Apache-2.0

import NIOCore
import Synchronization

extension RedisClient {
    /// One command of a pipeline that has no final result yet.
    private struct Pending {
        let index: Int
        var state: AttemptState
    }

    /// The commands of a pipeline that go to one server.
    private struct Share {
        /// Nil if there is none for them.
        let node: RedisNode?
        var refusal: RedisError?
        var pending: [Pending] = []
        /// What is written: the commands, and `ASKING` in front of some.
        var commands: [RedisCommand] = []
        /// Where the commands stand in what is written.
        var places: [Int] = []

        mutating func add(_ pending: Pending, _ command: RedisCommand, asks: Bool) {
            if asks { commands.append(RedisCommand("ASKING")) }
            places.append(commands.count)
            commands.append(command)
            self.pending.append(pending)
        }
    }

    /// Sends each command of a pipeline to the server that is responsible for it: one write for each server, all at the
    /// same time. What a server did not execute because of the topology is sent again, to wherever it belongs.
    func attempt(
        distributed commands: [RedisCommand], timeout: Duration?
    ) async throws -> [Result<RESPValue, RedisError>] {
        let isIdempotent = commands.allSatisfy(\.isIdempotent)
        let first = AttemptState(isIdempotent: isIdempotent, limit: timeout ?? configuration.commandTimeout)
        var results = [Result<RESPValue, RedisError>?](repeating: nil, count: commands.count)
        var pending = commands.indices.map { Pending(index: $0, state: first) }
        send: while !pending.isEmpty {
            let shares: [Share]
            switch self.shares(pending, of: commands) {
            case .ready(let found): shares = found
            case .wait(let ticket):
                do {
                    try await topology.wait(for: ticket, deadline: first.deadline)
                    continue
                } catch {
                    try Self.giveUp(pending, because: error, &results)
                    break send
                }
            case .fail(let error):
                try Self.giveUp(pending, because: error, &results)
                break send
            }
            pending = []
            var pause = Duration.zero
            for (share, answers) in await send(shares, deadline: first.deadline) {
                var isExecutedLater = false
                for position in share.pending.indices.reversed() {
                    let item = share.pending[position]
                    guard case .failure(let error) = answers[position] else {
                        isExecutedLater = true
                        results[item.index] = answers[position]
                        continue
                    }
                    switch next(item, after: error, at: share.node, isExecutedLater: isExecutedLater) {
                    case .again(let item, let wait):
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
                    try Self.giveUp(pending, because: error, &results)
                    break send
                }
            }
        }
        let final = results.map { $0 ?? .failure(.neverSent) }
        record(final, since: first.start)
        if let error = Self.commonFailure(final) { throw error }
        return final
    }

    /// Ends the commands of a pipeline that have no final result yet.
    /// - Throws: ``RedisError`` if the task was cancelled.
    private static func giveUp(
        _ pending: [Pending], because error: any Error, _ results: inout [Result<RESPValue, RedisError>?]
    ) throws {
        let error = AttemptState.redisError(error)
        if error.code == .cancelled {
            let isInDoubt = pending.contains { $0.state.isInDoubt } || results.contains { $0 != nil }
            throw error.keepingDoubt(isInDoubt)
        }
        for item in pending { results[item.index] = .failure(item.state.final(error)) }
    }

    private enum Next {
        case again(Pending, after: Duration)
        case final(RedisError)
    }

    /// What becomes of a command that failed.
    /// - Parameter isExecutedLater: A later command on the same connection was executed.
    private func next(
        _ item: Pending, after error: RedisError, at node: RedisNode?, isExecutedLater: Bool
    ) -> Next {
        var item = item
        let failure = item.state.noteFailure(error)
        let advice = topology.failed(error, at: node)
        // A script that the server has lost can be sent again only if that keeps the order.
        let isInOrder = advice != .standard || failure.serverReply == nil || !isExecutedLater
        guard isInOrder, let wait = item.state.pause(after: error, advice),
            NIODeadline.after(wait) < item.state.deadline, isOpen
        else { return .final(failure) }
        return .again(item, after: wait)
    }

    /// The error of a pipeline of which nothing was sent.
    private static func commonFailure(_ results: [Result<RESPValue, RedisError>]) -> RedisError? {
        for result in results {
            guard case .failure(let error) = result, !error.mayHaveExecuted, error.serverReply == nil else {
                return nil
            }
        }
        if case .failure(let error)? = results.first { return error }
        return nil
    }

    private func shares(_ pending: [Pending], of commands: [RedisCommand]) -> Resolution<[Share]> {
        if !isOpen { return .fail(.clientClosed) }
        var shares: [Share] = []
        var places: [ObjectIdentifier: Int] = [:]
        for item in pending {
            let command = commands[item.index]
            let route: Route<RedisNode>
            switch routing.route(command, item.state.redirection) {
            case .ready(let found): route = found
            case .wait(let ticket): return .wait(ticket)
            case .fail(let error):
                // The others need not suffer for it.
                var refused = Share(node: nil, refusal: error)
                refused.add(item, command, asks: false)
                shares.append(refused)
                continue
            }
            let id = ObjectIdentifier(route.node.shared)
            let place = places[id] ?? shares.count
            if place == shares.count {
                places[id] = place
                shares.append(Share(node: route.node))
            }
            shares[place].add(item, command, asks: route.asks)
        }
        return .ready(shares)
    }

    private func send(
        _ shares: [Share], deadline: NIODeadline
    ) async -> [(Share, [Result<RESPValue, RedisError>])] {
        if shares.count == 1 { return [(shares[0], await Self.send(shares[0], deadline: deadline))] }
        return await withTaskGroup(of: (Share, [Result<RESPValue, RedisError>]).self) { group in
            for share in shares { group.addTask { (share, await Self.send(share, deadline: deadline)) } }
            var all: [(Share, [Result<RESPValue, RedisError>])] = []
            for await answers in group { all.append(answers) }
            return all
        }
    }

    private static func send(_ share: Share, deadline: NIODeadline) async -> [Result<RESPValue, RedisError>] {
        guard let node = share.node else {
            return share.places.map { _ in .failure(share.refusal ?? .neverSent) }
        }
        do {
            let connection = try await node.shared.acquire(deadline: deadline)
            let results = try await connection.send(share.commands, deadline: deadline)
            return share.places.map { results[$0] }
        } catch {
            let failure =
                error as? RedisError
                ?? RedisError(.outcomeUnknown, "\(error)", cause: error, mayHaveExecuted: true)
            return share.places.map { _ in .failure(failure) }
        }
    }
}
