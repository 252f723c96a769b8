// SPDX-License-Identifier: Apache-2.0

import ACPCore
import ACPStorage
import GRDB
import Logging
import Synchronization

/// Deletes runs and sessions whose time to live has passed, in small steps.
struct Retention: Sendable {
    /// The maximum number of runs, sessions and events that one step deletes. A run is deleted whole, however many
    /// events it has.
    private static let rowLimit = 100
    private static let eventLimit = 2_000
    /// The number of free pages that one step returns to the file system.
    private static let pageLimit = 500

    let database: SQLiteDatabase
    let coordination: SQLiteCoordination
    let age: Duration
    let now: @Sendable () -> Timestamp

    /// Executes one step.
    ///
    /// - Returns: Whether there may be more to do.
    func step() async throws -> Bool {
        let limit = (now() + (Duration.zero - age)).microseconds
        let runs = try await database.delete(
            Deletion(action: "Deleting old runs") { db in try Self.deleteRuns(endedBy: limit, db) })
        for run in runs { coordination.runDidChange(run) }
        let oldSessions = Deletion(action: "Deleting old sessions") { db in
            try db.run(
                """
                DELETE FROM acp_sessions WHERE key IN (
                    SELECT key FROM acp_sessions AS old WHERE used_at <= ?
                    AND NOT EXISTS (SELECT 1 FROM acp_runs WHERE session_id = old.id) ORDER BY used_at LIMIT ?)
                """, [limit, Self.rowLimit])
            return db.changesCount
        }
        let sessions = try await database.delete(oldSessions)
        let time = now()
        let mayForgetMore = try await database.delete(
            Deletion(action: "Forgetting deleted runs") { db in try Deletion.forgetDeletions(before: time, db) })
        if !runs.isEmpty || sessions > 0 {
            try await database.maintain("Freeing pages") { db in
                try db.execute(sql: "PRAGMA incremental_vacuum(\(Self.pageLimit))")
            }
        }
        return !runs.isEmpty || sessions == Self.rowLimit || mayForgetMore
    }

    private static func deleteRuns(endedBy limit: Int64, _ db: Database) throws -> [RunID] {
        let table = RunTable(db)
        var old: [(key: Int64, id: RunID)] = []
        let rows = try db.rows(
            "SELECT key, id FROM acp_runs WHERE ended_at <= ? ORDER BY ended_at LIMIT ?", [limit, rowLimit])
        var events = 0
        while let row = try rows.next(), events < eventLimit {
            old.append((row[0], try runID(row[1])))
            events += try table.eventCount(row[0])
        }
        for run in old { try db.run("DELETE FROM acp_runs WHERE key = ?", [run.key]) }
        return old.map(\.id)
    }
}

/// Runs a ``Retention`` periodically in the background.
final class RetentionLoop: Sendable {
    /// The pause between two steps, so that commits can be executed in between.
    private static let pause = Duration.milliseconds(50)

    private let retention: Retention
    private let logger: Logger
    private let task = Mutex<Task<Void, Never>?>(nil)

    init(_ retention: Retention, logger: Logger) {
        self.retention = retention
        self.logger = logger
    }

    func start() {
        task.withLock { task in
            guard task == nil else { return }
            // Unstructured: the storage has no task of its own. `stop()` cancels this one, and `end()` also waits for
            // it.
            task = Task { [retention, logger] in
                while !Task.isCancelled {
                    var pause = max(.seconds(1), min(retention.age / 10, .seconds(600)))
                    do {
                        if try await retention.step() { pause = Self.pause }
                    } catch let error as StorageError where error.code == .closed {
                        return
                    } catch {
                        logger.warning("Old runs were not deleted", metadata: ["error": "\(error)"])
                    }
                    try? await Task.sleep(for: pause)
                }
            }
        }
    }

    func stop() { task.withLock { $0?.cancel() } }

    func end() async {
        stop()
        await task.withLock { $0 }?.value
    }
}
