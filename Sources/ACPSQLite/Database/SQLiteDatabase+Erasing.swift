// SPDX-License-Identifier: Apache-2.0

import ACPCore
import ACPStorage
import GRDB

/// Something that is deleted.
struct Erasure<Result: Sendable>: Sendable {
    /// What is being done, as the beginning of a sentence.
    let action: String
    /// Deletes it. May be called twice, each time on the database without the effects of the other.
    let whole: @Sendable (Database) throws -> Result
    /// Deletes a part of it, at most so many rows, and returns whether there was any. Called only where there is no room to delete
    /// all of it in one transaction.
    var part: (@Sendable (_ db: Database, _ rows: Int) throws -> Bool)?
}

extension Erasure<Bool> {
    /// A run. Returns whether there was one.
    static func run(_ run: RunID) -> Erasure {
        Erasure(action: "Deleting run \(run)") { db in
            try db.run("DELETE FROM acp_runs WHERE id = ?", [run.rawValue])
            return db.changesCount > 0
        } part: { db, rows in
            try db.run(
                """
                DELETE FROM acp_events WHERE run = (SELECT key FROM acp_runs WHERE id = ?1) AND position > (
                    SELECT MAX(position) - ?2 FROM acp_events WHERE run = (SELECT key FROM acp_runs WHERE id = ?1))
                """, [run.rawValue, rows])
            return db.changesCount > 0
        }
    }

    /// A session. Returns whether there was one.
    static func session(_ session: SessionID) -> Erasure {
        Erasure(action: "Deleting session \(session)") { db in
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

extension Erasure<Void> {
    /// Everything.
    static var all: Erasure {
        Erasure(action: "Removing all") { db in
            for table in Schema.tables { try db.execute(sql: "DELETE FROM \(table)") }
        } part: { db, rows in
            // What may be large. The rest goes with it at the end.
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
    /// Deletes something, also where there is no room left for anything: on a full disk, and in a file that has reached its largest
    /// size.
    func erase<Result: Sendable>(_ erasure: Erasure<Result>) async throws -> Result {
        do {
            let result = try await write(erasure.action, erasure.whole)
            await refillReserve()
            return result
        } catch let error as StorageError where error.code == .full {
            return try await eraseWithReserve(erasure)
        }
    }

    /// Fills the reserve if it was given up and there is room for it now.
    func refillReserve() async {
        guard !reserve.isFilled else { return }
        // Written where blocking does no harm.
        try? await onWriter("Filling the reserve", changes: false) { [reserve] _ in reserve.fill() }
    }

    /// Deletes something in the room that the reserve keeps. Nothing else is written meanwhile: the room is not taken by others of
    /// this process.
    func eraseWithReserve<Result: Sendable>(_ erasure: Erasure<Result>) async throws -> Result {
        try await onWriter(erasure.action, changes: true) { [self] db in try eraseWithReserve(erasure, db) }
    }

    private func eraseWithReserve<Result>(_ erasure: Erasure<Result>, _ db: Database) throws -> Result {
        reserve.release()
        defer { reserve.fill() }
        // Overwriting what is deleted would take as much room in the log as there is to delete.
        let isSecure = try Int.fetchOne(db, sql: "PRAGMA secure_delete") ?? 0
        _ = try Int.fetchOne(db, sql: "PRAGMA secure_delete = 0")
        defer { _ = try? Int.fetchOne(db, sql: "PRAGMA secure_delete = \(isSecure)") }
        let pages = try Int.fetchOne(db, sql: "PRAGMA max_page_count") ?? 0
        if let maximumPages {
            _ = try Int.fetchOne(db, sql: "PRAGMA max_page_count = \(max(pages, maximumPages) + 256)")
        }
        defer { if let maximumPages { _ = try? Int.fetchOne(db, sql: "PRAGMA max_page_count = \(maximumPages)") } }

        emptyLog(db)
        if let part = erasure.part {
            while try inTransaction(db, { try part(db, reserve.rowsAtOnce) }) { emptyLog(db) }
        }
        let result = try inTransaction(db) { try erasure.whole(db) }
        emptyLog(db)
        // What is free is given back as far as there is room for that: it moves pages.
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

    /// Writes the log into the database, which frees the room that it takes, if the database can grow by as much as that needs. Half
    /// of it would take the room and give none.
    private func emptyLog(_ db: Database) {
        guard let pages = try? Int.fetchOne(db, sql: "PRAGMA page_count"),
            let pageSize = try? Int.fetchOne(db, sql: "PRAGMA page_size"),
            pages * pageSize - DatabasePath.size(path) <= DiskReserve.freeSpace(path)
        else { return }
        _ = try? Int.fetchOne(db, sql: "PRAGMA wal_checkpoint(TRUNCATE)")
    }
}
