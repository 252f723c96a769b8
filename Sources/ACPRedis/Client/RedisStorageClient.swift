// SPDX-License-Identifier: Apache-2.0

public import Redis

/// The part of a Redis client that ``RedisStorage`` uses. Conform to it to use another Redis client library.
///
/// ``Redis/RedisClient`` conforms to it. An adapter for another library sends the ``RedisRequest/words`` of each
/// request unchanged, converts the replies to `RESPValue`, and throws `RedisError`, whose
/// ``Redis/RedisError/mayHaveExecuted`` states whether the command may have reached the server.
public protocol RedisStorageClient: Sendable {
    /// Sends commands in one write and waits for their replies, in order.
    ///
    /// A command that fails does not prevent the others from being executed. A client that repeats commands that may
    /// have been executed does so only where ``RedisRequest/isIdempotent`` is `true`, and its errors cover all
    /// attempts: if the reply to one attempt was lost, `mayHaveExecuted` is `true` whatever the outcome of the next
    /// one.
    ///
    /// - Parameter requests: The commands.
    /// - Returns: One result for each request, in the same order.
    /// - Throws: `RedisError` if none of them was sent.
    func execute(_ requests: [RedisRequest]) async throws -> [Result<RESPValue, RedisError>]

    /// Subscribes to a channel. The server has confirmed the subscription when this returns.
    ///
    /// After a reconnect, and wherever else messages may have been missed, the sequence produces `gap`. It ends when it
    /// is no longer read or the client is closed.
    ///
    /// - Throws: `RedisError`.
    func events(on channel: String) async throws -> any AsyncSequence<RedisSubscriptionEvent, any Error> & Sendable

    /// Whether the servers are a Redis Cluster. The storage then chooses keys and commands accordingly, and the client
    /// sends each command to the master of its first key, also after a slot has moved. Defaults to `false`.
    var isCluster: Bool { get }

    /// Returns the masters, each as a client that sends to this server only. Required on a cluster. Defaults to the
    /// client itself.
    ///
    /// - Throws: `RedisError`.
    func masterClients() async throws -> [any RedisStorageClient]

    /// Subscribes to a shard channel, to which `SPUBLISH` publishes, as ``events(on:)`` does to other channels.
    /// Required on a cluster; the subscription follows the channel's slot, and produces a gap after it has moved.
    /// Defaults to ``events(on:)``.
    ///
    /// - Throws: `RedisError`.
    func shardEvents(
        on channel: String
    ) async throws -> any AsyncSequence<RedisSubscriptionEvent, any Error> & Sendable
}

extension RedisStorageClient {
    /// `false`: a single server.
    public var isCluster: Bool { false }

    /// Returns the client itself.
    public func masterClients() async throws -> [any RedisStorageClient] { [self] }

    /// Subscribes as ``events(on:)`` does.
    public func shardEvents(
        on channel: String
    ) async throws -> any AsyncSequence<RedisSubscriptionEvent, any Error> & Sendable {
        try await events(on: channel)
    }
}

extension RedisClient: RedisStorageClient {
    /// Executes the requests of a storage.
    public func execute(_ requests: [RedisRequest]) async throws -> [Result<RESPValue, RedisError>] {
        guard requests.count == 1 else { return try await pipeline(requests.map(\.redisCommand)) }
        do {
            return [.success(try await send(requests[0].redisCommand))]
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

/// A client for one master of a cluster.
private struct ClusterMaster: RedisStorageClient {
    let client: RedisClient
    let server: RedisServer

    func execute(_ requests: [RedisRequest]) async throws -> [Result<RESPValue, RedisError>] {
        try await server.pipeline(requests.map(\.redisCommand))
    }

    func events(
        on channel: String
    ) async throws -> any AsyncSequence<RedisSubscriptionEvent, any Error> & Sendable {
        try await client.events(on: channel)
    }
}

extension RedisRequest {
    /// The request as a command of `RedisClient`.
    fileprivate var redisCommand: RedisCommand {
        var command = command
        command.script = script
        // A replica may not have received the latest write yet: a watcher that it has notified would miss it.
        return command.onMaster
    }
}
