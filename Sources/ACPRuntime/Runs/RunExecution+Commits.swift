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
                if error.code == .cancelled, await endAsCancelled() { continue }
                return await commitWasRefused(error)
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
    ///
    /// - Throws: Why trying again cannot help.
    func persistently(_ step: () async throws -> Void) async throws(StorageError) {
        let start = ContinuousClock.now
        var backoff = Backoff()
        var timer: Task<Void, Never>?
        defer { timer?.cancel() }
        while true {
            do {
                try await step()
                state.withLock { ($0.failure, $0.stall) = (nil, nil) }
                return
            } catch {
                let error = StorageError(ofStep: error)
                if error.isFinal { throw error }
                if case .abandoned(let reason) = state.withLock({ $0.phase }) { throw reason }
                logLimiter.log(
                    .warning, "the storage failed; trying again", metadata: ["reason": "\(error)"], to: logger)
                state.withLock { state in
                    state.failure = error
                    if state.stall != nil { state.stall = error }
                }
                if timer == nil { timer = stallTimer(at: start + configuration.storagePatience) }
                // Never cancelled: the tasks that commit are unstructured.
                try? await Task.sleep(for: backoff.next())
            }
        }
    }

    /// Tells callers when their patience ends, and not only when the attempt ends that is under way by then. Ends by itself at
    /// that moment, or is cancelled when the storage has taken what it was asked for.
    private func stallTimer(at end: ContinuousClock.Instant) -> Task<Void, Never> {
        Task {
            let rest = end - .now
            if rest > .zero, (try? await Task.sleep(for: rest)) == nil { return }
            state.withLock { $0.stall = $0.failure }
            progress.wakeAll()
        }
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
    /// What a step has thrown. A document that cannot be encoded will not be the next time either.
    fileprivate init(ofStep error: any Error) {
        switch error {
        case let error as StorageError: self = error
        case let error as ACPError: self.init(.corruptData, error.message, cause: error)
        default: self.init(.refused, "\(error)", cause: error)
        }
    }

    /// Whether trying again cannot help. Everything else passes: room is made, rights are granted, a server comes back.
    fileprivate var isFinal: Bool {
        switch code {
        case .fenced, .conflict, .notFound, .closed, .corruptData, .incomplete, .cancelled: true
        default: false
        }
    }
}
