// SPDX-License-Identifier: Apache-2.0

import ACPCore

/// A session in a ``SessionTable``. Stays inside the lock around that, as a ``RunEntry`` does.
final class SessionEntry {
    let key: HashedKey<SessionID>
    var record: SessionRecord?
    var history: [HistoryEntry] = []
    /// The keys of the blocks that the history consists of.
    var blocks: Set<String> = []
    var contents: [ContentDigest: [UInt8]] = [:]
    /// The session's number in the order of use.
    var place = 0

    init(_ key: HashedKey<SessionID>) { self.key = key }

    func append(_ block: HistoryBlock) {
        guard blocks.insert(block.key).inserted else { return }
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

    init(timeToLive: Duration, limit: Int) {
        self.limit = limit
        uses = UsageOrder(timeToLive: timeToLive)
    }

    subscript(id: SessionID) -> SessionEntry? { entries[HashedKey(id)] }

    mutating func save(
        _ session: SessionRecord, expecting version: Int?, now: ContinuousClock.Instant
    ) throws(StorageError) -> Int {
        let key = HashedKey(session.id)
        let existing = entries[key]
        let found = existing?.record?.version ?? 0
        if let version, version != found {
            throw StorageError(
                .conflict, "session \(session.id) has version \(found) where \(version) was expected: read it again")
        }
        var saved = session
        saved.version = found + 1
        use(existing, key, now: now).record = saved
        return saved.version
    }

    mutating func append(_ blocks: [HistoryBlock], to session: SessionID, now: ContinuousClock.Instant) {
        let key = HashedKey(session)
        let existing = entries[key]
        // Nothing to append makes no session.
        guard !blocks.isEmpty || existing != nil else { return }
        let entry = use(existing, key, now: now)
        for block in blocks { entry.append(block) }
    }

    mutating func append(_ history: HistoryAppend, now: ContinuousClock.Instant) {
        let key = HashedKey(history.session)
        use(entries[key], key, now: now).append(history.block)
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
        uses.remove(at: entry.place)
        removed.append(entry)
    }

    mutating func removeAll() {
        removed.append(contentsOf: entries.values)
        entries = [:]
        uses.removeAll()
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
        ["sessions": entries.count, "used sessions": uses.count, "removed sessions": removed.count]
    }
}
