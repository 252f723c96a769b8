// SPDX-License-Identifier: Apache-2.0

public import ACPCore
public import ACPStorage

extension JournalStorage {
    // MARK: Writing

    public func commit(_ commit: RunCommit) async throws {
        try await journal.write { contents, changes in
            let (id, total) = (commit.run, commit.expecting + commit.events.count)
            if let run = contents.runs[id] {
                // Fencing comes first: whoever lost the run is told so, whatever it sends.
                guard run.owner == commit.owner else {
                    throw StorageError(.fenced, "run \(id) belongs to another owner by now")
                }
                let found = run.events.count
                if found == total, !commit.events.isEmpty { return }  // sent again, because the answer was lost
                guard found == commit.expecting else {
                    throw StorageError(
                        .conflict, "run \(id) has \(found) events where \(commit.expecting) were expected")
                }
                // A cancel that was stored before the end decides how the run ends: its sender was told so.
                if commit.isRefusedAfterCancel, run.signals.contains(.cancel) { throw commit.error(.cancelled) }
            } else if commit.expecting != 0 || commit.snapshot == nil {
                throw StorageError(.notFound, "run \(id) is not stored (any more)")
            }
            if let covered = commit.snapshot?.eventCount, !(0...total).contains(covered) {
                throw StorageError(.conflict, "a snapshot of run \(id) covers \(covered) events of \(total)")
            }
            changes = [Change(commit)]
        }
        // The data is there, so whoever is woken finds it.
        local.runDidChange(commit.run)
    }

    public func save(_ run: Run) async throws {
        try await journal.write { _, changes in changes = [.runSaved(run)] }
        local.runDidChange(run.id)
    }

    public func append(_ event: Event, to run: RunID) async throws {
        let event = StoredEvent(try EncodedEvent(event))
        try await journal.write { contents, changes in
            guard contents.runs[run] != nil else {
                throw StorageError(.notFound, "run \(run) is not stored: save it first")
            }
            changes = [.eventAppended(run, event: event)]
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
    public func delete(_ run: RunID) async throws -> Bool {
        let wasThere = try await journal.write { contents, changes in
            guard contents.runs[run] != nil else { return false }
            changes = [.runDeleted(run)]
            return true
        }
        if wasThere { local.runDidChange(run) }
        return wasThere
    }

    // MARK: Reading

    public func record(of run: RunID) async throws -> RunRecord? {
        try await journal.read { $0.runs[run]?.record }
    }

    public func input(of run: RunID) async throws -> [Message]? {
        try await journal.read { $0.runs[run]?.input }
    }

    public func events(of run: RunID, from offset: Int, limit: Int?) async throws -> [EncodedEvent] {
        try await journal.read { $0.runs[run]?.events.page(from: offset, limit: limit) ?? [] }
    }

    public func eventCount(of run: RunID) async throws -> Int {
        try await journal.read { $0.runs[run]?.events.count ?? 0 }
    }

    /// Sorts all runs that fit. A backend for more than some thousands keeps an index for each kind of filter.
    public func runs(_ query: RunQuery) async throws -> Page<Run> {
        let page = try await journal.read { contents in
            let found = contents.runs.values.filter { query.filter.includes($0.snapshot) }
            // Newest first. Of those created at the same microsecond the id decides, so that pages do not overlap.
            let sorted = found.sorted {
                ($1.snapshot.createdAt, $1.snapshot.id) < ($0.snapshot.createdAt, $0.snapshot.id)
            }
            return Page(items: sorted.page(from: query.offset, limit: query.limit).map(\.record), total: found.count)
        }
        return Page(items: try page.items.map { try $0.run() }, total: page.total)
    }

    public func runs(ownedBy process: ProcessID, limit: Int) async throws -> [RunID] {
        try await journal.read { contents in
            contents.runs.values.filter { $0.owner?.process == process && !$0.snapshot.status.isTerminal }
                .map(\.snapshot.id).page(from: 0, limit: limit)
        }
    }
}

extension RunQuery.Filter {
    fileprivate func includes(_ run: Run) -> Bool {
        switch self {
        case .all: true
        case .agent(let agent): run.agentName == agent
        case .session(let session): run.sessionID == session
        case .unfinished(let status): run.status == status && !status.isTerminal
        }
    }
}
