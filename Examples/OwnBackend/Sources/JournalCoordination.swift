// SPDX-License-Identifier: Apache-2.0

import ACPCore
import ACPStorage

/// Coordination within one process. Heartbeats and wakes end with the process: `LocalCoordination` implements them.
/// Signals and turns belong to runs, which survive the process: they are in the journal.
struct JournalCoordination: Coordination {
    private let journal: Journal
    private let local: LocalCoordination

    init(_ journal: Journal, _ local: LocalCoordination) {
        self.journal = journal
        self.local = local
    }

    // MARK: Processes

    func heartbeat(of process: ProcessID, timeToLive: Duration) async throws {
        local.heartbeat(of: process, timeToLive: timeToLive)
    }

    func liveProcesses() async throws -> Set<ProcessID> { local.liveProcesses() }

    /// Returns the lost processes of this opening, and the owners of unfinished runs from earlier openings. Only one
    /// process at a time has the journal open, so these owners have ended.
    func lostProcesses() async throws -> Set<ProcessID> {
        let owners = try await journal.read { contents in
            Set(contents.runs.values.filter { !$0.summary.status.isTerminal }.compactMap(\.owner?.process))
        }
        return owners.subtracting(local.liveProcesses()).union(local.lostProcesses())
    }

    func leave(_ process: ProcessID) async throws { local.leave(process) }

    func forget(_ process: ProcessID) async throws { local.forget(process) }

    // MARK: Signals

    @discardableResult
    func send(_ signal: EncodedSignal, to run: RunID) async throws -> Bool {
        let isNew = try await journal.write { contents, changes in
            guard let signals = contents.runs[run]?.signals else { throw StorageError.unknownReceiver(run) }
            guard signals[signal.key] == nil else { return false }
            changes = [.signalSent(run, key: signal.key, signal: Document(signal.document.json))]
            return true
        }
        // Stored first, then announced, in any case: the owner may have missed the first announcement.
        local.announceSignal(to: run)
        return isNew
    }

    func storedSignals(to run: RunID) async throws -> [Encoded<RunSignal>] {
        try await journal.read { contents in contents.runs[run]?.signals.values.map { Encoded(json: $0) } ?? [] }
    }

    func forgetSignals(to run: RunID) async throws {
        try await journal.write { contents, changes in
            if contents.runs[run]?.signals.isEmpty == false { changes = [.signalsForgotten(run)] }
        }
    }

    // MARK: Turns

    func enqueue(_ run: RunID, in session: SessionID) async throws -> RunID {
        try await journal.write { contents, changes in
            let queue = contents.queues[session] ?? []
            if !queue.contains(run) { changes = [.runQueued(run, session: session)] }
            return queue.first ?? run
        }
    }

    @discardableResult
    func dequeue(_ run: RunID, from session: SessionID) async throws -> RunID? {
        try await journal.write { contents, changes in
            let queue = contents.queues[session] ?? []
            if queue.contains(run) { changes = [.runDequeued(run, session: session)] }
            return queue.first { $0 != run }
        }
    }

    // MARK: Wakes

    func announcements(to process: ProcessID) async throws -> AsyncStream<SignalAnnouncement> {
        local.announcements(to: process)
    }

    func changes(of run: RunID) async throws -> AsyncStream<Void> { local.changes(of: run) }
}
