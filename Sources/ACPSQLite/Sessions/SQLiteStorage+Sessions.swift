// SPDX-License-Identifier: Apache-2.0

public import ACPCore
public import ACPStorage
import Foundation
import GRDB

extension SQLiteStorage {
    /// Returns the latest saved state of a session, or `nil` if it was never saved.
    public func storedSession(_ id: SessionID) async throws -> StoredSession? {
        try await database.read("Reading session \(id)") { db in
            let rows = try db.rows(
                """
                SELECT version, metadata, state_content_type, state, principal
                FROM acp_sessions JOIN acp_session_records ON session = key WHERE id = ?
                """, [id.rawValue])
            return try rows.next().map { row in
                let state = try row.text(2).map { type in SessionState(bytes: try row.bytes(3), contentType: type) }
                return StoredSession(
                    id: id, state: state, metadata: Encoded(json: try row.bytes(1)), version: row[0],
                    principal: try row.text(4).map { text throws(StorageError) in
                        // Without its principal, the session would be nobody's.
                        guard let principal = PrincipalID(rawValue: text) else {
                            throw StorageError(.corruptData, "the principal of session \(id) is not valid")
                        }
                        return principal
                    })
            }
        }
    }

    /// Saves a session's state and metadata if it has the expected version, and returns its new version. If no version
    /// is given, any is accepted.
    @discardableResult
    public func save(_ session: StoredSession, expecting version: Int?) async throws -> Int {
        try await database.write("Saving session \(session.id)") { [now] db in
            let known = try Row.fetchOne(
                db.cachedStatement(sql: SessionTable.findSQL), arguments: [session.id.rawValue])
            let found: Int = known?[0] ?? 0
            let principal = try known?.text(1).flatMap(PrincipalID.init(rawValue:))
            if let version, version != found {
                throw StorageError.conflict(session.id, found: found, expected: version)
            }
            let key = try SessionTable(db, now: now()).use(session.id)
            try db.run(
                """
                INSERT OR REPLACE INTO acp_session_records (session, version, metadata, state_content_type, state)
                VALUES (
                    ?1, ?2, CAST(?3 AS TEXT), CASE ?4 WHEN 1 THEN IFNULL(CAST(?5 AS TEXT), '') END,
                    CASE ?4 WHEN 1 THEN IFNULL(?6, x'') END)
                """,
                [
                    key, found + 1, Data(session.metadata.json), session.state == nil ? 0 : 1,
                    session.state?.contentType.stored,
                    session.state.map { Data($0.bytes) },
                ])
            if principal != session.principal {
                try db.run("UPDATE acp_sessions SET principal = ? WHERE key = ?", [session.principal?.rawValue, key])
            }
            return found + 1
        }
    }

    /// Appends blocks to a session's history, in order, each once.
    public func append(_ blocks: [HistoryBlock], to session: SessionID) async throws {
        try await database.write("Appending to the history of session \(session)") { [now] db in
            try SessionTable(db, now: now()).append(blocks, to: session)
        }
    }

    /// Returns one page of a session's history, oldest first, and the number of all entries.
    public func storedHistory(
        of session: SessionID, from offset: Int, limit: Int?
    ) async throws -> StoragePage<Encoded<HistoryEntry>> {
        let offset = max(0, offset)
        return try await database.read("Reading the history of session \(session)") { db in
            guard
                let key = try Int64.fetchOne(
                    db.cachedStatement(sql: SessionTable.keySQL), arguments: [session.rawValue])
            else { return StoragePage(items: [], total: 0) }
            let rows = try db.rows(
                "SELECT entry FROM acp_history WHERE session = ? AND position >= ? ORDER BY position LIMIT ?",
                [key, offset, limit.map { max(0, $0) } ?? -1])
            var entries: [Encoded<HistoryEntry>] = []
            while let row = try rows.next() { entries.append(Encoded(json: try row.bytes(0))) }
            return StoragePage(items: entries, total: try SessionTable.historyCount(key, db))
        }
    }

    /// Deletes a session with its history, and returns whether it existed. Its runs remain.
    @discardableResult
    public func deleteSession(_ session: SessionID) async throws -> Bool {
        try await database.delete(.session(session))
    }
}
