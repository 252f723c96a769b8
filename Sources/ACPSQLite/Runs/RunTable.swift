// SPDX-License-Identifier: Apache-2.0

import ACPCore
import ACPStorage
import Foundation
import GRDB

/// Reads and writes runs on one connection, within the caller's transaction.
struct RunTable {
    static let keySQL = "SELECT key FROM acp_runs WHERE id = ?"

    /// The row of a run: the small columns that most calls need.
    struct Entry {
        let key: Int64
        var agentName: String
        var sessionID: String?
        var status: String
        var createdAt: Int64
        var detailedStatus: String
        var statusChangedAt: Int64
        var principal: PrincipalID?
        var owner: RunOwner?
        var eventCount: Int
        /// The number of events that the snapshot covers. `nil` if there is no snapshot.
        var coveredEvents: Int?

        /// The missing part of the run, as far as this row shows it. `nil` if nothing is missing.
        var missingPart: String? {
            guard let coveredEvents else { return "its snapshot (the row of acp_run_snapshots with run = \(key))" }
            guard eventCount < coveredEvents else { return nil }
            return "a part of its events (rows of acp_events with run = \(key); \(eventCount) of at least "
                + "\(coveredEvents) are there)"
        }
    }

    let db: Database
    let now: Timestamp

    init(_ db: Database, now: Timestamp = Timestamp(microseconds: 0)) {
        self.db = db
        self.now = now
    }

    // MARK: Reading

    // Events are counted by the position of the last one: positions begin at 0 and have no gaps.

    func find(_ run: RunID) throws -> Entry? {
        let rows = try db.rows(
            """
            SELECT key, agent_name, session_id, status, created_at, owner_process, owner_token,
                IFNULL((SELECT MAX(position) + 1 FROM acp_events WHERE run = key), 0),
                (SELECT covered_events FROM acp_run_snapshots WHERE run = key), detailed_status, status_changed_at,
                principal
            FROM acp_runs WHERE id = ?
            """, [run.rawValue])
        return try rows.next().map { row in
            let principal: String? = row[11]
            return Entry(
                key: row[0], agentName: row[1], sessionID: row[2], status: row[3], createdAt: row[4],
                detailedStatus: row[9], statusChangedAt: row[10],
                principal: principal.flatMap(PrincipalID.init(rawValue:)),
                owner: try row.owner(5), eventCount: row[7], coveredEvents: row[8])
        }
    }

    func eventCount(_ key: Int64) throws -> Int {
        try Int.fetchOne(
            db.cachedStatement(sql: "SELECT MAX(position) + 1 FROM acp_events WHERE run = ?"), arguments: [key]) ?? 0
    }

    /// Returns consecutive events from a position onward. A limit below 0 means all.
    ///
    /// - Returns: The events, and the position of the next stored one if one before it is missing.
    func events(
        _ key: Int64, of run: RunID, from offset: Int, limit: Int = -1
    ) throws -> (events: [EncodedEvent], next: Int?) {
        let rows = try db.rows(
            "SELECT event, position FROM acp_events WHERE run = ? AND position >= ? ORDER BY position LIMIT ?",
            [key, offset, limit])
        var events: [EncodedEvent] = []
        while let row = try rows.next() {
            let position: Int = row[1]
            guard position == offset + events.count else { return (events, position) }
            events.append(
                try EncodedEvent(stored: try row.bytes(0), as: "event \(offset + events.count) of run \(run)"))
        }
        return (events, nil)
    }

    func stored(_ run: RunID) throws -> StoredRun? {
        let rows = try db.rows(
            """
            SELECT key, owner_process, owner_token, covered_events, document, agent_name, session_id, status, created_at,
                principal
            FROM acp_runs LEFT JOIN acp_run_snapshots ON run = key WHERE id = ?
            """, [run.rawValue])
        guard let row = try rows.next() else { return nil }
        let key: Int64 = row[0]
        // Without its snapshot, the run is reconstructed from its row and its events.
        let covered: Int = row[3] ?? 0
        let owner = try row.owner(1)
        let snapshot: Encoded<Run> =
            row.hasNull(atIndex: 4)
            ? try Encoded(bareRun(run, row), as: "run \(run)") : Encoded(json: try row.bytes(4))
        return StoredRun(
            id: run, snapshot: snapshot, coveredEvents: covered,
            laterEvents: try events(key, of: run, from: covered).events,
            owner: owner)
    }

    private func bareRun(_ id: RunID, _ row: Row) throws -> Run {
        guard let agent = AgentName(rawValue: row[5]), let status = RunStatus(rawValue: row[7]) else {
            throw StorageError(.corruptData, "the row of run \(id) in acp_runs contains no valid agent or status")
        }
        let session: String? = row[6]
        let principal: String? = row[9]
        return Run(
            id: id, agentName: agent, sessionID: session.flatMap(SessionID.init(rawValue:)), status: status,
            createdAt: Timestamp(microseconds: row[8]), principal: principal.flatMap(PrincipalID.init(rawValue:)))
    }

    // MARK: Writing

