// SPDX-License-Identifier: Apache-2.0

import ACPCore
import ACPStorage
import Logging

/// The steps that a run asks of the storage.
extension RunExecution {
    /// Performs one step after the other until there are none. The caller is the writer that the state machine has
    /// requested.
    func write() async {
        var step = nextStep()
        while let current = step {
            switch current {
            case .pause(let failures):
                // The tasks that write are never cancelled at this point.
                try? await Task.sleep(for: Backoff.delay(after: failures))
                step = nextStep()
            default:
                let report = await perform(current)
                let isLeaseHeld = context.lease.isHeld
                step = update { machine in
                    report(&machine)
                    return machine.nextStep(isLeaseHeld: isLeaseHeld, now: .now)
                }
            }
        }
    }

    private func nextStep() -> RunStateMachine.Step? {
        let isLeaseHeld = context.lease.isHeld
        return update { $0.nextStep(isLeaseHeld: isLeaseHeld, now: .now) }
    }

    /// - Returns: A closure that reports the result to the state machine.
    private func perform(_ step: RunStateMachine.Step) async -> (inout RunStateMachine) -> Void {
        do {
            switch step {
            case .commit(var commit, let leavesHistory):
                if leavesHistory, let output = commit.snapshot?.run.output {
                    let block = try HistoryBlock(run: id, input: input, output: output)
                    commit.history = HistoryAppend(block, to: sessionID)
                }
                try await store(commit)
            case .saveSession: try await saveSession()
            case .passTurn: try await passTurn()
            case .readSignals:
                let signals = try await storage.coordination.signals(to: id)
                return { $0.signalsDidArrive(signals, now: .now) }
            case .storeFailure(let damage, let run):
                let stored = try await storeFailure(damage, of: run)
                return { $0.failureDidSucceed(stored.run, stored.change, eventCount: stored.eventCount) }
            case .pause: break
            }
            return { $0.stepDidSucceed() }
        } catch {
            let error = StorageError(ofStep: error)
            context.metrics.storageDidFail(step.operation, error)
            return { $0.stepDidFail(error) }
        }
    }

    private func store(_ commit: RunCommit) async throws {
        guard let trace else {
            return try await context.metrics.measuring(commit) { try await storage.commit($0) }
        }
        let isLast = commit.snapshot?.run.status.isTerminal ?? false
        try await trace.committing(events: commit.events.count, isLast: isLast) {
            try await context.metrics.measuring(commit) { try await storage.commit($0) }
        }
    }

    /// Lets the next run of the session start. This is done after the end of this run is stored, so that the next one
    /// finds its history.
    private func passTurn() async throws {
        guard let next = try await storage.coordination.dequeue(id, from: sessionID) else { return }
        try await storage.coordination.send(.proceed, to: next)
    }

    /// Stores that the session exists. A run that was not completed leaves nothing in the session's history, but its
    /// caller may continue the session.
    private func saveSession() async throws {
        var record = SessionRecord(id: sessionID)
        record.addOriginKey()
        do {
            try await storage.save(record, expecting: 0)
        } catch let error as StorageError where error.code == .conflict {
            // It is stored already.
        }
    }

    /// Throws if the run belongs to another process now, or if its handler was stopped because the run leaves memory: it
    /// may run again already.
    func checkOwner() async throws {
        guard read({ $0.isOwned && !$0.isLeaving }) else { throw CancellationError() }
        guard !context.lease.isHeld else { return }
        guard try await storage.record(of: id)?.owner == owner else { throw CancellationError() }
    }

    // MARK: - Damaged runs

    private typealias StoredFailure = (run: Run, change: StatusChange?, eventCount: Int)

    /// Stores a damaged run as failed, with what is left of it. This can be repeated.
    ///
    /// - Parameter known: The run as this process knows it, which may be more than what is left in storage.
    private func storeFailure(_ damage: StorageError, of known: Run) async throws -> StoredFailure {
        let record = try await readableRecord()
        if let record, record.snapshot.status.isTerminal { return (try record.run(), nil, record.eventCount) }
        if let owner = record?.owner {
            guard owner == self.owner else { throw StorageError(.fenced, "run \(id) belongs to another owner now") }
        } else {
            // The run has no owner in storage, or cannot be read. If it has another owner, the claim fails and the
            // commit is refused.
            _ = try await storage.claim(id, for: owner, from: nil)
        }
        let eventCount = try await storage.eventCount(of: id)
        var composer = RunComposer(known)
        var outcome = RunOutcome.failed(.damaged(damage))
        while true {
            let change = try composer.end(outcome, now: .now)
            let commit = RunCommit(
                run: id, expecting: eventCount, events: [change.event],
                snapshot: RunSnapshot(composer.run, json: change.runJSON, eventCount: eventCount + 1), owner: owner)
            do {
                try await store(commit)
                return (composer.run, change, eventCount + 1)
            } catch let error as StorageError {
                switch error.code {
                case .cancelled where composer.run.status != .cancelled:
                    composer = RunComposer(known)
                    outcome = .cancelled
                case .conflict, .incomplete, .notFound, .corruptData:
                    // Too little is left for a commit. Saving does not check the owner, so it requires a lease that is
                    // surely held.
                    guard context.lease.isHeld else { throw StorageError(.fenced, error.message, cause: error) }
                    try await storage.save(composer.run)
                    return (composer.run, change, try await storage.eventCount(of: id))
                default: throw error
                }
            }
        }
    }

    /// Returns the run's record, or `nil` if it is not stored or cannot be read.
    private func readableRecord() async throws -> RunRecord? {
        do {
            return try await storage.record(of: id)
        } catch let error as StorageError where error.code == .corruptData || error.code == .incomplete {
            return nil
        }
    }
}

extension RunStateMachine.Step {
    /// What errors of the step are counted as.
    fileprivate var operation: EngineMetrics.Operation {
        switch self {
        case .commit, .storeFailure, .pause: .commit
        case .readSignals: .signals
        case .saveSession: .session
        case .passTurn: .turn
        }
    }
}

extension StorageError {
    /// The error that a step has thrown. A document that cannot be encoded now cannot be encoded later either.
    fileprivate init(ofStep error: any Error) {
        switch error {
        case let error as StorageError: self = error
        case let error as ACPError: self.init(.corruptData, error.message, cause: error)
        default: self.init(.refused, "\(error)", cause: error)
        }
    }
}
