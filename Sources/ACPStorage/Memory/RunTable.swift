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
    /// How many bytes the runs take.
    private(set) var bytes = 0
    /// How many of them those take that have ended.
    private(set) var endedBytes = 0

    init(timeToLive: Duration, limit: Int) {
        self.limit = limit
        uses = UsageOrder(timeToLive: timeToLive)
    }

    subscript(id: RunID) -> RunEntry? { entries[HashedKey(id)] }

    // MARK: Writing

    /// A commit that was found to be allowed.
    struct Step {
        fileprivate enum Kind {
            case create(RunEntry)
            case append(to: RunEntry)
        }

        fileprivate let kind: Kind
        /// How many bytes more the run takes after it. Negative if it takes fewer.
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

    /// - Returns: False if this is the repetition of a commit, and nothing was left to do.
    @discardableResult
    mutating func commit(_ commit: RunCommit, now: ContinuousClock.Instant) throws(StorageError) -> Bool {
        guard let step = try step(for: commit) else { return false }
        if step.isCreation { try makeRoomForRun() }
        carryOut(step, of: commit, now: now)
        return true
    }

    /// Looks whether a commit is allowed, and changes nothing.
    ///
    /// - Parameters:
    ///   - commit: The commit.
    ///   - isCancelled: Whether a cancel signal is stored that keeps it from being taken.
    /// - Returns: Nil if it is the repetition of a commit, and nothing is left to do.
    func step(for commit: RunCommit, isCancelled: Bool = false) throws(StorageError) -> Step? {
        let key = HashedKey(commit.run)
        let existing = entries[key]
        let outcome = commit.outcome(
            for: existing.map { RunStanding(owner: $0.owner, eventCount: $0.events.count) },
            isCancelled: { isCancelled })
        guard try commit.isToBeCarriedOut(outcome) else { return nil }
        guard let entry = existing else {
            // A commit that creates a run has a snapshot.
            guard let snapshot = commit.snapshot else { return nil }
            let entry = RunEntry(
                RunSummary(snapshot.run), snapshot: snapshot.json, key: key, coveredEvents: snapshot.eventCount,
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

    /// Carries out what ``step(for:)`` has found. There is room for it.
    mutating func carryOut(_ step: Step, of commit: RunCommit, now: ContinuousClock.Instant) {
        switch step.kind {
        case .create(let entry): insert(entry, now: now)
        case .append(let entry):
            entry.events.append(contentsOf: commit.events)
            entry.contents.add(step.contents)
            if let snapshot = commit.snapshot, let cost = step.snapshotCost {
                replaceSnapshot(
                    of: entry, with: RunSummary(snapshot.run), snapshot.json, cost: cost,
                    coveredEvents: snapshot.eventCount)
            }
            add(MemoryCost.of(commit.events) + MemoryCost.of(step.contents), to: entry)
            uses.touch(entry.place, now: now)
        }
    }

    private mutating func add(_ cost: Int, to entry: RunEntry) {
        add(cost, to: entry, isEnded: entry.summary.status.isTerminal)
    }

    /// - Parameter isEnded: Whether the run stands among those that have ended.
    private mutating func add(_ cost: Int, to entry: RunEntry, isEnded: Bool) {
        entry.cost += cost
        bytes += cost
        if isEnded { endedBytes += cost }
    }

    /// How many bytes more a run takes when it has been saved.
    func growth(saving run: RunID, json: [UInt8]) -> Int {
        self[run].map { MemoryCost.of(json) - $0.snapshotCost } ?? MemoryCost.entry + MemoryCost.of(json)
    }

    mutating func save(_ run: Run, json: [UInt8], now: ContinuousClock.Instant) throws(StorageError) {
        let key = HashedKey(run.id)
        if let entry = entries[key] {
            replaceSnapshot(
                of: entry, with: RunSummary(run), json, cost: MemoryCost.of(json), coveredEvents: entry.events.count)
            uses.touch(entry.place, now: now)
        } else {
            try makeRoomForRun()
            insert(RunEntry(RunSummary(run), snapshot: json, key: key), now: now)
        }
    }

    mutating func append(_ event: EncodedEvent, to run: RunID, now: ContinuousClock.Instant) throws(StorageError) {
        guard let entry = self[run] else { throw .notSaved(run) }
        entry.events.append(event)
        add(MemoryCost.of([event]), to: entry)
        uses.touch(entry.place, now: now)
    }

    mutating func claim(
        _ run: RunID, for owner: RunOwner, from current: RunOwner?, now: ContinuousClock.Instant
    ) -> Bool {
        guard let entry = self[run], entry.owner == current else { return false }
        if entry.summary.status.isTerminal {
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
        bytes += entry.cost
        listings.insert(entry)
        enter(entry)
    }

    private mutating func replaceSnapshot(
        of entry: RunEntry, with run: RunSummary, _ json: [UInt8], cost: Int, coveredEvents: Int
    ) {
        let timeDiffers = entry.summary.createdAt != run.createdAt
        let isListedElsewhere =
            timeDiffers || entry.summary.agentName != run.agentName || entry.summary.sessionID != run.sessionID
        let hasTurned = timeDiffers || entry.summary.status != run.status
        if isListedElsewhere { listings.remove(entry) }
        if hasTurned { leave(entry) }
        add(cost - entry.snapshotCost, to: entry, isEnded: hasTurned ? false : entry.summary.status.isTerminal)
        entry.snapshotCost = cost
        entry.summary = run
        entry.snapshot = json
        entry.coveredEvents = coveredEvents
        if isListedElsewhere { listings.insert(entry) }
        if hasTurned { enter(entry) }
    }

    /// Notes a run's status: unfinished ones are listed by it, ended ones wait for their turn to make room.
    private mutating func enter(_ entry: RunEntry) {
        if entry.summary.status.isTerminal {
            links.append(entry.place, to: &ended)
            endedBytes += entry.cost
            return
        }
        listings.insertByStatus(entry)
        if let process = entry.owner?.process {
            links.append(entry.place, to: &unfinished[process, default: Chain()])
        }
    }

    private mutating func leave(_ entry: RunEntry) {
        if entry.summary.status.isTerminal {
            links.remove(entry.place, from: &ended)
            endedBytes -= entry.cost
            return
        }
        listings.removeByStatus(entry)
        if let process = entry.owner?.process, let index = unfinished.index(forKey: process) {
            links.remove(entry.place, from: &unfinished.values[index])
            if unfinished.values[index].isEmpty { unfinished.remove(at: index) }
        }
    }

    // MARK: Reading

    func page(_ query: RunQuery) -> StoragePage<StoredRun> {
        guard let listing = listings[query.filter] else { return StoragePage(items: [], total: 0) }
        let runs = listing.newest(offset: query.offset, limit: query.limit)
        return StoragePage(items: runs.map(\.stored), total: listing.count)
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
        bytes -= entry.cost
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
        bytes = 0
        endedBytes = 0
    }

    mutating func removeExpired(now: ContinuousClock.Instant) {
        while let entry = uses.nextExpired(now: now) { remove(entry) }
    }

    /// How many bytes could be freed without touching a run that has not ended, nor the given one.
    func freeableBytes(except run: RunID?) -> Int {
        guard let entry = run.flatMap({ self[$0] }), entry.summary.status.isTerminal else { return endedBytes }
        return endedBytes - entry.cost
    }

    /// The run that ended first, other than the given one, and until when it would be kept.
    func oldestEnded(except run: RunID?) -> (run: RunID, deadline: ContinuousClock.Instant)? {
        for place in links.prefix(2, of: ended) {
            if let entry = uses[place], entry.id != run { return (entry.id, uses.deadline(at: place)) }
        }
        return nil
    }

    /// Sees to it that one more run may be inserted, as far as their number is concerned.
    mutating func makeRoomForRun() throws(StorageError) {
        try checkRoomForRun()
        while entries.count >= limit, let oldest = ended.first.flatMap({ uses[$0] }) { remove(oldest) }
    }

    /// Whether ``makeRoomForRun()`` would find room.
    func checkRoomForRun() throws(StorageError) {
        guard entries.count < limit || !ended.isEmpty else {
            throw StorageError(
                .full,
                "the memory storage holds \(limit) unfinished runs and takes no more: raise its runLimit, "
                    + "or use another storage"
            )
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
            "processes": unfinished.count, "removed runs": removed.count, "bytes of runs": bytes,
            "bytes of ended runs": endedBytes,
        ]
    }
}
