// SPDX-License-Identifier: Apache-2.0

import ACPStorage
import Redis
import Synchronization

/// Executes the storage's requests on a client while the storage is open, and reports failures as `StorageError`.
final class RedisExecutor: Sendable {
    let client: any RedisStorageClient
    /// Whether keys are distributed over several masters.
    let isCluster: Bool
    /// The glob pattern that all keys and channels of the storage match.
    let pattern: String
    /// The command by which messages are published. On a cluster, they are sent to the shard of their channel instead
    /// of all servers.
    let publishCommand: PublishCommand
    private let isClosed = Atomic(false)

    init(_ client: any RedisStorageClient, pattern: String) {
        self.client = client
        self.pattern = pattern
        isCluster = client.isCluster
        publishCommand = isCluster ? .shardPublish : .publish
    }

    /// Closes the executor. Returns whether this was the first call.
    func close() -> Bool { !isClosed.exchange(true, ordering: .acquiringAndReleasing) }

    func checkOpen() throws(StorageError) {
        guard !isClosed.load(ordering: .acquiring) else {
            throw StorageError(.closed, "the Redis storage was closed")
        }
    }

    /// Returns all masters. A standalone server is its own master.
    func masterClients() async throws(StorageError) -> [RedisExecutor] {
        guard isCluster else { return [self] }
        try checkOpen()
        do {
            return try await client.masterClients().map { RedisExecutor($0, pattern: pattern) }
        } catch {
            throw RedisTask.reading("the servers of the cluster", at: pattern)
                .failed(error, runsScript: false, pattern: pattern)
        }
    }

    /// Sends one command.
    func send(_ request: RedisRequest, _ task: RedisTask) async throws(StorageError) -> RESPValue {
        try await sendAll([request], task)[0].get()
    }

    /// Sends commands in one write. If any of them fails, throws the first failure.
    func sendEach(
        _ requests: [RedisRequest], _ task: RedisTask
    ) async throws(StorageError) -> [RESPValue] {
        var replies: [RESPValue] = []
        replies.reserveCapacity(requests.count)
        for result in try await sendAll(requests, task) { replies.append(try result.get()) }
        return replies
    }

    /// Sends commands in one write. The client repeats idempotent ones whose replies were lost.
    func sendAll(
        _ requests: [RedisRequest], _ task: RedisTask
    ) async throws(StorageError) -> [Result<RESPValue, StorageError>] {
        try checkOpen()
        return try finish(await execute(requests), of: requests, task)
    }

    private func execute(_ requests: [RedisRequest]) async -> [Result<RESPValue, any Error>] {
        do {
            let results = try await client.execute(requests)
            if results.count == requests.count { return results.map { $0.mapError { $0 } } }
            let error = RedisError(
                .protocolError, "The client returned \(results.count) results for \(requests.count) commands.",
                mayHaveExecuted: true)
            return requests.map { _ in .failure(error) }
        } catch {
            return requests.map { _ in .failure(error) }
        }
    }

    private func finish(
        _ results: [Result<RESPValue, any Error>], of requests: [RedisRequest], _ task: RedisTask
    ) throws(StorageError) -> [Result<RESPValue, StorageError>] {
        if !results.contains(where: { if case .failure = $0 { true } else { false } }) {
            return results.map { $0.mapError { StorageError(.refused, "\($0)") } }
        }
        // The storage's own client is closed together with it: report that the storage was closed.
        try checkOpen()
        return zip(results, requests).map { result, request in
            result.mapError { task.failed($0, runsScript: request.script != nil, pattern: pattern) }
        }
    }
}
