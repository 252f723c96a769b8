// SPDX-License-Identifier: Apache-2.0

package import ACPCore
package import ACPStorage

/// Lists that are bounded in bytes, for servers.
extension RunEngine {
    /// Returns one page of runs, newest first, without their large contents.
    ///
    /// - Parameters:
    ///   - query: Which runs to list.
    ///   - url: Returns the `content_url` of a part whose content is omitted.
    package func listedRuns(_ query: RunQuery, url: (ListedContent) -> String) async throws -> StoragePage<Run> {
        try await storing {
            try await withCurrentStatus(
                try await withoutCompanions(query) { try await contents.listedRuns($0, url: url) })
        }
    }

    /// Returns a content that lists omit, or `nil` if it is not stored.
    package func content(_ digest: ContentDigest, of run: RunID) async throws -> String? {
        try await storing { try await contents.content(digest, of: run) }
    }

    /// Returns the stored events of a run from an index onward, up to a number of bytes, but at least one event if
    /// there is one.
    ///
    /// - Throws: ``RunEngineError``: `unknownRun` if there is no such run.
    package func events(
        of id: RunID, from offset: Int, limit: Int, bytes: Int
    ) async throws -> [EncodedEvent] {
        try requireVisible(id)
        return try await storing {
            let events = try await contents.events(of: id, from: offset, limit: limit, bytes: bytes)
            if events.isEmpty { try await requireStored(id) }
            return events
        }
    }

    /// Returns the number of events of a run.
    package func eventCount(of id: RunID) async throws -> Int {
        try requireVisible(id)
        return try await storing { try await storage.eventCount(of: id) }
    }

    /// Returns one page of a session's history, up to a number of bytes, but at least one entry if there is one.
    package func history(
        of id: SessionID, from offset: Int, limit: Int, bytes: Int
    ) async throws -> StoragePage<HistoryEntry> {
        try await storing { try await contents.history(of: id, from: offset, limit: limit, bytes: bytes) }
    }

    /// Returns one page of a session's history with references in place of large contents, for lists of URLs.
    package func historyWithoutContents(
        of id: SessionID, from offset: Int, limit: Int
    ) async throws -> StoragePage<HistoryEntry> {
        try await storing { try await contents.historyWithoutContents(of: id, from: offset, limit: limit) }
    }

    /// Checks that a run is stored, without reading its output.
    ///
    /// - Throws: ``RunEngineError``: `unknownRun` if it is not.
    func requireStored(_ id: RunID) async throws {
        if try await storage.eventCount(of: id) > 0 { return }
        // It may have been saved directly, without events.
        guard try await contents.recordWithoutContents(of: id) != nil else { throw RunEngineError.unknownRun(id) }
    }
}
