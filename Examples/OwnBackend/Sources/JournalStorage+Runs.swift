// SPDX-License-Identifier: Apache-2.0

public import ACPCore
public import ACPStorage

extension JournalStorage {
    // MARK: Writing

    public func commit(_ commit: RunCommit) async throws {
        try await journal.write { contents, changes in
            let run = contents.runs[commit.run]
            let outcome = commit.outcome(
                for: run.map { StoredRunState(owner: $0.owner, eventCount: $0.events.count) },
                isDeleted: contents.wasDeletedForGood(commit.run, now: .now), hasSignal: { run?.signals[$0] != nil })
            if try commit.shouldApply(outcome) { changes = [Change(commit)] }
        }
        // Only now: a watcher that is woken must find the data.
        local.runDidChange(commit.run)
    }

    public func save(_ run: Run, json: [UInt8]) async throws {
        try await journal.write { _, changes in changes = [.runSaved(RunSummary(run), Document(json))] }
        local.runDidChange(run.id)
    }

    public func append(_ event: EncodedEvent, to run: RunID) async throws {
        try await journal.write { contents, changes in
            guard contents.runs[run] != nil else { throw StorageError.notSaved(run) }
            changes = [.eventAppended(run, event: Document(event.json))]
        }
        local.runDidChange(run)
    }

    public func claim(_ run: RunID, for owner: RunOwner, from current: RunOwner?) async throws -> Bool {
        try await journal.write { contents, changes in
            guard let found = contents.runs[run], found.owner == current else { return false }
            changes = [.runClaimed(run, owner: owner)]
            return true
        }
    }

    @discardableResult
    public func deleteRun(_ run: RunID, forGood: Bool) async throws -> Bool {
        let existed = try await journal.write { contents, changes in
            guard contents.runs[run] != nil else { return false }
            changes = [forGood ? .runDeletedForGood(run, at: .now) : .runDeleted(run)]
            return true
        }
        if existed { local.runDidChange(run) }
        return existed
    }

    // MARK: Reading

    public func storedRun(_ run: RunID) async throws -> StoredRun? {
        try await journal.read { $0.runs[run]?.stored }
    }

    public func storedInput(of run: RunID) async throws -> Encoded<[Message]>? {
        try await journal.read { contents in contents.runs[run]?.input.map { Encoded(json: $0) } }
    }

    public func events(of run: RunID, from offset: Int, limit: Int?) async throws -> [EncodedEvent] {
        try await journal.read { $0.runs[run]?.events.page(from: offset, limit: limit) ?? [] }
    }

    public func eventCount(of run: RunID) async throws -> Int {
        try await journal.read { $0.runs[run]?.events.count ?? 0 }
    }

    /// Sorts all runs that the filter selects. A backend for more than some thousands of runs needs an index for each
    /// filter.
    public func storedRuns(_ query: RunQuery) async throws -> StoragePage<StoredRun> {
        try await journal.read { contents in
            let found = contents.runs.values.filter { query.includes($0.summary) }
            // Newest first. Runs created at the same microsecond are sorted by id, so that pages do not overlap.
            let sorted = found.sorted {
                ($1.summary.createdAt, $1.summary.id) < ($0.summary.createdAt, $0.summary.id)
            }
            return StoragePage(
                items: sorted.page(from: query.offset, limit: query.limit).map(\.stored), total: found.count)
        }
    }

    public func runs(ownedBy process: ProcessID, limit: Int) async throws -> [RunID] {
        try await journal.read { contents in
            contents.runs.values.filter { $0.owner?.process == process && !$0.summary.status.isTerminal }
                .map(\.summary.id).page(from: 0, limit: limit)
        }
    }
}
