// SPDX-License-Identifier: Apache-2.0

import ACPCore
import ACPStorage
import Synchronization

/// The coordination of a ``FaultyStorage``.
final class FaultyCoordination: Coordination {
    private let base: any Coordination
    private let fault: Fault?
    private let kept = Mutex<[RunID: [Encoded<RunSignal>]]>([:])
    private let processes = Mutex<Set<ProcessID>>([])

    init(_ base: any Coordination, _ fault: Fault?) {
        self.base = base
        self.fault = fault
    }

    func keep(_ signals: [Encoded<RunSignal>], of run: RunID) { kept.withLock { $0[run] = signals } }

    func heartbeat(of process: ProcessID, timeToLive: Duration) async throws {
        _ = processes.withLock { $0.insert(process) }
        try await base.heartbeat(of: process, timeToLive: timeToLive)
    }

    func liveProcesses() async throws -> Set<ProcessID> {
        fault == .keepsProcessesAlive ? processes.withLock { $0 } : try await base.liveProcesses()
    }

    func lostProcesses() async throws -> Set<ProcessID> {
        fault == .omitsLostProcesses ? [] : try await base.lostProcesses()
    }

    func forget(_ process: ProcessID) async throws { try await base.forget(process) }

    func enqueue(_ run: RunID, in session: SessionID) async throws -> RunID {
        let first = try await base.enqueue(run, in: session)
        return fault == .givesAllRunsTheTurn ? run : first
    }

    func dequeue(_ run: RunID, from session: SessionID) async throws -> RunID? {
        try await base.dequeue(run, from: session)
    }

    func leave(_ process: ProcessID) async throws {
        _ = processes.withLock { $0.remove(process) }
        try await base.leave(process)
    }

    func send(_ signal: EncodedSignal, to run: RunID) async throws -> Bool {
        let isNew = try await base.send(signal, to: run)
        guard fault == .keepsTheLastSignal, !isNew else { return isNew }
        let others = try await base.signals(to: run).filter { $0.key != signal.key }
        try await base.forgetSignals(to: run)
        for other in others { try await base.send(other, to: run) }
        try await base.send(signal, to: run)
        return false
    }

    func storedSignals(to run: RunID) async throws -> [Encoded<RunSignal>] {
        try await base.storedSignals(to: run) + kept.withLock { $0[run] ?? [] }
    }

    func forgetSignals(to run: RunID) async throws { try await base.forgetSignals(to: run) }

    func announcements(to process: ProcessID) async throws -> AsyncStream<SignalAnnouncement> {
        if fault == .neverAnnounces { return AsyncStream { _ in } }
        return try await base.announcements(to: process)
    }

    func changes(of run: RunID) async throws -> AsyncStream<Void> {
        // The watchers of a run that is not written are never woken.
        try await base.changes(of: fault == .neverWakes ? RunID() : run)
    }
}
