// SPDX-License-Identifier: Apache-2.0

import ACPCore
import ACPStorage
import Redis
import Synchronization

/// Adds runs of earlier versions to the indexes by status, which those versions did not write.
///
/// Each run of an agent is in one of these indexes. So if they contain fewer runs together than the index of the agent's
/// runs, some are missing, and all runs of the agent are repaired. The numbers are compared when an agent's runs are
/// listed by status, once in a minute, so that runs are found which a process of an earlier version has written
/// meanwhile. On one server only: on a cluster, ``BucketMigration`` repairs what earlier versions wrote.
final class StatusFill: Sendable {
    private enum Check {
        /// All callers wait for this task.
        case running(Task<Void, any Error>)
        /// If `nil`, there is no further check.
        case done(next: ContinuousClock.Instant?)
    }

    private static let interval = Duration.seconds(60)
    /// The approximate number of runs that are repaired at once.
    private static let step = 200

    private let executor: RedisExecutor
    private let keys: RedisKeys
    private let repair: IndexRepair
    private let checks = Mutex<[AgentName: Check]>([:])

    init(executor: RedisExecutor, keys: RedisKeys, timeToLive: Duration) {
        self.executor = executor
        self.keys = keys
        repair = IndexRepair(executor: executor, keys: keys, timeToLive: timeToLive)
    }

    /// Makes sure that the indexes by status contain all runs of an agent.
    func complete(_ agent: AgentName) async throws {
        let task: Task<Void, any Error>? = checks.withLock { checks in
            switch checks[agent] {
            case .running(let task): return task
            case .done(let next) where next.map { ContinuousClock.now < $0 } ?? true: return nil
            default:
                // Unstructured, because several callers wait for the task, and cancellation of the first one must not
                // affect the others. Each step has a time limit, and closing the storage ends it.
                let task = Task { try await check(agent) }
                checks[agent] = .running(task)
                return task
            }
        }
        try await task?.value
    }

    private func check(_ agent: AgentName) async throws {
        var next: ContinuousClock.Instant? = .now + Self.interval
        do {
            if try await missing(agent) > 0 {
                try await repairRuns(of: agent)
                // Runs that cannot be read remain missing: another attempt would not change that.
                if try await missing(agent) > 0 { next = nil }
            }
        } catch {
            checks.withLock { $0[agent] = nil }
            throw error
        }
        checks.withLock { [next] in $0[agent] = .done(next: next) }
    }

    /// Returns the number of runs that no index by status contains.
    private func missing(_ agent: AgentName) async throws(StorageError) -> Int {
        let indexes = [keys.agentRuns(agent)] + keys.allStatusRuns(agent)
        let counts = try await executor.sendEach(
            indexes.map { .read("ZCARD", .text($0)) }, .reading("the number of runs", at: indexes[0])
        ).map { $0.int ?? 0 }
        return counts[0] - counts.dropFirst().reduce(0, +)
    }

    private func repairRuns(of agent: AgentName) async throws(StorageError) {
        let index = keys.agentRuns(agent)
        let task = RedisTask.reading("the runs of agent \(agent)", at: index)
        var cursor = "0"
        repeat {
            let reply = try await executor.send(
                .read("ZSCAN", .text(index), .text(cursor), "COUNT", .number(Self.step)), task)
            guard let parts = reply.array, parts.count == 2, let next = parts[0].string, let members = parts[1].array
            else { throw task.corrupt("the reply to ZSCAN is not a cursor with members") }
            // Members and scores in turn.
            let runs = stride(from: 0, to: members.count, by: 2).compactMap {
                members[$0].string.flatMap(RunID.init(rawValue:))
            }
            if !runs.isEmpty { try await repair.repair(runs.map { .init(run: $0) }) }
            cursor = next
        } while cursor != "0"
    }
}
