// SPDX-License-Identifier: Apache-2.0

import ACPCore
import ACPStorage
import Logging
import Synchronization

/// What becomes of a run whose commit the storage refuses for good.
///
/// A run that this process may not write any more, because another process owns it or it was deleted, is given up here. Every other run
/// is ended by its owner, whatever is left of it in storage.
extension RunExecution {
    /// The storage has a cancel signal that this process has not heard yet: the run's end, which it has refused, becomes another.
    ///
    /// - Returns: Whether there was such an end.
    func endAsCancelled() async -> Bool {
        let hadCompleted = state.withLock { state -> Bool? in
            guard let composer = state.composerBeforeEnd else { return nil }
            let hadCompleted = state.composer.run.status == .completed
            state.log.retractLast()
            state.composer = composer
            _ = state.composer.requestCancel()
            state.appendEnd(.cancelled)
            return hadCompleted
        }
        guard let hadCompleted else { return false }
        logger.debug("the run was cancelled while its end was being stored")
        if hadCompleted { await rememberSession() }
        return true
    }

    /// Decides what becomes of the run when trying a commit again cannot help.
    func commitWasRefused(_ error: StorageError) async {
        switch error.code {
        case .conflict, .corruptData, .incomplete: await failDamaged(error)
        default: abandon(error)
        }
    }

    /// Fails a run whose documents in storage are not what this process has written: parts are gone, or cannot be read.
    private func failDamaged(_ damage: StorageError) async {
        logger.error("what is stored of the run is damaged; it fails", metadata: ["reason": "\(damage)"])
        // Nil if the run's end is being written already, by a task that continues when this returns.
        let ending = state.withLock { $0.end(.failed(.damaged(damage)), byHandler: false) }
        ending?.release()
        do throws(StorageError) {
            try await persistently { try await storeFailure(damage) }
        } catch {
            return abandon(error)
        }
        state.withLock { $0.isCommitting = false }
        progress.wakeAll()
        if ending != nil { await endIsStored() }
    }

    /// Writes a run down as failed, with what is left of it. Safe to repeat.
    private func storeFailure(_ damage: StorageError) async throws {
        let record = try await readableRecord()
        if let record, record.snapshot.status.isTerminal {
            return settle(with: try record.run(), nil, record.eventCount)
        }
        if let owner = record?.owner {
            guard owner == self.owner else { throw StorageError(.fenced, "run \(id) belongs to another owner by now") }
        } else {
            // The run has no owner in storage, or cannot be read. If it has another owner, the claim fails and the commit is refused.
            _ = try await storage.claim(id, for: owner, from: nil)
        }
        let eventCount = try await storage.eventCount(of: id)
        // What this process knows of the run is more than a damaged log says.
        var composer = RunComposer(state.withLock { $0.composerBeforeEnd?.run ?? $0.composer.run })
        var outcome = RunOutcome.failed(.damaged(damage))
        while true {
            let change = try composer.end(outcome, now: .now)
            let commit = RunCommit(
                run: id, expecting: eventCount, events: [change.event],
                snapshot: RunSnapshot(composer.run, json: change.runJSON, eventCount: eventCount + 1), owner: owner)
            do {
                try await storage.commit(commit)
                return settle(with: composer.run, change, eventCount + 1)
            } catch let error as StorageError {
                switch error.code {
                case .cancelled where composer.run.status != .cancelled:
                    composer = RunComposer(state.withLock { $0.composerBeforeEnd?.run ?? $0.composer.run })
                    outcome = .cancelled
                case .conflict, .incomplete, .notFound, .corruptData:
                    // Too little is left for a commit. Saving takes no notice of owners, so it is for who surely is the owner.
                    guard lease.isHeld else { throw StorageError(.fenced, error.message, cause: error) }
                    try await storage.save(composer.run)
                    return settle(with: composer.run, change, try await storage.eventCount(of: id))
                default: throw error
                }
            }
        }
    }

    /// The run's record, as far as it can be read.
    private func readableRecord() async throws -> RunRecord? {
        do {
            return try await storage.record(of: id)
        } catch let error as StorageError where error.code == .corruptData || error.code == .incomplete {
            return nil
        }
    }

    /// Goes on with the run as it has been stored: ended.
    private func settle(with run: Run, _ change: StatusChange?, _ eventCount: Int) {
        let json = change?.runJSON ?? (try? ACPJSON.encode(run)) ?? []
        state.withLock { state in
            state.composer = RunComposer(run)
            state.log = RunLog(committed: eventCount)
            state.history = nil
            state.detachedEnd = change?.event
            state.nextSettlement = nil
            // Callers that wait for more events than are left get the end as well.
            state.settlement = Settlement(run: run, json: json, eventCount: .max)
        }
    }
}

extension ACPError {
    /// The error of a run that cannot go on with what is stored of it.
    static func damaged(_ damage: StorageError) -> ACPError {
        let reason =
            switch damage.code {
            case .incomplete: damage.message
            case .conflict: "somebody else has written to it"
            default: "part of it cannot be stored or read"
            }
        return ACPError(.serverError, "the run cannot go on with what the storage has of it: \(reason). Start it again")
    }
}
