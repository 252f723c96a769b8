// SPDX-License-Identifier: Apache-2.0

package import ACPCore
package import ACPStorage

/// Lists within bounds, for servers.
extension RunEngine {
    /// One page of runs, newest first, without their large contents.
    ///
    /// - Parameters:
    ///   - query: Which runs.
    ///   - url: What the `content_url` of a part becomes whose content is left out.
    package func listedRuns(_ query: RunQuery, url: (ListedContent) -> String) async throws -> Page<Run> {
        try await storing { try await withCurrentStatus(try await contents.listedRuns(query, url: url)) }
    }

    /// A content that is left out of lists. Returns `nil` if there is none.
    package func content(_ digest: ContentDigest, of run: RunID) async throws -> String? {
        try await storing { try await contents.content(digest, of: run) }
    }

    /// The stored events of a run from an index onward, until they have so many bytes. At least one, if there is one.
    ///
    /// - Throws: ``RunEngineError``: `unknownRun` if there is no such run.
    package func events(
        of id: RunID, from offset: Int, limit: Int, bytes: Int
    ) async throws -> [EncodedEvent] {
        try await storing {
            let events = try await contents.events(of: id, from: offset, limit: limit, bytes: bytes)
            if events.isEmpty { try await requireStored(id) }
            return events
        }
    }

    /// How many events a run has.
    package func eventCount(of id: RunID) async throws -> Int {
        try await storing { try await storage.eventCount(of: id) }
    }

    /// One page of a session's history that ends when its entries have so many bytes. At least one entry, if there is one.
    package func history(
        of id: SessionID, from offset: Int, limit: Int, bytes: Int
    ) async throws -> Page<HistoryEntry> {
        try await storing { try await contents.history(of: id, from: offset, limit: limit, bytes: bytes) }
    }

    /// One page of a session's history, with something else in the place of large contents: for lists of URLs.
    package func historyWithoutContents(
        of id: SessionID, from offset: Int, limit: Int
    ) async throws -> Page<HistoryEntry> {
        try await storing { try await contents.historyWithoutContents(of: id, from: offset, limit: limit) }
    }

    /// Checks that a run is stored, without reading what it has said.
    ///
    /// - Throws: ``RunEngineError``: `unknownRun` if it is not.
    func requireStored(_ id: RunID) async throws {
        if try await storage.eventCount(of: id) > 0 { return }
        // It may have been saved by hand, without events.
        guard try await contents.recordWithoutContents(of: id) != nil else { throw RunEngineError.unknownRun(id) }
    }
}
