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
/// A client is made once and shared by the whole process: it is safe to use from any task, and a few connections carry
/// the commands of hundreds of callers at once. Connections are made when they are needed, and come back by themselves
/// after a failure.
///
/// Behind Sentinel (`redis+sentinel://…`) it finds the master by itself and follows failovers. On a Redis Cluster
/// (`redis+cluster://…`) it sends each command to the master that has its keys; see ``RedisDeployment``.
///
/// It can be used right away, or run as a `Service`: then it opens the configured minimum of idle connections, and ends
/// in order when the service group shuts down. Either way it ends with ``close()`` or ``shutdownGracefully()``.
///
/// ## Failures
/// Everything throws ``RedisError``. A command whose bytes did not leave is sent again within its time limit. A command
/// whose answer was lost is not, unless it is ``RedisCommand/idempotent``: the error's
/// ``RedisError/mayHaveExecuted`` is true then. A command that was cancelled or timed out never disturbs the answers of
/// others.
public final class RedisClient: Service, RedisCommandExecutor {
    /// The configuration that the client was made with.
    public let configuration: RedisConfiguration
    let routing: TopologyRouting
    var topology: any RedisTopology { routing.topology }
    var subscriptions: SubscriptionHub { topology.subscriptions }
    let metrics: RedisMetrics
    let tracer: (any Tracer)?
    let isClosed = Atomic(false)

    /// Makes a client. Does not connect yet.
    /// - Throws: ``RedisError`` with the code `invalidConfiguration`, also if a certificate cannot be read.
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
        // Looked up once: without a tracer, a command must not pay for the question.
        let tracer = configuration.tracer ?? InstrumentationSystem.tracer
        self.tracer = tracer is NoOpTracer ? nil : tracer
    }

    /// Makes a client from a URL; see ``RedisConfiguration/init(url:)``.
    /// - Throws: ``RedisError`` with the code `invalidConfiguration`.
    public convenience init(url: String, logger: Logger? = nil) throws {
        var configuration = try RedisConfiguration(url: url)
        if let logger { configuration.logger = logger }
        try self.init(configuration)
    }

    deinit {
        // Connections keep their pools alive, so those of a forgotten client would stay open.
        beginShutdown()
    }

    // MARK: Life

    /// Opens the minimum of idle connections, and waits until the service group shuts down or the task is cancelled;
    /// then ends the client like ``shutdownGracefully()`` or ``close()``.
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

    /// Ends the client at once. Commands under way fail, with an unknown outcome if they were sent. Returns when all
    /// connections are closed.
    public func close() async {
        await shutdown(deadline: .now())
    }

    /// Refuses new commands, waits for those under way (at most ``RedisConfiguration/commandTimeout``), ends all
    /// subscriptions, and closes all connections.
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

    /// Sends a command and waits for its answer.
    ///
    /// Commands that would change or block the shared connection (`SELECT`, `SUBSCRIBE`, `MULTI`, `BLPOP` and the like)
    /// are refused with an error that names the right way.
    ///
    /// - Returns: The reply, which is never an error reply.
    /// - Throws: ``RedisError``.
    public func send(_ command: RedisCommand) async throws -> RESPValue {
        if let refusal = RefusedCommand.check(command, in: .shared) { throw refusal }
        guard routing.isPartitioned else { return try await sendWhole(command) }
        guard let split = try SplitCommand(command) else { return try await sendWhole(command) }
        return try split.join(try await batch(split.parts, name: command.name, timeout: command.timeout))
    }

    /// Sends commands in one write and waits for all answers. Other callers' commands do not come in between on the
    /// connection, but the server may execute those of other connections in between: see ``transaction(_:timeout:)``.
    ///
    /// On a cluster the commands go to their masters in one write each, at the same time: those of one slot are
    /// executed in order, unless the slot moves in that moment, and those of different slots in any.
    ///
    /// A command that fails does not keep the others from being executed.
    /// - Parameters:
    ///   - commands: The commands, in the order of the results.
    ///   - timeout: How long to wait in all; nil means ``RedisConfiguration/commandTimeout``. Limits of the single
    ///     commands do not count.
    /// - Returns: One result for each command.
    /// - Throws: ``RedisError`` if none of the commands was sent, or the task was cancelled.
    public func pipeline(
        _ commands: [RedisCommand], timeout: Duration? = nil
    ) async throws -> [Result<RESPValue, RedisError>] {
        for command in commands {
            if let refusal = RefusedCommand.check(command, in: .shared) { throw refusal }
        }
        guard routing.isPartitioned else {
            return try await batch(commands, name: "PIPELINE", timeout: timeout)
        }
        return try await SplitPipeline(commands).run { parts in
            try await batch(parts, name: "PIPELINE", timeout: timeout)
        }
    }

    /// Executes commands as one atomic unit (`MULTI`, `EXEC`), in one write. For `WATCH`, use
    /// ``withConnection(to:timeout:_:)``. On a cluster all keys have to be in one slot: give them a common hash tag.
    ///
    /// - Returns: One result for each command. Redis goes on after a command that fails, and takes nothing back.
    /// - Throws: ``RedisError``; if the server refuses one of the commands beforehand, none is executed.
    public func transaction(
        _ commands: [RedisCommand], timeout: Duration? = nil
    ) async throws -> [Result<RESPValue, RedisError>] {
        if commands.isEmpty { return [] }
        for command in commands {
            if let refusal = RefusedCommand.check(command, in: .shared) { throw refusal }
        }
        guard routing.isStandalone else {
            return try await traced("MULTI", count: commands.count) {
                try await attempt(transaction: commands, timeout: timeout)
            }
        }
        let results = try await batch(RedisTransaction.wrap(commands), name: "MULTI", timeout: timeout)
        return try RedisTransaction.unwrap(results)
    }

    /// Lends a connection that nobody else uses meanwhile, for `WATCH`, blocking commands and the like.
    ///
    /// Afterwards the connection goes back to its pool; one whose state was changed is reset or closed.
    /// - Parameters:
    ///   - key: On a cluster, one of the keys that are going to be used: the connection leads to the master that has
    ///     it. Nil means any master.
    ///   - timeout: How long to wait for a connection; nil means ``RedisConfiguration/commandTimeout``.
    ///   - body: What to do with it. The connection must not be used after the body has ended.
    /// - Throws: ``RedisError`` if there is no connection, or what the body throws.
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
                    // The server was replaced while this waited for a connection to it.
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
