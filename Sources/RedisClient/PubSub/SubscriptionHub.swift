// SPDX-License-Identifier: Apache-2.0

/// All subscriptions of a client.
protocol SubscriptionHub: Sendable {
    /// Subscribes, and returns when the server has confirmed it.
    /// - Throws: ``RedisError``.
    func subscribe(
        _ kind: SubscriptionTarget.Kind, to names: [String], timeout: Duration?
    ) async throws -> RedisSubscription
    /// Ends all subscriptions and refuses new ones.
    func beginShutdown()
    /// Ends all subscriptions, and returns when their connections are closed.
    func shutdown() async
}
