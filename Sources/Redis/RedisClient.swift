// SPDX-License-Identifier: Apache-2.0

public import Logging
import Metrics
import NIOCore
import NIOPosix
public import ServiceLifecycle
import Synchronization
import Tracing

/// A client for Redis: one server, a master behind Sentinel, or a cluster.
///
/// ```swift
/// let client = try RedisClient(url: "redis://localhost:6379")
/// try await client.set("greeting", "hello")
/// let greeting = try await client.get("greeting")?.string
/// await client.close()
/// ```
///
/// Create one client and share it within the process: it is safe to use from any task, and a few connections carry the
/// commands of hundreds of concurrent callers. Connections are opened when they are needed and reopened after a
/// failure.
///
/// Behind Sentinel (`redis+sentinel://…`) the client finds the master and follows failovers. On a Redis Cluster
/// (`redis+cluster://…`) it sends each command to the master that holds the keys; see ``RedisDeployment``.
///
/// A client can be used immediately, or run as a `Service` in a service group: ``run()`` opens the configured minimum
/// of idle connections and shuts the client down with the group. In either case, end it with ``close()`` or
/// ``shutdownGracefully()``.
///
/// ## Failures
/// All functions throw ``RedisError``. A command whose bytes were not sent is sent again within its time limit. A
/// command whose reply was lost is not, unless it is ``RedisCommand/idempotent``; ``RedisError/mayHaveExecuted`` is
/// `true` for such a failure. A command that is cancelled or times out never affects the replies to other commands.
public final class RedisClient: Service, RedisCommandExecutor {
    /// The configuration that the client was created with.
    public let configuration: RedisConfiguration
    let routing: TopologyRouting
    var topology: any RedisTopology { routing.topology }
    var subscriptions: SubscriptionHub { topology.subscriptions }
    let metrics: RedisMetrics
    let tracer: (any Tracer)?
    let isClosed = Atomic(false)

    /// Creates a client. Connections are opened when they are needed.
    ///
    /// - Parameter configuration: The servers and options.
    /// - Throws: ``RedisError`` with the code `invalidConfiguration`, for example if a certificate cannot be read.
    public init(_ configuration: RedisConfiguration) throws {
        let group = configuration.eventLoopGroup ?? MultiThreadedEventLoopGroup.singleton
        let metrics = RedisMetrics(configuration.metricsFactory ?? MetricsSystem.factory)
        switch configuration.deployment {
        case .standalone:
            routing = .standalone(
                StandaloneTopology(
                    factory: try ConnectionFactory(configuration), group: group, metrics: metrics))
        case .sentinel(let sentinel):
            routing = .sentinel(
                try TopologyMonitor(configuration, sentinel, group: group, metrics: metrics))
        case .cluster(let cluster):
            routing = .cluster(
                try TopologyMonitor(configuration, cluster, group: group, metrics: metrics))
        }
        self.configuration = configuration
        self.metrics = metrics
        // Looked up once, so that commands without a tracer have no tracing overhead.
        let tracer = configuration.tracer ?? InstrumentationSystem.tracer
        self.tracer = tracer is NoOpTracer ? nil : tracer
    }

    /// Creates a client from a URL.
    ///
    /// - Parameters:
    ///   - url: The URL; see ``RedisConfiguration/init(url:)`` for the formats.
    ///   - logger: The logger. If `nil`, the logger of the default configuration is used.
    /// - Throws: ``RedisError`` with the code `invalidConfiguration`.
    public convenience init(url: String, logger: Logger? = nil) throws {
        var configuration = try RedisConfiguration(url: url)
        if let logger { configuration.logger = logger }
        try self.init(configuration)
    }

    deinit {
        // Open connections retain their pools, so those of a released client would otherwise stay open.
        beginShutdown()
    }

    // MARK: Lifecycle

    /// Runs the client as a service: opens the minimum of idle connections and waits for graceful shutdown or
    /// cancellation.
    ///
    /// On graceful shutdown the client ends like ``shutdownGracefully()``, on cancellation like ``close()``.
    public func run() async throws {
        topology.keepMinimum()
        do {
            try await gracefulShutdown()
        } catch {
            await close()
            return
        }
        await shutdownGracefully()
    }

    /// Closes the client immediately and returns when all connections are closed.
    ///
    /// Commands in flight fail. The outcome of those that were sent is unknown.
    public func close() async {
        await shutdown(deadline: .now())
    }

    /// Closes the client gracefully and returns when all connections are closed.
    ///
    /// New commands are refused, all subscriptions end, and commands in flight may complete within
    /// ``RedisConfiguration/commandTimeout``.
    public func shutdownGracefully() async {
        await shutdown(deadline: .after(configuration.commandTimeout))
    }

    private func shutdown(deadline: NIODeadline) async {
        isClosed.store(true, ordering: .releasing)
        await topology.shutdown(deadline: deadline)
    }

    private func beginShutdown() {
        topology.beginShutdown()
    }

    // MARK: Commands

    /// Sends a command and waits for its reply.
    ///
    /// Commands that would change or block the shared connection, such as `SELECT`, `SUBSCRIBE`, `MULTI` and `BLPOP`,
    /// are refused with an error that names the function to use.
    ///
    /// - Parameter command: The command.
    /// - Returns: The reply, which is never an error reply.
    /// - Throws: ``RedisError``.
    public func send(_ command: RedisCommand) async throws -> RESPValue {
        if let refusal = RestrictedCommand.error(for: command, on: .shared) { throw refusal }
        guard routing.isPartitioned else { return try await sendUnsplit(command) }
        guard let split = try SplitCommand(command) else { return try await sendUnsplit(command) }
        return try split.join(try await batch(split.parts, name: command.name, timeout: command.timeout))
    }

