// SPDX-License-Identifier: Apache-2.0

public import ACPCore
public import ACPStorage

/// Sessions: what is stored of them, and their history.
extension RunEngine {
    /// What is stored of a session, and how long its history is.
    ///
    /// - Throws: ``RunEngineError``: `unknownSession` if nothing is stored of it and no run of it is going on.
    public func session(_ id: SessionID) async throws -> (record: SessionRecord, historyCount: Int) {
        try await storing {
            async let stored = storage.session(id)
            async let history = storage.history(of: id, from: 0, limit: 0)
            let (record, count) = (try await stored, try await history.total)
            if record == nil, count == 0 {
                // A session exists from the moment that its first run does, before anything is stored in it.
                let newest = try await contents.newestRunWithoutContents(in: id)
                guard let newest, !newest.status.isTerminal else { throw RunEngineError.unknownSession(id) }
            }
            return (record ?? SessionRecord(id: id), count)
        }
    }

    /// One page of a session's history.
    public func history(of id: SessionID, from offset: Int, limit: Int?) async throws -> Page<HistoryEntry> {
        try await storing { try await storage.history(of: id, from: offset, limit: limit) }
    }

    /// Deletes a session: its state and its history. Its runs stay.
    ///
    /// - Throws: ``RunEngineError``: `unknownSession`.
    public func deleteSession(_ id: SessionID) async throws {
        try await storing {
            guard try await storage.deleteSession(id) else { throw RunEngineError.unknownSession(id) }
        }
    }
}
