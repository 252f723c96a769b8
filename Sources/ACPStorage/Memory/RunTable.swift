// SPDX-License-Identifier: Apache-2.0

import ACPCore

/// The runs of a ``MemoryStorage``, with their listings: no locks.
///
/// Not copyable, because copies would share their runs.
struct RunTable: ~Copyable {
    private let limit: Int
    private var entries: [HashedKey<RunID>: RunEntry] = [:]
    /// All runs. Hands out the places that stand in the chains below.
    private var uses: UsageOrder<RunEntry>
    /// Ended runs in the order in which they ended: who goes first when there is no room.
    private var ended = Chain()
    private var unfinished: [ProcessID: Chain] = [:]
    /// Of ``ended`` and ``unfinished``: no run stands in more than one of those.
    private var links = ChainLinks()
    private var listings = RunListings()
    /// Runs that went away and that others outside have to hear of.
    private var removed: [RunEntry] = []

    init(timeToLive: Duration, limit: Int) {
        self.limit = limit
        uses = UsageOrder(timeToLive: timeToLive)
    }

    subscript(id: RunID) -> RunEntry? { entries[HashedKey(id)] }

    // MARK: Writing

    /// - Returns: False if this is the repetition of a commit, and nothing was left to do.
    @discardableResult
    mutating func commit(_ commit: RunCommit, now: ContinuousClock.Instant) throws(StorageError) -> Bool {
        let key = HashedKey(commit.run)
        guard let entry = entries[key] else {
            try create(commit, key: key, now: now)
            return true
        }
        guard entry.owner == commit.owner else {
            throw commit.error(.fenced)
        }
        let found = entry.events.count
        if found == commit.expecting + commit.events.count, found != commit.expecting { return false }
        guard found == commit.expecting else {
            throw commit.error(.conflict(found: found))
        }
        try commit.checkSnapshot()
        entry.events.append(contentsOf: commit.events)
        entry.contents.add(commit.contents)
        if let snapshot = commit.snapshot {
            replaceSnapshot(of: entry, with: snapshot.run, coveredEvents: snapshot.eventCount)
        }
        uses.touch(entry.place, now: now)
        return true
    }

    private mutating func create(
        _ commit: RunCommit, key: HashedKey<RunID>, now: ContinuousClock.Instant
    ) throws(StorageError) {
        guard commit.expecting == 0, let snapshot = commit.snapshot else {
            throw commit.error(.notFound)
        }
        try commit.checkSnapshot()
        try makeRoom()
        insert(
            RunEntry(
                snapshot.run, key: key, coveredEvents: snapshot.eventCount, events: commit.events,
                input: commit.input, owner: commit.owner, contents: commit.contents),
            now: now)
    }

    mutating func save(_ run: Run, now: ContinuousClock.Instant) throws(StorageError) {
        let key = HashedKey(run.id)
        if let entry = entries[key] {
            replaceSnapshot(of: entry, with: run, coveredEvents: entry.events.count)
            uses.touch(entry.place, now: now)
        } else {
            try makeRoom()
            insert(RunEntry(run, key: key), now: now)
        }
    }

    mutating func append(_ event: EncodedEvent, to run: RunID, now: ContinuousClock.Instant) throws(StorageError) {
        guard let entry = self[run] else { throw .notSaved(run) }
        entry.events.append(event)
        uses.touch(entry.place, now: now)
    }

    mutating func claim(
        _ run: RunID, for owner: RunOwner, from current: RunOwner?, now: ContinuousClock.Instant
    ) -> Bool {
        guard let entry = self[run], entry.owner == current else { return false }
        if entry.snapshot.status.isTerminal {
            entry.owner = owner
        } else {
            leave(entry)
            entry.owner = owner
            enter(entry)
        }
        uses.touch(entry.place, now: now)
        return true
    }

    private mutating func insert(_ entry: RunEntry, now: ContinuousClock.Instant) {
        entry.place = uses.insert(entry, now: now)
        entries[entry.key] = entry
        listings.insert(entry)
        enter(entry)
    }

