// SPDX-License-Identifier: Apache-2.0

import ACPCore

/// The runs of a ``MemoryStorage`` with their listings, without locks.
///
/// Not copyable, because copies would share their runs.
struct RunTable: ~Copyable {
    private let limit: Int
    private var entries: [HashedKey<RunID>: RunEntry] = [:]
    /// All runs in the order of their last use. It assigns the slots for the lists below.
    private var uses: LRUList<RunEntry>
    /// Ended runs in the order in which they ended, which is the order of eviction.
    private var ended = LinkedList()
    private var unfinished: [ProcessID: LinkedList] = [:]
    /// The links of ``ended`` and ``unfinished``: each run is in at most one of these lists.
    private var links = LinkedListLinks()
    private var listings = RunListings()
    private var deletedForGood = DeletedRuns()
    /// Runs that were removed and whose watchers are still to be notified.
    private var removed: [RunEntry] = []
    /// The estimated number of bytes of all runs.
    private(set) var bytes = 0
    /// The part of ``bytes`` for runs that have ended.
    private(set) var endedBytes = 0

    init(timeToLive: Duration, limit: Int) {
        self.limit = limit
        uses = LRUList(timeToLive: timeToLive)
    }

    subscript(id: RunID) -> RunEntry? { entries[HashedKey(id)] }

    // MARK: Writing

    /// A commit that is allowed, prepared to be applied.
    struct Step {
        fileprivate enum Kind {
            case create(RunEntry)
            case append(to: RunEntry)
        }

        fileprivate let kind: Kind
        /// The number of bytes by which the run grows. Negative if it shrinks.
        let growth: Int
        fileprivate let snapshotCost: Int?
        fileprivate let contents: [StoredContent]

        fileprivate init(
            _ kind: Kind, growth: Int, snapshotCost: Int? = nil, contents: [StoredContent] = []
        ) {
            self.kind = kind
            self.growth = growth
            self.snapshotCost = snapshotCost
            self.contents = contents
        }

        var isCreation: Bool { if case .create = kind { true } else { false } }
    }

    /// Applies a commit.
    ///
    /// - Returns: Whether the commit was applied: `false` if it is a repetition, so that nothing remained to be done.
    @discardableResult
    mutating func commit(_ commit: RunCommit, now: ContinuousClock.Instant) throws(StorageError) -> Bool {
        guard let step = try step(for: commit, now: now) else { return false }
        if step.isCreation { try makeRoomForRun() }
        apply(step, of: commit, now: now)
        return true
    }

    /// Checks whether a commit is allowed, without changing anything.
    ///
    /// - Parameters:
    ///   - commit: The commit.
    ///   - now: The time.
    ///   - hasSignal: Returns whether a signal with a key is stored for the run.
    /// - Returns: The prepared commit, or `nil` if it is a repetition, so that nothing remains to be done.
    func step(
        for commit: RunCommit, now: ContinuousClock.Instant, hasSignal: (_ key: String) -> Bool = { _ in false }
    ) throws(StorageError) -> Step? {
        let key = HashedKey(commit.run)
        let existing = entries[key]
        let outcome = commit.outcome(
            for: existing.map { StoredRunState(owner: $0.owner, eventCount: $0.events.count) },
            isDeleted: deletedForGood.contains(commit.run, now: now), hasSignal: hasSignal)
        guard try commit.shouldApply(outcome) else { return nil }
        guard let entry = existing else {
            // A commit that creates a run always has a snapshot.
            guard let snapshot = commit.snapshot else { return nil }
            let entry = RunEntry(
                snapshot.run, snapshot: snapshot.json, key: key, coveredEvents: snapshot.eventCount,
                events: commit.events, input: commit.input, owner: commit.owner, contents: commit.contents)
            return Step(.create(entry), growth: entry.cost)
        }
        let contents = commit.contents.filter { entry.contents[$0.digest] == nil }
        let snapshotCost = commit.snapshot.map { MemoryCost.of($0.json) }
        let growth =
            MemoryCost.of(commit.events) + MemoryCost.of(contents)
            + (snapshotCost.map { $0 - entry.snapshotCost } ?? 0)
        return Step(.append(to: entry), growth: growth, snapshotCost: snapshotCost, contents: contents)
    }

