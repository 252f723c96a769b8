// SPDX-License-Identifier: Apache-2.0

import ACPCore
import ACPStorage

/// Coordination inside one process. Heartbeats and wakes end with the process, so `LocalCoordination` has them. Signals and
/// turns belong to runs, which outlive it: they are in the journal.
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

    /// Besides those that this process knows: whoever owned runs when the journal was open before. Only one process at a
    /// time has it open, so that one is gone.
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
        // Stored first, then announced. Announced in any case: the owner may have missed the first time.
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
