// SPDX-License-Identifier: Apache-2.0

public import Logging
import Metrics
import NIOCore
import NIOPosix
public import ServiceLifecycle
import Synchronization
import Tracing

/// A client for one Redis server.
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
    let topology: any RedisTopology
    let subscriptions: PubSubHub
    private let metrics: RedisMetrics
    private let tracer: (any Tracer)?
    private let isClosed = Atomic(false)

    /// Makes a client. Does not connect yet.
    /// - Throws: ``RedisError`` with the code `invalidConfiguration`, also if a certificate cannot be read.
    public init(_ configuration: RedisConfiguration) throws {
        let group = configuration.eventLoopGroup ?? MultiThreadedEventLoopGroup.singleton
        let metrics = RedisMetrics(configuration.metricsFactory ?? MetricsSystem.factory)
        let topology = StandaloneTopology(
            factory: try ConnectionFactory(configuration), group: group, metrics: metrics)
        self.configuration = configuration
        self.metrics = metrics
        self.topology = topology
        self.subscriptions = PubSubHub(factory: topology.subscriptionFactory, group: group)
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
        self.beginShutdown()
    }

    // MARK: Life

    /// Opens the minimum of idle connections, and waits until the service group shuts down or the task is cancelled;
    /// then ends the client like ``shutdownGracefully()`` or ``close()``.
    public func run() async throws {
        for node in self.topology.masters { node.shared.keepMinimum() }
        do {
            try await gracefulShutdown()
        } catch {
            await self.close()
            return
        }
        await self.shutdownGracefully()
    }

    /// Ends the client at once. Commands under way fail, with an unknown outcome if they were sent. Returns when all
    /// connections are closed.
    public func close() async {
        await self.shutdown(deadline: .now())
    }

    /// Refuses new commands, waits for those under way (at most ``RedisConfiguration/commandTimeout``), ends all
    /// subscriptions, and closes all connections.
    public func shutdownGracefully() async {
        await self.shutdown(deadline: .after(self.configuration.commandTimeout))
    }

    private func shutdown(deadline: NIODeadline) async {
        self.isClosed.store(true, ordering: .releasing)
        async let subscriptions: Void = self.subscriptions.shutdown()
        async let connections: Void = self.topology.shutdown(deadline: deadline)
        _ = await (subscriptions, connections)
    }

    private func beginShutdown() {
        self.subscriptions.beginShutdown()
        for node in self.topology.masters {
            node.shared.beginShutdown()
            node.leased.beginShutdown()
        }
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
        guard let tracer else { return try await self.attempt(command) }
        return try await RedisSpan.trace(tracer, command.name, count: 1, self.configuration) {
            try await self.attempt(command)
        }
    }

    /// Sends commands in one write and waits for all answers. Other callers' commands do not come in between on the
    /// connection, but the server may execute those of other connections in between: see ``transaction(_:timeout:)``.
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
        return try await self.batch(commands, name: "PIPELINE", timeout: timeout)
    }

    /// Executes commands as one atomic unit (`MULTI`, `EXEC`), in one write. For `WATCH`, use
    /// ``withConnection(timeout:_:)``.
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
        let results = try await self.batch(RedisTransaction.wrap(commands), name: "MULTI", timeout: timeout)
        return try RedisTransaction.unwrap(results)
    }

    /// Lends a connection that nobody else uses meanwhile, for `WATCH`, blocking commands and the like.
    ///
    /// Afterwards the connection goes back to its pool; one whose state was changed is reset or closed.
    /// - Parameters:
    ///   - timeout: How long to wait for a connection; nil means ``RedisConfiguration/commandTimeout``.
    ///   - body: What to do with it. The connection must not be used after the body has ended.
    /// - Throws: ``RedisError`` if there is no connection, or what the body throws.
    public func withConnection<Value>(
        timeout: Duration? = nil,
        _ body: (RedisLeasedConnection) async throws -> Value
    ) async throws -> Value {
        let pool = try self.topology.node(forAll: nil).leased
        try self.checkOpen()
        let connection = try await pool.acquire(deadline: .after(timeout ?? self.configuration.commandTimeout))
        let lease = RedisLeasedConnection(connection, configuration: self.configuration)
        do {
            let value = try await body(lease)
            await lease.end(returningTo: pool)
            return value
        } catch {
            await lease.end(returningTo: pool)
            throw error
        }
    }

    // MARK: Attempts

    private func checkOpen() throws {
        if self.isClosed.load(ordering: .acquiring) { throw RedisError.clientClosed }
    }

    private func attempt(_ command: RedisCommand) async throws -> RESPValue {
        let start = NIODeadline.now()
        let deadline = NIODeadline.after(command.timeout ?? self.configuration.commandTimeout, from: start)
        var attempt = 0
        var isAnswerLost = false
        while true {
            do {
                try self.checkOpen()
                let pool = try self.topology.node(for: command).shared
                let connection: RedisConnection
                if let free = pool.acquireNow() {
                    connection = free
                } else {
                    connection = try await pool.acquire(deadline: deadline)
                }
                let reply = try await connection.send(command, deadline: deadline)
                self.metrics.finished(commands: 1, since: start)
                return reply
            } catch {
                try await self.pauseOrThrow(error, command.isIdempotent, attempt, &isAnswerLost, deadline, start)
                attempt += 1
            }
        }
    }

    private func batch(
        _ commands: [RedisCommand], name: String, timeout: Duration?
    ) async throws -> [Result<RESPValue, RedisError>] {
        if commands.isEmpty { return [] }
        guard let tracer else { return try await self.attempt(commands, timeout: timeout) }
        return try await RedisSpan.trace(tracer, name, count: commands.count, self.configuration) {
            try await self.attempt(commands, timeout: timeout)
        }
    }

    private func attempt(
        _ commands: [RedisCommand], timeout: Duration?
    ) async throws -> [Result<RESPValue, RedisError>] {
        let start = NIODeadline.now()
        let deadline = NIODeadline.after(timeout ?? self.configuration.commandTimeout, from: start)
        let isIdempotent = commands.allSatisfy(\.isIdempotent)
        var answered: [Result<RESPValue, RedisError>] = []
        var attempt = 0
        var isAnswerLost = false
        while true {
            do {
                try self.checkOpen()
                let pool = try self.topology.node(forAll: commands.first).shared
                let connection = try await pool.acquire(deadline: deadline)
                let rest = answered.isEmpty ? commands : Array(commands[answered.count...])
                let results = try await connection.send(rest, deadline: deadline)
                if isIdempotent, case .failure(let error)? = results.last, error.code == .outcomeUnknown {
                    throw error
                }
                answered += results
                if attempt == 0, let resumption = PipelineScripts.resumption(commands, answered) {
                    answered.removeSubrange(resumption...)
                } else {
                    self.record(answered, since: start)
                    return answered
                }
            } catch {
                try await self.pauseOrThrow(error, isIdempotent, attempt, &isAnswerLost, deadline, start)
            }
            attempt += 1
        }
    }

    private func record(_ results: [Result<RESPValue, RedisError>], since start: NIODeadline) {
        self.metrics.finished(commands: results.count, since: start)
        for case .failure(let error) in results { self.metrics.failed(error) }
    }

    /// Returns when it is time for another attempt.
    ///
    /// - Parameter isAnswerLost: Whether an attempt has left the outcome open. A later one that cannot even be sent does
    ///   not change that.
    private func pauseOrThrow(
        _ error: any Error, _ isIdempotent: Bool, _ attempt: Int, _ isAnswerLost: inout Bool,
        _ deadline: NIODeadline, _ start: NIODeadline
    ) async throws {
        let error =
            (error as? RedisError
            ?? RedisError(.outcomeUnknown, "\(error)", cause: error, mayHaveExecuted: true))
            .remembering(lostAnswer: isAnswerLost)
        isAnswerLost = error.mayHaveExecuted
        guard let pause = RetryPolicy.pause(after: error, isIdempotent: isIdempotent, attempt: attempt),
            NIODeadline.after(pause) < deadline, !self.isClosed.load(ordering: .acquiring)
        else {
            self.metrics.finished(commands: 1, since: start)
            self.metrics.failed(error)
            throw error
        }
        guard pause > .zero else { return }
        do {
            try await Task.sleep(for: pause)
        } catch {
            throw RedisError(.cancelled, "The calling task was cancelled.", mayHaveExecuted: isIdempotent)
        }
    }
}
