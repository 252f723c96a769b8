// SPDX-License-Identifier: Apache-2.0

import ACPCore
import ACPStorage
import Foundation
import GRDB

/// Reading and writing runs on one connection, within whatever transaction the caller has begun.
struct RunTable {
    static let keySQL = "SELECT key FROM acp_runs WHERE id = ?"

    /// The row of a run: what most calls need, and nothing large.
    struct Entry {
        let key: Int64
        var agentName: String
        var sessionID: String?
        var status: String
        var createdAt: Int64
        var owner: RunOwner?
        var eventCount: Int
    }

    let db: Database
    let now: Timestamp

    init(_ db: Database, now: Timestamp = Timestamp(microseconds: 0)) {
        self.db = db
        self.now = now
    }

    // MARK: Reading

    // Events are counted by the last one's position: positions begin at 0 and have no gaps.

    func find(_ run: RunID) throws -> Entry? {
        let rows = try db.rows(
            """
            SELECT key, agent_name, session_id, status, created_at, owner_process, owner_token,
                IFNULL((SELECT MAX(position) + 1 FROM acp_events WHERE run = key), 0)
            FROM acp_runs WHERE id = ?
            """, [run.rawValue])
        return try rows.next().map { row in
            Entry(
                key: row[0], agentName: row[1], sessionID: row[2], status: row[3], createdAt: row[4],
                owner: try row.owner(5), eventCount: row[7])
        }
    }

    func eventCount(_ key: Int64) throws -> Int {
        try Int.fetchOne(
            db.cachedStatement(sql: "SELECT MAX(position) + 1 FROM acp_events WHERE run = ?"), arguments: [key]) ?? 0
    }

    /// Events from a position onward. A limit below 0 means all.
    func events(_ key: Int64, of run: RunID, from offset: Int, limit: Int = -1) throws -> [EncodedEvent] {
        let rows = try db.rows(
            "SELECT event FROM acp_events WHERE run = ? AND position >= ? ORDER BY position LIMIT ?",
            [key, offset, limit])
        var events: [EncodedEvent] = []
        while let row = try rows.next() {
            let json = try row.bytes(0)
            do throws(ACPError) {
                events.append(try EncodedEvent(json: json))
            } catch {
                throw StorageError(
                    .corruptData, "event \(offset + events.count) of run \(run) cannot be read: \(error.message)",
                    cause: error)
            }
        }
        return events
    }

    func record(_ run: RunID) throws -> RunRecord? {
        let rows = try db.rows(
            """
            SELECT key, owner_process, owner_token, covered_events, document
            FROM acp_runs JOIN acp_run_snapshots ON run = key WHERE id = ?
            """, [run.rawValue])
        guard let row = try rows.next() else { return nil }
        let key: Int64 = row[0]
        let covered: Int = row[3]
        let owner = try row.owner(1)
        let snapshot: Run = try decodeStored(try row.bytes(4), "run \(run)")
        return RunRecord(
            snapshot: snapshot, coveredEvents: covered, laterEvents: try events(key, of: run, from: covered),
            owner: owner)
    }

    // MARK: Writing

    func commit(_ commit: RunCommit) throws {
        guard let entry = try find(commit.run) else { return try create(commit) }
        guard entry.owner == commit.owner else {
            throw commit.error(.fenced)
        }
        let found = entry.eventCount
        if found == commit.expecting + commit.events.count, found != commit.expecting { return }
        guard found == commit.expecting else {
            throw commit.error(.conflict(found: found))
        }
        try commit.checkSnapshot()
        try append(commit.events, to: entry.key, from: found)
        try db.store(commit.contents, ofRun: entry.key)
        if let snapshot = commit.snapshot {
            try replace(entry, snapshot.run, Data(snapshot.json), coveredEvents: snapshot.eventCount)
        }
    }

