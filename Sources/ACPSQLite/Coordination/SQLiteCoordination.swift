// SPDX-License-Identifier: Apache-2.0

import ACPCore
import ACPStorage
import Foundation
import GRDB

/// Coordination inside one process, with signals and queues that are stored in the database.
///
/// Heartbeats and notifications are in memory: only this process has the file open, and when another one opens it, this
/// one has ended, and with it its heartbeat.
final class SQLiteCoordination: Coordination {
    private let database: SQLiteDatabase
    private let local = LocalCoordination()

    init(_ database: SQLiteDatabase) { self.database = database }

    func runDidChange(_ run: RunID) { local.runDidChange(run) }

    // MARK: Processes

    /// Renews a heartbeat. Writes what a small commit writes, and reverts it in the same transaction: it fails where no
    /// run can be created, for lack of space or of a permission.
    func heartbeat(of process: ProcessID, timeToLive: Duration) async throws {
        try await database.write("The heartbeat of process \(process)") { db in
            try RunTable(db).checkCreation(by: process)
        }
        await database.refillReserve()
        local.heartbeat(of: process, timeToLive: timeToLive)
    }

    func liveProcesses() async throws -> Set<ProcessID> { local.liveProcesses() }

    /// Returns the processes that left, and those that owned runs when the file was open before: they have ended.
    func lostProcesses() async throws -> Set<ProcessID> {
        let owners = try await database.read("Reading which processes own runs") { db in
            let rows = try db.rows(
                """
                SELECT DISTINCT owner_process FROM acp_runs WHERE owner_process IS NOT NULL AND ended_at IS NULL
                """)
            var owners: Set<ProcessID> = []
            while let row = try rows.next() { owners.insert(ProcessID(rawValue: try row.text(0) ?? "")) }
            return owners
        }
        return owners.subtracting(local.liveProcesses()).union(local.lostProcesses())
    }

    func leave(_ process: ProcessID) async throws { local.leave(process) }

    func forget(_ process: ProcessID) async throws { local.forget(process) }

    // MARK: Turns

    func enqueue(_ run: RunID, in session: SessionID) async throws -> RunID {
        try await database.write("Queueing run \(run) in session \(session)") { db in
            try db.run(
                """
                INSERT OR IGNORE INTO acp_turns (session, position, run)
                SELECT ?1, IFNULL(MAX(position) + 1, 0), ?2 FROM acp_turns WHERE session = ?1
                """, [session.rawValue, run.rawValue])
            return try Self.first(of: session, db) ?? run
        }
    }

    @discardableResult
    func dequeue(_ run: RunID, from session: SessionID) async throws -> RunID? {
        try await database.delete(
            Deletion(action: "Taking run \(run) out of the queue of session \(session)") { db in
                try db.run("DELETE FROM acp_turns WHERE session = ? AND run = ?", [session.rawValue, run.rawValue])
                return try Self.first(of: session, db)
            })
    }

    private static func first(of session: SessionID, _ db: Database) throws -> RunID? {
        let statement = try db.cachedStatement(
            sql: "SELECT run FROM acp_turns WHERE session = ? ORDER BY position LIMIT 1")
        return try String.fetchOne(statement, arguments: [session.rawValue]).map { try runID($0) }
    }

    // MARK: Signals

    /// - Throws: `StorageError` with code `notFound` if there is no such run.
    @discardableResult
    func send(_ signal: EncodedSignal, to run: RunID) async throws -> Bool {
        let isNew = try await database.write("Sending a signal to run \(run)") { db in
            guard let key = try Int64.fetchOne(db.cachedStatement(sql: RunTable.keySQL), arguments: [run.rawValue])
            else {
                throw StorageError.unknownReceiver(run)
            }
            try db.run(
                "INSERT OR IGNORE INTO acp_signals (run, key, document) VALUES (?, ?, CAST(? AS TEXT))",
                [key, signal.key, Data(signal.document.json)])
            return db.changesCount > 0
        }
        local.announceSignal(to: run)
        return isNew
    }

    func storedSignals(to run: RunID) async throws -> [Encoded<RunSignal>] {
        try await database.read("Reading the signals to run \(run)") { db in
            let rows = try db.rows(
                "SELECT document FROM acp_signals WHERE run = (SELECT key FROM acp_runs WHERE id = ?)", [run.rawValue])
            var signals: [Encoded<RunSignal>] = []
            while let row = try rows.next() { signals.append(Encoded(json: try row.bytes(0))) }
            return signals
        }
    }

    func forgetSignals(to run: RunID) async throws {
        try await database.delete(
            Deletion(action: "Forgetting the signals to run \(run)") { db in
                try db.run(
                    "DELETE FROM acp_signals WHERE run = (SELECT key FROM acp_runs WHERE id = ?)", [run.rawValue])
            })
    }

    // MARK: Streams

    func announcements(to process: ProcessID) async throws -> AsyncStream<SignalAnnouncement> {
        local.announcements(to: process)
    }

    func changes(of run: RunID) async throws -> AsyncStream<Void> { local.changes(of: run) }
}
