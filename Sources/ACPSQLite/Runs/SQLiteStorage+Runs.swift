// SPDX-License-Identifier: Apache-2.0

public import ACPCore
public import ACPStorage
import Foundation
import GRDB

extension SQLiteStorage {
    // MARK: Commits

    /// One transaction, perhaps together with commits of other runs. Durable when this returns.
    public func commit(_ commit: RunCommit) async throws {
        try await database.write("Committing to run \(commit.run)") { [now] db in
            try RunTable(db, now: now()).commit(commit)
            // Also where the events were there already: then the block is as a rule there too, and is left out.
            if let history = commit.history {
                try SessionTable(db, now: now()).append([history.block], to: history.session)
            }
        }
        sqliteCoordination.runDidChange(commit.run)
    }

    /// Saves a run as it is. It becomes the snapshot that covers all events that are there.
    public func save(_ run: Run, json: [UInt8]) async throws {
        try await database.write("Saving run \(run.id)") { [now] db in
            try RunTable(db, now: now()).save(run, Data(json))
        }
        sqliteCoordination.runDidChange(run.id)
    }

    /// Appends an event to a run.
    public func append(_ event: EncodedEvent, to run: RunID) async throws {
        try await database.write("Appending to run \(run)") { db in
            let table = RunTable(db)
            guard let entry = try table.find(run) else { throw StorageError.notSaved(run) }
            if let missing = entry.missingPart { throw StorageError.incomplete(run, missing: missing) }
            try table.append([event], to: entry.key, from: entry.eventCount)
        }
        sqliteCoordination.runDidChange(run)
    }

    /// Deletes a run with its events, its input, its signals and its places in every listing.
    ///
    /// That works on a full disk too. There a very long run goes in several transactions: if the process dies in between, the run
    /// lacks its last events, and can be deleted again.
    @discardableResult
    public func deleteRun(_ run: RunID) async throws -> Bool {
        let wasThere = try await database.erase(.run(run))
        if wasThere { sqliteCoordination.runDidChange(run) }
        return wasThere
    }

    // MARK: Reading

    /// A run with everything needed to go on with it.
    public func storedRun(_ run: RunID) async throws -> StoredRun? {
        try await database.read("Reading run \(run)") { db in try RunTable(db).stored(run) }
    }

    /// What the run was called with.
    public func storedInput(of run: RunID) async throws -> Encoded<[Message]>? {
        try await database.read("Reading the input of run \(run)") { db in
            let rows = try db.rows(
                "SELECT document FROM acp_run_inputs WHERE run = (SELECT key FROM acp_runs WHERE id = ?)",
                [run.rawValue])
            return try rows.next().map { row in Encoded(json: try row.bytes(0)) }
        }
    }

    /// The events of a run from an index onward, oldest first.
    public func events(of run: RunID, from offset: Int, limit: Int?) async throws -> [EncodedEvent] {
        try await database.read("Reading the events of run \(run)") { db in
            guard let key = try Int64.fetchOne(db.cachedStatement(sql: RunTable.keySQL), arguments: [run.rawValue])
            else { return [] }
            let (events, next) = try RunTable(db).events(
                key, of: run, from: max(0, offset), limit: limit.map { max(0, $0) } ?? -1)
            if events.isEmpty, next != nil {
                throw StorageError.incomplete(run, missing: "event \(max(0, offset)) (a row of acp_events)")
            }
            return events
        }
    }

    /// How many events a run has.
    public func eventCount(of run: RunID) async throws -> Int {
        try await database.read("Counting the events of run \(run)") { db in
            guard let key = try Int64.fetchOne(db.cachedStatement(sql: RunTable.keySQL), arguments: [run.rawValue])
            else { return 0 }
            return try RunTable(db).eventCount(key)
        }
    }

    // MARK: Owners

    /// Makes somebody the owner of a run, if it belongs to whom the caller thinks.
    public func claim(_ run: RunID, for owner: RunOwner, from current: RunOwner?) async throws -> Bool {
        try await database.write("Claiming run \(run)") { db in
            try RunTable(db).claim(run, for: owner, from: current)
        }
    }

    /// The unfinished runs that a process owns.
    public func runs(ownedBy process: ProcessID, limit: Int) async throws -> [RunID] {
        try await database.read("Reading the runs of process \(process)") { db in
            let rows = try db.rows(
                """
                SELECT id FROM acp_runs WHERE owner_process = \(textParameter) AND ended_at IS NULL LIMIT ?
                """, [process.rawValue.stored, max(0, limit)])
            var runs: [RunID] = []
            while let row = try rows.next() { runs.append(try runID(row[0])) }
            return runs
        }
    }
}
