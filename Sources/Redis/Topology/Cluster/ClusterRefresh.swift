// SPDX-License-Identifier: Apache-2.0

import NIOCore

/// Reads the slot map from several servers at the same time, so that an unreachable server does not delay it and an
/// outdated view does not decide alone.
enum ClusterRefresh {
    /// The number of servers that are queried at once.
    static let concurrency = 3
    /// The number of replies that are sufficient.
    static let quorum = 2

    /// Reads the slot map.
    ///
    /// - Parameter candidates: The servers to query, the most promising first. Further ones are queried if these do not
    ///   reply.
    static func run(_ candidates: [RedisAddress], _ probe: TopologyProbe) async -> ClusterStateMachine.Reply {
        var rest = candidates[...]
        var errors: [(RedisAddress, RedisError)] = []
        while !rest.isEmpty, !Task.isCancelled {
            let batch = rest.prefix(Self.concurrency)
            rest = rest.dropFirst(Self.concurrency)
            let (views, failures) = await query(Array(batch), probe)
            if let best = ClusterView.best(views) { return .map(best) }
            errors += failures
        }
        return .failed(explain(errors))
    }

    private static func query(
        _ addresses: [RedisAddress], _ probe: TopologyProbe
    ) async -> (views: [ClusterView], failures: [(RedisAddress, RedisError)]) {
        await withTaskGroup(of: Answer.self) { group in
            for address in addresses { group.addTask { await answer(of: address, probe) } }
            var views: [ClusterView] = []
            var failures: [(RedisAddress, RedisError)] = []
            for await answer in group {
                switch answer {
                case .view(let view): views.append(view)
                case .failure(let address, let error): failures.append((address, error))
                }
                if views.count >= Self.quorum { group.cancelAll() }
            }
            return (views, failures)
        }
    }

    private enum Answer: Sendable {
        case view(ClusterView)
        case failure(RedisAddress, RedisError)
    }

    // Not a closure with `do` and `catch`, whose result is a tuple: Swift 6.3 with optimization releases the address in that
    // one too often if the query fails.
    private static func answer(of address: RedisAddress, _ probe: TopologyProbe) async -> Answer {
        do {
            return .view(try await ClusterView.query(address, with: probe))
        } catch {
            return .failure(address, ConnectFailure.redisError(for: error))
        }
    }

    /// Returns the servers that respond.
    static func responding(_ addresses: Set<RedisAddress>, _ probe: TopologyProbe) async -> Set<RedisAddress> {
        var probe = probe
        // Short, because the next lookup waits for it.
        probe.timeout = min(probe.timeout, .milliseconds(250))
        let shortProbe = probe
        return await withTaskGroup(of: RedisAddress?.self) { group in
            for address in addresses {
                group.addTask {
                    (try? await shortProbe.query(address, [RedisCommand("PING")])) == nil ? nil : address
                }
            }
            return await group.reduce(into: []) { if let address = $1 { $0.insert(address) } }
        }
    }

    private static func explain(_ errors: [(RedisAddress, RedisError)]) -> RedisError {
        if let (_, error) = errors.first(where: { $0.1.isPermanent }) { return error }
        guard let (_, last) = errors.last else { return RedisError(.connectFailed, "No node of the cluster is known.") }
        let addresses = errors.map(\.0.description).joined(separator: ", ")
        return RedisError(
            .connectFailed, "None of the cluster's nodes responded: \(addresses). \(last.message)", cause: last.cause)
    }
}
