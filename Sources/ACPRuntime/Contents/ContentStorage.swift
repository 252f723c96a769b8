// SPDX-License-Identifier: Apache-2.0

public import ACPCore
public import ACPStorage

/// A storage that keeps large contents once and refers to them, in front of one that keeps what it is given.
///
/// What an agent says stands in the event of the part, in that of the complete message, in that of the completed run, in
/// snapshots of the run, and in the history of its session. Through this storage, the content of a part that is larger than
/// ``limit`` goes to the storage behind it once for the run and once for the history; everything else refers to it. What is read
/// is put together again: callers see every part with its content, as it was written.
///
/// A ``RunEngine`` puts one of these in front of its storage. Make one to read what an engine wrote, past the engine:
///
/// ```swift
/// let runs = ContentStorage(try SQLiteStorage(path: "runs.sqlite"))
/// let history: [HistoryEntry] = try await runs.history(of: "s-1")
/// ```
///
/// What is stored by hand, with ``save(_:json:)`` and ``append(_:to:)-(EncodedEvent,_)``, keeps its contents where they are.
public final class ContentStorage: Storage {
    /// Where everything goes.
    public let base: any Storage
    /// Contents of more bytes than this are stored by themselves. Nil for none: then only what is referred to already is read.
    public let limit: Int?
    /// How much is read at once. A single content may be larger.
    let bytesAtOnce: Int
    private let sent = SentContents()

    /// - Parameters:
    ///   - base: Where everything goes.
    ///   - limit: Contents of more bytes than this are stored by themselves: at least 256. None unless said otherwise.
    public convenience init(_ base: any Storage, limit: Int? = nil) {
        self.init(base, limit: limit, bytesAtOnce: 4_194_304)
    }

    init(_ base: any Storage, limit: Int?, bytesAtOnce: Int) {
        self.base = base
        self.limit = limit.map { max(Self.smallestLimit, $0) }
        self.bytesAtOnce = bytesAtOnce
    }

    /// Below this a reference would not be much smaller than what it stands for.
    static let smallestLimit = 256

    /// Of how many runs it is noted what was sent: for tests.
    var sentRuns: Int { sent.count }

    public var capabilities: StorageCapabilities { base.capabilities }
    public var coordination: any Coordination { base.coordination }

    // MARK: Writing

    public func commit(_ commit: RunCommit) async throws {
        var found = Taken()
        guard let reduced = try reduced(commit, &found) else { return try await base.commit(commit) }
        let new = found.contents.filter { !sent.has($0.key, commit) }
        var sending = reduced
        sending.contents += new.map { StoredContent(digest: $0.key, bytes: $0.value) }
        do {
            try await base.commit(sending)
        } catch {
            // Whether they are there is not known: they come along once more.
            sent.forget(commit.run)
            throw error
        }
        sent.note(new.keys, commit)
    }

    public func save(_ run: Run, json: [UInt8]) async throws {
        try await base.save(run, json: ContentJSON.reduce(json, limit: nil) { _, _ in } ?? json)
    }

    public func append(_ event: EncodedEvent, to run: RunID) async throws {
        guard let reduced = ContentJSON.reduce(event.json, limit: nil, { _, _ in }) else {
            return try await base.append(event, to: run)
        }
        try await base.append(try EncodedEvent(json: reduced), to: run)
    }

    public func append(_ blocks: [HistoryBlock], to session: SessionID) async throws {
        try await base.append(blocks.map { reduced($0) ?? $0 }, to: session)
    }

    /// The contents that were taken out of documents.
    private struct Taken {
        var contents: [ContentDigest: [UInt8]] = [:]

        mutating func add(_ reference: ContentReference, _ bytes: ArraySlice<UInt8>) {
            if contents[reference.digest] == nil { contents[reference.digest] = Array(bytes) }
        }
    }

    /// The block with references in the place of large contents. Nil if there is nothing to change.
    private func reduced(_ block: HistoryBlock) -> HistoryBlock? {
        var reduced: HistoryBlock?
        var found = Taken()
        for (index, entry) in block.entries.enumerated() {
            guard let json = ContentJSON.reduce(entry.json, limit: limit, { found.add($0, $1) }) else { continue }
            if reduced == nil { reduced = block }
            reduced?.entries[index] = Encoded(json: json)
        }
        reduced?.contents += found.contents.map { StoredContent(digest: $0.key, bytes: $0.value) }
        return reduced
    }

    /// The commit with references in the place of large contents. Nil if there is nothing to change, as nearly always: then nothing
    /// was decoded, encoded or copied.
    ///
    /// - Parameter found: Gets the run's contents. Those of the history are in its block.
    private func reduced(_ commit: RunCommit, _ found: inout Taken) throws(ACPError) -> RunCommit? {
        var reduced: RunCommit?
        func reduce(_ json: [UInt8], _ found: inout Taken) -> [UInt8]? {
            guard let json = ContentJSON.reduce(json, limit: limit, { found.add($0, $1) }) else { return nil }
            if reduced == nil { reduced = commit }
            return json
        }
        for (index, event) in commit.events.enumerated() {
            if let json = reduce(event.json, &found) { reduced?.events[index] = try EncodedEvent(json: json) }
        }
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

    // MARK: Going away

    @discardableResult
    public func deleteRun(_ run: RunID) async throws -> Bool {
        sent.forget(run)
        return try await base.deleteRun(run)
    }

    @discardableResult
    public func deleteSession(_ session: SessionID) async throws -> Bool { try await base.deleteSession(session) }

    public func removeAll() async throws {
        sent.forgetAll()
        try await base.removeAll()
    }

    public func close() async throws { try await base.close() }

    // MARK: What has nothing to do with contents

    public func eventCount(of run: RunID) async throws -> Int { try await base.eventCount(of: run) }

    public func claim(_ run: RunID, for owner: RunOwner, from current: RunOwner?) async throws -> Bool {
        try await base.claim(run, for: owner, from: current)
    }

    public func runs(ownedBy process: ProcessID, limit: Int) async throws -> [RunID] {
        try await base.runs(ownedBy: process, limit: limit)
    }

    public func storedSession(_ id: SessionID) async throws -> StoredSession? { try await base.storedSession(id) }

    @discardableResult
    public func save(_ session: StoredSession, expecting version: Int?) async throws -> Int {
        try await base.save(session, expecting: version)
    }

    public func contents(_ keys: [ContentKey]) async throws -> [[UInt8]?] { try await base.contents(keys) }

    public func ping() async throws -> Duration { try await base.ping() }

    public func name(of document: StoredDocument) -> String { base.name(of: document) }
}
