// SPDX-License-Identifier: Apache-2.0

import ACPStorage
import Logging
import Synchronization

/// Executes statements on the pool once the tables are up to date, and reports failures as `StorageError`.
final class PostgresDatabase: Sendable {
    private enum SchemaState {
        case unknown
        /// The tables are being checked and perhaps migrated; all callers wait for this task.
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

    var location: String { parameters.location }

    // MARK: Calls

    /// Executes a statement that changes nothing. Cancellation of the caller cancels it.
    func read(_ action: String, _ sql: String, _ parameters: [Parameter] = []) async throws(StorageError) -> ResultSet {
        try await prepareSchema()
        return try await run(action, [Statement(sql, parameters)], changes: false, isRepeatable: true)
    }

    /// Executes a statement that writes, in a transaction of its own. It is completed even if the caller is cancelled.
    ///
    /// - Parameter isRepeatable: Whether it may be sent again if its response was lost.
    func write(
        _ action: String, isRepeatable: Bool, _ sql: String, _ parameters: [Parameter]
    ) async throws(StorageError) -> ResultSet {
        try await write(action, isRepeatable: isRepeatable, [Statement(sql, parameters)])
    }

    /// Executes statements that write, in one transaction, and returns the result of the last one.
    func write(
        _ action: String, isRepeatable: Bool, _ statements: [Statement]
    ) async throws(StorageError) -> ResultSet {
        try await prepareSchema()
        return try await run(action, statements, changes: true, isRepeatable: isRepeatable)
    }

    /// Executes the statements of commits, which may be sent again if their response was lost, and returns their results.
    /// The tables must be up to date: see ``prepareSchema()``.
    ///
    /// - Parameters:
    ///   - deadline: The time at which they stop waiting for a connection. If `nil`, after the pool timeout.
    ///   - repeatsCollisions: Whether they are sent again after a collision with another transaction. Defaults to `true`.
    ///   - isInDoubt: Whether an earlier attempt may have been executed. Defaults to `false`.
    func commit(
        _ action: String, _ batch: Batch, waitingUntil deadline: ContinuousClock.Instant? = nil,
        repeatsCollisions: Bool = true, isInDoubt: Bool = false
    ) async throws(StorageError) -> [ResultSet] {
        try await run(
            action, batch, changes: true, isRepeatable: true, waitingUntil: deadline,
            maximumCollisions: repeatsCollisions ? 8 : 0, isInDoubt: isInDoubt)
    }

    /// - Returns: The result of the last of the statements.
    private func run(
        _ action: String, _ statements: [Statement], changes: Bool, isRepeatable: Bool, hasTimeLimit: Bool = true
    ) async throws(StorageError) -> ResultSet {
        let batch = Batch(transaction: statements, hasTimeLimit: hasTimeLimit)
        let results = try await run(action, batch, changes: changes, isRepeatable: isRepeatable)
        guard let last = results.last else {
            throw StorageError(.outcomeUnknown, "\(action) failed in \(location): the server sent no result")
        }
        return last
    }

    private func run(
        _ action: String, _ batch: Batch, changes: Bool, isRepeatable: Bool,
        waitingUntil deadline: ContinuousClock.Instant? = nil, maximumCollisions: Int = 8, isInDoubt: Bool = false
    ) async throws(StorageError) -> [ResultSet] {
        var isInDoubt = isInDoubt
        var deadline = deadline
        var collisions = 0
        var repeats = 0
        while true {
            let failure: PostgresError
            do throws(PostgresError) {
                return try await pool.run(batch, isInterruptible: !changes, waitingUntil: deadline)
            } catch {
                failure = error
            }
            deadline = nil
            if failure.isCollision, collisions < maximumCollisions {
                collisions += 1
                let pause = Backoff.pause(afterFailures: collisions, limit: .milliseconds(200))
                if (try? await Task.sleep(for: pause)) != nil || changes { continue }
            }
            // A connection that the server has closed meanwhile shows that when it is used.
            let wasLost = failure.code == .connectionLost || failure.sqlState?.hasPrefix("57P") == true
            if wasLost { isInDoubt = changes }
            if (wasLost && isRepeatable) || failure.message == PostgresLoop.unsentMessage, repeats < 2 {
                repeats += 1
                continue
            }
            let mapped = StorageError(failure, doing: action, changes: changes, location: location)
            // The second attempt was not executed, for whatever reason. The first one may have been.
            if isInDoubt, mapped.code != .outcomeUnknown {
                throw StorageError(.outcomeUnknown, mapped.message, cause: failure)
            }
            throw mapped
        }
    }

