// SPDX-License-Identifier: Apache-2.0

import Redis
import Synchronization

@testable import ACPRedis

/// A client that counts the commands of each call.
final class CountingClient: RedisStorageClient {
    private let client: RedisClient
    private let state = Mutex((calls: [Int](), scripts: [String]()))

    init(_ client: RedisClient) { self.client = client }

    /// The number of commands of each call, in order.
    var calls: [Int] { state.withLock { $0.calls } }
    /// The digests of all scripts that were run, in order.
    var scripts: [String] { state.withLock { $0.scripts } }

    func reset() { state.withLock { $0 = ([], []) } }

    var isCluster: Bool { client.isCluster }

    func masterClients() async throws -> [any RedisStorageClient] { try await client.masterClients() }

    func execute(_ requests: [RedisRequest]) async throws -> [Result<RESPValue, RedisError>] {
        state.withLock { state in
            state.calls.append(requests.count)
            state.scripts += requests.compactMap { $0.script?.sha1 }
        }
        return try await client.execute(requests)
    }

    func events(
        on channel: String
    ) async throws -> any AsyncSequence<RedisSubscriptionEvent, any Error> & Sendable {
        try await client.events(on: channel)
    }

    func shardEvents(
        on channel: String
    ) async throws -> any AsyncSequence<RedisSubscriptionEvent, any Error> & Sendable {
        try await client.shardEvents(on: channel)
    }
}
