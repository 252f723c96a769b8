// SPDX-License-Identifier: Apache-2.0

import ACPMetrics
import Dispatch
import Metrics
import Synchronization

/// The connections of one storage: a bounded number of them, made when they are needed.
final class ConnectionPool: Sendable {
    private struct State {
        var machine: PoolStateMachine
        /// The requests that have no connection yet.
        var requests: [Int: Request] = [:]
        var isTimerSet = false
        /// The requests that use a connection, by connection.
        var users: [Int: Request] = [:]
        var nextRequest = 0
        var lastFailure = PostgresError(.connectFailed, "no connection was made")
        var waitingForEnd: [CheckedContinuation<Void, Never>] = []
        var isFinished = false
    }

    /// One call, from the queue to the end of its exchange.
    private struct Request: Sendable {
        let id: Int
        let batch: Batch
        let isInterruptible: Bool
        /// The time at which it stops waiting for a connection.
        let deadline: ContinuousClock.Instant
        let result: ResultContinuation
    }

    /// The continuation of a caller, which is resumed once, by the first result.
    private final class ResultContinuation: Sendable {
        private let continuation = Mutex<CheckedContinuation<[ResultSet], any Error>?>(nil)

        func wait(_ continuation: CheckedContinuation<[ResultSet], any Error>) {
            self.continuation.withLock { $0 = continuation }
        }

        func resume(_ result: Result<[ResultSet], PostgresError>) {
            let waiting = continuation.withLock { $0.take() }
            waiting?.resume(with: result)
        }
    }

    let parameters: ConnectionParameters
    let loop: PostgresLoop
    private let configuration: PostgresStorage.Configuration
    private let state: Mutex<State>
    private let metrics: PoolMetrics

    init(_ configuration: PostgresStorage.Configuration, _ parameters: ConnectionParameters, _ loop: PostgresLoop) {
        self.configuration = configuration
        self.parameters = parameters
        self.loop = loop
        metrics = PoolMetrics(configuration.metricsFactory ?? MetricsSystem.factory)
        state = Mutex(State(machine: PoolStateMachine(limit: configuration.maximumConnections)))
    }

    /// Sends statements in one round trip.
    ///
    /// - Parameters:
    ///   - batch: The statements.
    ///   - isInterruptible: Whether cancellation of the caller cancels the statements. Writes are not cancelled: their
    ///     outcome would be unknown.
    ///   - deadline: The time at which the call stops waiting for a connection. If `nil`, after the pool timeout.
    func run(
        _ batch: Batch, isInterruptible: Bool, waitingUntil deadline: ContinuousClock.Instant? = nil
    ) async throws(PostgresError) -> [ResultSet] {
        let result = ResultContinuation()
        let id = state.withLock { state in
            state.nextRequest += 1
            return state.nextRequest
        }
        let request = Request(
            id: id, batch: batch, isInterruptible: isInterruptible,
            deadline: deadline ?? .now + configuration.poolTimeout, result: result)
        do {
            return try await withTaskCancellationHandler {
                try await withCheckedThrowingContinuation { continuation in
                    result.wait(continuation)
                    begin(request)
                }
            } onCancel: {
                cancel(request)
            }
        } catch let error as PostgresError {
            throw error
        } catch {
            throw PostgresError(.unexpectedResponse, "\(error)")
        }
    }

    private func begin(_ request: Request) {
        // The cancellation handler of a caller that was cancelled earlier has already run, when there was nothing to
        // cancel.
        if request.isInterruptible, Task.isCancelled {
            return request.result.resume(.failure(PostgresError(.cancelled, "the caller was cancelled")))
        }
        let actions: [PoolStateMachine.Action]? = state.withLock { state in
            guard !state.machine.isClosed else { return nil }
            state.requests[request.id] = request
            return state.machine.request(request.id)
        }
        guard let actions else {
            return request.result.resume(.failure(PostgresError(.closed, "the storage was closed")))
        }
        perform(actions)
        scheduleTimeout()
    }

    /// Schedules the timeout of waiting requests. One timer serves all of them.
    private func scheduleTimeout() {
        let next: ContinuousClock.Instant? = state.withLock { state in
            guard !state.isTimerSet, let next = state.requests.values.map(\.deadline).min() else { return nil }
            state.isTimerSet = true
            return next
        }
        guard let next else { return }
        loop.schedule(at: next) { [weak self] in self?.failTimedOutRequests() }
    }

    private func failTimedOutRequests() {
        let now = ContinuousClock.now
        let (late, areBusy) = state.withLock { state in
            state.isTimerSet = false
            let late = state.requests.values.filter { $0.deadline <= now && state.machine.abandon($0.id) }
            for request in late { state.requests[request.id] = nil }
            return (late, state.machine.counts.busy > 0)
        }
        let connections = configuration.maximumConnections
        let error =
            areBusy
            ? PostgresError(.poolExhausted, "all \(connections) connections were busy for too long")
            : PostgresError(.connectFailed, "no connection could be made in time")
        for request in late { request.result.resume(.failure(error)) }
        scheduleTimeout()
    }

