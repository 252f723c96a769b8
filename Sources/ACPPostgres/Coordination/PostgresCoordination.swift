// SPDX-License-Identifier: Apache-2.0

import ACPCore
import ACPStorage

/// Coordination of processes by rows, whose times are the server's, and by LISTEN and NOTIFY.
///
/// Notifications carry no data. Where one may have been missed (a reconnect), readers are notified as well, and find in
/// the tables what they missed.
final class PostgresCoordination: Coordination {
    private let database: PostgresDatabase
    private let registry = WatchRegistry()
    private let listener: Listener

    init(_ database: PostgresDatabase) {
        self.database = database
        listener = Listener(database, registry)
    }

    /// Notifies this process's own watchers at once, even while the connection does not listen.
    func runDidChange(_ run: RunID) { registry.runDidChange(run) }

    /// The number of streams, for tests that none is left.
    var streamCount: Int { registry.watcherCount + registry.listenerCount }

    // MARK: Processes

    /// Renews a heartbeat. In the same transaction, a run is created and deleted again: it is never visible, but the
    /// transaction fails where no run can be created, for lack of space or of a privilege, or because the server or the
    /// role is read-only. One round trip.
    func heartbeat(of process: ProcessID, timeToLive: Duration) async throws {
        let creationProbe = try creationProbe(process)
        let heartbeat = Statement(
            """
            INSERT INTO acp_processes (id, expires_at)
            VALUES ($1::text, clock_timestamp() + $2::bigint * interval '1 millisecond')
            ON CONFLICT (id) DO UPDATE SET expires_at = excluded.expires_at
            """, [.anyText(process.rawValue), .int(min(max(1, timeToLive.wholeMilliseconds), 3_200_000_000_000))])
        _ = try await database.write(
            "The heartbeat of process \(process)", isRepeatable: true, creationProbe + [heartbeat])
    }

    private func creationProbe(_ process: ProcessID) throws -> [Statement] {
        let run = Run(agentName: "rehearsal")
        let commit = RunCommit(
            run: run.id, expecting: 0, events: [try EncodedEvent(.runCreated(run))],
            snapshot: try RunSnapshot(run, eventCount: 1), owner: RunOwner(process: process),
            input: Encoded(json: Array("[]".utf8)))
        return [
            PreparedCommit.statement(for: commit),
            Statement("DELETE FROM acp_runs WHERE id = $1::text", [.text(run.id.rawValue)]),
        ]
    }

    func liveProcesses() async throws -> Set<ProcessID> { try await processes("expires_at > clock_timestamp()") }

    func lostProcesses() async throws -> Set<ProcessID> { try await processes("expires_at <= clock_timestamp()") }

    private func processes(_ condition: String) async throws -> Set<ProcessID> {
        let rows = try await database.read("Reading the processes", "SELECT id FROM acp_processes WHERE \(condition)")
        return Set(rows.rows.map { ProcessID(rawValue: $0.anyText(0) ?? "") })
    }

    func leave(_ process: ProcessID) async throws {
        _ = try await database.write(
            "Leaving as process \(process)", isRepeatable: true, "SELECT acp_leave($1::text)",
            [.anyText(process.rawValue)])
    }

    func forget(_ process: ProcessID) async throws {
        _ = try await database.write(
            "Forgetting process \(process)", isRepeatable: true,
            "DELETE FROM acp_processes WHERE id = $1::text AND expires_at <= clock_timestamp()",
            [.anyText(process.rawValue)])
    }

    // MARK: Turns

    func enqueue(_ run: RunID, in session: SessionID) async throws -> RunID {
        let rows = try await database.write(
            "Queueing run \(run) in session \(session)", isRepeatable: true, "SELECT acp_enqueue($1::text, $2::text)",
            [.text(session.rawValue), .text(run.rawValue)])
        return try runID(rows.first?.text(0))
    }

    @discardableResult
    func dequeue(_ run: RunID, from session: SessionID) async throws -> RunID? {
        let rows = try await database.write(
            "Taking run \(run) out of the queue of session \(session)", isRepeatable: true,
            "SELECT acp_dequeue($1::text, $2::text)", [.text(session.rawValue), .text(run.rawValue)])
        return try rows.first?.text(0).map { try runID($0) }
    }

    // MARK: Signals

    /// - Throws: `StorageError` with code `notFound` if there is no such run.
    @discardableResult
    func send(_ signal: EncodedSignal, to run: RunID) async throws -> Bool {
        // Not repeated automatically: the second attempt would report that the signal existed before.
        let rows = try await database.write(
            "Sending a signal to run \(run)", isRepeatable: false, "SELECT acp_send($1::text, $2::text, $3::bytea)",
            [.text(run.rawValue), .anyText(signal.key), .bytes(signal.document.json)])
        guard let row = rows.first, !row.isNull(0) else {
            throw StorageError.unknownReceiver(run)
        }
        return row.bool(0)
    }

    func storedSignals(to run: RunID) async throws -> [Encoded<RunSignal>] {
        let rows = try await database.read(
            "Reading the signals to run \(run)",
            "SELECT signal FROM acp_signals WHERE run = (SELECT key FROM acp_runs WHERE id = $1::text)",
            [.text(run.rawValue)])
        return rows.rows.map { Encoded(json: $0.bytes(0) ?? []) }
    }

    func forgetSignals(to run: RunID) async throws {
        _ = try await database.write(
            "Forgetting the signals to run \(run)", isRepeatable: true,
            "DELETE FROM acp_signals WHERE run = (SELECT key FROM acp_runs WHERE id = $1::text)",
            [.text(run.rawValue)])
    }

    // MARK: Streams

    func announcements(to process: ProcessID) async throws -> AsyncStream<SignalAnnouncement> {
        try await listener.start()
        return registry.announcements(to: process)
    }

    func changes(of run: RunID) async throws -> AsyncStream<Void> {
        try await listener.start()
        return registry.changes(of: run)
    }

    // MARK: End

    func stop() {
        listener.stop()
        registry.end()
    }

    func end() async {
        await listener.end()
        registry.end()
    }
}
