// SPDX-License-Identifier: Apache-2.0

public import ACPCore
public import ACPStorage

/// Stored sessions and their histories.
extension RunEngine {
    /// Returns what is stored of a session, and the number of entries in its history.
    ///
    /// - Parameter id: The session.
    /// - Throws: ``RunEngineError``: `unknownSession` if nothing is stored of it and none of its runs is active;
    ///   `storage`.
    public func session(_ id: SessionID) async throws -> (record: SessionRecord, historyCount: Int) {
        if id.isOfCompanions { throw RunEngineError.unknownSession(id) }
        return try await storing {
            async let stored = storage.session(id)
            async let history = storage.history(of: id, from: 0, limit: 0)
            let (record, count) = (try await stored, try await history.total)
            if record == nil, count == 0 {
                // A session exists as soon as its first run does, before anything is stored of it.
                let newest = try await contents.newestRunWithoutContents(in: id)
                guard let newest, !newest.status.isTerminal else { throw RunEngineError.unknownSession(id) }
            }
            return (record ?? SessionRecord(id: id), count)
        }
    }

    /// Returns one page of a session's history. It is empty for an unknown session.
    ///
    /// - Parameters:
    ///   - id: The session.
    ///   - offset: The index of the first entry.
    ///   - limit: The largest number of entries. If `nil`, all are returned.
    /// - Throws: ``RunEngineError``: `storage`.
    public func history(of id: SessionID, from offset: Int, limit: Int?) async throws -> StoragePage<HistoryEntry> {
        try await storing { try await storage.history(of: id, from: offset, limit: limit) }
    }

    /// Deletes a session: its state and its history. Its runs are kept.
    ///
    /// - Parameter id: The session.
    /// - Throws: ``RunEngineError``: `unknownSession`; `storage`.
    public func deleteSession(_ id: SessionID) async throws {
        try await storing {
            guard try await storage.deleteSession(id) else { throw RunEngineError.unknownSession(id) }
        }
    }
}
