// SPDX-License-Identifier: Apache-2.0

import ACPCore
import ACPStorage
import GRDB

/// Coordination inside one process, with signals that outlive it.
///
/// Heartbeats and wakes are in memory: nobody but this process has the file open, and when another one opens it this one is
/// gone, and with it its heartbeat.
final class SQLiteCoordination: Coordination {
    private let database: SQLiteDatabase
    private let local = LocalCoordination()

    init(_ database: SQLiteDatabase) { self.database = database }

    func runDidChange(_ run: RunID) { local.runDidChange(run) }

    // MARK: Processes

    func heartbeat(of process: ProcessID, timeToLive: Duration) async throws {
        local.heartbeat(of: process, timeToLive: timeToLive)
    }

    func liveProcesses() async throws -> Set<ProcessID> { local.liveProcesses() }

    func leave(_ process: ProcessID) async throws { local.leave(process) }

    // MARK: Signals

    /// - Throws: `StorageError` with code `notFound` if there is no such run.
    @discardableResult
    func send(_ signal: RunSignal, to run: RunID, ownedBy process: ProcessID?) async throws -> Bool {
        let document = try encodeStored(signal, "the signal")
        let isNew = try await database.write("Sending a signal to run \(run)") { db in
            guard let key = try Int64.fetchOne(db.cachedStatement(sql: RunTable.keySQL), arguments: [run.rawValue])
            else {
                throw StorageError(
                    .notFound, "run \(run) is not stored (any more): nobody can be told anything about it")
            }
            try db.run(
                "INSERT OR IGNORE INTO acp_signals (run, key, document) VALUES (?, ?, CAST(? AS TEXT))",
                [key, signal.key, document])
            return db.changesCount > 0
        }
        if isNew, let process { local.announceSignal(for: run, to: process) }
        return isNew
    }

    func signals(to run: RunID) async throws -> [RunSignal] {
        try await database.read("Reading the signals to run \(run)") { db in
            let rows = try db.rows(
                "SELECT document FROM acp_signals WHERE run = (SELECT key FROM acp_runs WHERE id = ?)", [run.rawValue])
            var signals: [RunSignal] = []
            while let row = try rows.next() {
                signals.append(try decodeStored(try row.bytes(0), "a signal to run \(run)"))
            }
            return signals
        }
    }

    func forgetSignals(to run: RunID) async throws {
        try await database.write("Forgetting the signals to run \(run)") { db in
            try db.run("DELETE FROM acp_signals WHERE run = (SELECT key FROM acp_runs WHERE id = ?)", [run.rawValue])
        }
    }

    // MARK: Streams

    func announcements(to process: ProcessID) async throws -> AsyncStream<SignalAnnouncement> {
        local.announcements(to: process)
    }

    func changes(of run: RunID) async throws -> AsyncStream<Void> { local.changes(of: run) }
}
