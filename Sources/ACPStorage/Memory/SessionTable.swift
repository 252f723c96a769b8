// SPDX-License-Identifier: Apache-2.0

import ACPCore

/// A session in a ``SessionTable``. It does not leave the lock around the table, like a ``RunEntry``.
final class SessionEntry {
    let key: HashedKey<SessionID>
    var record: StoredSession?
    var history: [Encoded<HistoryEntry>] = []
    /// The keys of the blocks in the history.
    var blocks: Set<String> = []
    var contents: [ContentDigest: [UInt8]] = [:]
    /// The session's slot in the order of use.
    var slot = 0
    /// The estimated number of bytes of the whole entry.
    var cost = MemoryCost.entry

    init(_ key: HashedKey<SessionID>) { self.key = key }

    /// Returns the number of bytes by which the session grows when a block is appended.
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

/// The sessions of a ``MemoryStorage``, without locks.
///
/// Not copyable, because copies would share their sessions.
struct SessionTable: ~Copyable {
    private let limit: Int
    private var entries: [HashedKey<SessionID>: SessionEntry] = [:]
    private var uses: LRUList<SessionEntry>
    private var removed: [SessionEntry] = []
    /// The estimated number of bytes of all sessions.
    private(set) var bytes = 0

    init(timeToLive: Duration, limit: Int) {
        self.limit = limit
        uses = LRUList(timeToLive: timeToLive)
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

    /// Checks the version of a session.
    ///
    /// - Returns: The version of the stored session.
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
        // Appending no blocks does not create a session.
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

    /// Returns the number of bytes by which a session grows when blocks are appended.
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

    /// Returns the number of bytes by which a session grows when it is saved.
    func growth(saving session: StoredSession) -> Int {
        self[session.id].map { $0.growth(saving: session) } ?? MemoryCost.entry + MemoryCost.of(session)
    }

    /// Returns the number of bytes of all sessions except the given one.
    func freeableBytes(except session: SessionID?) -> Int {
        bytes - (session.flatMap { self[$0] }?.cost ?? 0)
    }

    /// Returns the least recently used session, except the given one, and when it expires.
    func leastRecent(except session: SessionID?) -> (session: SessionID, deadline: ContinuousClock.Instant)? {
        for entry in uses.leastRecentPair where entry.key.id != session {
            return (entry.key.id, uses.deadline(at: entry.slot))
        }
        return nil
    }

    /// Makes a session the most recently used one, and creates it if necessary.
    private mutating func use(
        _ existing: SessionEntry?, _ key: HashedKey<SessionID>, now: ContinuousClock.Instant
    ) -> SessionEntry {
        if let existing {
            uses.touch(existing.slot, now: now)
            return existing
        }
        while entries.count >= limit, let oldest = uses.leastRecent { remove(oldest) }
        let entry = SessionEntry(key)
        entry.slot = uses.insert(entry, now: now)
        entries[key] = entry
        bytes += entry.cost
        return entry
    }

    // MARK: Removing

    @discardableResult
    mutating func remove(_ id: SessionID) -> Bool {
        guard let entry = self[id] else { return false }
        remove(entry)
        return true
    }

    private mutating func remove(_ entry: SessionEntry) {
        entries[entry.key] = nil
        bytes -= entry.cost
        uses.remove(at: entry.slot)
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

    /// Returns the sessions that were removed since the last call, so that they are freed outside the lock.
    mutating func takeRemoved() -> [SessionEntry] {
        guard !removed.isEmpty else { return [] }
        defer { removed = [] }
        return removed
    }

    /// The number of objects of each kind, for tests that nothing is left behind.
    var footprint: [String: Int] {
        [
            "sessions": entries.count, "used sessions": uses.count, "removed sessions": removed.count,
            "bytes of sessions": bytes,
        ]
    }
}