    // MARK: Tables

    /// Checks the tables, and creates or migrates them, once.
    func prepareSchema() async throws(StorageError) {
        let task: Task<Void, any Error>? = schema.withLock { state in
            switch state {
            case .ready: return nil
            case .checking(let task): return task
            case .unknown:
                // Unstructured, because several callers wait for the task, and cancellation of the first one must not
                // affect the others. Each step has a time limit, and closing the storage ends it.
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
        if found?.version ?? 0 < Schema.version, !configuration.skipsMigrations {
            try await migrate()
            found = try await schemaVersion()
            logger.debug("The tables are up to date", metadata: ["version": "\(found?.version ?? 0)"])
        }
        if found?.version == Schema.version { return }
        guard let found else {
            throw StorageError(
                .refused,
                "there are no tables of this storage in \(location), and creating them is turned off "
                    + "(skipsMigrations): run the "
                    + "SQL that `acp storage schema` prints")
        }
        if let usableFrom = found.usableFrom, found.version > Schema.version, usableFrom <= Schema.version {
            logger.notice(
                "The tables belong to a newer version of this storage, whose processes they can be shared with",
                metadata: ["version": "\(found.version)", "supported": "\(Schema.version)"])
            return
        }
        let version = found.version
        if version > Schema.version {
            throw StorageError(
                .refused,
                "the tables in \(location) have version \(version), this storage supports version \(Schema.version): use "
                    + "a newer "
                    + "version of the storage, or another database")
        }
        throw StorageError(
            .refused,
            "the tables in \(location) have version \(version), this storage requires version \(Schema.version), and "
                + "migrating is "
                + "turned off (skipsMigrations): run the SQL that `acp storage schema` prints")
    }

    /// Executes a statement that changes nothing, whether there are tables or not.
    func readWithoutTables(_ action: String, _ sql: String) async throws(StorageError) -> ResultSet {
        try await run(action, [Statement(sql)], changes: false, isRepeatable: true)
    }

    /// Creates or migrates the tables. While others use them for long, it is tried again.
    private func migrate() async throws(StorageError) {
        while true {
            do throws(StorageError) {
                _ = try await run(
                    "Creating the tables", Schema.migration.map { Statement($0) }, changes: true, isRepeatable: true,
                    hasTimeLimit: false)
                return
            } catch {
                guard (error.cause as? PostgresError)?.isLockTimeout == true else { throw error }
                logger.warning(
                    "The tables cannot be migrated while others lock them, for example a backup; trying again")
                guard (try? await Task.sleep(for: .seconds(5))) != nil else { throw error }
            }
        }
    }

    /// Returns the version of the tables, and the oldest version of the storage that can use them if it is stored, or
    /// `nil` if there are no tables.
    func schemaVersion() async throws(StorageError) -> (version: Int, usableFrom: Int?)? {
        do throws(StorageError) {
            let rows = try await run(
                "Reading the version of the tables", [Statement(Schema.readVersion)], changes: false, isRepeatable: true
            )
            return (rows.first?.int(0) ?? 0, rows.first?.int(1))
        } catch {
            // The table does not exist.
            if (error.cause as? PostgresError)?.sqlState == "42P01" { return nil }
            throw error
        }
    }

    // MARK: End

    func close() async {
        await pool.close()
        loop.stop()
    }

    /// Closes the connections without waiting, for a storage that was not closed.
    func abandon() { loop.stop() }
}
