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
            state.withLock { state in
                if state.claiming.removeValue(forKey: id) == true { state.unreadSignals.insert(id) }
            }
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

    /// Continues a dormant run if it was answered or cancelled. Fails it if its time is up, and forgets it if it is not
    /// stored any more.
    ///
    /// The run is not dormant meanwhile. If that fails, it is dormant again and due.
    func resumeDormantRun(_ id: RunID) async throws {
        let found = state.withLock { state in
            // A run that is being claimed or continued at this moment is reviewed after that.
            guard state.claiming[id] == nil else {
                state.claiming[id] = true
                return DormantRun?.none
            }
            guard let dormant = state.dormant.remove(id) else { return nil }
            state.claiming[id] = false
            return dormant
        }
        guard let dormant = found else { return }
        do {
            try await deferringSignals(to: id) {
                async let signals = storage.coordination.signals(to: id)
                guard let record = try await storage.record(of: id) else { return }
                guard let owner = record.owner else { return try await endOwnerless(record) }
                guard owner == dormant.owner, let agent = agents[record.snapshot.agentName] else { return }
                try await continueDormantRun(record, try await signals, as: owner, agent)
            }
        } catch {
            let due = DormantRun(owner: dormant.owner, eventCount: dormant.eventCount, checkTime: nil)
            state.withLock { $0.dormant.insert(id, due, isDue: true) }
            throw error
        }
    }

    private func continueDormantRun(
        _ record: RunRecord, _ signals: [RunSignal], as owner: RunOwner, _ agent: any Agent
    ) async throws {
        let run = try record.run()
        let isAnswered = signals.contains(.cancel) || Replay.answers(in: signals)[record.eventCount] != nil
        if run.status == .awaiting, !isAnswered, let deadline = run.awaitDeadline, deadline <= .now {
            try await expire(run.id, as: owner, eventCount: record.eventCount)
        } else {
            try await continueRun(record, signals, as: owner, agent)
        }
    }

    /// Continues dormant runs that are due.
    ///
    /// - Parameter includesFailed: Whether to try again those that could not be continued before. Defaults to `true`.
    func processDormantRuns(includesFailed: Bool = true) async {
        let due = state.withLock { state in
            state.dormant.isEmpty ? [] : state.dormant.takeDue(at: .now, includesFailed: includesFailed)
        }
        _ = await inParallel(due) { id in
            do {
                try await self.resumeDormantRun(id)
            } catch {
                self.logLimiter.log(
                    .warning, "a run could not be continued", metadata: ["run_id": "\(id)", "reason": "\(error)"],
                    to: self.logger)
            }
        }
    }

    /// Continues the dormant runs that were answered or cancelled, when announcements of that may have been lost.
    func reviewDormantRuns() async {
        let dormant = state.withLock { $0.dormant.all }
        _ = await inParallel(Array(dormant), width: Self.reviewWidth) { id, dormant in
            do {
                let signals = try await self.storage.coordination.signals(to: id)
                guard signals.contains(.cancel) || Replay.answers(in: signals)[dormant.eventCount] != nil else {
                    return
                }
                try await self.resumeDormantRun(id)
            } catch {
                self.noteUnreadSignals(to: id, error)
            }
        }
    }

    /// The number of dormant runs whose signals are read at the same time.
    private static let reviewWidth = 32

    /// Makes a run dormant that awaits an answer.
    ///
    /// - Parameter isDue: Whether it may have been answered already. Defaults to `false`.
    func makeDormant(
        _ id: RunID, as owner: RunOwner, eventCount: Int, deadline: Timestamp?, isDue: Bool = false,
        in state: inout State
    ) {
        // A run may expire in storage. Nothing announces that.
        let expiry = contents.capabilities.timeToLive.map { Timestamp.now + $0 + configuration.lease }
        let checkTime = [deadline, expiry].compactMap { $0 }.min()
        state.dormant.insert(
            id, DormantRun(owner: owner, eventCount: eventCount, checkTime: checkTime), isDue: isDue)
    }
}
