// SPDX-License-Identifier: Apache-2.0

public import ACPCore
public import ACPStorage
import Foundation
import GRDB

extension SQLiteStorage {
    // MARK: Commits

    /// Executes a commit in one transaction, which it may share with commits of other runs. Durable when this returns.
    public func commit(_ commit: RunCommit) async throws {
        try await database.write("Committing to run \(commit.run)") { [now] db in
            try RunTable(db, now: now()).commit(commit)
            // Also where the events were stored before: then the block usually was too, and is skipped.
            if let history = commit.history {
                try SessionTable(db, now: now()).append([history.block], to: history.session)
            }
        }
        sqliteCoordination.runDidChange(commit.run)
    }

    /// Saves a run. It becomes the snapshot that covers all stored events.
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

    /// Deletes a run with its events, its input, its signals and its entries in every listing.
    ///
    /// That works on a full disk too. There, a very long run is deleted in several transactions: if the process ends in
    /// between, the run lacks its last events, and can be deleted again.
    ///
    /// With `forGood`, commits cannot create it again for `RunCommit.deletionPeriod`.
    @discardableResult
    public func deleteRun(_ run: RunID, forGood: Bool) async throws -> Bool {
        let existed = try await database.delete(.run(run, refusedFrom: forGood ? now() : nil))
        if existed { sqliteCoordination.runDidChange(run) }
        return existed
    }

    // MARK: Reading

    /// Returns a run with everything needed to continue it, or `nil` if it does not exist.
    public func storedRun(_ run: RunID) async throws -> StoredRun? {
        try await database.read("Reading run \(run)") { db in try RunTable(db).stored(run) }
    }

    /// Returns the input of a run, or `nil` if there is none.
    public func storedInput(of run: RunID) async throws -> Encoded<[Message]>? {
        try await database.read("Reading the input of run \(run)") { db in
            let rows = try db.rows(
                "SELECT document FROM acp_run_inputs WHERE run = (SELECT key FROM acp_runs WHERE id = ?)",
                [run.rawValue])
            return try rows.next().map { row in Encoded(json: try row.bytes(0)) }
        }
    }

    /// Returns the events of a run from an index onward, oldest first.
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

    /// Returns the number of events of a run, or 0 if there is no such run.
    public func eventCount(of run: RunID) async throws -> Int {
        try await database.read("Counting the events of run \(run)") { db in
            guard let key = try Int64.fetchOne(db.cachedStatement(sql: RunTable.keySQL), arguments: [run.rawValue])
            else { return 0 }
            return try RunTable(db).eventCount(key)
        }
    }

    // MARK: Owners

    /// Changes the owner of a run if it has the expected owner, and returns whether it did.
    public func claim(_ run: RunID, for owner: RunOwner, from current: RunOwner?) async throws -> Bool {
        try await database.write("Claiming run \(run)") { db in
            try RunTable(db).claim(run, for: owner, from: current)
        }
    }

    /// Returns at most `limit` of the unfinished runs that a process owns.
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
