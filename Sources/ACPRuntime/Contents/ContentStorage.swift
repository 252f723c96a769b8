// SPDX-License-Identifier: Apache-2.0

package import ACPCore
package import ACPStorage

/// A storage that keeps large contents once and refers to them, in front of another storage.
///
/// Output of an agent is part of several documents: the event of the part, that of the complete message, that of the
/// completed run, snapshots of the run, and the history of its session. Through this storage, the content of a part
/// that is larger than ``limit`` is stored once for the run and once for the history; the documents refer to it.
/// Reading restores it: callers get every part with its content, as it was written.
///
/// A ``RunEngine`` puts one of these in front of its storage. Create one to read what an engine has written without the
/// engine:
///
/// ```swift
/// let runs = ContentStorage(try SQLiteStorage(path: "runs.sqlite"))
/// let history: [HistoryEntry] = try await runs.history(of: "s-1")
/// ```
///
/// Documents that are stored directly, with ``save(_:json:)`` and ``append(_:to:)-(EncodedEvent,_)``, keep their
/// contents.
package final class ContentStorage: Storage {
    /// The storage behind this one.
    package let base: any Storage
    /// Contents of more bytes than this are stored separately. If `nil`, none are, and existing references are still
    /// read.
    package let limit: Int?
    /// The largest number of bytes of contents that are read at once. A single content may be larger.
    let bytesAtOnce: Int
    private let sent = SentContents()

    /// Creates a storage in front of another one.
    ///
    /// - Parameters:
    ///   - base: The storage behind this one.
    ///   - limit: Contents of more bytes than this are stored separately, at least 256. Defaults to `nil`, which means
    ///     none.
    package convenience init(_ base: any Storage, limit: Int? = nil) {
        self.init(base, limit: limit, bytesAtOnce: 4_194_304)
    }

    init(_ base: any Storage, limit: Int?, bytesAtOnce: Int) {
        self.base = base
        self.limit = limit.map { max(Self.smallestLimit, $0) }
        self.bytesAtOnce = bytesAtOnce
    }

    /// Below this size, a reference would not be much smaller than its content.
    static let smallestLimit = 256

    /// The number of runs whose sent contents are recorded, for tests.
    var sentRuns: Int { sent.count }

    package var capabilities: StorageCapabilities { base.capabilities }
    package var coordination: any Coordination { base.coordination }

    // MARK: Writing

    package func commit(_ commit: RunCommit) async throws {
        var found = ExtractedContents()
        guard let reduced = try reduced(commit, &found) else { return try await base.commit(commit) }
        let new = found.contents.filter { !sent.has($0.key, commit) }
        var sending = reduced
        sending.contents += new.map { StoredContent(digest: $0.key, bytes: $0.value) }
        do {
            try await base.commit(sending)
        } catch {
            // Whether they are stored is unknown: they are sent again.
            sent.forget(commit.run)
            throw error
        }
        sent.note(new.keys, commit)
    }

    package func save(_ run: Run, json: [UInt8]) async throws {
        try await base.save(run, json: ContentJSON.reduce(json, limit: nil) { _, _ in } ?? json)
    }

    package func append(_ event: EncodedEvent, to run: RunID) async throws {
        guard let reduced = ContentJSON.reduce(event.json, limit: nil, { _, _ in }) else {
            return try await base.append(event, to: run)
        }
        try await base.append(try EncodedEvent(json: reduced), to: run)
    }

    package func append(_ blocks: [HistoryBlock], to session: SessionID) async throws {
        try await base.append(blocks.map { reduced($0) ?? $0 }, to: session)
    }

    /// The contents that were replaced in documents.
    private struct ExtractedContents {
        var contents: [ContentDigest: [UInt8]] = [:]

        mutating func add(_ reference: ContentReference, _ bytes: ArraySlice<UInt8>) {
            if contents[reference.digest] == nil { contents[reference.digest] = Array(bytes) }
        }
    }

    /// Returns the block with references in place of large contents, or `nil` if nothing is to be changed.
    private func reduced(_ block: HistoryBlock) -> HistoryBlock? {
        var reduced: HistoryBlock?
        var found = ExtractedContents()
        for (index, entry) in block.entries.enumerated() {
            guard let json = ContentJSON.reduce(entry.json, limit: limit, { found.add($0, $1) }) else { continue }
            if reduced == nil { reduced = block }
            reduced?.entries[index] = Encoded(json: json)
        }
        reduced?.contents += found.contents.map { StoredContent(digest: $0.key, bytes: $0.value) }
        return reduced
    }

    /// Returns the commit with references in place of large contents, or `nil` if nothing is to be changed, as nearly
    /// always: then nothing was decoded, encoded or copied.
    ///
    /// - Parameter found: Receives the run's contents. Those of the history are in its block.
    private func reduced(_ commit: RunCommit, _ found: inout ExtractedContents) throws(ACPError) -> RunCommit? {
        var reduced: RunCommit?
        func reduce(_ json: [UInt8], _ found: inout ExtractedContents) -> [UInt8]? {
            guard let json = ContentJSON.reduce(json, limit: limit, { found.add($0, $1) }) else { return nil }
            if reduced == nil { reduced = commit }
            return json
        }
        var events: [EncodedEvent]?
        for (index, event) in commit.events.enumerated() {
            guard let json = reduce(event.json, &found) else { continue }
            if events == nil { events = commit.events }
            events?[index] = try EncodedEvent(json: json)
        }
        if let events { reduced?.events = events }
        if let snapshot = commit.snapshot, let json = reduce(snapshot.json, &found) {
            reduced?.snapshot?.json = json
        }
        if let input = commit.input, let json = reduce(input.json, &found) { reduced?.input = Encoded(json: json) }
        if let history = commit.history, let block = self.reduced(history.block) {
            if reduced == nil { reduced = commit }
            reduced?.history?.block = block
        }
        return reduced
    }

    // MARK: Deleting

    @discardableResult
    package func deleteRun(_ run: RunID, forGood: Bool) async throws -> Bool {
        sent.forget(run)
        return try await base.deleteRun(run, forGood: forGood)
    }

    @discardableResult
    package func deleteSession(_ session: SessionID) async throws -> Bool { try await base.deleteSession(session) }

    package func removeAll() async throws {
        sent.forgetAll()
        try await base.removeAll()
    }

    package func close() async throws { try await base.close() }

    // MARK: Forwarded without changes

    package func eventCount(of run: RunID) async throws -> Int { try await base.eventCount(of: run) }

    package func claim(_ run: RunID, for owner: RunOwner, from current: RunOwner?) async throws -> Bool {
        try await base.claim(run, for: owner, from: current)
    }

    package func runs(ownedBy process: ProcessID, limit: Int) async throws -> [RunID] {
        try await base.runs(ownedBy: process, limit: limit)
    }

    package func storedSession(_ id: SessionID) async throws -> StoredSession? { try await base.storedSession(id) }

    @discardableResult
    package func save(_ session: StoredSession, expecting version: Int?) async throws -> Int {
        try await base.save(session, expecting: version)
    }

    package func contents(_ keys: [ContentKey]) async throws -> [[UInt8]?] { try await base.contents(keys) }

    package func ping() async throws -> Duration { try await base.ping() }

    package func name(of document: StoredDocument) -> String { base.name(of: document) }
}
