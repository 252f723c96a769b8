// SPDX-License-Identifier: Apache-2.0

import Logging
import Metrics
import NIOConcurrencyHelpers
import NIOCore

/// The connections to one server: performs the actions of ``PoolStateMachine``.
///
/// A client for one server has one of these for shared connections and one for leased connections; a client for many
/// servers has them per server.
final class ConnectionPool: RedisConnectionDelegate {
    private struct Guarded {
        var machine: PoolStateMachine
        var connections: [Int: RedisConnection] = [:]
        var waiters: [Int: Waiter] = [:]
        var nextWaiter = 0
        var timer: (deadline: NIODeadline, task: Scheduled<Void>)?
        var lastConnectError: RedisError?
        var emptied: [CheckedContinuation<Void, Never>] = []
        /// Why there are no connections any more; nil if the client was closed.
        var retirement: RedisError?
        var isRetired = false
        /// How many requests have left the connections, in any way.
        var finished = 0
        /// The numbers that the gauges show.
        var recorded = (0, 0)
    }

    private typealias Waiter = CheckedContinuation<RedisConnection, any Error>

    private let factory: ConnectionFactory
    private let group: any EventLoopGroup
    private let logger: Logger
    private let metrics: RedisMetrics.Pool
    private let use: Use
    private let hooks: PoolHooks
    private let guarded: NIOLockedValueBox<Guarded>

    /// What the connections are for.
    enum Use {
        /// Each acquisition is for one request, and ends with its answer.
        case requests
        /// Each acquisition is for many requests of one caller, and ends with `release`.
        case leases
    }

    init(
        _ use: Use, factory: ConnectionFactory, settings: PoolStateMachine.Settings, group: any EventLoopGroup,
        metrics: RedisMetrics.Pool, hooks: PoolHooks = PoolHooks()
    ) {
        self.use = use
        self.hooks = hooks
        self.factory = factory
        self.group = group
        var logger = factory.configuration.logger
        logger[metadataKey: "redis.address"] = "\(factory.configuration.address)"
        self.logger = logger
        self.metrics = metrics
        guarded = NIOLockedValueBox(Guarded(machine: PoolStateMachine(settings)))
    }

    // MARK: Callers

    /// A connection, if one is free. The request must be submitted to it, or the connection released.
    func acquireNow() -> RedisConnection? {
        let now = NIODeadline.now()
        let (connection, connect) = self.guarded.withLockedValue { guarded -> (RedisConnection?, Int?) in
            guard case .connection(let id, let connect) = guarded.machine.acquire(now: now) else { return (nil, nil) }
            return (guarded.connections[id], connect)
        }
        if let connect { self.connect(connect) }
        return connection
    }

