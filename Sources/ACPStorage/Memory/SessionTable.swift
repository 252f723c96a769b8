// SPDX-License-Identifier: Apache-2.0

import ACPCore

/// The sessions of a ``MemoryStorage``: plain values, no locks.
struct SessionTable {
    struct Entry {
        var record: SessionRecord?
        var history: [HistoryEntry] = []
        var blocks: Set<String> = []
        var contents: [ContentDigest: [UInt8]] = [:]
    }

    private let limit: Int
    private var entries: [SessionID: Entry] = [:]
    private var expiry: ExpiryQueue<SessionID>
    private var uses = RecencyQueue<SessionID>()

    init(timeToLive: Duration, limit: Int) {
        self.limit = limit
        expiry = ExpiryQueue(timeToLive: timeToLive)
    }

    subscript(id: SessionID) -> Entry? { entries[id] }

    func content(_ digest: ContentDigest, of session: SessionID) -> [UInt8]? { entries[session]?.contents[digest] }

    mutating func save(
        _ session: SessionRecord, expecting version: Int?, now: ContinuousClock.Instant
    ) throws(StorageError) -> Int {
        let found = entries[session.id]?.record?.version ?? 0
        if let version, version != found {
            throw StorageError(
                .conflict, "session \(session.id) has version \(found) where \(version) was expected: read it again")
        }
        use(session.id, now: now)
        var saved = session
        saved.version = found + 1
        entries[session.id, default: Entry()].record = saved
        return saved.version
    }

    mutating func append(_ blocks: [HistoryBlock], to session: SessionID, now: ContinuousClock.Instant) {
        // Nothing to append makes no session.
        guard !blocks.isEmpty || entries[session] != nil else { return }
        use(session, now: now)
        for block in blocks {
            guard entries[session, default: Entry()].blocks.insert(block.key).inserted else { continue }
            entries[session]?.history.append(contentsOf: block.entries)
            for content in block.contents { entries[session]?.contents[content.digest] = content.bytes }
        }
    }

    mutating func remove(_ id: SessionID) -> Bool {
        expiry.remove(id)
        uses.remove(id)
        return entries.removeValue(forKey: id) != nil
    }

    mutating func removeExpired(now: ContinuousClock.Instant) {
        while let id = expiry.nextExpired(now: now) { _ = remove(id) }
    }

    /// How much there is of each thing: for tests that nothing stays behind.
    var footprint: [String: Int] {
        ["sessions": entries.count, "expiring sessions": expiry.count, "used sessions": uses.count]
    }

    private mutating func use(_ id: SessionID, now: ContinuousClock.Instant) {
        if entries[id] == nil {
            while entries.count >= limit, let oldest = uses.popLeastRecent() { _ = remove(oldest) }
        }
        expiry.touch(id, now: now)
        uses.touch(id)
    }
}
