// SPDX-License-Identifier: Apache-2.0

import ACPStorage
import Logging
import Synchronization

/// Runs statements on the pool, once the tables are known to be there, and says in the storage's terms what went wrong.
final class PostgresDatabase: Sendable {
    private enum SchemaState {
        case unknown
        /// Somebody looks, and perhaps migrates; the others wait for the same.
        case checking(Task<Void, any Error>)
        case ready
    }

    let configuration: PostgresStorage.Configuration
    let parameters: ConnectionParameters
    let loop: PostgresLoop
    let logger: Logger
    private let pool: ConnectionPool
    private let schema = Mutex(SchemaState.unknown)

    init(_ configuration: PostgresStorage.Configuration, logger: Logger) throws(StorageError) {
        parameters = try ConnectionParameters(configuration)
        self.configuration = configuration
        self.logger = logger
        loop = PostgresLoop()
        pool = ConnectionPool(configuration, parameters, loop)
    }

    var place: String { parameters.place }

    // MARK: Calls

    /// Runs a statement that changes nothing. A cancelled caller stops it.
    func read(_ action: String, _ sql: String, _ parameters: [Parameter] = []) async throws(StorageError) -> ResultSet {
        try await prepareSchema()
        return try await run(action, [Statement(sql, parameters)], changes: false, isRepeatable: true)
    }

    /// Runs a statement that changes something, in a transaction of its own. It is seen through even if the caller is cancelled.
    ///
    /// - Parameters:
    ///   - isRepeatable: Whether it may be sent again if its answer was lost.
    ///   - afterwards: A statement that follows in the same trip, in a transaction of its own.
    func write(
        _ action: String, isRepeatable: Bool, _ sql: String, _ parameters: [Parameter], afterwards: Statement? = nil
    ) async throws(StorageError) -> ResultSet {
        try await prepareSchema()
        return try await run(
            action, [Statement(sql, parameters)], afterwards: afterwards, changes: true, isRepeatable: isRepeatable)
    }

    /// Runs statements that change something, in one transaction, and returns what the last of them returned.
    func write(
        _ action: String, isRepeatable: Bool, _ statements: [Statement]
    ) async throws(StorageError) -> ResultSet {
        try await prepareSchema()
        return try await run(action, statements, changes: true, isRepeatable: isRepeatable)
    }

    /// - Returns: What the last of the statements returned.
    private func run(
        _ action: String, _ statements: [Statement], afterwards: Statement? = nil, changes: Bool, isRepeatable: Bool
    ) async throws(StorageError) -> ResultSet {
        let batch = Batch(transaction: statements, afterwards: afterwards)
        var isInDoubt = false
        var collisions = 0
        var repeats = 0
        while true {
            let result: Result<[ResultSet], PostgresError>
            do throws(PostgresError) {
                result = .success(try await pool.run(batch, isInterruptible: !changes))
            } catch {
                result = .failure(error)
            }
            switch result {
            case .success(let sets):
                guard let last = sets.last else {
                    throw StorageError(.outcomeUnknown, "\(action) failed in \(place): there was no answer")
                }
                return last
            case .failure(let error):
                if error.isCollision, collisions < 8 {
                    collisions += 1
                    let pause = Backoff.pause(afterFailures: collisions, limit: .milliseconds(200))
                    if (try? await Task.sleep(for: pause)) != nil || changes { continue }
                }
                // A connection that the server had given up meanwhile shows it when it is used.
                let wasLost = error.code == .connectionLost || error.sqlState?.hasPrefix("57P") == true
                if wasLost { isInDoubt = changes }
                if (wasLost && isRepeatable) || error.message == PostgresLoop.unusedMessage, repeats < 2 {
                    repeats += 1
                    continue
                }
                let mapped = StorageError(error, doing: action, changes: changes, place: place)
                // The second attempt did not happen, for whatever reason. The first one may have.
                if isInDoubt, mapped.code != .outcomeUnknown {
                    throw StorageError(.outcomeUnknown, mapped.message, cause: error)
                }
                throw mapped
            }
        }
    }

    // MARK: Tables

    /// Sees to the tables, once.
    func prepareSchema() async throws(StorageError) {
        let task: Task<Void, any Error>? = schema.withLock { state in
            switch state {
            case .ready: return nil
            case .checking(let task): return task
            case .unknown:
                // Unstructured, because several callers wait for it, and the first one's cancellation must not hit the others. Each
                // step has a time limit, and closing the storage ends it.
                let task = Task { try await checkSchema() }
                state = .checking(task)
                return task
            }
        }
        guard let task else { return }
        let outcome = await task.result
        schema.withLock { state in
            guard case .checking(let current) = state, current == task else { return }
            if case .success = outcome { state = .ready } else { state = .unknown }
        }
        if case .failure(let error) = outcome {
            throw error as? StorageError ?? StorageError(.cannotConnect, "\(error)", cause: error)
        }
    }

    private func checkSchema() async throws(StorageError) {
        var found = try await schemaVersion()
        if found ?? 0 < Schema.version, !configuration.skipsMigrations {
            _ = try await run(
                "Making the tables", Schema.migration.map { Statement($0) }, changes: true, isRepeatable: true)
            found = try await schemaVersion()
            logger.debug("The tables are up to date", metadata: ["version": "\(found ?? 0)"])
        }
        if found == Schema.version { return }
        guard let found else {
            throw StorageError(
                .refused,
                "there are no tables of this storage in \(place), and making them is turned off (skipsMigrations): run the "
                    + "SQL that `acp storage schema` prints")
        }
        if found > Schema.version {
            throw StorageError(
                .refused,
                "the tables in \(place) have version \(found), this storage knows version \(Schema.version): use a newer "
                    + "version of the storage, or another database")
        }
        throw StorageError(
            .refused,
            "the tables in \(place) have version \(found), this storage needs version \(Schema.version), and migrating is "
                + "turned off (skipsMigrations): run the SQL that `acp storage schema` prints")
    }

    /// Nil if there are no tables.
    private func schemaVersion() async throws(StorageError) -> Int? {
        do throws(StorageError) {
            let rows = try await run(
                "Reading the version of the tables", [Statement(Schema.readVersion)], changes: false, isRepeatable: true
            )
            return rows.first?.int(0) ?? 0
        } catch {
            // There is no such table.
            if (error.cause as? PostgresError)?.sqlState == "42P01" { return nil }
            throw error
        }
    }

    // MARK: End

    func close() async {
        await pool.close()
        loop.stop()
    }

    /// Without waiting: for a storage that nobody closed.
    func abandon() { loop.stop() }
}
