// SPDX-License-Identifier: Apache-2.0

import ACPCore
import ACPStorage

/// The coordination of a ``BrokenStorage``.
struct BrokenCoordination: Coordination {
    let base: any Coordination
    let storage: BrokenStorage

    func send(_ signal: EncodedSignal, to run: RunID) async throws -> Bool {
        let isCancel = signal.key == RunSignal.cancel.key
        let isAnswer = signal.key.hasPrefix("resume:")
        if isCancel, storage.violates(.forgetCancel) { return true }
        if isAnswer, storage.violates(.forgetAnswer) { return true }
        let isFirst = try await base.send(signal, to: run)
        return isFirst || isAnswer && storage.violates(.acceptSecondAnswer)
    }

    func announcements(to process: ProcessID) async throws -> AsyncStream<SignalAnnouncement> {
        let stream = try await base.announcements(to: process)
        guard storage.fault == .loseAnnouncement else { return stream }
        let (silent, continuation) = AsyncStream<SignalAnnouncement>.makeStream()
        // Ends with the stream that it replaces, which the engine's cancellation ends.
        let task = Task { for await _ in stream {} }
        continuation.onTermination = { _ in task.cancel() }
        return silent
    }

    func changes(of run: RunID) async throws -> AsyncStream<Void> {
        let stream = try await base.changes(of: run)
        guard storage.fault == .loseChange else { return stream }
        let (silent, continuation) = AsyncStream<Void>.makeStream()
        // Ends with its reader.
        let task = Task { for await _ in stream {} }
        continuation.onTermination = { _ in task.cancel() }
        return silent
    }

    func lostProcesses() async throws -> Set<ProcessID> {
        storage.fault == .hideLost ? [] : try await base.lostProcesses()
    }

    func heartbeat(of process: ProcessID, timeToLive: Duration) async throws {
        try await base.heartbeat(of: process, timeToLive: timeToLive)
    }
    func liveProcesses() async throws -> Set<ProcessID> { try await base.liveProcesses() }
    func leave(_ process: ProcessID) async throws { try await base.leave(process) }
    func forget(_ process: ProcessID) async throws { try await base.forget(process) }
    func storedSignals(to run: RunID) async throws -> [Encoded<RunSignal>] { try await base.storedSignals(to: run) }
    func forgetSignals(to run: RunID) async throws { try await base.forgetSignals(to: run) }
    func enqueue(_ run: RunID, in session: SessionID) async throws -> RunID {
        try await base.enqueue(run, in: session)
    }
    func dequeue(_ run: RunID, from session: SessionID) async throws -> RunID? {
        try await base.dequeue(run, from: session)
    }
    func signalName(of run: RunID) -> String { base.signalName(of: run) }
}
