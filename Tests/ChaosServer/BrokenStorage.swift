// SPDX-License-Identifier: Apache-2.0

import ACPCore
import ACPStorage
import Synchronization

/// A promise of storages that ``BrokenStorage`` violates.
enum StorageFault: String, CaseIterable, Sendable {
    /// Commits of a process that is not the owner any more are stored nevertheless.
    case dropFence = "drop-fence"
    /// The events of a commit are stored twice.
    case repeatCommit = "repeat-commit"
    /// The creation of a run is acknowledged and not stored.
    case forgetCreate = "forget-create"
    /// The end of a run is acknowledged and not stored.
    case forgetEnd = "forget-end"
    /// A run that exists is replaced by another one with the same id.
    case overwriteCreate = "overwrite-create"
    /// A block of a session's history is appended twice.
    case repeatBlock = "repeat-block"
    /// A block of a session's history is appended entry by entry.
    case splitBlock = "split-block"
    /// A block of a session's history is lost.
    case forgetBlock = "forget-block"
    /// The expected version of a session is not checked.
    case staleSave = "stale-save"
    /// Events are returned in another order.
    case reorderEvents = "reorder-events"
    /// The watchers of a run are not woken.
    case loseChange = "lose-change"
    /// The owner of a run is not woken by signals.
    case loseAnnouncement = "lose-announcement"
    /// Cancel signals are acknowledged and not stored.
    case forgetCancel = "forget-cancel"
    /// Answers are acknowledged and not stored.
    case forgetAnswer = "forget-answer"
    /// The second answer to a question is acknowledged as well.
    case acceptSecondAnswer = "accept-second-answer"
    /// Processes that have ended are not listed as lost.
    case hideLost = "hide-lost"
    /// Deleting a run leaves something behind.
    case leakRun = "leak-run"
    /// Deleting a session does nothing.
    case leakSession = "leak-session"
}

/// A storage that violates one promise, for tests of the checker.
final class BrokenStorage: Storage {
    let base: any Storage
    let fault: StorageFault
    private let rate: Double
    /// How many events more than it knows of a run has in the storage.
    private let shifts = Mutex<[RunID: Int]>([:])

    init(_ base: any Storage, _ fault: StorageFault, rate: Double) {
        self.base = base
        self.fault = fault
        self.rate = rate
    }

    var capabilities: StorageCapabilities { base.capabilities }
    var coordination: any Coordination { BrokenCoordination(base: base.coordination, storage: self) }

    /// Whether this operation violates the promise.
    func violates(_ fault: StorageFault) -> Bool { self.fault == fault && Double.random(in: 0..<1) < rate }

    // MARK: Commits

    func commit(_ commit: RunCommit) async throws {
        let shift = shifts.withLock { $0[commit.run] ?? 0 }
        let commit = shift == 0 ? commit : commit.shifted(by: shift)
        let isEnd = commit.snapshot?.run.status.isTerminal == true
        if commit.expecting == 0, violates(.forgetCreate) { return }
        if isEnd, violates(.forgetEnd) { return }
        if let history = commit.history {
            if violates(.splitBlock) { return try await split(history, of: commit) }
            if violates(.forgetBlock) {
                var rest = commit
                rest.history = nil
                return try await base.commit(rest)
            }
        }
        do {
            try await base.commit(commit)
        } catch let error as StorageError where error.code == .fenced && fault == .dropFence {
            return try await commitWithoutFence(commit)
        } catch let error as StorageError where fault == .overwriteCreate && commit.expecting == 0 {
            guard error.code == .conflict || error.code == .fenced else { throw error }
            try await base.deleteRun(commit.run)
            try await base.commit(commit)
        }
        if commit.expecting > 0, !isEnd, violates(.repeatCommit) { try await repeatCommit(commit) }
        if let history = commit.history, violates(.repeatBlock) {
            let block = HistoryBlock(
                key: history.block.key + ":again", encoded: history.block.entries, contents: history.block.contents)
            try await base.append([block], to: history.session)
        }
    }