    private func cancel(_ request: Request) {
        guard request.isInterruptible else { return }
        let (wasWaiting, connection) = state.withLock { state -> (Bool, Int?) in
            if state.machine.abandon(request.id) {
                state.requests[request.id] = nil
                return (true, nil)
            }
            return (false, state.users.first { $0.value.id == request.id }?.key)
        }
        if wasWaiting {
            request.result.resume(
                .failure(PostgresError(.cancelled, "the caller was cancelled before anything was sent")))
        } else if let connection {
            request.result.resume(.failure(PostgresError(.cancelled, "the caller was cancelled")))
            loop.cancel(request.id, on: connection)
        }
    }

    // MARK: Actions of the state machine

    private func change(_ body: (inout State) -> [PoolStateMachine.Action]) { perform(state.withLock { body(&$0) }) }

    private func perform(_ actions: [PoolStateMachine.Action]) {
        if metrics.isEnabled { metrics.record(state.withLock { $0.machine.counts }) }
        for action in actions {
            switch action {
            case .connect: connect()
            case .scheduleRetry(let failures):
                let pause = Backoff.pause(afterFailures: failures, limit: configuration.maximumBackoff)
                loop.schedule(at: .now + pause) { [weak self] in self?.change { $0.machine.retryTimerFired() } }
            case .start(let id, on: let connection): start(id, on: connection)
            case .fail(let id):
                let (request, error) = state.withLock { state in
                    let error = PostgresError(.closed, "the storage was closed")
                    return (
                        state.requests.removeValue(forKey: id), state.machine.isClosed ? error : state.lastFailure
                    )
                }
                request?.result.resume(.failure(error))
            case .close(let connection): loop.close(connection)
            case .finished: finish()
            }
        }
    }

    private func connect() {
        let parameters = parameters
        // Name resolution and the handshake block: not on the loop's thread, and not on one of Swift's concurrency
        // pool.
        DispatchQueue.global().async { [self] in
            switch parameters.connect() {
            case .success(let connection):
                adopt(connection)
            case .failure(let error):
                metrics.connectFailures.increment()
                change { state in
                    state.lastFailure = error
                    return state.machine.connectFailed()
                }
            }
        }
    }

    private func adopt(_ connection: RawConnection) {
        let idBox = ConnectionIDBox()
        let id = loop.add(
            connection,
            ConnectionEvents(
                notification: { _ in },
                lost: { [weak self] _ in
                    guard let self, let id = idBox.value.withLock({ $0 }) else { return }
                    change { $0.machine.lost(id) }
                }))
        idBox.value.withLock { $0 = id }
        change { $0.machine.connected(id) }
    }

    /// The id of a connection, which is known shortly after the callback for its end is set.
    private final class ConnectionIDBox: Sendable {
        let value = Mutex<Int?>(nil)
    }

    private func start(_ id: Int, on connection: Int) {
        let request = state.withLock { state in
            let request = state.requests.removeValue(forKey: id)
            state.users[connection] = request
            return request
        }
        guard let request else { return change { $0.machine.released(connection, isUsable: true) } }
        let limit = request.batch.hasTimeLimit ? configuration.statementTimeout ?? .seconds(3_600) : .seconds(86_400)
        let exchange = Exchange(
            id: id, batch: request.batch, prepares: parameters.preparesStatements,
            deadline: .now + limit + .seconds(10)
        ) { [weak self] result in
            request.result.resume(result)
            var isUsable = true
            if case .failure(let error) = result { isUsable = !error.endsConnection && error.code == .serverError }
            self?.change { state in
                state.users[connection] = nil
                return state.machine.released(connection, isUsable: isUsable)
            }
        }
        loop.send(exchange, on: connection)
    }

    // MARK: End

    /// Waits for running requests, and closes all connections.
    func close() async {
        change { $0.machine.close() }
        await withCheckedContinuation { continuation in
            let isFinished = state.withLock { state in
                if !state.isFinished { state.waitingForEnd.append(continuation) }
                return state.isFinished
            }
            if isFinished { continuation.resume() }
        }
    }

    private func finish() {
        let waiting = state.withLock { state in
            state.isFinished = true
            defer { state.waitingForEnd = [] }
            return state.waitingForEnd
        }
        for waiter in waiting { waiter.resume() }
    }
}

/// The metrics of a pool.
private struct PoolMetrics: Sendable {
    let isEnabled: Bool
    let connectFailures: Counter
    private let idle: Meter
    private let busy: Meter
    private let connecting: Meter
    private let waiters: Meter

    init(_ factory: any MetricsFactory) {
        isEnabled = factory.records
        connectFailures = Counter(.postgresConnectFailures, in: factory)
        idle = Meter(.postgresConnections, [("state", "idle")], in: factory)
        busy = Meter(.postgresConnections, [("state", "busy")], in: factory)
        connecting = Meter(.postgresConnections, [("state", "connecting")], in: factory)
        waiters = Meter(.postgresWaiters, in: factory)
    }

    func record(_ counts: (idle: Int, busy: Int, connecting: Int, waiting: Int)) {
        idle.set(counts.idle)
        busy.set(counts.busy)
        connecting.set(counts.connecting)
        waiters.set(counts.waiting)
    }
}

/// Pauses between attempts.
enum Backoff {
    /// Returns a pause that doubles with every failure, up to a limit, and is shortened at random by up to half.
    static func pause(afterFailures failures: Int, limit: Duration) -> Duration {
        let pause = min(.milliseconds(50) * (1 << min(max(0, failures - 1), 16)), limit)
        return pause * Double.random(in: 0.5...1)
    }
}