    func commit(_ commit: RunCommit) throws {
        let entry = try find(commit.run)
        var outcome = try commit.outcome(
            for: entry.map { StoredRunState(owner: $0.owner, eventCount: $0.eventCount, missingPart: $0.missingPart) },
            isDeleted: try wasDeletedForGood(commit.run),
            hasSignal: { key in try entry.map { try hasSignal(key, to: $0.key) } ?? false })
        if case .conflict = outcome, let entry, let missing = try missingEvent(entry) {
            outcome = .incomplete(missing: missing)
        }
        guard try commit.shouldApply(outcome) else { return }
        guard let entry else { return try create(commit) }
        try append(commit.events, to: entry.key, from: entry.eventCount)
        try db.store(commit.contents, ofRun: entry.key)
        if let snapshot = commit.snapshot {
            try replace(entry, snapshot.run, Data(snapshot.json), coveredEvents: snapshot.eventCount)
        }
    }

    private func wasDeletedForGood(_ run: RunID) throws -> Bool {
        try db.rows(
            "SELECT 1 FROM acp_deleted_runs WHERE id = ? AND until > ?", [run.rawValue, now.microseconds]
        ).next() != nil
    }

    private func hasSignal(_ key: String, to run: Int64) throws -> Bool {
        try db.rows("SELECT 1 FROM acp_signals WHERE run = ? AND key = ?", [run, key]).next() != nil
    }

    /// Returns what is missing in the middle of a run's events, or `nil` if nothing is.
    private func missingEvent(_ entry: Entry) throws -> String? {
        let count = try Int.fetchOne(
            db.cachedStatement(sql: "SELECT COUNT(*) FROM acp_events WHERE run = ?"), arguments: [entry.key])
        guard let count, count < entry.eventCount else { return nil }
        return
            "a part of its events (rows of acp_events with run = \(entry.key); \(count) of \(entry.eventCount) are "
            + "there)"
    }

    /// Creates a run and deletes it again: it is never visible, but requires everything that the creation of a run
    /// requires.
    func checkCreation(by process: ProcessID) throws {
        let run = Run(agentName: "rehearsal")
        let commit = RunCommit(
            run: run.id, expecting: 0, events: [try EncodedEvent(.runCreated(run))],
            snapshot: try RunSnapshot(run, eventCount: 1), owner: RunOwner(process: process),
            input: Encoded(json: Array("[]".utf8)))
        try create(commit)
        try db.run("DELETE FROM acp_runs WHERE id = ?", [run.id.rawValue])
    }

    /// Executes a commit that creates a run, and therefore has a snapshot.
    private func create(_ commit: RunCommit) throws {
        guard let snapshot = commit.snapshot else { return }
        let key = try insert(
            snapshot.run, id: commit.run, Data(snapshot.json), coveredEvents: snapshot.eventCount, owner: commit.owner)
        try append(commit.events, to: key, from: 0)
        try db.store(commit.contents, ofRun: key)
        if let input = commit.input {
            try db.run(
                "INSERT INTO acp_run_inputs (run, document) VALUES (?, CAST(? AS TEXT))",
                [key, Data(input.json)])
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
            run.createdAt.microseconds, endTime(run), run.detailedStatus.rawValue, run.statusTimestamp.microseconds,
            run.principal?.rawValue,
        ]
        let columns =
            "id, agent_name, session_id, status, created_at, ended_at, detailed_status, status_changed_at, principal"
        if let owner {
            try db.run(
                """
                INSERT INTO acp_runs (\(columns), owner_process, owner_token)
                VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, \(textParameter), \(textParameter))
                """, arguments + [owner.process.rawValue.stored, owner.token.stored])
        } else {
            try db.run("INSERT INTO acp_runs (\(columns)) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", arguments)
        }
        let key = db.lastInsertedRowID
        // A run whose row alone was deleted by hand may have had the same key.
        for table in ["acp_run_snapshots", "acp_run_inputs", "acp_events", "acp_run_contents", "acp_signals"] {
            try db.run("DELETE FROM \(table) WHERE run = ?", [key])
        }
        try db.run(
            "INSERT INTO acp_run_snapshots (run, covered_events, document) VALUES (?, ?, CAST(? AS TEXT))",
            [key, coveredEvents, json])
        return key
    }

    private func replace(_ entry: Entry, _ run: Run, _ json: Data, coveredEvents: Int) throws {
        try db.run(
            """
            INSERT INTO acp_run_snapshots (run, covered_events, document) VALUES (?, ?, CAST(? AS TEXT))
            ON CONFLICT (run) DO UPDATE SET covered_events = excluded.covered_events, document = excluded.document
            """, [entry.key, coveredEvents, json])
        let isUnchanged =
            entry.agentName == run.agentName.rawValue && entry.sessionID == run.sessionID?.rawValue
            && entry.status == run.status.rawValue && entry.createdAt == run.createdAt.microseconds
            && entry.detailedStatus == run.detailedStatus.rawValue
            && entry.statusChangedAt == run.statusTimestamp.microseconds && entry.principal == run.principal
        guard !isUnchanged else { return }
        try db.run(
            """
            UPDATE acp_runs SET agent_name = ?, session_id = ?, status = ?, created_at = ?, ended_at = ?,
                detailed_status = ?, status_changed_at = ?, principal = ?
            WHERE key = ?
            """,
            [
                run.agentName.rawValue, run.sessionID?.rawValue, run.status.rawValue, run.createdAt.microseconds,
                endTime(run), run.detailedStatus.rawValue, run.statusTimestamp.microseconds,
                run.principal?.rawValue, entry.key,
            ])
    }

    /// The time when the end of a run was stored, from which its time to live counts: the run's own timestamp may come
    /// from another clock.
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
