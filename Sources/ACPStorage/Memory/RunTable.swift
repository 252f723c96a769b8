// SPDX-License-Identifier: Apache-2.0

import ACPCore

/// The runs of a ``MemoryStorage``, with their listings: plain values, no locks.
struct RunTable {
    struct Entry {
        var snapshot: Run
        var coveredEvents: Int
        var events: [EncodedEvent] = []
        var input: [Message]?
        var owner: RunOwner?
        var contents: [ContentDigest: [UInt8]] = [:]

        var record: RunRecord {
            RunRecord(
                snapshot: snapshot, coveredEvents: coveredEvents, laterEvents: Array(events[coveredEvents...]),
                owner: owner)
        }
    }

    private let limit: Int
    private var entries: [RunID: Entry] = [:]
    private var expiry: ExpiryQueue<RunID>
    /// Ended runs in the order in which they ended: who goes first when there is no room.
    private var ended = RecencyQueue<RunID>()
    /// Every run stands in three or four of these.
    private var listings: [RunQuery.Filter: RunListing] = [:]
    private var unfinished: [ProcessID: Set<RunID>] = [:]
    /// Runs that went away and that others outside have to hear of.
    private var removed: [RunID] = []

    init(timeToLive: Duration, limit: Int) {
        self.limit = limit
        expiry = ExpiryQueue(timeToLive: timeToLive)
    }

    subscript(id: RunID) -> Entry? { entries[id] }

    func content(_ digest: ContentDigest, of run: RunID) -> [UInt8]? { entries[run]?.contents[digest] }

    // MARK: Writing

    mutating func commit(_ commit: RunCommit, now: ContinuousClock.Instant) throws(StorageError) {
        // Only what is needed is read out: a copy of the entry would share its events, and appending would copy them
        // all.
        guard let found = entries[commit.run]?.events.count else { return try create(commit, now: now) }
        guard entries[commit.run]?.owner == commit.owner else {
            throw StorageError(.fenced, "run \(commit.run) belongs to another owner by now")
        }
        if found == commit.expecting + commit.events.count, found != commit.expecting { return }
        guard found == commit.expecting else {
            throw StorageError(
                .conflict, "run \(commit.run) has \(found) events where \(commit.expecting) were expected")
        }
        try checkSnapshot(of: commit)
        entries[commit.run]?.events.append(contentsOf: commit.events)
        for content in commit.contents { entries[commit.run]?.contents[content.digest] = content.bytes }
        if let snapshot = commit.snapshot {
            replaceSnapshot(with: snapshot.run, coveredEvents: snapshot.eventCount)
        }
        expiry.touch(commit.run, now: now)
    }

    private mutating func create(_ commit: RunCommit, now: ContinuousClock.Instant) throws(StorageError) {
        guard commit.expecting == 0, let snapshot = commit.snapshot else {
            throw StorageError(.notFound, "run \(commit.run) is not stored (any more): it expired or was deleted")
        }
        try checkSnapshot(of: commit)
        try makeRoom()
        entries[commit.run] = Entry(
            snapshot: snapshot.run, coveredEvents: snapshot.eventCount, events: commit.events,
            input: commit.input, owner: commit.owner, contents: .init(commit.contents))
        list(snapshot.run)
        enter(snapshot.run, owner: commit.owner)
        expiry.touch(commit.run, now: now)
    }

    private func checkSnapshot(of commit: RunCommit) throws(StorageError) {
        let total = commit.expecting + commit.events.count
        if let covered = commit.snapshot?.eventCount, !(0...total).contains(covered) {
            throw StorageError(
                .conflict, "a snapshot of run \(commit.run) covers \(covered) events where there are \(total)")
        }
    }

    mutating func save(_ run: Run, now: ContinuousClock.Instant) throws(StorageError) {
        if let entry = entries[run.id] {
            replaceSnapshot(with: run, coveredEvents: entry.events.count)
        } else {
            try makeRoom()
            entries[run.id] = Entry(snapshot: run, coveredEvents: 0)
            list(run)
            enter(run, owner: nil)
        }
        expiry.touch(run.id, now: now)
    }

    mutating func append(_ event: EncodedEvent, to run: RunID, now: ContinuousClock.Instant) throws(StorageError) {
        guard entries[run] != nil else { throw StorageError(.notFound, "run \(run) is not stored: save it first") }
        entries[run]?.events.append(event)
        expiry.touch(run, now: now)
    }

