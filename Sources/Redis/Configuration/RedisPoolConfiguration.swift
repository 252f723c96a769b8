// SPDX-License-Identifier: Apache-2.0

/// The options of the connection pools that a client keeps for each server.
///
/// A connection carries many commands at once, so a few connections serve hundreds of concurrent callers. Connections
/// are opened one at a time when they are needed, and reopened after a failure.
public struct RedisPoolConfiguration: Hashable, Sendable {
    /// The maximum number of shared connections. Defaults to 4.
    public var maxConnections: Int = 4
    /// The number of shared connections that are kept open when idle, once ``RedisClient/run()`` was called. Defaults
    /// to 0.
    public var minIdleConnections: Int = 0
    /// The maximum number of connections leased with `withConnection` at a time, in addition to the shared ones.
    /// Defaults to 8.
    public var maxLeasedConnections: Int = 8
    /// The number of commands in flight on every open connection at which a further connection is opened. Defaults to
    /// 64.
    public var commandsBeforeGrowing: Int = 64
    /// The maximum number of commands in flight on one connection. When all connections have reached it, callers wait.
    /// Defaults to 1024.
    public var maxCommandsPerConnection: Int = 1024
    /// The maximum number of callers that wait for a connection; further ones fail immediately. Defaults to 10,000.
    public var maxWaiters: Int = 10_000
    /// How long a connection above the minimum may be idle before it is closed. Defaults to 5 minutes.
    public var idleTimeout: Duration = .seconds(300)
    /// How often an idle connection is checked with `PING`. Defaults to 30 seconds.
    public var healthCheckInterval: Duration = .seconds(30)
    /// The pause after the first failed attempt to connect. Defaults to 50 milliseconds.
    ///
    /// The pause doubles with each further failure, up to ``maxBackoff``, and is randomly shortened by up to half, so
    /// that clients do not reconnect in step.
    public var initialBackoff: Duration = .milliseconds(50)
    /// The maximum pause between attempts to connect. Defaults to 2 seconds.
    public var maxBackoff: Duration = .seconds(2)

    /// Creates a configuration with the default values.
    public init() {}

    func validate() throws {
        func require(_ condition: Bool, _ message: String) throws {
            guard condition else { throw RedisError(.invalidConfiguration, message) }
        }
        try require(maxConnections >= 1, "pool.maxConnections must be 1 or more.")
        try require(
            (0...self.maxConnections).contains(minIdleConnections),
            "pool.minIdleConnections must be between 0 and pool.maxConnections."
        )
        try require(maxLeasedConnections >= 1, "pool.maxLeasedConnections must be 1 or more.")
        try require(
            commandsBeforeGrowing >= 1 && maxCommandsPerConnection >= 1,
            "pool.commandsBeforeGrowing and pool.maxCommandsPerConnection must be 1 or more."
        )
        try require(maxWaiters >= 0, "pool.maxWaiters must be 0 or more.")
        try require(
            idleTimeout > .zero && healthCheckInterval > .zero && initialBackoff > .zero,
            "pool.idleTimeout, pool.healthCheckInterval and pool.initialBackoff must be longer than zero."
        )
        try require(maxBackoff >= initialBackoff, "pool.maxBackoff must not be below pool.initialBackoff.")
    }
}

/// The options of subscriptions.
public struct RedisPubSubConfiguration: Hashable, Sendable {
    /// The number of messages that a subscription buffers for a slow reader. Defaults to 1024.
    ///
    /// When there are more, the oldest are dropped and the reader receives a ``RedisSubscriptionEvent/gap``.
    public var bufferLimit: Int = 1024
    /// How long a subscription connection may be silent before it is checked with `PING`. If no reply arrives within
    /// the command timeout, it is closed and reopened. Defaults to 15 seconds.
    public var healthCheckInterval: Duration = .seconds(15)

    /// Creates a configuration with the default values.
    public init() {}

    func validate() throws {
        guard bufferLimit >= 1, healthCheckInterval > .zero else {
            throw RedisError(
                .invalidConfiguration,
                "pubSub.bufferLimit must be 1 or more and pubSub.healthCheckInterval longer than zero."
            )
        }
    }
}