    /// Applies a commit that ``step(for:now:hasSignal:)`` has prepared. The caller has made room for it.
    mutating func apply(_ step: Step, of commit: RunCommit, now: ContinuousClock.Instant) {
        switch step.kind {
        case .create(let entry): insert(entry, now: now)
        case .append(let entry):
            entry.events.append(contentsOf: commit.events)
            entry.contents.add(step.contents)
            if let snapshot = commit.snapshot, let cost = step.snapshotCost {
                replaceSnapshot(
                    of: entry, with: snapshot.run, snapshot.json, cost: cost, coveredEvents: snapshot.eventCount)
            }
            add(MemoryCost.of(commit.events) + MemoryCost.of(step.contents), to: entry)
            uses.touch(entry.slot, now: now)
        }
    }

    private mutating func add(_ cost: Int, to entry: RunEntry) {
        add(cost, to: entry, isEnded: entry.summary.status.isTerminal)
    }

    /// - Parameter isEnded: Whether the run is in the list of ended runs.
    private mutating func add(_ cost: Int, to entry: RunEntry, isEnded: Bool) {
        entry.cost += cost
        bytes += cost
        if isEnded { endedBytes += cost }
    }

    /// Returns the number of bytes by which a run grows when it is saved.
    func growth(saving run: RunID, json: [UInt8]) -> Int {
        self[run].map { MemoryCost.of(json) - $0.snapshotCost } ?? MemoryCost.entry + MemoryCost.of(json)
    }

    mutating func save(_ run: Run, json: [UInt8], now: ContinuousClock.Instant) throws(StorageError) {
        let key = HashedKey(run.id)
        if let entry = entries[key] {
            replaceSnapshot(
                of: entry, with: run, json, cost: MemoryCost.of(json), coveredEvents: entry.events.count)
            uses.touch(entry.slot, now: now)
        } else {
            try makeRoomForRun()
            insert(RunEntry(run, snapshot: json, key: key), now: now)
        }
    }

    mutating func append(_ event: EncodedEvent, to run: RunID, now: ContinuousClock.Instant) throws(StorageError) {
        guard let entry = self[run] else { throw .notSaved(run) }
        entry.events.append(event)
        add(MemoryCost.of([event]), to: entry)
        uses.touch(entry.slot, now: now)
    }

    mutating func claim(
        _ run: RunID, for owner: RunOwner, from current: RunOwner?, now: ContinuousClock.Instant
    ) -> Bool {
        guard let entry = self[run], entry.owner == current else { return false }
        if entry.summary.status.isTerminal {
            entry.owner = owner
        } else {
            unlink(entry)
            entry.owner = owner
            link(entry)
        }
        uses.touch(entry.slot, now: now)
        return true
    }

    private mutating func insert(_ entry: RunEntry, now: ContinuousClock.Instant) {
        entry.slot = uses.insert(entry, now: now)
        entries[entry.key] = entry
        bytes += entry.cost
        listings.insert(entry)
        listings.insertByChange(entry)
        link(entry)
    }

    private mutating func replaceSnapshot(
        of entry: RunEntry, with new: Run, _ json: [UInt8], cost: Int, coveredEvents: Int
    ) {
        let (run, change) = (RunSummary(new), StatusChange(new))
        let timeDiffers = entry.summary.createdAt != run.createdAt
        let principalDiffers = entry.summary.principal != run.principal
        let agentDiffers = entry.summary.agentName != run.agentName
        let isListedElsewhere =
            timeDiffers || principalDiffers || agentDiffers || entry.summary.sessionID != run.sessionID
        let shouldRelink = timeDiffers || principalDiffers || entry.summary.status != run.status
        let hasChanged = entry.change != change || principalDiffers || agentDiffers
        if isListedElsewhere { listings.remove(entry) }
        if hasChanged { listings.removeByChange(entry) }
        if shouldRelink { unlink(entry) }
        add(cost - entry.snapshotCost, to: entry, isEnded: shouldRelink ? false : entry.summary.status.isTerminal)
        entry.snapshotCost = cost
        entry.summary = run
        entry.change = change
        entry.snapshot = json
        entry.coveredEvents = coveredEvents
        if isListedElsewhere { listings.insert(entry) }
        if hasChanged { listings.insertByChange(entry) }
        if shouldRelink { link(entry) }
    }

    /// Inserts a run into the lists that depend on its status: that of ended runs, or those of unfinished runs.
    private mutating func link(_ entry: RunEntry) {
        if entry.summary.status.isTerminal {
            links.append(entry.slot, to: &ended)
            endedBytes += entry.cost
            return
        }
        listings.insertByStatus(entry)
        if let process = entry.owner?.process {
            links.append(entry.slot, to: &unfinished[process, default: LinkedList()])
        }
    }