    mutating func claim(
        _ run: RunID, for owner: RunOwner, from current: RunOwner?, now: ContinuousClock.Instant
    ) -> Bool {
        guard let entry = entries[run], entry.owner == current else { return false }
        entries[run]?.owner = owner
        if !entry.snapshot.status.isTerminal {
            leave(entry.snapshot, owner: current)
            enter(entry.snapshot, owner: owner)
        }
        expiry.touch(run, now: now)
        return true
    }

    private mutating func replaceSnapshot(with run: Run, coveredEvents: Int) {
        guard let entry = entries[run.id] else { return }
        let old = entry.snapshot
        if old.agentName != run.agentName || old.sessionID != run.sessionID || old.createdAt != run.createdAt {
            unlist(old)
            list(run)
        }
        if old.status != run.status || old.createdAt != run.createdAt {
            leave(old, owner: entry.owner)
            enter(run, owner: entry.owner)
        }
        entries[run.id]?.snapshot = run
        entries[run.id]?.coveredEvents = coveredEvents
    }

    // MARK: Listings

    private func filters(for run: Run) -> [RunQuery.Filter] {
        [.all, .agent(run.agentName)] + (run.sessionID.map { [.session($0)] } ?? [])
    }

    private mutating func list(_ run: Run) {
        for filter in filters(for: run) { listings[filter, default: RunListing()].insert(run) }
    }

    private mutating func unlist(_ run: Run) {
        for filter in filters(for: run) { remove(run, from: filter) }
    }

    /// Notes a run's status: unfinished ones are listed by it, ended ones wait for their turn to make room.
    private mutating func enter(_ run: Run, owner: RunOwner?) {
        if run.status.isTerminal {
            ended.touch(run.id)
        } else {
            listings[.unfinished(run.status), default: RunListing()].insert(run)
            if let owner { unfinished[owner.process, default: []].insert(run.id) }
        }
    }

    private mutating func leave(_ run: Run, owner: RunOwner?) {
        if run.status.isTerminal {
            ended.remove(run.id)
            return
        }
        remove(run, from: .unfinished(run.status))
        if let process = owner?.process {
            unfinished[process]?.remove(run.id)
            if unfinished[process]?.isEmpty == true { unfinished[process] = nil }
        }
    }

    private mutating func remove(_ run: Run, from filter: RunQuery.Filter) {
        listings[filter]?.remove(run)
        if listings[filter]?.isEmpty == true { listings[filter] = nil }
    }

    func page(_ query: RunQuery) -> Page<RunRecord> {
        guard let listing = listings[query.filter] else { return Page(items: [], total: 0) }
        let records = listing.newest(offset: query.offset, limit: query.limit).compactMap { entries[$0]?.record }
        return Page(items: records, total: listing.count)
    }

    func unfinished(ownedBy process: ProcessID, limit: Int) -> [RunID] {
        Array((unfinished[process] ?? []).prefix(max(0, limit)))
    }

    // MARK: Going away

    @discardableResult
    mutating func remove(_ id: RunID) -> Bool {
        guard let entry = entries.removeValue(forKey: id) else { return false }
        unlist(entry.snapshot)
        leave(entry.snapshot, owner: entry.owner)
        expiry.remove(id)
        removed.append(id)
        return true
    }

    mutating func removeAll() {
        for id in Array(entries.keys) { remove(id) }
    }

    mutating func removeExpired(now: ContinuousClock.Instant) {
        while let id = expiry.nextExpired(now: now) { remove(id) }
    }

    private mutating func makeRoom() throws(StorageError) {
        while entries.count >= limit {
            guard let oldest = ended.popLeastRecent() else {
                throw StorageError(
                    .full,
                    "the memory storage holds \(limit) unfinished runs and takes no more: raise its runLimit, "
                        + "or use another storage"
                )
            }
            remove(oldest)
        }
    }

    /// How much there is of each thing: for tests that nothing stays behind.
    var footprint: [String: Int] {
        [
            "runs": entries.count, "expiring runs": expiry.count, "ended runs": ended.count,
            "contents": entries.values.reduce(0) { $0 + $1.contents.count }, "listings": listings.count,
            "processes": unfinished.count, "removed runs": removed.count,
        ]
    }

    mutating func takeRemoved() -> [RunID] {
        guard !removed.isEmpty else { return [] }
        defer { removed = [] }
        return removed
    }
}