    private mutating func replaceSnapshot(of entry: RunEntry, with run: Run, coveredEvents: Int) {
        let timeDiffers = entry.snapshot.createdAt != run.createdAt
        let isListedElsewhere =
            timeDiffers || entry.snapshot.agentName != run.agentName || entry.snapshot.sessionID != run.sessionID
        let hasTurned = timeDiffers || entry.snapshot.status != run.status
        if isListedElsewhere { listings.remove(entry) }
        if hasTurned { leave(entry) }
        entry.snapshot = run
        entry.coveredEvents = coveredEvents
        if isListedElsewhere { listings.insert(entry) }
        if hasTurned { enter(entry) }
    }

    /// Notes a run's status: unfinished ones are listed by it, ended ones wait for their turn to make room.
    private mutating func enter(_ entry: RunEntry) {
        if entry.snapshot.status.isTerminal {
            links.append(entry.place, to: &ended)
            return
        }
        listings.insertByStatus(entry)
        if let process = entry.owner?.process {
            links.append(entry.place, to: &unfinished[process, default: Chain()])
        }
    }

    private mutating func leave(_ entry: RunEntry) {
        if entry.snapshot.status.isTerminal {
            links.remove(entry.place, from: &ended)
            return
        }
        listings.removeByStatus(entry)
        if let process = entry.owner?.process, let index = unfinished.index(forKey: process) {
            links.remove(entry.place, from: &unfinished.values[index])
            if unfinished.values[index].isEmpty { unfinished.remove(at: index) }
        }
    }

    // MARK: Reading

    func page(_ query: RunQuery) -> Page<RunRecord> {
        guard let listing = listings[query.filter] else { return Page(items: [], total: 0) }
        let runs = listing.newest(offset: query.offset, limit: query.limit)
        return Page(items: runs.map(\.record), total: listing.count)
    }

    func unfinished(ownedBy process: ProcessID, limit: Int) -> [RunID] {
        guard let chain = unfinished[process] else { return [] }
        return links.prefix(limit, of: chain).compactMap { uses[$0]?.id }
    }

    // MARK: Going away

    @discardableResult
    mutating func remove(_ id: RunID) -> Bool {
        guard let entry = self[id] else { return false }
        remove(entry)
        return true
    }

    private mutating func remove(_ entry: RunEntry) {
        entries[entry.key] = nil
        listings.remove(entry)
        leave(entry)
        uses.remove(at: entry.place)
        removed.append(entry)
    }

    mutating func removeAll() {
        removed.append(contentsOf: entries.values)
        entries = [:]
        uses.removeAll()
        ended = Chain()
        unfinished = [:]
        links = ChainLinks()
        listings = RunListings()
    }

    mutating func removeExpired(now: ContinuousClock.Instant) {
        while let entry = uses.nextExpired(now: now) { remove(entry) }
    }

    private mutating func makeRoom() throws(StorageError) {
        while entries.count >= limit {
            guard let oldest = ended.first.flatMap({ uses[$0] }) else {
                throw StorageError(
                    .full,
                    "the memory storage holds \(limit) unfinished runs and takes no more: raise its runLimit, "
                        + "or use another storage"
                )
            }
            remove(oldest)
        }
    }

    /// Gives up the runs that went away since this was called last, to be freed outside the lock.
    mutating func takeRemoved() -> [RunEntry] {
        guard !removed.isEmpty else { return [] }
        defer { removed = [] }
        return removed
    }

    /// How much there is of each thing: for tests that nothing stays behind.
    var footprint: [String: Int] {
        [
            "runs": entries.count, "expiring runs": uses.count, "ended runs": ended.count,
            "contents": entries.values.reduce(0) { $0 + $1.contents.count }, "listings": listings.count,
            "processes": unfinished.count, "removed runs": removed.count,
        ]
    }
}
