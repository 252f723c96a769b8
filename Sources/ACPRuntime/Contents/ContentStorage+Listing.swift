// SPDX-License-Identifier: Apache-2.0

package import ACPCore
package import ACPStorage

/// A content that stands in a listing as a URL.
package struct ListedContent: Sendable, Hashable {
    package var run: RunID
    package var digest: ContentDigest
    /// How ``digest``'s content holds the bytes of its part.
    package var encoding: MessagePart.ContentEncoding
}

/// Lists that do not hold large contents.
extension ContentStorage {
    /// One page of runs, without their large contents.
    ///
    /// - Parameters:
    ///   - query: Which runs.
    ///   - url: What the `content_url` of a part becomes whose content is left out.
    package func listedRuns(_ query: RunQuery, url: (ListedContent) -> String) async throws -> Page<Run> {
        var page = try await base.runs(query)
        for index in page.items.indices where page.items[index].mayRefer {
            let run = page.items[index].id
            page.items[index].changeParts { part in
                part.list { url(ListedContent(run: run, digest: $0.digest, encoding: $1)) }
            }
        }
        return page
    }

    /// A content of a run as text. Returns `nil` if the run, or the content, is not there.
    package func content(_ digest: ContentDigest, of run: RunID) async throws -> String? {
        guard let stored = try await base.contents([ContentKey(.run(run), digest)]).first ?? nil else { return nil }
        return try FoundContents.text(stored, of: .run(run))
    }

    /// One page of a session's history, with references in the place of large contents: for those who want to know what there is,
    /// and not what was said.
    package func historyWithoutContents(
        of session: SessionID, from offset: Int, limit: Int
    ) async throws -> Page<HistoryEntry> {
        try await base.history(of: session, from: offset, limit: limit)
    }

    /// The newest run of a session, with references in the place of large contents.
    func newestRunWithoutContents(in session: SessionID) async throws -> Run? {
        try await base.runs(RunQuery(.session(session), limit: 1)).items.first
    }

    /// A run's record, with references in the place of large contents.
    func recordWithoutContents(of run: RunID) async throws -> RunRecord? { try await base.record(of: run) }
}

extension Storage {
    /// The events of a run from an index onward, until they have so many bytes. At least one, if there is one.
    func events(of run: RunID, from offset: Int, limit: Int, bytes: Int) async throws -> [EncodedEvent] {
        if let storage = self as? ContentStorage {
            return try await storage.wholeEvents(of: run, from: offset, limit: limit, bytes: bytes)
        }
        return try await events(of: run, from: offset, limit: limit).prefix(bytes: bytes) { $0.json.count }
    }

    /// One page of a session's history that ends when its entries have so many bytes. At least one entry, if there is one.
    func history(of session: SessionID, from offset: Int, limit: Int, bytes: Int) async throws -> Page<HistoryEntry> {
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
    /// Puts a URL in the place of a reference, and gives a URL of somebody's own back its form.
    fileprivate mutating func list(_ url: (ContentReference, ContentEncoding) -> String) {
        guard let stored else { return }
        if let own = stored.own { contentURL = own }
        guard let reference = stored.reference else { return }
        contentURL = url(reference, contentEncoding)
        // The URL leads to the bytes themselves.
        contentEncoding = .plain
    }

    /// About how many bytes the part's JSON has when its content has been put back.
    fileprivate var wholeSize: Int { storedSize + (stored?.reference?.size ?? 0) }

    /// About how many bytes the part's JSON has as it is stored.
    fileprivate var storedSize: Int {
        var size = 128 + (name?.utf8.count ?? 0) + contentType.utf8.count
        size += content?.utf8.count ?? contentURL?.utf8.count ?? 0
        if let metadata { size += (try? ACPJSON.encode(metadata).count) ?? 0 }
        if !extra.isEmpty { size += (try? ACPJSON.encode(extra).count) ?? 0 }
        return size
    }
}

extension HistoryEntry {
    /// About how many bytes the entry's JSON has when its contents have been put back.
    package var wholeSize: Int { size(of: \.wholeSize) }

    /// About how many bytes the entry's JSON has as it is stored.
    package var storedSize: Int { size(of: \.storedSize) }

    private func size(of part: (MessagePart) -> Int) -> Int {
        switch self {
        case .message(let message): message.parts.reduce(128) { $0 + part($1) }
        case .link(let url): 128 + url.utf8.count
        }
    }
}