    private func commitWithoutFence(_ commit: RunCommit) async throws {
        guard let stored = try await base.storedRun(commit.run), let owner = stored.owner else { return }
        var commit = commit.shifted(by: stored.coveredEvents + stored.laterEvents.count - commit.expecting)
        commit.owner = owner
        try await base.commit(commit)
    }

    private func repeatCommit(_ commit: RunCommit) async throws {
        var again = commit.shifted(by: commit.events.count)
        (again.snapshot, again.history, again.contents) = (nil, nil, [])
        try await base.commit(again)
        shifts.withLock { $0[commit.run, default: 0] += commit.events.count }
    }

    private func split(_ history: HistoryAppend, of commit: RunCommit) async throws {
        var rest = commit
        rest.history = nil
        try await base.commit(rest)
        for (position, entry) in history.block.entries.enumerated() {
            let block = HistoryBlock(
                key: "\(history.block.key):\(position)", encoded: [entry], contents: history.block.contents)
            try await base.append([block], to: history.session)
            try await Task.sleep(for: .milliseconds(100))
        }
    }

    // MARK: Other operations

    func events(of run: RunID, from offset: Int, limit: Int?) async throws -> [EncodedEvent] {
        var events = try await base.events(of: run, from: offset, limit: limit)
        if events.count > 1, violates(.reorderEvents) { events.swapAt(events.count - 1, events.count - 2) }
        return events
    }

    func save(_ session: StoredSession, expecting version: Int?) async throws -> Int {
        try await base.save(session, expecting: fault == .staleSave ? nil : version)
    }

    func deleteRun(_ run: RunID, forGood: Bool) async throws -> Bool {
        let existed = try await base.deleteRun(run, forGood: forGood)
        if existed, violates(.leakRun) { try await base.coordination.send(EncodedSignal(.cancel), to: run) }
        return existed
    }

    func deleteSession(_ session: SessionID) async throws -> Bool {
        if violates(.leakSession) { return true }
        return try await base.deleteSession(session)
    }

    func storedRun(_ run: RunID) async throws -> StoredRun? { try await base.storedRun(run) }
    func storedInput(of run: RunID) async throws -> Encoded<[Message]>? { try await base.storedInput(of: run) }
    func save(_ run: Run, json: [UInt8]) async throws { try await base.save(run, json: json) }
    func append(_ event: EncodedEvent, to run: RunID) async throws { try await base.append(event, to: run) }
    func storedRuns(_ query: RunQuery) async throws -> StoragePage<StoredRun> { try await base.storedRuns(query) }
    func storedRuns(_ query: RunStatusQuery) async throws -> StoragePage<StoredRun> { try await base.storedRuns(query) }
    func eventCount(of run: RunID) async throws -> Int { try await base.eventCount(of: run) }
    func claim(_ run: RunID, for owner: RunOwner, from current: RunOwner?) async throws -> Bool {
        try await base.claim(run, for: owner, from: current)
    }
    func runs(ownedBy process: ProcessID, limit: Int) async throws -> [RunID] {
        try await base.runs(ownedBy: process, limit: limit)
    }
    func storedSession(_ id: SessionID) async throws -> StoredSession? { try await base.storedSession(id) }
    func append(_ blocks: [HistoryBlock], to session: SessionID) async throws {
        try await base.append(blocks, to: session)
    }
    func storedHistory(
        of session: SessionID, from offset: Int, limit: Int?
    ) async throws -> StoragePage<Encoded<HistoryEntry>> {
        try await base.storedHistory(of: session, from: offset, limit: limit)
    }
    func contents(_ keys: [ContentKey]) async throws -> [[UInt8]?] { try await base.contents(keys) }
    func ping() async throws -> Duration { try await base.ping() }
    func removeAll() async throws { try await base.removeAll() }
    func close() async throws { try await base.close() }
    func name(of document: StoredDocument) -> String { base.name(of: document) }
}

extension RunCommit {
    /// Returns the commit for a run that has more events than the sender knows.
    fileprivate func shifted(by count: Int) -> RunCommit {
        var commit = self
        commit.expecting += count
        commit.snapshot?.eventCount += count
        return commit
    }
}
