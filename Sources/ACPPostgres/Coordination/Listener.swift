// SPDX-License-Identifier: Apache-2.0

import ACPStorage
import Dispatch
import Logging
import Synchronization

/// The one connection of a storage that listens. It is made when somebody watches for the first time, and again whenever it was
/// lost; then everybody is told to look, because what was notified meanwhile is gone.
final class Listener: Sendable {
    private struct State {
        var task: Task<Void, Never>?
        var isListening = false
        var isEnded = false
        var waiting: [CheckedContinuation<Void, any Error>] = []
    }

    private static let patience = Duration.seconds(10)

    private let database: PostgresDatabase
    private let registry: WatchRegistry
    private let checkInterval: Duration
    private let state = Mutex(State())

    /// - Parameter checkInterval: Between two signs of life that the server is asked for.
    init(_ database: PostgresDatabase, _ registry: WatchRegistry, checkInterval: Duration = .seconds(30)) {
        self.checkInterval = checkInterval
        self.database = database
        self.registry = registry
    }

    /// Listening when this returns.
    ///
    /// - Throws: `StorageError` if the connection could not be made. It is tried again in the background.
    func start() async throws(StorageError) {
        do {
            try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
                let result: Result<Void, any Error>? = state.withLock { state in
                    if state.isEnded { return .failure(StorageError(.closed, "the PostgreSQL storage was closed")) }
                    if state.isListening { return .success(()) }
                    state.waiting.append(continuation)
                    // Unstructured: it outlives the call that was the first. `stop()` cancels it, `end()` waits for it too.
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
                // The same again is for those who look closely.
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

    /// Makes a connection and listens until it is lost.
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
            throw StorageError(.corruptData, "the table acp_runs has no number")
        }
        _ = try await send("LISTEN acp_\(table)", on: id)
        isListening()
        // First those who were there before; who comes now has missed nothing.
        registry.announceGap()
        report(.success(()))
        func scheduleCheck() { loop.call(at: .now + checkInterval) { happened.yield(.checkIsDue) } }
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
            return database.loop.adopt(
                connection,
                ConnectionEvents(
                    notification: { [registry] in ServerNotification($0)?.pass(on: registry) }, lost: { _ in lost() }))
        case .failure(let error): throw failed(error)
        }
    }

    private func send(_ sql: String, on id: Int) async throws(StorageError) -> ResultSet {
        let loop = database.loop
        let result: Result<[ResultSet], PostgresError> = await withCheckedContinuation { continuation in
            loop.send(
                Exchange(batch: Batch(transaction: [Statement(sql)]), prepares: false, deadline: .now + Self.patience) {
                    continuation.resume(returning: $0)
                }, on: id)
        }
        switch result {
        case .success(let sets):
            guard let last = sets.last else { throw failed(PostgresError(.unexpectedResponse, "there was no answer")) }
            return last
        case .failure(let error): throw failed(error)
        }
    }

    private func failed(_ error: PostgresError) -> StorageError {
        StorageError(error, doing: "Listening", changes: false, place: database.place)
    }
}
