// SPDX-License-Identifier: Apache-2.0

import Logging
import Metrics
import NIOConcurrencyHelpers
import NIOCore

/// The connections to one server. Performs the actions of ``PoolStateMachine``.
///
/// A ``RedisNode`` has a pool of shared connections and a pool of leased connections.
final class ConnectionPool: RedisConnectionDelegate {
    private struct State {
        var machine: PoolStateMachine
        var connections: [Int: RedisConnection] = [:]
        var waiters: [Int: Waiter] = [:]
        var nextWaiter = 0
        var timer: (deadline: NIODeadline, task: Scheduled<Void>)?
        var lastConnectError: RedisError?
        var emptied: [CheckedContinuation<Void, Never>] = []
        /// The error of a retired pool. If `nil`, the pool was closed with the client.
        var retirement: RedisError?
        var isRetired = false
        /// The number of requests that have left the connections, for any reason.
        var finished = 0
        /// The last values of the gauges.
        var recorded = (0, 0)
    }

    private typealias Waiter = CheckedContinuation<RedisConnection, any Error>

    private let factory: ConnectionFactory
    private let group: any EventLoopGroup
    private let logger: Logger
    private let metrics: RedisMetrics.Pool
    private let usage: Usage
    private let hooks: PoolHooks
    private let state: NIOLockedValueBox<State>

    /// The use of the connections.
    enum Usage {
        /// Each acquisition is for one request and ends with its reply.
        case requests
        /// Each acquisition is for many requests of one caller and ends with `release`.
        case leases
    }

    init(
        _ usage: Usage, factory: ConnectionFactory, settings: PoolStateMachine.Settings, group: any EventLoopGroup,
        metrics: RedisMetrics.Pool, hooks: PoolHooks = PoolHooks()
    ) {
        self.usage = usage
        self.hooks = hooks
        self.factory = factory
        self.group = group
        var logger = factory.configuration.logger
        logger[metadataKey: "redis.address"] = "\(factory.configuration.address)"
        self.logger = logger
        self.metrics = metrics
        state = NIOLockedValueBox(State(machine: PoolStateMachine(settings)))
    }

    // MARK: Callers

    /// Returns a connection, or `nil` if none is free. A request must be submitted to it, or the connection released.
    func acquireNow() -> RedisConnection? {
        let now = NIODeadline.now()
        let (connection, connect) = self.state.withLockedValue { state -> (RedisConnection?, Int?) in
            guard case .connection(let id, let connect) = state.machine.acquire(now: now) else { return (nil, nil) }
            return (state.connections[id], connect)
        }
        if let connect { self.connect(connect) }
        return connection
    }

