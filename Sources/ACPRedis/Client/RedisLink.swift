// SPDX-License-Identifier: Apache-2.0

import ACPStorage
import RedisClient
import Synchronization

/// The way to the server: a client, whether the storage is still open, and errors in the storage's own terms.
final class RedisLink: Sendable {
    let client: any RedisStorageClient
    /// Keys are spread over several masters.
    let isCluster: Bool
    /// The glob pattern that all keys and channels of the storage match.
    let pattern: String
    private let isClosed = Atomic(false)

    init(_ client: any RedisStorageClient, pattern: String) {
        self.client = client
        self.pattern = pattern
        isCluster = client.isCluster
    }

    /// Whether this was the first call.
    func close() -> Bool { !isClosed.exchange(true, ordering: .acquiringAndReleasing) }

    func checkOpen() throws(StorageError) {
        guard !isClosed.load(ordering: .acquiring) else {
            throw StorageError(.closed, "the Redis storage was closed")
        }
    }

    /// All masters: one server is one.
    func masters() async throws(StorageError) -> [RedisLink] {
        guard isCluster else { return [self] }
        try checkOpen()
        do {
            return try await client.masters().map { RedisLink($0, pattern: pattern) }
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

    /// Sends commands in one write.
    ///
    /// Changes that may be repeated are sent once more when their answer was lost. The client is not asked to do that: if its
    /// second attempt failed to connect, its error would not say any more that the first one may have been executed.
    func sendAll(
        _ requests: [RedisRequest], _ task: RedisTask
    ) async throws(StorageError) -> [Result<RESPValue, StorageError>] {
        try checkOpen()
        let mayRepeat = requests.allSatisfy(\.isIdempotent)
        var sent = requests
        if task.changes { for index in sent.indices { sent[index].isIdempotent = false } }
        if isCluster { for index in sent.indices { ShardedScripts.apply(to: &sent[index]) } }
        let results = await attempt(sent)
        if task.changes, mayRepeat, results.contains(where: Self.isLost), !Task.isCancelled {
            let repeated = await attempt(sent)
            return try finish(repeated, of: sent, task, inDoubt: true)
        }
        return try finish(results, of: sent, task, inDoubt: false)
    }

    private static func isLost(_ result: Result<RESPValue, any Error>) -> Bool {
        guard case .failure(let error as RedisError) = result else { return false }
        return error.code == .outcomeUnknown
    }

    private func attempt(_ requests: [RedisRequest]) async -> [Result<RESPValue, any Error>] {
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

    /// - Parameter inDoubt: An earlier attempt may have been executed.
    private func finish(
        _ results: [Result<RESPValue, any Error>], of requests: [RedisRequest], _ task: RedisTask, inDoubt: Bool
    ) throws(StorageError) -> [Result<RESPValue, StorageError>] {
        if !results.contains(where: { if case .failure = $0 { true } else { false } }) {
            return results.map { $0.mapError { StorageError(.refused, "\($0)") } }
        }
        // A client of the storage's own is closed together with it: say what the caller knows.
        try checkOpen()
        return zip(results, requests).map { result, request in
            result.mapError { error in
                var failure = task.failed(error, runsScript: request.script != nil, pattern: pattern)
                // That the second attempt was refused says nothing of the first one.
                if inDoubt, task.changes, failure.code != .corruptData { failure.code = .outcomeUnknown }
                return failure
            }
        }
    }
}
