// SPDX-License-Identifier: Apache-2.0

import NIOCore

/// One reading of the slot map: several servers are asked at the same time, so that neither a dead one holds it up nor
/// one with an old view decides alone.
enum ClusterRefresh {
    /// How many servers are asked at once.
    static let breadth = 3
    /// How many answers are enough.
    static let quorum = 2

    /// - Parameter candidates: Whom to ask, the most promising first. Others are asked if these do not answer.
    static func run(_ candidates: [RedisAddress], _ probe: TopologyProbe) async -> ClusterStateMachine.Reply {
        var rest = candidates[...]
        var errors: [(RedisAddress, RedisError)] = []
        while !rest.isEmpty, !Task.isCancelled {
            let batch = rest.prefix(Self.breadth)
            rest = rest.dropFirst(Self.breadth)
            let (views, failures) = await ask(Array(batch), probe)
            if let best = ClusterView.best(views) { return .map(best) }
            errors += failures
        }
        return .failed(explain(errors))
    }

    private static func ask(
        _ addresses: [RedisAddress], _ probe: TopologyProbe
    ) async -> (views: [ClusterView], failures: [(RedisAddress, RedisError)]) {
        await withTaskGroup(of: (RedisAddress, Result<ClusterView, any Error>).self) { group in
            for address in addresses {
                group.addTask {
                    do {
                        return (address, .success(try await ClusterView.ask(address, with: probe)))
                    } catch {
                        return (address, .failure(error))
                    }
                }
            }
            var views: [ClusterView] = []
            var failures: [(RedisAddress, RedisError)] = []
            for await (address, result) in group {
                switch result {
                case .success(let view): views.append(view)
                case .failure(let error): failures.append((address, ConnectFailure.redisError(for: error)))
                }
                if views.count >= Self.quorum { group.cancelAll() }
            }
            return (views, failures)
        }
    }

    /// Which of these servers answer at all.
    static func responding(_ addresses: Set<RedisAddress>, _ probe: TopologyProbe) async -> Set<RedisAddress> {
        var probe = probe
        // No longer: the next reading of the map waits for this.
        probe.timeout = min(probe.timeout, .milliseconds(250))
        let asking = probe
        return await withTaskGroup(of: RedisAddress?.self) { group in
            for address in addresses {
                group.addTask {
                    (try? await asking.ask(address, [RedisCommand("PING")])) == nil ? nil : address
                }
            }
            return await group.reduce(into: []) { if let address = $1 { $0.insert(address) } }
        }
    }

    private static func explain(_ errors: [(RedisAddress, RedisError)]) -> RedisError {
        if let (_, error) = errors.first(where: { $0.1.isLasting }) { return error }
        guard let (_, last) = errors.last else { return RedisError(.connectFailed, "No node of the cluster is known.") }
        let asked = errors.map(\.0.description).joined(separator: ", ")
        return RedisError(
            .connectFailed, "None of the cluster's nodes answered: \(asked). \(last.message)", cause: last.cause)
    }
}
