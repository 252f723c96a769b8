// SPDX-License-Identifier: Apache-2.0

import ACPCore
import ACPStorage
import GRDB

/// A deletion that also works when the disk is full.
struct Deletion<Result: Sendable>: Sendable {
    /// The operation, as the beginning of a sentence.
    let action: String
    /// Deletes everything. May be called twice, each time on the database without the effects of the other call.
    let whole: @Sendable (Database) throws -> Result
    /// Deletes a part, at most so many rows, and returns whether there were any. Called only where there is no space to
    /// delete everything in one transaction.
    var part: (@Sendable (_ db: Database, _ rows: Int) throws -> Bool)?
}

extension Deletion<Bool> {
    /// The number of remembered deletions that are forgotten with each new one.
    private static let forgottenAtOnce = 100

    /// Deletes a run. Returns whether it existed.
    ///
    /// - Parameters:
    ///   - run: The run.
    ///   - start: From when on the run is not created again, for ``RunCommit/deletionPeriod``. If `nil`, it may be.
    static func run(_ run: RunID, refusedFrom start: Timestamp?) -> Deletion {
        Deletion(action: "Deleting run \(run)") { db in
            try db.run("DELETE FROM acp_runs WHERE id = ?", [run.rawValue])
            guard db.changesCount > 0 else { return false }
            guard let start else { return true }
            try forgetDeletions(before: start, db)
            try db.run(
                "INSERT INTO acp_deleted_runs (id, until) VALUES (?, ?) ON CONFLICT DO UPDATE SET until = excluded.until",
                [run.rawValue, (start + RunCommit.deletionPeriod).microseconds])
            return true
        } part: { db, rows in
            try db.run(
                """
                DELETE FROM acp_events WHERE run = (SELECT key FROM acp_runs WHERE id = ?1) AND position > (
                    SELECT MAX(position) - ?2 FROM acp_events WHERE run = (SELECT key FROM acp_runs WHERE id = ?1))
                """, [run.rawValue, rows])
            return db.changesCount > 0
        }
    }

    /// Forgets some runs that may be created again. Returns whether there may be more.
    @discardableResult
    static func forgetDeletions(before time: Timestamp, _ db: Database) throws -> Bool {
        try db.run(
            """
            DELETE FROM acp_deleted_runs WHERE id IN (
                SELECT id FROM acp_deleted_runs WHERE until <= ? ORDER BY until LIMIT ?)
            """, [time.microseconds, forgottenAtOnce])
        return db.changesCount == forgottenAtOnce
    }

    /// Deletes a session. Returns whether it existed.
    static func session(_ session: SessionID) -> Deletion {
        Deletion(action: "Deleting session \(session)") { db in
            try db.run("DELETE FROM acp_sessions WHERE id = ?", [session.rawValue])
            return db.changesCount > 0
        } part: { db, rows in
            try db.run(
                """
                DELETE FROM acp_history WHERE session = (SELECT key FROM acp_sessions WHERE id = ?1) AND position > (
                    SELECT MAX(position) - ?2 FROM acp_history
                    WHERE session = (SELECT key FROM acp_sessions WHERE id = ?1))
                """, [session.rawValue, rows])
            return db.changesCount > 0
        }
    }
}

extension Deletion<Void> {
    /// Deletes everything.
    static var all: Deletion {
        Deletion(action: "Removing all") { db in
            for table in Schema.tables { try db.execute(sql: "DELETE FROM \(table)") }
        } part: { db, rows in
            // The large tables. The others follow at the end.
            for (table, key) in [("acp_events", "run, position"), ("acp_history", "session, position")] {
                try db.run(
                    """
                    DELETE FROM \(table) WHERE (\(key)) IN (SELECT \(key) FROM \(table) ORDER BY \(key) LIMIT ?)
                    """, [rows])
                if db.changesCount > 0 { return true }
            }
            return false
        }
    }
}

extension SQLiteDatabase {
    /// Executes a deletion, also when no space is left: on a full disk, and in a file that has reached its maximum
    /// size.
    func delete<Result: Sendable>(_ deletion: Deletion<Result>) async throws -> Result {
        do {
            let result = try await write(deletion.action, deletion.whole)
            await refillReserve()
            return result
        } catch let error as StorageError where error.code == .full {
            return try await deleteWithReserve(deletion)
        }
    }

    /// Fills the reserve if it was released and there is space for it now.
    func refillReserve() async {
        guard !reserve.isFilled else { return }
        // Executed where blocking is harmless.
        try? await onWriter("Filling the reserve", changes: false) { [reserve] _ in reserve.fill() }
    }

    /// Executes a deletion in the space of the reserve. Nothing else of this process is written meanwhile, so nothing
    /// else uses that space.
    func deleteWithReserve<Result: Sendable>(_ deletion: Deletion<Result>) async throws -> Result {
        try await onWriter(deletion.action, changes: true) { [self] db in try deleteWithReserve(deletion, db) }
    }

    private func deleteWithReserve<Result>(_ deletion: Deletion<Result>, _ db: Database) throws -> Result {
        reserve.release()
        defer { reserve.fill() }
        // Overwriting deleted data would take as much space in the log as there is to delete.
        let isSecure = try Int.fetchOne(db, sql: "PRAGMA secure_delete") ?? 0
        _ = try Int.fetchOne(db, sql: "PRAGMA secure_delete = 0")
        defer { _ = try? Int.fetchOne(db, sql: "PRAGMA secure_delete = \(isSecure)") }
        let pages = try Int.fetchOne(db, sql: "PRAGMA max_page_count") ?? 0
        if let maximumPages {
            _ = try Int.fetchOne(db, sql: "PRAGMA max_page_count = \(max(pages, maximumPages) + 256)")
        }
        defer { if let maximumPages { _ = try? Int.fetchOne(db, sql: "PRAGMA max_page_count = \(maximumPages)") } }

        emptyLog(db)
        if let part = deletion.part {
            while try inTransaction(db, { try part(db, reserve.rowsAtOnce) }) { emptyLog(db) }
        }
        let result = try inTransaction(db) { try deletion.whole(db) }
        emptyLog(db)
        // Free pages are returned to the file system as far as there is space for that, since pages are moved.
        var free = try Int.fetchOne(db, sql: "PRAGMA freelist_count") ?? 0
        while free > 0 {
            guard (try? db.execute(sql: "PRAGMA incremental_vacuum(\(reserve.rowsAtOnce / 4))")) != nil else { break }
            emptyLog(db)
            let left = try Int.fetchOne(db, sql: "PRAGMA freelist_count") ?? 0
            guard left < free else { break }
            free = left
        }
        return result
    }

    private func inTransaction<Result>(_ db: Database, _ body: () throws -> Result) throws -> Result {
        try db.beginTransaction(.immediate)
        do {
            let result = try body()
            try db.commit()
            return result
        } catch {
            if db.isInsideTransaction { try? db.rollback() }
            throw error
        }
    }

    /// Writes the log into the database, which frees the log's space, if the disk has enough space for the growth of
    /// the database. Writing a part of it would take space without freeing any.
    private func emptyLog(_ db: Database) {
        guard let pages = try? Int.fetchOne(db, sql: "PRAGMA page_count"),
            let pageSize = try? Int.fetchOne(db, sql: "PRAGMA page_size"),
            pages * pageSize - DatabasePath.size(path) <= DiskReserve.freeSpace(path)
        else { return }
        _ = try? Int.fetchOne(db, sql: "PRAGMA wal_checkpoint(TRUNCATE)")
    }
}
