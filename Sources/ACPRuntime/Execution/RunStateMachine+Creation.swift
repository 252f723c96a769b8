// SPDX-License-Identifier: Apache-2.0

import ACPCore
import ACPStorage

/// From a new run to one whose handler can be called.
extension RunStateMachine {
    /// Composes the first commit. The caller becomes the writer.
    ///
    /// - Parameter shouldStart: Whether the run starts with the same commit. If `false`, it is queued when it is
    ///   stored.
    /// - Throws: `ACPError` if the run cannot be encoded.
    mutating func create(shouldStart: Bool) throws(ACPError) {
        guard case .creating(let creation) = state, case .none = writer else { return }
        append(try composer.created())
        if shouldStart { append(try composer.begin(now: composer.run.createdAt)) }
        state = .creating(Creation(shouldStart: shouldStart, outcome: creation.outcome))
        writer = .ready
    }

    /// Abandons a run whose creation the storage was not asked for yet.
    mutating func refuseCreation(_ error: any Error) {
        guard case .creating = state, creationFailure == nil else { return }
        failCreation(error)
    }

    /// The first commit is stored.
    mutating func creationDidSucceed(_ creation: Creation) {
        state = creation.shouldStart ? .running : .queued(isAdmitted: false)
        guard let outcome = creation.outcome else { return }
        if case .cancelled = outcome { _ = composer.requestCancel() }
        end(outcome)
    }

    /// An attempt at the first commit has failed.
    ///
    /// An unknown outcome is not a reason to refuse the request: the same commit, repeated, settles it. The caller gets
    /// all other errors.
    mutating func creationAttemptDidFail(_ error: StorageError, _ creation: Creation, _ step: Step, failures: Int) {
        if error.code == .outcomeUnknown {
            state = .creating(Creation(shouldStart: creation.shouldStart, isInDoubt: true, outcome: creation.outcome))
            retry(step, after: error, failures: failures)
        } else {
            failCreation(error)
            // In doubt, the run is ending now.
            commitDidFail(error, step, failures: failures)
        }
    }

    /// Whether the first commit may not create the run any more: another process may have created it for a repeated
    /// request, and it may have been deleted so long ago that the storage does not remember it.
    func isTooLateToCreate(now: Timestamp) -> Bool { now > composer.run.createdAt + RunCommit.creationPeriod }

    /// Returns the step in place of a first commit for which it is too late: one that finds out whether an earlier
    /// attempt has created the run, and creates nothing. Returns `nil` if there was no earlier attempt that may have.
    mutating func lateCreation(_ commit: RunCommit) -> Step? {
        if case .creating = state {
            failCreation(
                outage?.error
                    ?? StorageError(
                        .timedOut, "the run was not created within \(RunCommit.creationPeriod) of the request"))
        }
        guard isOwned else { return nil }
        var commit = commit
        commit.snapshot = nil
        commit.input = nil
        commit.contents = []
        return .commit(commit, leavesHistory: false)
    }

    /// Fails the creation of the run. If the run may be stored nevertheless, it ends as failed as soon as the storage
    /// accepts that, since no process executes it.
    mutating func failCreation(_ error: any Error) {
        guard case .creating(let creation) = state else { return }
        creationFailure = error
        if creation.isInDoubt, let error = error as? StorageError, !error.isFinal {
            // That a later attempt changed nothing does not say whether an earlier one did.
            creationFailure = StorageError(
                .outcomeUnknown, "an earlier attempt may have created the run. \(error.message)", cause: error)
        }
        if let error = error as? StorageError { act(.notify(.refused(error))) }
        if creation.isInDoubt {
            let failure = ACPError(
                .serverError, "the run was not executed: the storage did not confirm its creation in time")
            beginEnding(.failed(failure), thrown: nil, isByHandler: false)
            write()
        } else {
            abandon(StorageError(.closed, "the run could not be created"))
        }
    }

    /// The run waits only for capacity or for its turn in its session.
    mutating func admit() {
        guard case .queued = state else { return }
        state = .queued(isAdmitted: true)
        resumeWaiters()
    }

    /// Starts a queued run.
    ///
    /// - Returns: Whether to call its handler. `false` if it is too late, for example because the run was cancelled.
    mutating func begin(now: Timestamp) -> Bool {
        guard case .queued = state, composer.run.status == .created, let begun = try? composer.begin(now: now) else {
            return false
        }
        state = .running
        append(begun)
        write()
        resumeWaiters()
        return true
    }

    /// The handler's task is about to call the handler. The task is cancelled if the run was cancelled in the meantime.
    ///
    /// - Returns: Whether to call it. `false` if the run has ended in the meantime.
    mutating func handlerWillBegin() -> Bool {
        guard !isHandlerActive else { return false }
        switch state {
        case .running: isHandlerActive = true
        case .cancelling:
            isHandlerActive = true
            act(.cancelHandler)
        case .creating, .queued, .awaiting, .leaving, .ending, .ended, .abandoned, .dormant: break
        }
        return isHandlerActive
    }

    /// Abandons or fails a queued run because another run of its session has not ended.
    ///
    /// - Parameter isDeleted: Whether the run was deleted from storage. If `false`, it ends as failed.
    mutating func refuseTurn(_ error: any Error, message: String, isDeleted: Bool) {
        guard case .queued = state else { return }
        creationFailure = error
        if isDeleted {
            abandon(StorageError(.closed, "another run of the session has not ended"))
        } else {
            end(.failed(ACPError(.unavailable, message)))
        }
        resumeWaiters()
    }
}
