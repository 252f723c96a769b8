// SPDX-License-Identifier: Apache-2.0

/// How many connections a client keeps to one server, and how it uses them.
///
/// A connection carries many commands at once, so a few serve hundreds of concurrent callers. Connections are opened
/// one at a time when they are needed, and come back by themselves after a failure.
public struct RedisPoolConfiguration: Hashable, Sendable {
    /// The most shared connections. Default: 4.
    public var maxConnections: Int = 4
    /// Shared connections that are kept open even if they are idle. The client opens them when it runs. Default: 0.
    public var minIdleConnections: Int = 0
    /// The most connections leased with `withConnection` at a time; they are counted apart. Default: 8.
    public var maxLeasedConnections: Int = 8
    /// A further connection is opened when each open one has so many commands under way. Default: 64.
    public var commandsBeforeGrowing: Int = 64
    /// The most commands under way on one connection. When all connections have so many, callers wait. Default: 1024.
    public var maxCommandsPerConnection: Int = 1024
    /// The most callers that wait for a connection; a further one fails at once. Default: 10,000.
    public var maxWaiters: Int = 10_000
    /// A connection in excess of the minimum is closed after being idle for so long. Default: 5 minutes.
    public var idleTimeout: Duration = .seconds(300)
    /// A connection that was idle for so long is checked with PING, again and again. Default: 30 seconds.
    public var healthCheckInterval: Duration = .seconds(30)
    /// The pause after a first failed attempt to connect. It doubles with each further failure, and each pause is
    /// shortened at random by up to half, so that many clients do not come back at the same moment. Default: 50 ms.
    public var initialBackoff: Duration = .milliseconds(50)
    /// The longest pause between attempts to connect. Default: 2 seconds.
    public var maxBackoff: Duration = .seconds(2)

    /// Makes a configuration with the defaults.
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

/// How subscriptions behave.
public struct RedisPubSubConfiguration: Hashable, Sendable {
    /// How many messages a subscription holds for a reader that is slower than the publishers. When there are more,
    /// the oldest are dropped and the reader is told by a gap. Default: 1024.
    public var bufferLimit: Int = 1024
    /// A subscription connection on which nothing was read for so long is checked with PING, and given up if the
    /// answer does not come within the command timeout. Default: 15 seconds.
    public var healthCheckInterval: Duration = .seconds(15)

    /// Makes a configuration with the defaults.
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
