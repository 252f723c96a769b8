// SPDX-License-Identifier: Apache-2.0

import ACPCore
import ACPStorage

/// From nothing to a run whose handler can be called.
extension RunStateMachine {
    /// Composes the first commit. The caller becomes the writer.
    ///
    /// - Parameter begins: Whether the run begins with the same commit. Otherwise it is queued when it is stored.
    /// - Throws: `ACPError` if the run cannot be encoded.
    mutating func create(begins: Bool) throws(ACPError) {
        guard case .creating(let creation) = state, case .none = writer else { return }
        append(try composer.created())
        if begins { append(try composer.begin()) }
        state = .creating(Creation(begins: begins, outcome: creation.outcome))
        writer = .ready
    }

    /// Gives a run up that was not asked of the storage yet.
    mutating func refuseCreation(_ error: any Error) {
        guard case .creating = state, creationFailure == nil else { return }
        failCreation(error)
    }

    /// The first commit is stored.
    mutating func creationDidSucceed(_ creation: Creation) {
        state = creation.begins ? .running : .queued(isAdmitted: false)
        guard let outcome = creation.outcome else { return }
        if case .cancelled = outcome { _ = composer.requestCancel() }
        end(outcome)
    }

    /// An attempt at the first commit has failed.
    ///
    /// A lost reply is no reason to refuse the caller: the same commit again finds out. All else is the caller's to know.
    mutating func creationAttemptDidFail(_ error: StorageError, _ creation: Creation, _ step: Step, failures: Int) {
        if error.code == .outcomeUnknown {
            state = .creating(Creation(begins: creation.begins, isInDoubt: true, outcome: creation.outcome))
            retry(step, after: error, failures: failures)
        } else {
            failCreation(error)
            // In doubt, the run is ending now.
            commitDidFail(error, step, failures: failures)
        }
    }

    /// Tells the caller that there is no run. If it may be stored all the same, it is failed as soon as the storage takes that:
    /// nobody executes it.
    mutating func failCreation(_ error: any Error) {
        guard case .creating(let creation) = state else { return }
        creationFailure = error
        if let error = error as? StorageError { act(.notify(.refused(error))) }
        if creation.isInDoubt {
            let failure = ACPError(.serverError, "the run was not executed: the storage did not answer in time")
            beginEnding(.failed(failure), thrown: nil, isByHandler: false)
            write()
        } else {
            abandon(StorageError(.closed, "the run could not be created"))
        }
    }

    /// Nothing but a place, or its turn in its session, is missing for the run to begin.
    mutating func admit() {
        guard case .queued = state else { return }
        state = .queued(isAdmitted: true)
        resumeWaiters()
    }

    /// Begins a run that was queued.
    ///
    /// - Returns: Whether its handler is to be called. False if it is too late: it was cancelled, for example.
    mutating func begin() -> Bool {
        guard case .queued = state, composer.run.status == .created, let begun = try? composer.begin() else {
            return false
        }
        state = .running
        append(begun)
        write()
        resumeWaiters()
        return true
    }

    /// The handler's task is about to call it: in a cancelled task if the run was cancelled meanwhile.
    ///
    /// - Returns: Whether it may. False if the run has ended meanwhile.
    mutating func handlerWillBegin() -> Bool {
        guard !isHandlerActive else { return false }
        switch state {
        case .running: isHandlerActive = true
        case .cancelling:
            isHandlerActive = true
            act(.cancelHandler)
        case .creating, .queued, .awaiting, .ending, .ended, .abandoned: break
        }
        return isHandlerActive
    }

    /// A queued run is given up because another run of its session has not ended.
    ///
    /// - Parameter isDeleted: Whether it is not stored any more. Otherwise it ends as failed.
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
