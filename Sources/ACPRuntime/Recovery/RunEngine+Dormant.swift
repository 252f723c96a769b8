// SPDX-License-Identifier: Apache-2.0

import ACPCore
import ACPStorage
import Logging
import Synchronization

/// Runs that this process owns while no handler works for them: those that await an answer, and those that are about to continue.
extension RunEngine {
    // MARK: - Signals to runs that arrive

    /// Claims or continues a run. A signal that is announced before the run is executed here, or dormant, is looked at afterwards: what
    /// the step itself has read of signals may be older.
    func arrive<Result>(_ id: RunID, _ step: () async throws -> Result) async throws -> Result {
        state.withLock { $0.arriving[id] = $0.arriving[id] ?? false }
        do {
            let result = try await step()
            if state.withLock({ $0.arriving.removeValue(forKey: id) }) == true { await lookAtSignals(to: id) }
            return result
        } catch {
            state.withLock { _ = $0.arriving.removeValue(forKey: id) }
            throw error
        }
    }

    /// - Returns: Whether the run is arriving, so that the signal is looked at later.
    func noteArrivingSignal(to run: RunID) -> Bool {
        state.withLock { state in
            guard state.arriving[run] != nil else { return false }
            state.arriving[run] = true
            return true
        }
    }

    // MARK: - Dormant runs

    /// Goes on with a run that awaited an answer, if there is one now.
    func revive(_ id: RunID) async throws {
        guard let dormant = state.withLock({ $0.dormant[id] }) else { return }
        let signals = try await storage.coordination.signals(to: id)
        let isDue = signals.contains(.cancel) || Replay.answers(in: signals)[dormant.eventCount] != nil
        if isDue { try await wake(id) { try await self.goOn(with: id, as: dormant.owner, $0) } }
    }

    /// Takes a run out of those that wait, and does something with it. If that fails it is tried again before long.
    private func wake(_ id: RunID, _ step: (any Agent) async throws -> Void) async throws {
        let found = state.withLock { state in
            guard let dormant = state.dormant.removeValue(forKey: id) else { return DormantRun?.none }
            state.arriving[id] = false
            return dormant
        }
        guard var dormant = found else { return }
        do {
            try await arrive(id) {
                guard let record = try await storage.record(of: id) else { return }
                guard let owner = record.owner else { return try await endOwnerless(record) }
                guard owner == dormant.owner, let agent = agents[record.snapshot.agentName] else { return }
                try await step(agent)
            }
        } catch {
            dormant.isDue = true
            state.withLock { $0.dormant[id] = dormant }
            throw error
        }
    }

    func lookAfterDormantRuns() async {
        let now = Timestamp.now
        let due = state.withLock { $0.dormant.filter { $0.value.isDue || $0.value.deadline.map { $0 <= now } == true } }
        for (id, dormant) in due {
            do {
                try await revive(id)
                guard let deadline = dormant.deadline, deadline <= now else { continue }
                try await wake(id) { _ in
                    try await end(id, as: dormant.owner, with: .failed(.unansweredQuestion))
                }
            } catch {
                logLimiter.log(
                    .warning, "a run could not go on", metadata: ["run_id": "\(id)", "reason": "\(error)"],
                    to: logger)
            }
        }
    }
}

/// A run of this process that awaits an answer without a handler.
struct DormantRun {
    let owner: RunOwner
    /// How many events there were when it began to await the answer.
    let eventCount: Int
    let deadline: Timestamp?
    /// It was to go on, and could not.
    var isDue = false
}