    /// A connection, waiting for one if need be.
    /// - Throws: ``RedisError``: `connectFailed`, `poolExhausted`, `closed`, `cancelled` or what connecting threw.
    func acquire(deadline: NIODeadline) async throws -> RedisConnection {
        if let connection = acquireNow() { return connection }
        let id = self.guarded.withLockedValue { guarded in
            guarded.nextWaiter += 1
            return guarded.nextWaiter
        }
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { (continuation: Waiter) in
                enqueue(id, continuation, deadline: deadline)
            }
        } onCancel: {
            cancelWaiter(id)
        }
    }

    /// Gives back a leased connection that is as it was.
    func release(_ connection: RedisConnection) {
        update { $0.machine.finished(1, on: connection.id, now: .now()) }
    }

    private func enqueue(_ id: Int, _ waiter: Waiter, deadline: NIODeadline) {
        // Cancellation that came before this point found no waiter to cancel.
        if Task.isCancelled { return waiter.resume(throwing: Self.cancelled) }
        update { guarded in
            guarded.waiters[id] = waiter
            return guarded.machine.enqueue(id, deadline: deadline, now: .now())
        }
        if Task.isCancelled { cancelWaiter(id) }
    }

    private func cancelWaiter(_ id: Int) {
        let waiter = self.guarded.withLockedValue { guarded in
            guarded.machine.removeWaiter(id) ? guarded.waiters.removeValue(forKey: id) : nil
        }
        waiter?.resume(throwing: Self.cancelled)
    }

    private static let cancelled = RedisError(.cancelled, "The calling task was cancelled.")

    // MARK: Life

    /// Opens the minimum of idle connections, and keeps them open.
    func keepMinimum() {
        update { $0.machine.keepMinimum(now: .now()) }
    }

    /// Refuses new requests, lets those under way finish until the deadline, and closes all connections.
    func shutdown(deadline: NIODeadline) async {
        beginShutdown()
        let limit = group.any().scheduleTask(deadline: deadline) { self.closeConnections() }
        await withCheckedContinuation { continuation in
            let isEmpty = self.guarded.withLockedValue { guarded in
                if !guarded.connections.isEmpty { guarded.emptied.append(continuation) }
                return guarded.connections.isEmpty
            }
            if isEmpty { continuation.resume() }
        }
        limit.cancel()
    }

    /// Refuses new requests and closes connections as they become idle, without waiting for that.
    func beginShutdown() {
        update { guarded in
            guarded.timer?.task.cancel()
            guarded.timer = nil
            return guarded.machine.close()
        }
    }

    /// The server is not the one to talk to any more: whoever waits, or comes later, is told so and asks the topology
    /// again. What is under way may end until the grace is over.
    func retire(because reason: RedisError, grace: TimeAmount) {
        self.guarded.withLockedValue { guarded in
            guarded.retirement = reason
            guarded.isRetired = true
        }
        beginShutdown()
        _ = group.any().scheduleTask(in: grace) { self.closeConnections() }
    }

    private func closeConnections() {
        for connection in guarded.withLockedValue({ Array($0.connections.values) }) { connection.close() }
    }

    /// Connections are open still, be it to end.
    var hasConnections: Bool { guarded.withLockedValue { !$0.connections.isEmpty } }

    /// For tests and statistics.
    var counts: (open: Int, waiting: Int, inFlight: Int) {
        guarded.withLockedValue { ($0.machine.openConnections, $0.machine.waiterCount, $0.machine.inFlight) }
    }

    /// How many requests have left, and how many are under way or wait: whoever sees the first stand still while there
    /// are some of the second has a server that does not answer.
    var progress: (finished: Int, pending: Int) {
        guarded.withLockedValue { ($0.finished, $0.machine.inFlight + $0.machine.waiterCount) }
    }

    // MARK: Events of connections

    func connection(_ id: Int, finished count: Int) {
        guard case .requests = use else { return }
        update { guarded in
            guarded.finished += count
            return guarded.machine.finished(count, on: id, now: .now())
        }
    }

    func connection(_ id: Int, mustBeReplaced reason: RESPError) {
        logger.info("Redis connection is replaced", metadata: ["reason": "\(reason.prefix)"])
        update { $0.machine.retire(id, now: .now(), random: .random(in: 0..<1)) }
    }

    func connectionClosed(_ id: Int, error: RedisError?) {
        let (emptied, isRetired) = self.guarded.withLockedValue { guarded in
            guarded.connections[id] = nil
            guard guarded.connections.isEmpty else { return ([CheckedContinuation<Void, Never>](), guarded.isRetired) }
            defer { guarded.emptied = [] }
            return (guarded.emptied, guarded.isRetired)
        }
        if let error, !isRetired { hooks.connectionFailed(error) }
        update { $0.machine.closed(id, now: .now()) }
        for continuation in emptied { continuation.resume() }
    }

    // MARK: Actions

    /// Lets an event happen and performs what follows from it, outside of the lock.
    private func update(_ event: (inout Guarded) -> PoolStateMachine.Actions) {
        struct Work {
            var served: [(Waiter, RedisConnection)] = []
            var failed: [(Waiter, RedisError)] = []
            var drained: [RedisConnection] = []
            var pinged: [RedisConnection] = []
            var connect: Int?
        }
        let work = self.guarded.withLockedValue { guarded -> Work in
            let actions = event(&guarded)
            var work = Work()
            work.connect = actions.connect
            for assignment in actions.serve {
                guard let waiter = guarded.waiters.removeValue(forKey: assignment.waiter),
                    let connection = guarded.connections[assignment.connection]
                else { continue }
                work.served.append((waiter, connection))
            }
            for failure in actions.fail {
                guard let waiter = guarded.waiters.removeValue(forKey: failure.waiter) else { continue }
                work.failed.append((waiter, self.error(failure.reason, guarded)))
            }
            work.drained = actions.drain.compactMap { guarded.connections[$0] }
            work.pinged = actions.ping.compactMap { guarded.connections[$0] }
            if let deadline = actions.wakeUpAt { setTimer(deadline, &guarded) }
            let counts = (guarded.machine.openConnections, guarded.machine.waiterCount)
            if counts != guarded.recorded {
                guarded.recorded = counts
                metrics.record(counts.0, waiters: counts.1)
            }
            return work
        }
        for (waiter, connection) in work.served { waiter.resume(returning: connection) }
        for (waiter, error) in work.failed { waiter.resume(throwing: error) }
        for connection in work.drained { connection.drain() }
        let timeout = factory.configuration.commandTimeout
        for connection in work.pinged {
            connection.ping(deadline: .after(timeout)) { [use] in
                if case .leases = use { self.release(connection) }
            }
        }
        if let connect = work.connect { self.connect(connect) }
    }

    private func setTimer(_ deadline: NIODeadline, _ guarded: inout Guarded) {
        if let timer = guarded.timer, timer.deadline <= deadline { return }
        guarded.timer?.task.cancel()
        let task = group.any().scheduleTask(deadline: deadline) { [weak self] in
            guard let self else { return }
            update { guarded in
                // A later timer may have replaced this one while it was on its way.
                if guarded.timer?.deadline == deadline { guarded.timer = nil }
                return guarded.machine.tick(now: .now())
            }
        }
        guarded.timer = (deadline, task)
    }

    private func connect(_ id: Int) {
        let eventLoop = group.next()
        guard let admit = hooks.admit else { return connect(id, on: eventLoop) }
        admit(eventLoop).whenComplete { result in
            switch result {
            case .success: self.connect(id, on: eventLoop)
            case .failure(let error): self.connectFailed(id, ConnectFailure.redisError(for: error))
            }
        }
    }

    private func connect(_ id: Int, on eventLoop: any EventLoop) {
        factory.connect(on: eventLoop) { [hooks] channel, info in
            if hooks.requiresMaster, info.isReplica {
                throw RedisError(
                    .readOnly,
                    "The server at \(self.factory.configuration.address) is a replica by now, not the master.")
            }
            let connection = try RedisConnection(
                id: id, channel: channel, info: info, configuration: self.factory.configuration, delegate: self)
            guard connection.isOpen else {
                throw RedisError(.connectFailed, "The server closed the connection as soon as it was ready.")
            }
            // On the event loop, so that the connection cannot be closed before the pool knows it.
            self.connected(id, connection)
        }.whenFailure { error in
            self.connectFailed(id, ConnectFailure.redisError(for: error))
        }
    }

    private func connected(_ id: Int, _ connection: RedisConnection) {
        logger.debug(
            "Redis connection is ready",
            metadata: [
                "redis.protocol": "\(connection.info.protocolVersion)",
                "redis.version": "\(connection.info.version ?? "unknown")",
            ]
        )
        hooks.connected()
        update { guarded in
            guarded.connections[id] = connection
            guarded.lastConnectError = nil
            return guarded.machine.connected(id, now: .now())
        }
    }

    private func connectFailed(_ id: Int, _ error: RedisError) {
        metrics.connectFailures.increment()
        let (isRetired, lastError) = self.guarded.withLockedValue { ($0.isRetired, $0.lastConnectError) }
        if !isRetired {
            // Attempts follow each other quickly while a server is away: the same again is for those who look closely.
            let isRepeated = lastError.map { "\($0)" == "\(error)" } ?? false
            logger.log(
                level: isRepeated ? .debug : .warning, "Redis connection failed", metadata: ["error": "\(error)"])
            hooks.connectionFailed(error)
        }
        let isTransient = ConnectFailure.isTransient(error) || (hooks.requiresMaster && error.code == .readOnly)
        update { guarded in
            guarded.lastConnectError = error
            return guarded.machine.connectFailed(
                id, isTransient: isTransient && !hooks.failsFast, now: .now(), random: .random(in: 0..<1))
        }
    }

    private func error(_ reason: PoolStateMachine.FailureReason, _ guarded: Guarded) -> RedisError {
        let address = factory.configuration.address
        switch reason {
        case .exhausted:
            return RedisError(
                .poolExhausted,
                "All connections to \(address) are busy. Raise pool.maxConnections or lower the load."
            )
        case .unreachable, .connectFailed:
            guard let cause = guarded.lastConnectError else {
                return RedisError(
                    .connectFailed, "No connection to \(address) was ready in time. Check that it is reachable.")
            }
            return RedisError(cause.code, cause.message, cause: cause.cause)
        case .closed:
            return guarded.retirement ?? .clientClosed
        }
    }
}

/// What a topology has to do with the connections to one of its servers.
struct PoolHooks: Sendable {
    /// A connection was lost, or could not be made.
    var connectionFailed: @Sendable (RedisError) -> Void = { _ in }
    /// A connection was made.
    var connected: @Sendable () -> Void = {}
    /// Has to succeed before a connection is made. If `nil`, connections are made at any time.
    var admit: (@Sendable (any EventLoop) -> EventLoopFuture<Void>)?
    /// A server that reports to be a replica is refused.
    var requiresMaster = false
    /// Callers learn at once that the server cannot be reached: another one can serve them.
    var failsFast = false
}

extension RedisError {
    static let clientClosed = RedisError(.closed, "The Redis client is closed.")
}
