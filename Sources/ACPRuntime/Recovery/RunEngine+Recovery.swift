// SPDX-License-Identifier: Apache-2.0

import ACPCore
import ACPStorage
import Logging
import Synchronization

/// Taking over the runs of processes that have ended.
///
/// Claims are atomic in storage: of several processes that try, one succeeds, and commits of the previous owner are
/// refused from then on. All decisions are made after the claim, from what is stored then.
extension RunEngine {
    /// The number of runs that are listed at once, and the number that are processed concurrently.
    private static let batchSize = 100
    static let width = 8
    /// The number of leases that an orphaned run waits for a process that serves its agent.
    private static let unservedLeaseMultiplier = 10
    /// The number of queued runs whose turns are checked each time.
    private static let turnsAtOnce = 16

    /// Looks for orphaned runs, and for other overdue work.
    func recover() async {
        await retryUnreadSignals()
        guard acceptsRuns else { return }
        do {
            if state.withLock({ $0.needsReview }) { try await review() }
            await reviewOrphans()
            let lost = try await storage.coordination.lostProcesses()
            state.withLock { $0.lostProcesses.update(lost, now: now()) }
            for process in withReleased(lost).shuffled() where process != configuration.process {
                try await takeOver(from: process)
            }
            try await recheckTurns()
        } catch {
            noteFailure(error)
            logLimiter.log(
                .warning, "orphaned runs could not be listed", metadata: ["reason": "\(error)"], to: logger)
        }
        await processDormantRuns()
    }

    // MARK: - Orphaned runs

    private func takeOver(from process: ProcessID) async throws {
        var (seen, left): (Set<RunID>, Set<RunID>) = ([], [])
        while acceptsRuns {
            let owned = try await storage.runs(ownedBy: process, limit: left.count + Self.batchSize)
            if owned.isEmpty { return try await forgetIfGone(process) }
            let runs = owned.filter { seen.insert($0).inserted }
            if runs.isEmpty { return }
            for (run, isDone) in await inParallel(runs, { ($0, await self.tryToTakeOver($0, from: process)) })
            where !isDone {
                left.insert(run)
            }
        }
    }

    /// Takes a run over, or leaves it for the next time. An error with one run does not affect the others.
    ///
    /// - Returns: Whether nothing is left to do.
    private func tryToTakeOver(_ id: RunID, from process: ProcessID) async -> Bool {
        do {
            return try await takeOver(id, from: process)
        } catch {
            noteFailure(error)
            logger.warning(
                "a run could not be taken over; trying again later",
                metadata: ["run_id": "\(id)", "reason": "\(error)"])
            // It may have been claimed already, and then only this process can end it.
            state.withLock { $0.needsReview = true }
            return false
        }
    }

    /// - Returns: Whether nothing is left to do: the run has found an owner, or needs none.
    private func takeOver(_ id: RunID, from process: ProcessID) async throws -> Bool {
        guard let record = try await storage.record(of: id) else {
            // There is no run to continue. What is left of it, if anything, is deleted.
            try await storage.deleteRun(id)
            return true
        }
        guard !record.snapshot.status.isTerminal else { return true }
        guard let current = record.owner else {
            try await endOwnerless(record)
            return true
        }
        guard current.process == process else { return true }
        guard let agent = agent(record.snapshot.agentName, of: id) else {
            return try await takeOverUnserved(record, from: current)
        }
        // Replays, and runs that have not started, need capacity. Without it they are left for other processes, or for
        // later.
        let needsCapacity =
            record.snapshot.status == .created
            || record.snapshot.status == .inProgress && agent.policy.recovery == .replay && !id.isCompanion
        if needsCapacity, !hasCapacity { return false }
        let owner = RunOwner(process: configuration.process)
        return try await deferringSignals(to: id) {
            guard try await storage.claim(id, for: owner, from: current) else { return true }
            if let action = try await continueRun(id, as: owner, agent) {
                metrics.runWasTakenOver(action)
                logger.notice(
                    "a run was taken over",
                    metadata: [
                        "run_id": "\(id)", "agent": "\(record.snapshot.agentName)", "from": "\(process)",
                        "action": "\(action.rawValue)",
                    ])
            }
            return true
        }
    }

