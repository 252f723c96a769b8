// SPDX-License-Identifier: Apache-2.0

public import ACPCore
public import ACPStorage

extension JournalStorage {
    public func storedSession(_ id: SessionID) async throws -> StoredSession? {
        try await journal.read { $0.sessions[id]?.stored }
    }

    @discardableResult
    public func save(_ session: StoredSession, expecting version: Int?) async throws -> Int {
        try await journal.write { contents, changes in
            let found = contents.sessions[session.id]?.stored?.version ?? 0
            if let version, version != found {
                throw StorageError.conflict(session.id, found: found, expected: version)
            }
            changes = [Change(session, version: found + 1)]
            return found + 1
        }
    }

    public func append(_ blocks: [HistoryBlock], to session: SessionID) async throws {
        try await journal.write { contents, changes in
            let known = contents.sessions[session]?.blocks ?? []
            changes = blocks.filter { !known.contains($0.key) }
                .map { Change($0, of: session) }
        }
    }

    public func storedHistory(
        of session: SessionID, from offset: Int, limit: Int?
    ) async throws -> StoragePage<Encoded<HistoryEntry>> {
        try await journal.read { contents in
            let history = contents.sessions[session]?.history ?? []
            return StoragePage(items: history.page(from: offset, limit: limit), total: history.count)
        }
    }

    /// Contents are stored with their run or their session, and so are deleted with it.
    public func contents(_ keys: [ContentKey]) async throws -> [[UInt8]?] {
        try await journal.read { contents in
            keys.map { key in
                switch key.owner {
                case .run(let run): contents.runs[run]?.contents[key.digest].map { Array($0) }
                case .session(let session): contents.sessions[session]?.contents[key.digest].map { Array($0) }
                }
            }
        }
    }

    @discardableResult
    public func deleteSession(_ session: SessionID) async throws -> Bool {
        try await journal.write { contents, changes in
            guard contents.sessions[session] != nil else { return false }
            changes = [.sessionDeleted(session)]
            return true
        }
    }
}