    private func create(_ commit: RunCommit) throws {
        guard commit.expecting == 0, let snapshot = commit.snapshot else {
            throw commit.error(.notFound)
        }
        try commit.checkSnapshot()
        let key = try insert(
            snapshot.run, id: commit.run, Data(snapshot.json), coveredEvents: snapshot.eventCount, owner: commit.owner)
        try append(commit.events, to: key, from: 0)
        try db.store(commit.contents, ofRun: key)
        if let input = commit.input {
            try db.run(
                "INSERT INTO acp_run_inputs (run, document) VALUES (?, CAST(? AS TEXT))",
                [key, try encodeStored(input, "the input of run \(commit.run)")])
        }
    }

    func save(_ run: Run, _ json: Data) throws {
        if let entry = try find(run.id) {
            try replace(entry, run, json, coveredEvents: entry.eventCount)
        } else {
            _ = try insert(run, id: run.id, json, coveredEvents: 0, owner: nil)
        }
    }

    func append(_ events: [EncodedEvent], to key: Int64, from position: Int) throws {
        for (index, event) in events.enumerated() {
            try db.run(
                "INSERT INTO acp_events (run, position, event) VALUES (?, ?, ?)",
                [key, position + index, Data(event.json)])
        }
    }

    private func insert(
        _ run: Run, id: RunID, _ json: Data, coveredEvents: Int, owner: RunOwner?
    ) throws -> Int64 {
        let arguments: StatementArguments = [
            id.rawValue, run.agentName.rawValue, run.sessionID?.rawValue, run.status.rawValue,
            run.createdAt.microseconds, endTime(run),
        ]
        let columns = "id, agent_name, session_id, status, created_at, ended_at"
        if let owner {
            try db.run(
                """
                INSERT INTO acp_runs (\(columns), owner_process, owner_token)
                VALUES (?, ?, ?, ?, ?, ?, \(textParameter), \(textParameter))
                """, arguments + [owner.process.rawValue.stored, owner.token.stored])
        } else {
            try db.run("INSERT INTO acp_runs (\(columns)) VALUES (?, ?, ?, ?, ?, ?)", arguments)
        }
        let key = db.lastInsertedRowID
        try db.run(
            "INSERT INTO acp_run_snapshots (run, covered_events, document) VALUES (?, ?, CAST(? AS TEXT))",
            [key, coveredEvents, json])
        return key
    }

    private func replace(_ entry: Entry, _ run: Run, _ json: Data, coveredEvents: Int) throws {
        try db.run(
            "UPDATE acp_run_snapshots SET covered_events = ?, document = CAST(? AS TEXT) WHERE run = ?",
            [coveredEvents, json, entry.key])
        let isUnchanged =
            entry.agentName == run.agentName.rawValue && entry.sessionID == run.sessionID?.rawValue
            && entry.status == run.status.rawValue && entry.createdAt == run.createdAt.microseconds
        guard !isUnchanged else { return }
        try db.run(
            """
            UPDATE acp_runs SET agent_name = ?, session_id = ?, status = ?, created_at = ?, ended_at = ? WHERE key = ?
            """,
            [
                run.agentName.rawValue, run.sessionID?.rawValue, run.status.rawValue, run.createdAt.microseconds,
                endTime(run), entry.key,
            ])
    }

    /// When the end of a run was stored, which is what retention counts from: the run's own word may be from anywhere.
    private func endTime(_ run: Run) -> Int64? { run.status.isTerminal ? now.microseconds : nil }

    func claim(_ run: RunID, for owner: RunOwner, from current: RunOwner?) throws -> Bool {
        let change = """
            UPDATE acp_runs SET owner_process = \(textParameter), owner_token = \(textParameter) WHERE id = ?
            """
        let new: StatementArguments = [owner.process.rawValue.stored, owner.token.stored, run.rawValue]
        if let current {
            try db.run(
                change + " AND owner_process = \(textParameter) AND owner_token = \(textParameter)",
                new + [current.process.rawValue.stored, current.token.stored])
        } else {
            try db.run(change + " AND owner_process IS NULL", new)
        }
        return db.changesCount > 0
    }
}