    private var hasCapacity: Bool { state.withLock { $0.limiter.active.count < $0.limiter.activeLimit } }

    /// Keeps an orphaned run whose agent is not served here for a process that serves it. If none has claimed it after
    /// some leases and the handler was working, the run fails, since no other process would end it.
    private func takeOverUnserved(_ record: RunRecord, from current: RunOwner) async throws -> Bool {
        let id = record.snapshot.id
        let now = now()
        let since = state.withLock { state in
            if state.unservedRuns.count > 10_000 { state.unservedRuns = [:] }
            return state.unservedRuns[id, default: now]
        }
        guard now - since >= configuration.lease * Self.unservedLeaseMultiplier, record.snapshot.status != .awaiting
        else {
            state.withLock { $0.unservedRuns[id] = since }
            return false
        }
        state.withLock { $0.unservedRuns[id] = nil }
        let owner = RunOwner(process: configuration.process)
        guard try await storage.claim(id, for: owner, from: current) else { return true }
        metrics.runWasTakenOver(.failed)
        try await end(id, as: owner, with: .failed(.ownerLost(agentIsServed: false, lease: configuration.lease)))
        return true
    }

    private func noteFailure(_ error: any Error) {
        if let error = error as? StorageError { metrics.storageDidFail(.recovery, error) }
    }

    /// Continues a run that this process has just claimed.
    ///
    /// - Returns: What was done. `nil` if the run had ended, or was deleted.
    @discardableResult
    func continueRun(
        _ id: RunID, as owner: RunOwner, _ agent: any Agent
    ) async throws -> EngineMetrics.TakeOver? {
        // Read after the claim: later signals are announced to this process.
        async let signals = storage.coordination.signals(to: id)
        guard let record = try await storage.record(of: id) else { return nil }
        return try await continueRun(record, try await signals, as: owner, agent)
    }

    /// Continues a run that this process owns and does not execute.
    ///
    /// - Parameters:
    ///   - record: The run as it was read while this process was its owner.
    ///   - signals: The signals to it, which were read at about the same time. Later ones are announced.
    @discardableResult
    func continueRun(
        _ record: RunRecord, _ signals: [RunSignal], as owner: RunOwner, _ agent: any Agent
    ) async throws -> EngineMetrics.TakeOver? {
        guard makeRoom(for: owner, of: record) else { return nil }
        let id = record.snapshot.id
        let run = try record.run()
        let answers = Replay.answers(in: signals)
        let isCancelled = signals.contains(.cancel) || run.status == .cancelling
        switch run.status {
        case .completed, .cancelled, .failed: return nil
        case .cancelling,
            _ where isCancelled:
            try await end(id, as: owner, with: .cancelled)
            return .cancelled
        case .created:
            try await wait(run, record, as: owner, agent)
            return .queued
        case .awaiting where answers[record.eventCount] == nil:
            state.withLock {
                makeDormant(
                    id, as: owner, eventCount: record.eventCount, deadline: run.awaitDeadline, in: &$0)
            }
            return .awaiting
        case .awaiting: return try await replay(run, record, answers, as: owner, agent)
        case .inProgress where id.isCompanion:
            try await continueCompanion(run, record, as: owner)
            return .replayed
        case .inProgress:
            switch agent.policy.recovery {
            case .replay: return try await replay(run, record, answers, as: owner, agent)
            case .fail:
                let failure = ACPError.ownerLost(agentIsServed: true, lease: configuration.lease)
                try await end(id, as: owner, with: .failed(failure))
                return .failed
            }
        }
    }

    /// Ends a run without an owner: the name of its owner was evicted, or deleted by hand.
    func endOwnerless(_ record: RunRecord) async throws {
        let id = record.snapshot.id
        let owner = RunOwner(process: configuration.process)
        guard try await storage.claim(id, for: owner, from: nil) else { return }
        let damage = StorageError(.incomplete, "the owner of the run is not stored any more")
        try await end(id, as: owner, with: .failed(.damaged(damage)))
    }

    // MARK: - Continuing

