// SPDX-License-Identifier: Apache-2.0

import ACPCore
import ACPStorage
import Logging
import Synchronization

/// Writing to storage: one commit at a time, until nothing is left to commit.
extension RunExecution {
    /// Changes the state and sees to it that what has to be committed will be.
    func act<Result>(_ body: (inout State) throws -> Result) rethrows -> Result {
        let (result, mustCommit) = try state.withLock { state in
            let result = try body(&state)
            return (result, state.claimCommitting())
        }
        // Ends by itself when there is nothing left to commit; `drain` waits for that before the run counts as ended.
        if mustCommit { Task { await commitAll() } }
        return result
    }

    func commitAll() async {
        while let commit = nextCommit() {
            do {
                try await persistently { [storage] in try await storage.commit(commit) }
                batchDidCommit()
            } catch {
                return abandon(error)
            }
        }
    }

    func nextCommit() -> RunCommit? {
        let (commit, makesRoom) = state.withLock { state -> (RunCommit?, Bool) in
            let wasFull = state.log.isFull
            guard state.isAlive, !state.isHoldingBack, let batch = state.log.nextBatch() else {
                state.isCommitting = false
                return (nil, false)
            }
            let eventCount = batch.expecting + batch.events.count
            var snapshot: RunSnapshot?
            if batch.wantsSnapshot, let json = batch.runJSON ?? (try? ACPJSON.encode(state.composer.run)) {
                snapshot = RunSnapshot(state.composer.run, json: json, eventCount: eventCount)
            }
            let commit = RunCommit(
                run: id, expecting: batch.expecting, events: batch.events, snapshot: snapshot, owner: owner,
                history: state.history.take())
            return (commit, wasFull)
        }
        // A handler that was held up goes on while the commit is on its way.
        if makesRoom { progress.wakeAll() }
        return commit
    }

    func batchDidCommit() {
        state.withLock { state in
            state.log.batchCommitted()
            if let next = state.nextSettlement, next.eventCount <= state.log.committed {
                state.settlement = next
                state.nextSettlement = nil
            }
        }
        progress.wakeAll()
    }

    /// Repeats a step that is safe to repeat until the storage has taken it, as long as this process may write the run.
    func persistently(_ step: () async throws -> Void) async throws(StorageError) {
        let start = ContinuousClock.now
        var backoff = Backoff()
        while true {
            do {
                try await step()
                clearStall()
                return
            } catch {
                let error = error as? StorageError ?? StorageError(.refused, "\(error)", cause: error)
                if error.isFinal { throw error }
                if case .abandoned(let reason) = state.withLock({ $0.phase }) { throw reason }
                logLimiter.log(
                    .warning, "the storage failed; trying again", metadata: ["reason": "\(error)"], to: logger)
                if .now - start >= configuration.storagePatience {
                    state.withLock { $0.stall = error }
                    progress.wakeAll()
                }
                // Never cancelled: the tasks that commit are nobody's children.
                try? await Task.sleep(for: backoff.next())
            }
        }
    }

    private func clearStall() {
        state.withLock { $0.stall = nil }
    }

    /// Waits until all is committed, or the run was abandoned.
    func drain() async {
        while true {
            let wakes = progress.wakes
            let isDone = state.withLock { !$0.isAlive || $0.log.isIdle }
            if isDone { return }
            if state.withLock({ $0.claimCommitting() }) {
                await commitAll()
            } else {
                // Called by tasks that nobody cancels only.
                _ = try? await progress.wait(beyond: wakes)
            }
        }
    }
}

extension StorageError {
    /// Whether trying again cannot help.
    fileprivate var isFinal: Bool {
        switch code {
        case .fenced, .conflict, .notFound, .closed, .corruptData, .full: true
        default: false
        }
    }
}
