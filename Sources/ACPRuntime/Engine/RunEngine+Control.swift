// SPDX-License-Identifier: Apache-2.0

public import ACPCore
import ACPStorage
import Synchronization

/// Answering, cancelling and deleting runs, wherever they are executed.
extension RunEngine {
    // MARK: - Answering

    /// Gives a run the answer that it awaits.
    ///
    /// - Returns: The run as it goes on, and how many events it had before: what follows is read from there.
    /// - Throws: ``RunEngineError``: `notAwaiting` if the run awaits nothing, also if somebody else was faster.
    public func resume(_ id: RunID, with answer: AwaitResume) async throws -> (run: Run, eventCount: Int) {
        do {
            try answer.validate()
        } catch {
            throw RunEngineError.invalidInput(error.message)
        }
        return try await storing {
            if let execution = execution(of: id) {
                guard let eventCount = try await execution.committedAwait() else {
                    throw RunEngineError.notAwaiting(id, execution.status)
                }
                guard
                    try await storage.coordination.send(
                        .resume(answer, eventCount: eventCount), to: id)
                else {
                    // The answer that was first may wait in storage only: its sender did not hear that it was stored.
                    try await obeySignals(to: execution)
                    throw RunEngineError.notAwaiting(id, execution.status)
                }
                if let run = execution.update({ $0.answer(answer, to: eventCount) }) { return (run, eventCount) }
                // Somebody who came second may have found this answer in storage and have delivered it already.
                let run = execution.currentRun
                guard run.status != .cancelling, run.status != .cancelled else {
                    throw RunEngineError.notAwaiting(id, run.status)
                }
                return (run.resumed(), eventCount)
            }
            guard let record = try await storage.record(of: id) else { throw RunEngineError.unknownRun(id) }
            let run = try record.run()
            guard run.status == .awaiting else { throw RunEngineError.notAwaiting(id, run.status) }
            guard record.owner != nil else {
                // Nobody would hear the answer.
                try await endOwnerless(record)
                throw RunEngineError.notAwaiting(id, .failed)
            }
            let isFirst = try await storage.coordination.send(
                .resume(answer, eventCount: record.eventCount), to: id)
            // Where no handler waits, the answer lets it run again. Others are woken by the signal itself.
            if state.withLock({ $0.dormant[id] != nil }) { await hear(.signal(id)) }
            guard isFirst else { throw RunEngineError.notAwaiting(id, .inProgress) }
            return (run.resumed(), record.eventCount)
        }
    }

    // MARK: - Cancelling

    /// Asks a run to stop. Asking twice is fine.
    ///
    /// - Returns: The run as it is being cancelled. It is `cancelled` as soon as its handler has stopped, or after the grace
    ///   period.
    /// - Throws: ``RunEngineError``: `alreadyEnded` if there is nothing to cancel any more.
    public func cancel(_ id: RunID) async throws -> Run {
        try await storing {
            if let execution = execution(of: id) {
                if let run = execution.update({ $0.cancel() }) {
                    // For whoever looks from elsewhere, and whoever takes the run over if this process ends now. The run is
                    // being cancelled in any case.
                    if storage.capabilities.isDurable { _ = try? await storage.coordination.send(.cancel, to: id) }
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
                // Nobody would hear of it.
                try await endOwnerless(record)
            } else if state.withLock({ $0.dormant[id] != nil }) {
                await hear(.signal(id))
            }
            // The run may have ended before the signal came. From then on it cannot end but as cancelled: see `Storage.commit`.
            var run = try await fetchRun(id)
            guard !run.status.isTerminal || run.status == .cancelled else {
                throw RunEngineError.alreadyEnded(id, run.status)
            }
            run.status = .cancelling
            return run
        }
    }

    // MARK: - Deleting

    /// Deletes a run that has ended, or one that is stored in part only and so goes on nowhere.
    ///
    /// - Throws: ``RunEngineError``: `unknownRun`, or `notEnded`.
    public func deleteRun(_ id: RunID) async throws {
        try await storing {
            switch try await remains(of: id) {
            case .nothingReadable:
                // What is left of it, if anything, goes.
                guard try await storage.deleteRun(id) else { throw RunEngineError.unknownRun(id) }
            case .run(let run, let isOwned):
                // One that nobody owns goes on nowhere.
                guard run.status.isTerminal || !isOwned && execution(of: id) == nil else {
                    throw RunEngineError.notEnded(id, run.status)
                }
                try await storage.deleteRun(id)
            }
            pages.forget(id)
        }
    }

    private enum Remains {
        case run(Run, isOwned: Bool)
        case nothingReadable
    }

    private func remains(of id: RunID) async throws -> Remains {
        do {
            guard let record = try await storage.record(of: id) else { return .nothingReadable }
            return .run(
                record.snapshot.status.isTerminal ? record.snapshot : try record.run(), isOwned: record.owner != nil)
        } catch let error as StorageError where error.code == .corruptData || error.code == .incomplete {
            return .nothingReadable
        }
    }
}
