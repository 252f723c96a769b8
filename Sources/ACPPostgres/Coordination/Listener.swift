// SPDX-License-Identifier: Apache-2.0

import ACPStorage
import Dispatch
import Logging
import Synchronization

/// The connection of a storage that listens for notifications. It is made when a run is watched for the first time, and
/// again whenever it was lost; then all watchers are notified of a gap, because notifications were missed meanwhile.
final class Listener: Sendable {
    private struct State {
        var task: Task<Void, Never>?
        var isListening = false
        var isEnded = false
        var waiting: [CheckedContinuation<Void, any Error>] = []
    }

    private static let timeout = Duration.seconds(10)

    private let database: PostgresDatabase
    private let registry: WatchRegistry
    private let checkInterval: Duration
    private let state = Mutex(State())

    /// - Parameter checkInterval: The interval at which the connection is checked. Defaults to 30 seconds.
    init(_ database: PostgresDatabase, _ registry: WatchRegistry, checkInterval: Duration = .seconds(30)) {
        self.checkInterval = checkInterval
        self.database = database
        self.registry = registry
    }

    /// Starts listening, and returns when the connection listens.
    ///
    /// - Throws: `StorageError` if the connection could not be made. Further attempts follow in the background.
    func start() async throws(StorageError) {
        do {
            try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
                let result: Result<Void, any Error>? = state.withLock { state in
                    if state.isEnded { return .failure(StorageError(.closed, "the PostgreSQL storage was closed")) }
                    if state.isListening { return .success(()) }
                    state.waiting.append(continuation)
                    // Unstructured: the task outlives the call that started it. `stop()` cancels it, and `end()` also
                    // waits for it.
                    if state.task == nil { state.task = Task { await listen() } }
                    return nil
                }
                if let result { continuation.resume(with: result) }
            }
        } catch {
            throw error as? StorageError ?? StorageError(.cannotConnect, "\(error)", cause: error)
        }
    }

    func stop() {
        let task = state.withLock { state in
            state.isEnded = true
            return state.task
        }
        task?.cancel()
        report(.failure(StorageError(.closed, "the PostgreSQL storage was closed")))
    }

    func end() async {
        stop()
        await state.withLock { $0.task }?.value
    }

    private func report(_ result: Result<Void, any Error>) {
        let waiting = state.withLock { state in
            if case .success = result { state.isListening = true }
            defer { state.waiting = [] }
            return state.waiting
        }
        for continuation in waiting { continuation.resume(with: result) }
    }

    // MARK: The connection

    private func listen() async {
        var failures = 0
        var lastMessage = ""
        while !Task.isCancelled {
            do throws(StorageError) {
                try await database.prepareSchema()
                try await useOneConnection {
                    failures = 0
                    lastMessage = ""
                }
            } catch {
                guard !Task.isCancelled, error.code != .closed else { break }
                failures += 1
                report(.failure(error))
                // Repetitions of the same failure are logged at a lower level.
                database.logger.log(
                    level: error.message == lastMessage ? .debug : .warning, "Not listening to PostgreSQL",
                    metadata: ["error": "\(error.message)"])
                lastMessage = error.message
                try? await Task.sleep(
                    for: Backoff.pause(afterFailures: failures, limit: database.configuration.maximumBackoff))
            }
        }
        report(.failure(StorageError(.closed, "the PostgreSQL storage was closed")))
    }

    /// Connects and listens until the connection is lost.
    private func useOneConnection(_ isListening: () -> Void) async throws(StorageError) {
        let (events, happened) = AsyncStream.makeStream(of: Event.self)
        let id = try await connect { happened.yield(.loss) }
        let loop = database.loop
        defer {
            state.withLock { $0.isListening = false }
            loop.close(id)
        }
        let rows = try await send("SELECT 'acp_runs'::regclass::oid::bigint", on: id)
        guard let table = rows.first?.int(0) else {
            throw StorageError(.corruptData, "the table acp_runs has no oid")
        }
        _ = try await send("LISTEN acp_\(table)", on: id)
        isListening()
        // Earlier watchers may have missed notifications; later ones have missed nothing.
        registry.announceGap()
        report(.success(()))
        func scheduleCheck() { loop.schedule(at: .now + checkInterval) { happened.yield(.checkIsDue) } }
        scheduleCheck()
        for await event in events {
            if event == .loss { throw failed(PostgresError(.connectionLost, "the connection was lost")) }
            _ = try await send("SELECT 1::bigint", on: id)
            scheduleCheck()
        }
    }

    private enum Event {
        case loss
        case checkIsDue
    }

    private func connect(whenLost lost: @escaping @Sendable () -> Void) async throws(StorageError) -> Int {
        let parameters = database.parameters
        let result: Result<RawConnection, PostgresError> = await withCheckedContinuation { continuation in
            DispatchQueue.global().async { continuation.resume(returning: parameters.connect()) }
        }
        switch result {
        case .success(let connection):
            return database.loop.add(
                connection,
                ConnectionEvents(
                    notification: { [registry] in ServerNotification($0)?.notify(registry) }, lost: { _ in lost() }))
        case .failure(let error): throw failed(error)
        }
    }

    private func send(_ sql: String, on id: Int) async throws(StorageError) -> ResultSet {
        let loop = database.loop
        let result: Result<[ResultSet], PostgresError> = await withCheckedContinuation { continuation in
            loop.send(
                Exchange(batch: Batch(transaction: [Statement(sql)]), prepares: false, deadline: .now + Self.timeout) {
                    continuation.resume(returning: $0)
                }, on: id)
        }
        switch result {
        case .success(let sets):
            guard let last = sets.last else {
                throw failed(PostgresError(.unexpectedResponse, "the server sent no result"))
            }
            return last
        case .failure(let error): throw failed(error)
        }
    }

    private func failed(_ error: PostgresError) -> StorageError {
        StorageError(error, doing: "Listening", changes: false, location: database.location)
    }
}
