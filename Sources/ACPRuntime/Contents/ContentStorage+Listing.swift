// SPDX-License-Identifier: Apache-2.0

package import ACPCore
package import ACPStorage

/// A content that a listing replaces by a URL.
package struct ListedContent: Sendable, Hashable {
    package var run: RunID
    package var digest: ContentDigest
    /// How the content encodes the bytes of its part.
    package var encoding: MessagePart.ContentEncoding
}

/// Lists without large contents.
extension ContentStorage {
    /// Returns one page of runs, without their large contents.
    ///
    /// - Parameters:
    ///   - query: Which runs to list.
    ///   - url: Returns the `content_url` of a part whose content is omitted.
    package func listedRuns(_ query: RunQuery, url: (ListedContent) -> String) async throws -> StoragePage<Run> {
        var page = try await base.runs(query)
        for index in page.items.indices where page.items[index].canContainReferences {
            let run = page.items[index].id
            page.items[index].changeParts { part in
                part.list { url(ListedContent(run: run, digest: $0.digest, encoding: $1)) }
            }
        }
        return page
    }

    /// Returns a content of a run as text, or `nil` if the run or the content is not stored.
    package func content(_ digest: ContentDigest, of run: RunID) async throws -> String? {
        guard let stored = try await base.contents([ContentKey(.run(run), digest)]).first ?? nil else { return nil }
        return try FoundContents.text(stored, of: .run(run))
    }

    /// Returns one page of a session's history, with references in place of large contents.
    package func historyWithoutContents(
        of session: SessionID, from offset: Int, limit: Int
    ) async throws -> StoragePage<HistoryEntry> {
        try await base.history(of: session, from: offset, limit: limit)
    }

    /// Returns the newest run of a session, with references in place of large contents.
    func newestRunWithoutContents(in session: SessionID) async throws -> Run? {
        try await base.runs(RunQuery(.session(session), limit: 1)).items.first
    }

    /// Returns a run's record, with references in place of large contents.
    func recordWithoutContents(of run: RunID) async throws -> RunRecord? { try await base.record(of: run) }
}

extension Storage {
    /// Returns the events of a run from an index onward, up to a number of bytes, but at least one event if there is
    /// one.
    func events(of run: RunID, from offset: Int, limit: Int, bytes: Int) async throws -> [EncodedEvent] {
        if let storage = self as? ContentStorage {
            return try await storage.wholeEvents(of: run, from: offset, limit: limit, bytes: bytes)
        }
        return try await events(of: run, from: offset, limit: limit).prefix(bytes: bytes) { $0.json.count }
    }

    /// Returns one page of a session's history, up to a number of bytes, but at least one entry if there is one.
    func history(of session: SessionID, from offset: Int, limit: Int, bytes: Int) async throws -> StoragePage<
        HistoryEntry
    > {
        if let storage = self as? ContentStorage {
            let page = try await storage.wholeHistory(of: session, from: offset, limit: limit, bytes: bytes)
            return try page.map { entry throws(StorageError) in
                try entry.decode("an entry of the history of session \(session)")
            }
        }
        var page = try await history(of: session, from: offset, limit: limit)
        page.items = page.items.prefix(bytes: bytes) { $0.wholeSize }
        return page
    }
}

extension MessagePart {
    /// Replaces a reference by a URL, and restores a caller's URL that was escaped.
    fileprivate mutating func list(_ url: (ContentReference, ContentEncoding) -> String) {
        guard let stored else { return }
        if let own = stored.own { contentURL = own }
        guard let reference = stored.reference else { return }
        contentURL = url(reference, contentEncoding)
        // The URL returns the bytes themselves.
        contentEncoding = .plain
    }

    /// The approximate number of bytes of the part's JSON when its content is restored.
    fileprivate var wholeSize: Int { storedSize + (stored?.reference?.size ?? 0) }

    /// The approximate number of bytes of the part's JSON as it is stored.
    fileprivate var storedSize: Int {
        var size = 128 + (name?.utf8.count ?? 0) + contentType.utf8.count
        size += content?.utf8.count ?? contentURL?.utf8.count ?? 0
        if let metadata { size += (try? ACPJSON.encode(metadata).count) ?? 0 }
        if !extra.isEmpty { size += (try? ACPJSON.encode(extra).count) ?? 0 }
        return size
    }
}

extension HistoryEntry {
    /// The approximate number of bytes of the entry's JSON when its contents are restored.
    package var wholeSize: Int { size(of: \.wholeSize) }

    /// The approximate number of bytes of the entry's JSON as it is stored.
    package var storedSize: Int { size(of: \.storedSize) }

    private func size(of part: (MessagePart) -> Int) -> Int {
        switch self {
        case .message(let message): message.parts.reduce(128) { $0 + part($1) }
        case .link(let url): 128 + url.utf8.count
        }
    }
}