    /// Abandons the execution of a run that this process has lost unnoticed, and has claimed again. It could not write
    /// the run, and signals would reach it in place of the new owner.
    ///
    /// - Returns: `false` if the run has another owner than the given one by now.
    private func makeRoom(for owner: RunOwner, of record: RunRecord) -> Bool {
        guard record.owner == nil || record.owner == owner else { return false }
        guard let execution = execution(of: record.snapshot.id), execution.owner != owner else { return true }
        execution.update { $0.abandon(StorageError(.fenced, "this process has lost the run, and claimed it again")) }
        // Another thread may be about to notify the engine.
        for run in state.withLock({ $0.remove(execution) }) { begin(run) }
        return true
    }

    /// Stores the end of a run that is not continued.
    func end(_ id: RunID, as owner: RunOwner, with outcome: RunOutcome) async throws {
        try await end(id, as: owner) { $0.end(outcome) }
    }

    /// Fails a run that awaits an answer. If there is one by now, the run is reviewed instead, and continues.
    ///
    /// - Parameter eventCount: The number of events when the run began to await the answer.
    func expire(_ id: RunID, as owner: RunOwner, eventCount: Int) async throws {
        try await end(id, as: owner) { $0.expire(RunStateMachine.Question(eventCount: eventCount)) }
    }

    private func end(
        _ id: RunID, as owner: RunOwner, _ end: (inout RunStateMachine) -> Void
    ) async throws {
        guard let record = try await storage.record(of: id), makeRoom(for: owner, of: record) else { return }
        let run = try record.run()
        guard !run.status.isTerminal else { return }
        let execution = recovered(run, record, input: [], policy: agents[run.agentName]?.policy, as: owner, nil)
        guard register(execution, isActive: false) else {
            execution.trace?.end(abandonedAs: "known")
            return
        }
        execution.update(end)
        try await execution.waitUntilOver(ignoringTimeout: true)
    }

    /// Queues a run that had not started.
    private func wait(_ run: Run, _ record: RunRecord, as owner: RunOwner, _ agent: any Agent) async throws {
        let input = try await storage.input(of: run.id) ?? []
        let execution = recovered(run, record, input: input, policy: agent.policy, as: owner, nil)
        guard register(execution, isActive: nil) else {
            execution.trace?.end(abandonedAs: "known")
            return
        }
        await enqueue(execution)
    }

    /// Runs the handler again from its start.
    private func replay(
        _ run: Run, _ record: RunRecord, _ answers: [Int: AwaitResume], as owner: RunOwner, _ agent: any Agent
    ) async throws -> EngineMetrics.TakeOver {
        async let input = storage.input(of: run.id)
        let traces = try await Replay.traces(of: run.id, count: record.eventCount, in: storage)
        let replay: Replay
        do {
            replay = try Replay(of: run, traces: traces, answers: answers)
        } catch {
            try await end(run.id, as: owner, with: .failed(error))
            return .failed
        }
        let execution = recovered(run, record, input: try await input ?? [], policy: agent.policy, as: owner, replay)
        if register(execution, isActive: true) {
            execution.start(agent, isNew: false)
        } else {
            execution.trace?.end(abandonedAs: "known")
        }
        return .replayed
    }

    private func recovered(
        _ run: Run, _ record: RunRecord, input: [Message], policy: AgentPolicy?, as owner: RunOwner, _ replay: Replay?
    ) -> RunExecution {
        RunExecution(
            recovering: run, eventCount: record.eventCount, input: input, policy: policy ?? AgentPolicy(),
            owner: owner, replay: replay, trace: tracing.resume(run), in: executionContext)
    }

    /// Registers the execution of a run.
    ///
    /// - Parameter isActive: Whether the run counts as active, even above the limit. If `nil`, it is queued.
    /// - Returns: `false` if the run is executed here already.
    func register(_ execution: RunExecution, isActive: Bool?) -> Bool {
        state.withLock { state in
            guard state.executions[execution.id] == nil else { return false }
            state.executions[execution.id] = execution
            // It may be that of an earlier claim, which this process has lost unnoticed.
            _ = state.dormant.remove(execution.id)
            switch isActive {
            case true?: state.limiter.activate(execution.id)
            case false?: break
            case nil: state.limiter.enqueue(execution.id)
            }
            return true
        }
    }

    // MARK: - Queued runs

