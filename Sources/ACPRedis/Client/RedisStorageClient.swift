// SPDX-License-Identifier: Apache-2.0

public import Redis

/// What ``RedisStorage`` needs of a Redis client: the few lines to write for a client of another make.
///
/// ``Redis/RedisClient`` is one already. An adapter for another client sends the words of each request as they are,
/// turns the replies into `RESPValue`, and throws `RedisError`, whose ``Redis/RedisError/mayHaveExecuted`` tells
/// whether the command may have reached the server.
public protocol RedisStorageClient: Sendable {
    /// Sends commands in one write and waits for their answers, in order.
    ///
    /// A command that fails does not keep the others from being executed. A client that sends again by itself what may
    /// have been executed does that only where ``RedisRequest/isIdempotent`` is true, and its errors cover all attempts: if
    /// the reply to one was lost, `mayHaveExecuted` is true whatever becomes of the next.
    ///
    /// - Returns: One result for each request.
    /// - Throws: `RedisError` if none of them was sent.
    func execute(_ requests: [RedisRequest]) async throws -> [Result<RESPValue, RedisError>]

    /// Subscribes to a channel. The server has confirmed it when this returns.
    ///
    /// After a reconnect, and wherever else messages may be missing, the sequence gives `gap`. It ends when nobody reads it
    /// any more or the client is closed.
    ///
    /// - Throws: `RedisError`.
    func events(on channel: String) async throws -> any AsyncSequence<RedisSubscriptionEvent, any Error> & Sendable

    /// The servers are a Redis Cluster. The storage chooses keys and commands accordingly, and the client sends each command
    /// to the master of its first key, also when that changes. False unless said otherwise.
    var isCluster: Bool { get }

    /// The masters, each as a client of its own that sends to this server only. The client itself unless said otherwise;
    /// needed on a cluster.
    ///
    /// - Throws: `RedisError`.
    func masterClients() async throws -> [any RedisStorageClient]

    /// Subscribes to a shard channel, to which `SPUBLISH` publishes, as ``events(on:)`` does to others. Needed on a cluster;
    /// there, the subscription follows its slot, and a gap comes when it has moved.
    ///
    /// - Throws: `RedisError`.
    func shardEvents(
        on channel: String
    ) async throws -> any AsyncSequence<RedisSubscriptionEvent, any Error> & Sendable
}

extension RedisStorageClient {
    /// One server.
    public var isCluster: Bool { false }

    /// The client itself.
    public func masterClients() async throws -> [any RedisStorageClient] { [self] }

    /// The same as ``events(on:)``.
    public func shardEvents(
        on channel: String
    ) async throws -> any AsyncSequence<RedisSubscriptionEvent, any Error> & Sendable {
        try await events(on: channel)
    }
}

extension RedisClient: RedisStorageClient {
    /// Sends the requests of a storage.
    public func execute(_ requests: [RedisRequest]) async throws -> [Result<RESPValue, RedisError>] {
        guard requests.count == 1 else { return try await pipeline(requests.map(\.own)) }
        do {
            return [.success(try await send(requests[0].own))]
        } catch let error as RedisError {
            return [.failure(error)]
        }
    }

    /// Subscribes to a channel for a storage.
    public func events(
        on channel: String
    ) async throws -> any AsyncSequence<RedisSubscriptionEvent, any Error> & Sendable {
        try await subscribe(to: [channel])
    }

    /// Subscribes to a shard channel for a storage.
    public func shardEvents(
        on channel: String
    ) async throws -> any AsyncSequence<RedisSubscriptionEvent, any Error> & Sendable {
        try await ssubscribe(to: [channel])
    }

    /// The masters of a cluster, or the one server.
    public func masterClients() async throws -> [any RedisStorageClient] {
        guard isCluster else { return [self] }
        return try await masters().map { ClusterMaster(client: self, server: $0) }
    }
}

/// One master of a cluster.
private struct ClusterMaster: RedisStorageClient {
    let client: RedisClient
    let server: RedisServer

    func execute(_ requests: [RedisRequest]) async throws -> [Result<RESPValue, RedisError>] {
        try await server.pipeline(requests.map(\.own))
    }

    func events(
        on channel: String
    ) async throws -> any AsyncSequence<RedisSubscriptionEvent, any Error> & Sendable {
        try await client.events(on: channel)
    }
}

extension RedisRequest {
    /// The command as this client takes it.
    fileprivate var own: RedisCommand {
        var command = command
        command.script = script
        // A replica may not have yet what was just written; whoever was woken by it would miss it.
        return command.onMaster
    }
}
