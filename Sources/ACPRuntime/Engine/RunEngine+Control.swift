// SPDX-License-Identifier: Apache-2.0

public import ACPCore
import ACPStorage
import Synchronization

/// Answering, cancelling and deleting runs, whichever process executes them.
extension RunEngine {
    // MARK: - Answering

    /// Sends a run the answer to its question.
    ///
    /// ```swift
    /// let (_, eventCount) = try await engine.resume(run.id, with: .message("Ada"))
    /// let settled = try await engine.settledRun(run.id, after: eventCount)
    /// ```
    ///
    /// - Parameters:
    ///   - id: The run.
    ///   - answer: The answer.
    /// - Returns: The resumed run, and the number of events that it had before: read what follows from that index.
    /// - Throws: ``RunEngineError``: `unknownRun`; `invalidInput`; `notAwaiting` if the run does not await an answer,
    ///   or another answer was faster; `storage`.
    public func resume(_ id: RunID, with answer: AwaitResume) async throws -> (run: Run, eventCount: Int) {
        do {
            try answer.validate()
        } catch {
            throw RunEngineError.invalidInput(error.message)
        }
        try requireVisible(id)
        return try await storing {
            if let execution = execution(of: id) {
                guard let eventCount = try await execution.committedAwait() else {
                    if execution.read(\.isDormant) { return try await resumeStored(id, with: answer) }
                    throw RunEngineError.notAwaiting(id, execution.status)
                }
                let asking = execution.currentRun
                guard
                    try await storage.coordination.send(
                        .resume(answer, eventCount: eventCount), to: id)
                else {
                    // An earlier answer may be in storage only: its sender did not learn that it was stored.
                    try await applySignals(to: execution)
                    // A run that leaves memory continues later with the earlier answer.
                    let status = execution.status
                    throw RunEngineError.notAwaiting(id, status == .awaiting ? .inProgress : status)
                }
                let stored = mayHaveExpired(asking) ? try await requireAnswerInTime(id, eventCount) : asking
                if let run = execution.update({ $0.answer(answer, to: eventCount, now: .now) }) {
                    return (run, eventCount)
                }
                try await redirectSignals(to: execution)
                // Another caller may have found this answer in storage and delivered it already.
                let run = execution.currentRun
                guard run.status != .cancelling, run.status != .cancelled else {
                    throw RunEngineError.notAwaiting(id, run.status)
                }
                return (stored.resumed(with: answer, now: .now), eventCount)
            }
            return try await resumeStored(id, with: answer)
        }
    }

    /// Sends an answer to a run that no handler of this process works for.
    private func resumeStored(_ id: RunID, with answer: AwaitResume) async throws -> (run: Run, eventCount: Int) {
        guard let record = try await storage.record(of: id) else { throw RunEngineError.unknownRun(id) }
        let run = try record.run()
        guard run.status == .awaiting else { throw RunEngineError.notAwaiting(id, run.status) }
        guard record.owner != nil else {
            // No process would receive the answer.
            try await endOwnerless(record)
            throw RunEngineError.notAwaiting(id, .failed)
        }
        let isFirst = try await storage.coordination.send(.resume(answer, eventCount: record.eventCount), to: id)
        // A dormant run continues with the answer. Other processes are notified of the signal.
        if isKnown(id) { await handle(.signal(id)) }
        guard isFirst else { throw RunEngineError.notAwaiting(id, .inProgress) }
        if mayHaveExpired(run) { _ = try await requireAnswerInTime(id, record.eventCount) }
        return (run.resumed(with: answer, now: .now), record.eventCount)
    }

    /// Whether a run may have failed already for want of an answer. The clocks of the processes may differ a little.
    private func mayHaveExpired(_ run: Run) -> Bool {
        guard run.status == .awaiting else { return true }
        return run.awaitDeadline.map { $0 <= .now + configuration.lease } ?? false
    }

    /// Checks, after an answer was stored, that the run had not failed before for want of it. If it had not, the storage
    /// refuses such a failure from now on: see `Storage.commit`.
    ///
    /// - Returns: The run as it is stored.
    private func requireAnswerInTime(_ id: RunID, _ eventCount: Int) async throws -> Run {
        guard let record = try await contents.recordWithoutContents(of: id) else { throw RunEngineError.unknownRun(id) }
        let status = record.snapshot.status
        // The question is followed by the end of the run, and by nothing else.
        if status.isTerminal, record.eventCount <= eventCount + 1 { throw RunEngineError.notAwaiting(id, status) }
        return try record.run()
    }