    /// Checks the turns of some queued runs, since signals may be lost, and runs may have ended without passing on
    /// their turn.
    private func recheckTurns() async throws {
        let waiting = state.withLock { state in
            state.waitingForTurn.prefix(Self.turnsAtOnce).compactMap { state.executions[$0] }
        }
        for execution in waiting {
            let hasTurn = try await hasTurn(execution.id, in: execution.sessionID)
            if execution.hasEnded {
                // It has passed its turn on in the meantime, and the check has queued it again.
                _ = try await storage.coordination.dequeue(execution.id, from: execution.sessionID)
            } else if hasTurn {
                proceed(execution.id)
            }
        }
    }

    // MARK: - Review

    /// Checks runs that were abandoned here: those that still belong to this process are ended by it.
    private func reviewOrphans() async {
        let orphans = state.withLock { state in
            defer { state.orphans = [] }
            return state.orphans
        }
        for id in orphans where !isKnown(id) {
            let isDone = await tryToTakeOver(id, from: configuration.process)
            if !isDone { state.withLock { _ = $0.orphans.insert(id) } }
        }
    }

    /// Whether this process executes a run, has it as dormant, or is about to continue it.
    func isKnown(_ id: RunID) -> Bool {
        state.withLock { $0.executions[id] != nil || $0.isDormantOrClaimed(id) }
    }

    /// Compares the runs that are executed here with those that are stored as owned by this process.
    private func review() async throws {
        state.withLock { $0.needsReview = false }
        do {
            let process = configuration.process
            let here = state.withLock { Array($0.executions.values) }
            for (execution, isOwned) in try await inParallel(here, { ($0, try await self.isOwned($0)) })
            where !isOwned {
                execution.update { $0.abandon(StorageError(.fenced, "another process has taken the run over")) }
            }
            let dormant = state.withLock { $0.dormant.all }
            let owned = try await storage.runs(ownedBy: process, limit: .max)
            // There may be many dormant runs: only those are read that are not listed.
            let rest = dormant.isEmpty ? [:] : dormant.filter { [owned = Set(owned)] in !owned.contains($0.key) }
            for (run, isOwned) in try await inParallel(
                Array(rest),
                {
                    ($0, try await self.isOwned($0.key, by: $0.value.owner))
                })
            where !isOwned {
                state.withLock { _ = $0.dormant.remove(run.key) }
            }
            for run in owned where !isKnown(run) {
                _ = await tryToTakeOver(run, from: process)
            }
        } catch {
            state.withLock { $0.needsReview = true }
            throw error
        }
    }

    private func isOwned(_ execution: RunExecution) async throws -> Bool {
        // A run that is being created is not stored yet. One whose owner is not stored any more ends with its next
        // commit.
        try await isOwned(execution.id, by: execution.owner)
    }

    /// Whether a run has no other owner. A run that cannot be read counts as owned.
    private func isOwned(_ id: RunID, by owner: RunOwner) async throws -> Bool {
        do {
            return try await storage.record(of: id)?.owner.map { $0 == owner } ?? true
        } catch let error as StorageError where error.code == .corruptData || error.code == .incomplete {
            return true
        }
    }

    /// Performs a step for each item, for a few of them concurrently.
    ///
    /// - Parameter width: The number of items that are processed at the same time. Defaults to 8.
    /// - Returns: The results, in the order of the items.
    func inParallel<Item: Sendable, Result: Sendable>(
        _ items: [Item], width: Int = width, _ step: @escaping @Sendable (Item) async throws -> Result
    ) async rethrows -> [Result] {
        if items.isEmpty { return [] }
        return try await withThrowingTaskGroup(of: (Int, Result).self) { group in
            var results = [Result?](repeating: nil, count: items.count)
            for (index, item) in items.enumerated() {
                if index >= width, let (index, result) = try await group.next() { results[index] = result }
                group.addTask { (index, try await step(item)) }
            }
            for try await (index, result) in group { results[index] = result }
            return results.compactMap { $0 }
        }
    }
}

extension ACPError {
    static func ownerLost(agentIsServed: Bool, lease: Duration) -> ACPError {
        ACPError(
            .serverError,
            agentIsServed
                ? """
                the server process that executed this run ended before the run did, or was disconnected from its \
                storage for \(lease): start the run again. If its agent can be run again from the start, serve it with the \
                policy recovery: .replay
                """
                : """
                the server process that executed this run ended before the run did, and no other process serves its \
                agent: start the run again
                """
        )
    }
}
