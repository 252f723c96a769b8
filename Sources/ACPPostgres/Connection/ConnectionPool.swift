// SPDX-License-Identifier: Apache-2.0

import Dispatch
import Synchronization

/// Connections of one storage, a bounded number of them, made when they are needed.
final class ConnectionPool: Sendable {
    private struct State {
        var machine: PoolStateMachine
        /// Those that have no connection yet.
        var requests: [Int: Request] = [:]
        var isTimerSet = false
        /// Who uses a connection.
        var users: [Int: Request] = [:]
        var nextRequest = 0
        var lastFailure = PostgresError(.connectFailed, "no connection was made")
        var waitingForEnd: [CheckedContinuation<Void, Never>] = []
        var isFinished = false
    }

    /// One call: from its place in the queue to the end of its exchange.
    private struct Request: Sendable {
        let id: Int
        let batch: Batch
        let isInterruptible: Bool
        /// How long it waits for a connection.
        let patienceEnd: ContinuousClock.Instant
        let answer: Answer
    }

    /// The continuation of a caller, resumed once by whoever is first.
    private final class Answer: Sendable {
        private let continuation = Mutex<CheckedContinuation<[ResultSet], any Error>?>(nil)

        func wait(_ continuation: CheckedContinuation<[ResultSet], any Error>) {
            self.continuation.withLock { $0 = continuation }
        }

        func give(_ result: Result<[ResultSet], PostgresError>) {
            let waiting = continuation.withLock { $0.take() }
            waiting?.resume(with: result)
        }
    }

    let parameters: ConnectionParameters
    let loop: PostgresLoop
    private let configuration: PostgresStorage.Configuration
    private let state: Mutex<State>

    init(_ configuration: PostgresStorage.Configuration, _ parameters: ConnectionParameters, _ loop: PostgresLoop) {
        self.configuration = configuration
        self.parameters = parameters
        self.loop = loop
        state = Mutex(State(machine: PoolStateMachine(limit: configuration.maximumConnections)))
    }

    /// Sends statements in one trip.
    ///
    /// - Parameters:
    ///   - batch: What to send.
    ///   - isInterruptible: Whether a cancelled caller stops it. What changes something is not stopped halfway: its caller would
    ///     not know what became of it.
    func run(_ batch: Batch, isInterruptible: Bool) async throws(PostgresError) -> [ResultSet] {
        let answer = Answer()
        let id = state.withLock { state in
            state.nextRequest += 1
            return state.nextRequest
        }
        let request = Request(
            id: id, batch: batch, isInterruptible: isInterruptible,
            patienceEnd: .now + configuration.poolTimeout, answer: answer)
        do {
            return try await withTaskCancellationHandler {
                try await withCheckedThrowingContinuation { continuation in
                    answer.wait(continuation)
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
        // A caller that was cancelled before it came here has told so already, when there was nothing to cancel.
        if request.isInterruptible, Task.isCancelled {
            return request.answer.give(.failure(PostgresError(.cancelled, "the caller was cancelled")))
        }
        let actions: [PoolStateMachine.Action]? = state.withLock { state in
            guard !state.machine.isClosed else { return nil }
            state.requests[request.id] = request
            return state.machine.request(request.id)
        }
        guard let actions else {
            return request.answer.give(.failure(PostgresError(.closed, "the storage was closed")))
        }
        perform(actions)
        watchWaiting()
    }

    /// Sees to it that those who wait too long are told. One timer serves all.
    private func watchWaiting() {
        let next: ContinuousClock.Instant? = state.withLock { state in
            guard !state.isTimerSet, let next = state.requests.values.map(\.patienceEnd).min() else { return nil }
            state.isTimerSet = true
            return next
        }
        guard let next else { return }
        loop.call(at: next) { [weak self] in self?.endPatience() }
    }

    private func endPatience() {
        let now = ContinuousClock.now
        let (late, areBusy) = state.withLock { state in
            state.isTimerSet = false
            let late = state.requests.values.filter { $0.patienceEnd <= now && state.machine.abandon($0.id) }
            for request in late { state.requests[request.id] = nil }
            return (late, state.machine.counts.busy > 0)
        }
        let connections = configuration.maximumConnections
        let error =
            areBusy
            ? PostgresError(.poolExhausted, "all \(connections) connections were busy for too long")
            : PostgresError(.connectFailed, "no connection could be made in time")
        for request in late { request.answer.give(.failure(error)) }
        watchWaiting()
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
            request.answer.give(
                .failure(PostgresError(.cancelled, "the caller was cancelled before anything was sent")))
        } else if let connection {
            request.answer.give(.failure(PostgresError(.cancelled, "the caller was cancelled")))
            loop.cancel(request.id, on: connection)
        }
    }

    // MARK: What the state machine wants

    private func change(_ body: (inout State) -> [PoolStateMachine.Action]) { perform(state.withLock { body(&$0) }) }

    private func perform(_ actions: [PoolStateMachine.Action]) {
        for action in actions {
            switch action {
            case .connect: connect()
            case .scheduleRetry(let failures):
                let pause = Backoff.pause(afterFailures: failures, limit: configuration.maximumBackoff)
                loop.call(at: .now + pause) { [weak self] in self?.change { $0.machine.retryIsDue() } }
            case .start(let id, on: let connection): start(id, on: connection)
            case .fail(let id):
                let (request, error) = state.withLock { state in
                    let error = PostgresError(.closed, "the storage was closed")
                    return (
                        state.requests.removeValue(forKey: id), state.machine.isClosed ? error : state.lastFailure
                    )
                }
                request?.answer.give(.failure(error))
            case .close(let connection): loop.close(connection)
            case .finished: finish()
            }
        }
    }

    private func connect() {
        let parameters = parameters
        // Looking up names and shaking hands block: not on the loop's thread, and not on one of Swift's own.
        DispatchQueue.global().async { [self] in
            switch parameters.connect() {
            case .success(let connection):
                adopt(connection)
            case .failure(let error):
                change { state in
                    state.lastFailure = error
                    return state.machine.connectFailed()
                }
            }
        }
    }

    private func adopt(_ connection: RawConnection) {
        let identity = Identity()
        let id = loop.adopt(
            connection,
            ConnectionEvents(
                notification: { _ in },
                lost: { [weak self] _ in
                    guard let self, let id = identity.value.withLock({ $0 }) else { return }
                    change { $0.machine.lost(id) }
                }))
        identity.value.withLock { $0 = id }
        change { $0.machine.connected(id) }
    }

    /// The number of a connection, which is known a moment later than whom to tell of its end.
    private final class Identity: Sendable {
        let value = Mutex<Int?>(nil)
    }

    private func start(_ id: Int, on connection: Int) {
        let request = state.withLock { state in
            let request = state.requests.removeValue(forKey: id)
            state.users[connection] = request
            return request
        }
        guard let request else { return change { $0.machine.released(connection, isUsable: true) } }
        let patience = (configuration.statementTimeout ?? .seconds(3_600)) + .seconds(10)
        let exchange = Exchange(
            id: id, batch: request.batch, prepares: parameters.preparesStatements,
            deadline: .now + patience
        ) { [weak self] result in
            request.answer.give(result)
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

    /// Waits for what runs, and lets go of all connections.
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

/// Pauses between attempts.
enum Backoff {
    /// Doubles with every failure, up to a limit, and varies by half.
    static func pause(afterFailures failures: Int, limit: Duration) -> Duration {
        let pause = min(.milliseconds(50) * (1 << min(max(0, failures - 1), 16)), limit)
        return pause * Double.random(in: 0.5...1)
    }
}