    // MARK: - Cancelling

    /// Cancels a run. Cancelling it twice has no further effect.
    ///
    /// - Parameter id: The run.
    /// - Returns: The run with status `cancelling`. It becomes `cancelled` when its handler has stopped, or after the
    ///   grace period.
    /// - Throws: ``RunEngineError``: `unknownRun`; `alreadyEnded` if the run has ended; `storage`.
    public func cancel(_ id: RunID) async throws -> Run {
        try requireVisible(id)
        return try await storing {
            if let execution = execution(of: id) {
                if let run = execution.update({ $0.cancel() }) {
                    try await storeCancel(of: execution)
                    return run
                }
                try await execution.waitUntilOver()
            }
            guard let record = try await storage.record(of: id) else { throw RunEngineError.unknownRun(id) }
            guard !record.snapshot.status.isTerminal else {
                throw RunEngineError.alreadyEnded(id, record.snapshot.status)
            }
            try await storage.coordination.send(.cancel, to: id)
            if record.owner == nil {
                // No process would receive the signal.
                try await endOwnerless(record)
            } else if isKnown(id) {
                await handle(.signal(id))
            }
            // The run may have ended before the signal was stored. After it, it can only end as cancelled: see
            // `Storage.commit`.
            var run = try await fetchRun(id)
            guard !run.status.isTerminal || run.status == .cancelled else {
                throw RunEngineError.alreadyEnded(id, run.status)
            }
            run.status = .cancelling
            return run
        }
    }

    /// Stores that a run is cancelled that this process executes and has begun to cancel: for readers in other processes,
    /// and for a process that takes the run over.
    ///
    /// - Throws: An error if another process might continue the run, or has ended it. The cancellation continues here.
    private func storeCancel(of execution: RunExecution) async throws {
        // Otherwise no other process continues the run.
        guard storage.capabilities.isDurable else { return }
        // A run that is not stored receives no signals.
        try await execution.created()
        try await storage.coordination.send(.cancel, to: execution.id)
        // This process may have lost the run unnoticed. If the run has not ended by now, it can only end as cancelled.
        guard let record = try await storage.record(of: execution.id) else {
            throw RunEngineError.unknownRun(execution.id)
        }
        let status = record.snapshot.status
        guard !status.isTerminal || status == .cancelled else {
            throw RunEngineError.alreadyEnded(execution.id, status)
        }
    }

    // MARK: - Deleting

    /// Deletes a run that has ended, or one that is stored only in part and therefore cannot continue.
    ///
    /// A request to create the run that is repeated afterwards, or arrives late, is refused for some minutes: see
    /// `Storage.deleteRun(_:forGood:)`.
    ///
    /// - Parameter id: The run.
    /// - Throws: ``RunEngineError``: `unknownRun`; `notEnded`; `storage`.
    public func deleteRun(_ id: RunID) async throws {
        try requireVisible(id)
        try await storing {
            switch try await readableRun(of: id) {
            case .unreadable:
                // What is left of it, if anything, is deleted.
                guard try await storage.deleteRun(id, forGood: true) else { throw RunEngineError.unknownRun(id) }
            case .run(let run, let isOwned):
                // A run without an owner cannot continue.
                guard run.status.isTerminal || !isOwned && execution(of: id) == nil else {
                    throw RunEngineError.notEnded(id, run.status)
                }
                try await storage.deleteRun(id, forGood: true)
            }
            pages.forget(id)
            try await deleteCompanions(of: id)
        }
    }

    private enum ReadableRun {
        case run(Run, isOwned: Bool)
        case unreadable
    }

    private func readableRun(of id: RunID) async throws -> ReadableRun {
        do {
            guard let record = try await storage.record(of: id) else { return .unreadable }
            return .run(
                record.snapshot.status.isTerminal ? record.snapshot : try record.run(), isOwned: record.owner != nil)
        } catch let error as StorageError where error.code == .corruptData || error.code == .incomplete {
            return .unreadable
        }
    }
}
