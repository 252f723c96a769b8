// SPDX-License-Identifier: Apache-2.0

import ACPStorage
import Redis
import Synchronization

/// The way to the server: a client, whether the storage is still open, and errors in the storage's own terms.
final class RedisLink: Sendable {
    let client: any RedisStorageClient
    /// Keys are spread over several masters.
    let isCluster: Bool
    /// The glob pattern that all keys and channels of the storage match.
    let pattern: String
    /// How messages are published. On a cluster they go to the shard of their channel, and not to all servers.
    let publishCommand: PublishCommand
    private let isClosed = Atomic(false)

    init(_ client: any RedisStorageClient, pattern: String) {
        self.client = client
        self.pattern = pattern
        isCluster = client.isCluster
        publishCommand = isCluster ? .shardPublish : .publish
    }

    /// Whether this was the first call.
    func close() -> Bool { !isClosed.exchange(true, ordering: .acquiringAndReleasing) }

    func checkOpen() throws(StorageError) {
        guard !isClosed.load(ordering: .acquiring) else {
            throw StorageError(.closed, "the Redis storage was closed")
        }
    }

    /// All masters: one server is one.
    func masterClients() async throws(StorageError) -> [RedisLink] {
        guard isCluster else { return [self] }
        try checkOpen()
        do {
            return try await client.masterClients().map { RedisLink($0, pattern: pattern) }
        } catch {
            throw RedisTask.reading("which servers there are", at: pattern)
                .failed(error, runsScript: false, pattern: pattern)
        }
    }

    /// Sends one command.
    func send(_ request: RedisRequest, _ task: RedisTask) async throws(StorageError) -> RESPValue {
        try await sendAll([request], task)[0].get()
    }

    /// Sends commands in one write. The first failure of any of them is the failure of all.
    func sendEach(
        _ requests: [RedisRequest], _ task: RedisTask
    ) async throws(StorageError) -> [RESPValue] {
        var replies: [RESPValue] = []
        replies.reserveCapacity(requests.count)
        for result in try await sendAll(requests, task) { replies.append(try result.get()) }
        return replies
    }

    /// Sends commands in one write. The client repeats those that are idempotent when their replies were lost.
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
                .protocolError, "The client gave \(results.count) answers to \(requests.count) commands.",
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
        // A client of the storage's own is closed together with it: say what the caller knows.
        try checkOpen()
        return zip(results, requests).map { result, request in
            result.mapError { task.failed($0, runsScript: request.script != nil, pattern: pattern) }
        }
    }
}
