// SPDX-License-Identifier: Apache-2.0

import ACPCore
import ACPStorage
import Foundation
import GRDB

/// Writes sessions and their histories on one connection, within the caller's transaction.
struct SessionTable {
    /// The version of a session, which is 0 if it was never saved, and its principal.
    static let findSQL = """
        SELECT IFNULL(version, 0), principal FROM acp_sessions LEFT JOIN acp_session_records ON session = key WHERE id = ?
        """
    static let keySQL = "SELECT key FROM acp_sessions WHERE id = ?"

    let db: Database
    let now: Timestamp

    init(_ db: Database, now: Timestamp) {
        self.db = db
        self.now = now
    }

    /// Appends blocks to a session's history, in order, each once.
    func append(_ blocks: [HistoryBlock], to session: SessionID) throws {
        if blocks.isEmpty {
            // Appending nothing does not create a session.
            try db.run("UPDATE acp_sessions SET used_at = ? WHERE id = ?", [now.microseconds, session.rawValue])
            return
        }
        let key = try use(session)
        var position = try Self.historyCount(key, db)
        for block in blocks {
            try db.run(
                "INSERT OR IGNORE INTO acp_history_blocks (session, key) VALUES (?, \(textParameter))",
                [key, block.key.stored])
            guard db.changesCount > 0 else { continue }
            for entry in block.entries {
                try db.run(
                    "INSERT INTO acp_history (session, position, entry) VALUES (?, ?, CAST(? AS TEXT))",
                    [key, position, Data(entry.json)])
                position += 1
            }
            try db.store(block.contents, ofSession: key)
        }
    }

    static func historyCount(_ key: Int64, _ db: Database) throws -> Int {
        try Int.fetchOne(
            db.cachedStatement(sql: "SELECT MAX(position) + 1 FROM acp_history WHERE session = ?"), arguments: [key])
            ?? 0
    }

    /// Records the use of a session, and creates it if it does not exist.
    ///
    /// - Returns: The key of the session.
    func use(_ session: SessionID) throws -> Int64 {
        try db.run(
            "INSERT INTO acp_sessions (id, used_at) VALUES (?, ?) ON CONFLICT (id) DO UPDATE SET used_at = "
                + "excluded.used_at",
            [session.rawValue, now.microseconds])
        let key = try Int64.fetchOne(db.cachedStatement(sql: Self.keySQL), arguments: [session.rawValue])
        guard let key else {
            throw StorageError(.corruptData, "session \(session) was not found after it was stored")
        }
        return key
    }
}