    /// Sends commands in one write and waits for all replies.
    ///
    /// Commands of other callers are not interleaved on the connection, but the server may execute commands of other
    /// connections in between; for atomic execution, see ``transaction(_:timeout:)``.
    ///
    /// On a cluster, each master receives its commands in one write, all masters at the same time. Commands of one slot
    /// are executed in order unless the slot is being migrated; the order across slots is undefined.
    ///
    /// A failed command does not prevent the execution of the others.
    ///
    /// ```swift
    /// let results = try await client.pipeline([.set("a", 1), .incr("a"), .get("a")])
    /// let value = try results[2].get().int
    /// ```
    /// - Parameters:
    ///   - commands: The commands, in the order of the results.
    ///   - timeout: The time limit for all commands together. If `nil`, ``RedisConfiguration/commandTimeout`` applies.
    ///     The ``RedisCommand/timeout`` of the individual commands is ignored.
    /// - Returns: One result for each command.
    /// - Throws: ``RedisError`` if none of the commands was sent, or the task was cancelled.
    public func pipeline(
        _ commands: [RedisCommand], timeout: Duration? = nil
    ) async throws -> [Result<RESPValue, RedisError>] {
        for command in commands {
            if let refusal = RestrictedCommand.error(for: command, on: .shared) { throw refusal }
        }
        guard routing.isPartitioned else {
            return try await batch(commands, name: "PIPELINE", timeout: timeout)
        }
        return try await SplitPipeline(commands).run { parts in
            try await batch(parts, name: "PIPELINE", timeout: timeout)
        }
    }

    /// Executes commands atomically (`MULTI`, `EXEC`), in one write.
    ///
    /// For optimistic locking with `WATCH`, use ``withConnection(to:timeout:_:)``. On a cluster, all keys must be in
    /// one slot; give them a common hash tag, as in `{user:7}:name` and `{user:7}:mail`.
    ///
    /// - Parameters:
    ///   - commands: The commands, in the order of the results.
    ///   - timeout: The time limit for the transaction. If `nil`, ``RedisConfiguration/commandTimeout`` applies.
    ///
    /// - Returns: One result for each command. Redis continues after a command that fails and does not roll back.
    /// - Throws: ``RedisError``. If the server rejects a command before `EXEC`, no command is executed.
    public func transaction(
        _ commands: [RedisCommand], timeout: Duration? = nil
    ) async throws -> [Result<RESPValue, RedisError>] {
        if commands.isEmpty { return [] }
        for command in commands {
            if let refusal = RestrictedCommand.error(for: command, on: .shared) { throw refusal }
        }
        guard routing.isStandalone else {
            return try await traced("MULTI", count: commands.count) {
                try await attempt(transaction: commands, timeout: timeout)
            }
        }
        let results = try await batch(RedisTransaction.wrap(commands), name: "MULTI", timeout: timeout)
        return try RedisTransaction.unwrap(results)
    }

    /// Calls a closure with a connection that is used exclusively by the closure, for `WATCH`, blocking commands and
    /// the like.
    ///
    /// Afterwards the connection returns to its pool. A connection whose state was changed is reset or closed.
    ///
    /// ```swift
    /// let job = try await client.withConnection { connection in
    ///     try await connection.send(RedisCommand("BLPOP", "jobs", 30).timeout(.seconds(35)))
    /// }
    /// ```
    /// - Parameters:
    ///   - key: On a cluster, one of the keys that the closure uses: the connection leads to the master that holds it.
    ///     If `nil`, any master is used.
    ///   - timeout: How long to wait for a connection. If `nil`, ``RedisConfiguration/commandTimeout`` applies.
    ///   - body: The closure. It must not use the connection after it has returned.
    /// - Returns: The value that the closure returns.
    /// - Throws: ``RedisError`` if no connection is available, or the error that the closure throws.
    public func withConnection<Value>(
        to key: String? = nil, timeout: Duration? = nil,
        _ body: (RedisLeasedConnection) async throws -> Value
    ) async throws -> Value {
        let deadline = NIODeadline.after(timeout ?? configuration.commandTimeout)
        let (pool, connection) = try await self.lease(key, deadline: deadline)
        let lease = RedisLeasedConnection(connection, configuration: configuration)
        do {
            let value = try await body(lease)
            await lease.end(returningTo: pool)
            return value
        } catch {
            await lease.end(returningTo: pool)
            throw error
        }
    }

    private func lease(_ key: String?, deadline: NIODeadline) async throws -> (ConnectionPool, RedisConnection) {
        while true {
            try checkOpen()
            switch routing.node(forKey: key) {
            case .wait(let ticket): try await self.topology.wait(for: ticket, deadline: deadline)
            case .fail(let error): throw error
            case .ready(let node):
                do {
                    return (node.leased, try await node.leased.acquire(deadline: deadline))
                } catch let error as RedisError where error.code == .neverSent {
                    // The server was replaced while this call waited for a connection to it.
                    continue
                }
            }
        }
    }

    var isOpen: Bool { !isClosed.load(ordering: .acquiring) }

    func checkOpen() throws {
        if !isOpen { throw RedisError.clientClosed }
    }
}