    private mutating func unlink(_ entry: RunEntry) {
        if entry.summary.status.isTerminal {
            links.remove(entry.slot, from: &ended)
            endedBytes -= entry.cost
            return
        }
        listings.removeByStatus(entry)
        if let process = entry.owner?.process, let index = unfinished.index(forKey: process) {
            links.remove(entry.slot, from: &unfinished.values[index])
            if unfinished.values[index].isEmpty { unfinished.remove(at: index) }
        }
    }

    // MARK: Reading

    func page(_ query: RunQuery) -> StoragePage<StoredRun> {
        guard let listing = listings[query] else { return StoragePage(items: [], total: 0) }
        let runs = listing.newest(offset: query.offset, limit: query.limit)
        return StoragePage(items: runs.map(\.stored), total: listing.count)
    }

    func page(_ query: RunStatusQuery) -> StoragePage<StoredRun> {
        let (runs, total) = listings.page(query)
        return StoragePage(items: runs.map(\.stored), total: total)
    }

    func unfinished(ownedBy process: ProcessID, limit: Int) -> [RunID] {
        guard let list = unfinished[process] else { return [] }
        return links.prefix(limit, of: list).compactMap { uses[$0]?.id }
    }

    // MARK: Removing

    @discardableResult
    mutating func remove(_ id: RunID) -> Bool {
        guard let entry = self[id] else { return false }
        remove(entry)
        return true
    }

    /// Removes a run so that commits cannot create it again for some time.
    ///
    /// - Returns: Whether the run existed.
    mutating func removeForGood(_ id: RunID, now: ContinuousClock.Instant) -> Bool {
        guard remove(id) else { return false }
        deletedForGood.insert(id, now: now)
        return true
    }

    private mutating func remove(_ entry: RunEntry) {
        entries[entry.key] = nil
        listings.remove(entry)
        listings.removeByChange(entry)
        unlink(entry)
        bytes -= entry.cost
        uses.remove(at: entry.slot)
        removed.append(entry)
    }

    mutating func removeAll() {
        removed.append(contentsOf: entries.values)
        entries = [:]
        uses.removeAll()
        ended = LinkedList()
        unfinished = [:]
        links = LinkedListLinks()
        listings = RunListings()
        deletedForGood.removeAll()
        bytes = 0
        endedBytes = 0
    }

    mutating func removeExpired(now: ContinuousClock.Instant) {
        while let entry = uses.nextExpired(now: now) { remove(entry) }
    }

    /// Returns the number of bytes of all ended runs except the given one.
    func freeableBytes(except run: RunID?) -> Int {
        guard let entry = run.flatMap({ self[$0] }), entry.summary.status.isTerminal else { return endedBytes }
        return endedBytes - entry.cost
    }

    /// Returns the run that ended first, except the given one, and when it expires.
    func oldestEnded(except run: RunID?) -> (run: RunID, deadline: ContinuousClock.Instant)? {
        for slot in links.prefix(2, of: ended) {
            if let entry = uses[slot], entry.id != run { return (entry.id, uses.deadline(at: slot)) }
        }
        return nil
    }

    /// Evicts ended runs until one more run can be inserted without exceeding the maximum number of runs.
    mutating func makeRoomForRun() throws(StorageError) {
        try checkRoomForRun()
        while entries.count >= limit, let oldest = ended.first.flatMap({ uses[$0] }) { remove(oldest) }
    }

    /// Checks that ``makeRoomForRun()`` can make room.
    func checkRoomForRun() throws(StorageError) {
        guard entries.count < limit || !ended.isEmpty else {
            throw StorageError(
                .full,
                "the memory storage has \(limit) unfinished runs and accepts no more: raise its runLimit, "
                    + "or use another storage"
            )
        }
    }

    /// Returns the runs that were removed since the last call, so that they are freed outside the lock.
    mutating func takeRemoved() -> [RunEntry] {
        guard !removed.isEmpty else { return [] }
        defer { removed = [] }
        return removed
    }

    /// The number of objects of each kind, for tests that nothing is left behind.
    var footprint: [String: Int] {
        [
            "runs": entries.count, "expiring runs": uses.count, "ended runs": ended.count,
            "contents": entries.values.reduce(0) { $0 + $1.contents.count }, "listings": listings.count,
            "processes": unfinished.count, "removed runs": removed.count, "bytes of runs": bytes,
            "bytes of ended runs": endedBytes, "runs deleted for good": deletedForGood.count,
        ]
    }
}
