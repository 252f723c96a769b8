// SPDX-License-Identifier: Apache-2.0

extension RedisClient {
    /// Subscribes to channels and returns when the server has confirmed the subscription: messages that are published
    /// later are received.
    ///
    /// All subscriptions of a client share a dedicated connection (on a cluster, one per server), and the client
    /// subscribes once to a channel that several subscriptions use.
    ///
    /// ```swift
    /// let subscription = try await client.subscribe(to: ["orders"])
    /// for try await event in subscription {
    ///     if case .message(let message) = event { print(message.channel, message.text) }
    /// }
    /// ```
    /// - Parameters:
    ///   - channels: The channels, at least one.
    ///   - timeout: How long to wait for the confirmation. If `nil`, ``RedisConfiguration/commandTimeout`` applies.
    /// - Returns: The events of the subscription.
    /// - Throws: ``RedisError``, with the code `permissionDenied` if the user lacks permission for a channel.
    public func subscribe(to channels: [String], timeout: Duration? = nil) async throws -> RedisSubscription {
        try await subscriptions.subscribe(.channel, to: channels, timeout: timeout)
    }

    /// Subscribes to all channels that match glob-style patterns, such as `news.*`.
    ///
    /// - Parameters:
    ///   - patterns: The patterns, at least one.
    ///   - timeout: How long to wait for the confirmation. If `nil`, ``RedisConfiguration/commandTimeout`` applies.
    /// - Returns: The events of the subscription.
    /// - Throws: ``RedisError``.
    public func psubscribe(to patterns: [String], timeout: Duration? = nil) async throws -> RedisSubscription {
        try await subscriptions.subscribe(.pattern, to: patterns, timeout: timeout)
    }

    /// Subscribes to shard channels, to which `SPUBLISH` publishes (Redis 7 or later).
    ///
    /// - Parameters:
    ///   - channels: The shard channels, at least one.
    ///   - timeout: How long to wait for the confirmation. If `nil`, ``RedisConfiguration/commandTimeout`` applies.
    /// - Returns: The events of the subscription.
    /// - Throws: ``RedisError``.
    public func ssubscribe(to channels: [String], timeout: Duration? = nil) async throws -> RedisSubscription {
        try await subscriptions.subscribe(.shardChannel, to: channels, timeout: timeout)
    }
}
