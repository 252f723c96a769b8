// SPDX-License-Identifier: Apache-2.0

import ACPCore

/// A session in a ``SessionTable``. Stays inside the lock around that, as a ``RunEntry`` does.
final class SessionEntry {
    let key: HashedKey<SessionID>
    var record: StoredSession?
    var history: [Encoded<HistoryEntry>] = []
    /// The keys of the blocks that the history consists of.
    var blocks: Set<String> = []
    var contents: [ContentDigest: [UInt8]] = [:]
    /// The session's number in the order of use.
    var place = 0
    /// How many bytes all of this takes.
    var cost = MemoryCost.entry

    init(_ key: HashedKey<SessionID>) { self.key = key }

    /// How many bytes more the session takes with a block.
    func growth(appending block: HistoryBlock) -> Int {
        guard !blocks.contains(block.key) else { return 0 }
        return MemoryCost.of(block)
            + block.contents.reduce(0) { $0 + (contents[$1.digest] == nil ? MemoryCost.of($1) : 0) }
    }

    func growth(saving session: StoredSession) -> Int {
        MemoryCost.of(session) - (record.map { MemoryCost.of($0) } ?? 0)
    }

    func append(_ block: HistoryBlock) {
        guard !blocks.contains(block.key) else { return }
        cost += growth(appending: block)
        blocks.insert(block.key)
        if history.isEmpty { history = block.entries } else { history.append(contentsOf: block.entries) }
        contents.add(block.contents)
    }
}

/// The sessions of a ``MemoryStorage``: no locks.
///
/// Not copyable, because copies would share their sessions.
struct SessionTable: ~Copyable {
    private let limit: Int
    private var entries: [HashedKey<SessionID>: SessionEntry] = [:]
    private var uses: UsageOrder<SessionEntry>
    private var removed: [SessionEntry] = []
    /// How many bytes the sessions take.
    private(set) var bytes = 0

    init(timeToLive: Duration, limit: Int) {
        self.limit = limit
        uses = UsageOrder(timeToLive: timeToLive)
    }

    subscript(id: SessionID) -> SessionEntry? { entries[HashedKey(id)] }

    mutating func save(
        _ session: StoredSession, expecting version: Int?, now: ContinuousClock.Instant
    ) throws(StorageError) -> Int {
        let found = try check(session.id, expecting: version)
        let key = HashedKey(session.id)
        let existing = entries[key]
        var saved = session
        saved.version = found + 1
        let entry = use(existing, key, now: now)
        add(entry.growth(saving: saved), to: entry)
        entry.record = saved
        return saved.version
    }

    /// - Returns: The version that a session has.
    @discardableResult
    func check(_ session: SessionID, expecting version: Int?) throws(StorageError) -> Int {
        let found = self[session]?.record?.version ?? 0
        if let version, version != found {
            throw .conflict(session, found: found, expected: version)
        }
        return found
    }

    mutating func append(_ blocks: [HistoryBlock], to session: SessionID, now: ContinuousClock.Instant) {
        let key = HashedKey(session)
        let existing = entries[key]
        // Nothing to append makes no session.
        guard !blocks.isEmpty || existing != nil else { return }
        let entry = use(existing, key, now: now)
        for block in blocks { append(block, to: entry) }
    }

    mutating func append(_ history: HistoryAppend, now: ContinuousClock.Instant) {
        let key = HashedKey(history.session)
        append(history.block, to: use(entries[key], key, now: now))
    }

    private mutating func append(_ block: HistoryBlock, to entry: SessionEntry) {
        let before = entry.cost
        entry.append(block)
        bytes += entry.cost - before
    }

    private mutating func add(_ cost: Int, to entry: SessionEntry) {
        entry.cost += cost
        bytes += cost
    }

    /// How many bytes more a session takes when blocks have been appended.
    func growth(appending blocks: [HistoryBlock], to session: SessionID) -> Int {
        guard !blocks.isEmpty else { return 0 }
        let entry = self[session] ?? SessionEntry(HashedKey(session))
        return (self[session] == nil ? MemoryCost.entry : 0)
            + blocks.reduce(0) { $0 + entry.growth(appending: $1) }
    }

    /// How many bytes more a session takes when a run has left its block.
    func growth(appending history: HistoryAppend) -> Int {
        if let entry = self[history.session] { return entry.growth(appending: history.block) }
        return MemoryCost.entry + history.block.contents.reduce(MemoryCost.of(history.block)) { $0 + MemoryCost.of($1) }
    }

    /// How many bytes more a session takes when it has been saved.
    func growth(saving session: StoredSession) -> Int {
        self[session.id].map { $0.growth(saving: session) } ?? MemoryCost.entry + MemoryCost.of(session)
    }

    /// How many bytes could be freed without touching a session.
    func freeableBytes(except session: SessionID?) -> Int {
        bytes - (session.flatMap { self[$0] }?.cost ?? 0)
    }

    /// The session that was used least recently, other than the given one, and until when it would be kept.
    func leastRecent(except session: SessionID?) -> (session: SessionID, deadline: ContinuousClock.Instant)? {
        for entry in uses.leastRecentPair where entry.key.id != session {
            return (entry.key.id, uses.deadline(at: entry.place))
        }
        return nil
    }

    /// Notes that a session is used now, and makes it if there is none yet.
    private mutating func use(
        _ existing: SessionEntry?, _ key: HashedKey<SessionID>, now: ContinuousClock.Instant
    ) -> SessionEntry {
        if let existing {
            uses.touch(existing.place, now: now)
            return existing
        }
        while entries.count >= limit, let oldest = uses.leastRecent { remove(oldest) }
        let entry = SessionEntry(key)
        entry.place = uses.insert(entry, now: now)
        entries[key] = entry
        bytes += entry.cost
        return entry
    }

    // MARK: Going away

    @discardableResult
    mutating func remove(_ id: SessionID) -> Bool {
        guard let entry = self[id] else { return false }
        remove(entry)
        return true
    }

    private mutating func remove(_ entry: SessionEntry) {
        entries[entry.key] = nil
        bytes -= entry.cost
        uses.remove(at: entry.place)
        removed.append(entry)
    }

    mutating func removeAll() {
        removed.append(contentsOf: entries.values)
        entries = [:]
        uses.removeAll()
        bytes = 0
    }

    mutating func removeExpired(now: ContinuousClock.Instant) {
        while let entry = uses.nextExpired(now: now) { remove(entry) }
    }

    /// Gives up the sessions that went away since this was called last, to be freed outside the lock.
    mutating func takeRemoved() -> [SessionEntry] {
        guard !removed.isEmpty else { return [] }
        defer { removed = [] }
        return removed
    }

    /// How much there is of each thing: for tests that nothing stays behind.
    var footprint: [String: Int] {
        [
            "sessions": entries.count, "used sessions": uses.count, "removed sessions": removed.count,
            "bytes of sessions": bytes,
        ]
    }
}
