// SPDX-License-Identifier: Apache-2.0

public import ACPCore
public import ACPStorage

extension PostgresStorage {
    /// Returns the latest saved state of a session, or `nil` if it was never saved.
    public func storedSession(_ id: SessionID) async throws -> StoredSession? {
        let rows = try await database.read(
            "Reading session \(id)",
            """
            SELECT version, metadata, state_content_type, state, principal FROM acp_sessions
            WHERE id = $1::text AND version IS NOT NULL
            """, [.text(id.rawValue)])
        return try rows.first.map { row throws(StorageError) in
            let state = row.anyText(2).map { SessionState(bytes: row.bytes(3) ?? [], contentType: $0) }
            return StoredSession(
                id: id, state: state, metadata: Encoded(json: row.bytes(1) ?? []), version: row.int(0) ?? 0,
                principal: try row.text(4).map { text throws(StorageError) in
                    // Without its principal, the session would be nobody's.
                    guard let principal = PrincipalID(rawValue: text) else {
                        throw StorageError(.corruptData, "the principal of session \(id) is not valid")
                    }
                    return principal
                })
        }
    }

    /// Saves a session's state and metadata if it has the expected version, and returns its new version. If no version
    /// is given, any is accepted.
    @discardableResult
    public func save(_ session: StoredSession, expecting version: Int?) async throws -> Int {
        let rows = try await database.write(
            "Saving session \(session.id)", isRepeatable: false,
            """
            SELECT is_saved, new_version
            FROM acp_write_session($1::text, $2::bigint, $3::bytea, $4::text, $5::bytea, $6::text)
            """,
            [
                .text(session.id.rawValue), .int(version), .bytes(session.metadata.json),
                .anyText(session.state?.contentType),
                .bytes(session.state?.bytes), .text(session.principal?.rawValue),
            ])
        let found = rows.first?.int(1) ?? 0
        guard rows.first?.bool(0) == true else {
            throw StorageError.conflict(session.id, found: found, expected: version ?? 0)
        }
        return found
    }

    /// Appends blocks to a session's history, in order, each once.
    public func append(_ blocks: [HistoryBlock], to session: SessionID) async throws {
        let append = Self.append(blocks, to: session, parametersFrom: 1)
        _ = try await database.write(
            "Appending to the history of session \(session)", isRepeatable: true, "SELECT \(append.call)",
            append.parameters)
    }

    /// Returns the call that appends blocks, for a statement whose parameters up to that number are used otherwise.
    static func append(
        _ blocks: [HistoryBlock], to session: SessionID, parametersFrom first: Int
    ) -> (call: String, parameters: [Parameter]) {
        let contents = blocks.flatMap(\.contents)
        var function = "acp_append_history"
        var types = ["text", "text[]", "bigint[]", "bytea[]"]
        var parameters: [Parameter] = [
            .text(session.rawValue), .textArray(blocks.map(\.key)), .intArray(blocks.map(\.entries.count)),
            .byteArrays(blocks.flatMap { $0.entries.map(\.json) }),
        ]
        if !contents.isEmpty {
            function += "_with_contents"
            types += ["text[]", "bytea[]"]
            parameters += contents.parameters
        }
        let placeholders = zip(first..., types).map { "$\($0)::\($1)" }
        return ("\(function)(\(placeholders.joined(separator: ", ")))", parameters)
    }

    /// Returns one page of a session's history, oldest first, and the number of all entries, from one moment.
    public func storedHistory(
        of session: SessionID, from offset: Int, limit: Int?
    ) async throws -> StoragePage<Encoded<HistoryEntry>> {
        let offset = max(0, offset)
        let rows = try await database.read(
            "Reading the history of session \(session)",
            """
            SELECT s.history_count, h.entry FROM acp_sessions AS s LEFT JOIN LATERAL (
                SELECT position, entry FROM acp_history WHERE session = s.key AND position >= $2::bigint
                ORDER BY position LIMIT $3::bigint
            ) AS h ON true WHERE s.id = $1::text ORDER BY h.position
            """, [.text(session.rawValue), .int(offset), .int(limit.map { max(0, $0) })])
        let entries = rows.rows.compactMap { $0.bytes(1).map { Encoded<HistoryEntry>(json: $0) } }
        return StoragePage(items: entries, total: rows.first?.int(0) ?? 0)
    }

    /// Deletes a session with its history, and returns whether it existed. Its runs remain.
    @discardableResult
    public func deleteSession(_ session: SessionID) async throws -> Bool {
        let rows = try await database.write(
            "Deleting session \(session)", isRepeatable: false,
            "DELETE FROM acp_sessions WHERE id = $1::text RETURNING key", [.text(session.rawValue)])
        return rows.count > 0
    }
}
