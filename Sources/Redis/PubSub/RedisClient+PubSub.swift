// SPDX-License-Identifier: Apache-2.0

extension RedisClient {
    /// Subscribes to channels. When this returns, the server has confirmed it: whatever is published from then on
    /// comes.
    ///
    /// All subscriptions of a client share one connection of their own, and channels that several subscriptions want
    /// are subscribed to once.
    /// - Parameters:
    ///   - channels: At least one channel.
    ///   - timeout: How long to wait for the confirmation; nil means ``RedisConfiguration/commandTimeout``.
    /// - Throws: ``RedisError``; `permissionDenied` if the user may not subscribe to one of the channels.
    public func subscribe(to channels: [String], timeout: Duration? = nil) async throws -> RedisSubscription {
        try await subscriptions.subscribe(.channel, to: channels, timeout: timeout)
    }

    /// Subscribes to all channels that match glob-style patterns, such as `news.*`.
    /// - Throws: ``RedisError``.
    public func psubscribe(to patterns: [String], timeout: Duration? = nil) async throws -> RedisSubscription {
        try await subscriptions.subscribe(.pattern, to: patterns, timeout: timeout)
    }

    /// Subscribes to shard channels, to which `SPUBLISH` publishes (Redis 7).
    /// - Throws: ``RedisError``.
    public func ssubscribe(to channels: [String], timeout: Duration? = nil) async throws -> RedisSubscription {
        try await subscriptions.subscribe(.shardChannel, to: channels, timeout: timeout)
    }
}