    /// Returns a connection, waiting for one if necessary.
    /// - Throws: ``RedisError`` with the code `connectFailed`, `poolExhausted`, `closed` or `cancelled`, or the error
    ///   of an attempt to connect.
    func acquire(deadline: NIODeadline) async throws -> RedisConnection {
        if let connection = acquireNow() { return connection }
        let id = self.state.withLockedValue { state in
            state.nextWaiter += 1
            return state.nextWaiter
        }
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { (continuation: Waiter) in
                enqueue(id, continuation, deadline: deadline)
            }
        } onCancel: {
            cancelWaiter(id)
        }
    }

    /// Returns a leased connection, in its initial state, to the pool.
    func release(_ connection: RedisConnection) {
        update { $0.machine.finished(1, on: connection.id, now: .now()) }
    }

    private func enqueue(_ id: Int, _ waiter: Waiter, deadline: NIODeadline) {
        // An earlier cancellation found no waiter to cancel.
        if Task.isCancelled { return waiter.resume(throwing: Self.cancelled) }
        update { state in
            state.waiters[id] = waiter
            return state.machine.enqueue(id, deadline: deadline, now: .now())
        }
        if Task.isCancelled { cancelWaiter(id) }
    }

    private func cancelWaiter(_ id: Int) {
        let waiter = self.state.withLockedValue { state in
            state.machine.removeWaiter(id) ? state.waiters.removeValue(forKey: id) : nil
        }
        waiter?.resume(throwing: Self.cancelled)
    }

    private static let cancelled = RedisError(.cancelled, "The calling task was cancelled.")

    // MARK: Lifecycle

    /// Opens the minimum of idle connections and keeps them open.
    func keepMinimum() {
        update { $0.machine.keepMinimum(now: .now()) }
    }

    /// Refuses new requests, waits until the deadline for those in flight, and closes all connections.
    func shutdown(deadline: NIODeadline) async {
        beginShutdown()
        let limit = group.any().scheduleTask(deadline: deadline) { self.closeConnections() }
        await withCheckedContinuation { continuation in
            let isEmpty = self.state.withLockedValue { state in
                if !state.connections.isEmpty { state.emptied.append(continuation) }
                return state.connections.isEmpty
            }
            if isEmpty { continuation.resume() }
        }
        limit.cancel()
    }

    /// Refuses new requests and closes connections as they become idle, without waiting.
    func beginShutdown() {
        update { state in
            state.timer?.task.cancel()
            state.timer = nil
            return state.machine.close()
        }
    }

    /// Retires the pool because the server no longer has its role: callers fail with `reason` and query the topology
    /// again.
    ///
    /// - Parameter grace: How long requests in flight may take.
    func retire(because reason: RedisError, gracePeriod: TimeAmount) {
        self.state.withLockedValue { state in
            state.retirement = reason
            state.isRetired = true
        }
        beginShutdown()
        _ = group.any().scheduleTask(in: gracePeriod) { self.closeConnections() }
    }

    private func closeConnections() {
        for connection in state.withLockedValue({ Array($0.connections.values) }) { connection.close() }
    }

    /// Whether connections are open, including those that are draining.
    var hasConnections: Bool { state.withLockedValue { !$0.connections.isEmpty } }

    /// The number of open connections, waiters and requests in flight. For tests.
    var counts: (open: Int, waiting: Int, inFlight: Int) {
        state.withLockedValue { ($0.machine.openConnections, $0.machine.waiterCount, $0.machine.inFlight) }
    }

    /// The number of requests that have left, and of those in flight or waiting. A server does not respond if the first
    /// is constant while there are some of the second.
    var progress: (finished: Int, pending: Int) {
        state.withLockedValue { ($0.finished, $0.machine.inFlight + $0.machine.waiterCount) }
    }

    // MARK: Connection events

    func connection(_ id: Int, finished count: Int) {
        guard case .requests = usage else { return }
        update { state in
            state.finished += count
            return state.machine.finished(count, on: id, now: .now())
        }
    }

    func connection(_ id: Int, mustBeReplaced reason: RESPError) {
        logger.info("Replacing a Redis connection", metadata: ["reason": "\(reason.prefix)"])
        update { $0.machine.retire(id, now: .now(), random: .random(in: 0..<1)) }
    }

    func connectionClosed(_ id: Int, error: RedisError?) {
        let isRetired = state.withLockedValue { $0.isRetired }
        if let error, !isRetired { hooks.connectionFailed(error) }
        var emptied: [CheckedContinuation<Void, Never>] = []
        // One step for the connection and its slot: in between, a waiter would be assigned a connection that is not there.
        update { state in
            state.connections[id] = nil
            if state.connections.isEmpty { swap(&emptied, &state.emptied) }
            return state.machine.closed(id, now: .now())
        }
        for continuation in emptied { continuation.resume() }
    }

    // MARK: Actions

    /// Processes an event under the lock, and performs the resulting actions outside of it.
    private func update(_ event: (inout State) -> PoolStateMachine.Actions) {
        struct Work {
            var served: [(Waiter, RedisConnection)] = []
            var failed: [(Waiter, RedisError)] = []
            var drained: [RedisConnection] = []
            var pinged: [RedisConnection] = []
            var connect: Int?
        }
        let work = self.state.withLockedValue { state -> Work in
            let actions = event(&state)
            var work = Work()
            work.connect = actions.connect
            for assignment in actions.serve {
                guard let waiter = state.waiters.removeValue(forKey: assignment.waiter),
                    let connection = state.connections[assignment.connection]
                else { continue }
                work.served.append((waiter, connection))
            }
            for failure in actions.fail {
                guard let waiter = state.waiters.removeValue(forKey: failure.waiter) else { continue }
                work.failed.append((waiter, self.error(failure.reason, state)))
            }
            work.drained = actions.drain.compactMap { state.connections[$0] }
            work.pinged = actions.ping.compactMap { state.connections[$0] }
            if let deadline = actions.wakeUpAt { setTimer(deadline, &state) }
            let counts = (state.machine.openConnections, state.machine.waiterCount)
            if counts != state.recorded {
                state.recorded = counts
                metrics.record(counts.0, waiters: counts.1)
            }
            return work
        }
        for (waiter, connection) in work.served { waiter.resume(returning: connection) }
        for (waiter, error) in work.failed { waiter.resume(throwing: error) }
        for connection in work.drained { connection.drain() }
        let timeout = factory.configuration.commandTimeout
        for connection in work.pinged {
            connection.ping(deadline: .after(timeout)) { [usage] in
                if case .leases = usage { self.release(connection) }
            }
        }
        if let connect = work.connect { self.connect(connect) }
    }

    private func setTimer(_ deadline: NIODeadline, _ state: inout State) {
        if let timer = state.timer, timer.deadline <= deadline { return }
        state.timer?.task.cancel()
        let task = group.any().scheduleTask(deadline: deadline) { [weak self] in
            guard let self else { return }
            update { state in
                // Another timer may have replaced this one before it fired.
                if state.timer?.deadline == deadline { state.timer = nil }
                return state.machine.tick(now: .now())
            }
        }
        state.timer = (deadline, task)
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
                    "The server at \(self.factory.configuration.address) is now a replica, not the master.")
            }
            let connection = try RedisConnection(
                id: id, channel: channel, info: info, configuration: self.factory.configuration, delegate: self)
            guard connection.isOpen else {
                throw RedisError(.connectFailed, "The server closed the connection as soon as it was ready.")
            }
            // On the event loop, so that the connection cannot close before the pool has registered it.
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
        update { state in
            state.connections[id] = connection
            state.lastConnectError = nil
            return state.machine.connected(id, now: .now())
        }
    }

    private func connectFailed(_ id: Int, _ error: RedisError) {
        metrics.connectFailures.increment()
        let (isRetired, lastError) = self.state.withLockedValue { ($0.isRetired, $0.lastConnectError) }
        if !isRetired {
            // Attempts are frequent while a server is down: repeated errors are logged at debug level.
            let isRepeated = lastError.map { "\($0)" == "\(error)" } ?? false
            logger.log(
                level: isRepeated ? .debug : .warning, "Redis connection failed", metadata: ["error": "\(error)"])
            hooks.connectionFailed(error)
        }
        let isTransient = ConnectFailure.isTransient(error) || (hooks.requiresMaster && error.code == .readOnly)
        update { state in
            state.lastConnectError = error
            return state.machine.connectFailed(
                id, isTransient: isTransient && !hooks.failsFast, now: .now(), random: .random(in: 0..<1))
        }
    }

    private func error(_ reason: PoolStateMachine.FailureReason, _ state: State) -> RedisError {
        let address = factory.configuration.address
        switch reason {
        case .exhausted:
            return RedisError(
                .poolExhausted,
                "All connections to \(address) are busy. Raise pool.maxConnections or lower the load."
            )
        case .unreachable, .connectFailed:
            guard let cause = state.lastConnectError else {
                return RedisError(
                    .connectFailed, "No connection to \(address) was ready in time. Check that it is reachable.")
            }
            return RedisError(cause.code, cause.message, cause: cause.cause)
        case .closed:
            return state.retirement ?? .clientClosed
        }
    }
}

/// Callbacks and rules of a topology for the connections to one of its servers.
struct PoolHooks: Sendable {
    /// Called when a connection was lost or could not be established.
    var connectionFailed: @Sendable (RedisError) -> Void = { _ in }
    /// Called when a connection was opened.
    var connected: @Sendable () -> Void = {}
    /// Must succeed before a connection is opened. If `nil`, connections are opened at any time.
    var admit: (@Sendable (any EventLoop) -> EventLoopFuture<Void>)?
    /// Whether a server that reports to be a replica is refused.
    var requiresMaster = false
    /// Whether callers fail immediately if the server cannot be reached, because another one can serve them.
    var failsFast = false
}

extension RedisError {
    static let clientClosed = RedisError(.closed, "The Redis client is closed.")
}
