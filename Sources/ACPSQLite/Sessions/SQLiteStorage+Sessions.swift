// SPDX-License-Identifier: Apache-2.0

public import ACPCore
public import ACPStorage
import Foundation
import GRDB

extension SQLiteStorage {
    private static let keySQL = "SELECT key FROM acp_sessions WHERE id = ?"

    /// A session as it was saved last.
    public func session(_ id: SessionID) async throws -> SessionRecord? {
        try await database.read("Reading session \(id)") { db in
            let rows = try db.rows(
                """
                SELECT version, metadata, state_content_type, state
                FROM acp_sessions JOIN acp_session_records ON session = key WHERE id = ?
                """, [id.rawValue])
            return try rows.next().map { row in
                let metadata: JSONObject = try decodeStored(try row.bytes(1), "the metadata of session \(id)")
                let state = try row.text(2).map { type in SessionState(bytes: try row.bytes(3), contentType: type) }
                return SessionRecord(id: id, state: state, metadata: metadata, version: row[0])
            }
        }
    }

    /// Saves a session's state and metadata, on condition if a version is given.
    @discardableResult
    public func save(_ session: SessionRecord, expecting version: Int?) async throws -> Int {
        let metadata = try encodeStored(session.metadata, "the metadata of session \(session.id)")
        return try await database.write("Saving session \(session.id)") { [now] db in
            let known = try Int64.fetchOne(db.cachedStatement(sql: Self.keySQL), arguments: [session.id.rawValue])
            let found =
                try known.flatMap { key in
                    try Int.fetchOne(
                        db.cachedStatement(sql: "SELECT version FROM acp_session_records WHERE session = ?"),
                        arguments: [key])
                } ?? 0
            if let version, version != found {
                throw StorageError(
                    .conflict,
                    "session \(session.id) has version \(found) where \(version) was expected: read it again")
            }
            let key = try Self.use(session.id, at: now(), db)
            try db.run(
                """
                INSERT OR REPLACE INTO acp_session_records (session, version, metadata, state_content_type, state)
                VALUES (
                    ?1, ?2, CAST(?3 AS TEXT), CASE ?4 WHEN 1 THEN IFNULL(CAST(?5 AS TEXT), '') END,
                    CASE ?4 WHEN 1 THEN IFNULL(?6, x'') END)
                """,
                [
                    key, found + 1, metadata, session.state == nil ? 0 : 1, session.state?.contentType.stored,
                    session.state.map { Data($0.bytes) },
                ])
            return found + 1
        }
    }

    /// Appends blocks to a session's history, in order, each once.
    public func append(_ blocks: [HistoryBlock], to session: SessionID) async throws {
        let encoded = try blocks.map { block in
            (
                key: block.key,
                entries: try block.entries.map { try encodeStored($0, "the history of session \(session)") },
                contents: block.contents
            )
        }
        try await database.write("Appending to the history of session \(session)") { [now] db in
            if encoded.isEmpty {
                // Nothing to append makes no session.
                try db.run("UPDATE acp_sessions SET used_at = ? WHERE id = ?", [now().microseconds, session.rawValue])
                return
            }
            let key = try Self.use(session, at: now(), db)
            var position = try Self.historyCount(key, db)
            for block in encoded {
                try db.run(
                    "INSERT OR IGNORE INTO acp_history_blocks (session, key) VALUES (?, \(textParameter))",
                    [key, block.key.stored])
                guard db.changesCount > 0 else { continue }
                for entry in block.entries {
                    try db.run(
                        "INSERT INTO acp_history (session, position, entry) VALUES (?, ?, CAST(? AS TEXT))",
                        [key, position, entry])
                    position += 1
                }
                try db.store(block.contents, ofSession: key)
            }
        }
    }

    /// One page of a session's history, oldest first, and how many entries there are in all.
    public func history(of session: SessionID, from offset: Int, limit: Int?) async throws -> Page<HistoryEntry> {
        let offset = max(0, offset)
        return try await database.read("Reading the history of session \(session)") { db in
            guard let key = try Int64.fetchOne(db.cachedStatement(sql: Self.keySQL), arguments: [session.rawValue])
            else { return Page(items: [], total: 0) }
            let rows = try db.rows(
                "SELECT entry FROM acp_history WHERE session = ? AND position >= ? ORDER BY position LIMIT ?",
                [key, offset, limit.map { max(0, $0) } ?? -1])
            var entries: [HistoryEntry] = []
            while let row = try rows.next() {
                entries.append(
                    try decodeStored(
                        try row.bytes(0), "entry \(offset + entries.count) of the history of session \(session)"))
            }
            return Page(items: entries, total: try Self.historyCount(key, db))
        }
    }

    /// Deletes a session with its history. Its runs stay.
    @discardableResult
    public func delete(_ session: SessionID) async throws -> Bool {
        try await database.write("Deleting session \(session)") { db in
            try db.run("DELETE FROM acp_sessions WHERE id = ?", [session.rawValue])
            return db.changesCount > 0
        }
    }

    private static func historyCount(_ key: Int64, _ db: Database) throws -> Int {
        try Int.fetchOne(
            db.cachedStatement(sql: "SELECT MAX(position) + 1 FROM acp_history WHERE session = ?"), arguments: [key])
            ?? 0
    }

    /// Notes that a session is used, and makes it if it is not there.
    ///
    /// - Returns: Its key.
    private static func use(_ session: SessionID, at time: Timestamp, _ db: Database) throws -> Int64 {
        try db.run(
            "INSERT INTO acp_sessions (id, used_at) VALUES (?, ?) ON CONFLICT (id) DO UPDATE SET used_at = excluded.used_at",
            [session.rawValue, time.microseconds])
        guard let key = try Int64.fetchOne(db.cachedStatement(sql: keySQL), arguments: [session.rawValue]) else {
            throw StorageError(.corruptData, "session \(session) is not there after it was stored")
        }
        return key
    }
}
