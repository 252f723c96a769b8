// SPDX-License-Identifier: Apache-2.0

import ACPCore
import ACPStorage
import Logging
import Synchronization

/// Runs that this process owns while no handler works for them: those that await an answer, and those that it is about
/// to continue.
extension RunEngine {
    // MARK: - Signals to runs that are being claimed

    /// Claims or continues a run. A signal that is announced before the run is executed here, or dormant, is processed
    /// afterwards: the signals that the step itself has read may be older.
    func deferringSignals<Result>(to id: RunID, _ step: () async throws -> Result) async throws -> Result {
        state.withLock { $0.claiming[id] = $0.claiming[id] ?? false }
        do {
            let result = try await step()
            if state.withLock({ $0.claiming.removeValue(forKey: id) }) == true { await processSignals(to: id) }
            return result
        } catch {
            state.withLock { _ = $0.claiming.removeValue(forKey: id) }
            throw error
        }
    }

    /// - Returns: Whether the run is being claimed or continued, so that the signal is processed later.
    func deferSignal(to run: RunID) -> Bool {
        state.withLock { state in
            guard state.claiming[run] != nil else { return false }
            state.claiming[run] = true
            return true
        }
    }

    // MARK: - Dormant runs

    /// Continues a dormant run if it was answered or cancelled.
    func resumeDormantRun(_ id: RunID) async throws {
        guard let dormant = state.withLock({ $0.dormant[id] }) else { return }
        let signals = try await storage.coordination.signals(to: id)
        let isDue = signals.contains(.cancel) || Replay.answers(in: signals)[dormant.eventCount] != nil
        if isDue { try await withDormantRun(id) { try await self.continueRun(id, as: dormant.owner, $0) } }
    }

    /// Removes a run from the dormant ones and performs a step with it. If the step fails, the run is dormant again and
    /// due.
    private func withDormantRun(_ id: RunID, _ step: (any Agent) async throws -> Void) async throws {
        let found = state.withLock { state in
            guard let dormant = state.dormant.removeValue(forKey: id) else { return DormantRun?.none }
            state.claiming[id] = false
            return dormant
        }
        guard var dormant = found else { return }
        do {
            try await deferringSignals(to: id) {
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

    func processDormantRuns() async {
        let now = Timestamp.now
        let due = state.withLock { $0.dormant.filter { $0.value.isDue || $0.value.deadline.map { $0 <= now } == true } }
        for (id, dormant) in due {
            do {
                try await resumeDormantRun(id)
                guard let deadline = dormant.deadline, deadline <= now else { continue }
                try await withDormantRun(id) { _ in
                    try await expire(id, as: dormant.owner, eventCount: dormant.eventCount)
                }
            } catch {
                logLimiter.log(
                    .warning, "a run could not be continued", metadata: ["run_id": "\(id)", "reason": "\(error)"],
                    to: logger)
            }
        }
    }
}

/// A run of this process that awaits an answer without a handler.
struct DormantRun {
    let owner: RunOwner
    /// The number of events when the run began to await the answer.
    let eventCount: Int
    let deadline: Timestamp?
    /// Whether an attempt to continue the run has failed.
    var isDue = false
}
