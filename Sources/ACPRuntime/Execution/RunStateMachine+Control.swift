// SPDX-License-Identifier: Apache-2.0

import ACPCore
import ACPStorage

/// What others do to a run: answer, cancel, end or abandon it.
extension RunStateMachine {
    /// Delivers the answer to a question.
    ///
    /// - Returns: The resumed run, or `nil` if it does not await an answer to this question.
    mutating func answer(_ answer: AwaitResume, to eventCount: Int, now: Timestamp) -> Run? {
        guard case .awaiting(let question) = state, question.eventCount == eventCount,
            let resumed = try? composer.resume(with: answer, now: now)
        else {
            noteAnswer(to: eventCount)
            return nil
        }
        delivered = (eventCount, answer)
        continueRun(with: resumed)
        return composer.run
    }

    /// Requests the handler to stop. A run whose handler has not started ends at once.
    ///
    /// - Returns: The run with status `cancelling`, or `nil` if it is too late: the run has ended or is ending.
    mutating func cancel() -> Run? {
        switch state {
        case .ending(var ending):
            // It is not too late if its question was answered.
            ending.isCancelRequested = ending.question != nil
            state = .ending(ending)
            return nil
        case .ended, .abandoned, .dormant: return nil
        case .cancelling: break
        case .creating(var creation):
            // The commit that is in flight does not change any more: the run is cancelled after it.
            creation.outcome = creation.outcome ?? .cancelled
            state = .creating(creation)
            var run = composer.run
            run.status = .cancelling
            return run
        case .queued:
            _ = composer.requestCancel()
            let run = composer.run
            end(.cancelled)
            return run
        case .running, .awaiting, .leaving:
            _ = composer.requestCancel()
            log.requestSnapshot()
            state = .cancelling
            stopTimer(.answer)
            startTimer(.grace, .configured)
            if isHandlerActive { act(.cancelHandler) }
            write()
            resumeWaiters()
        }
        return composer.run
    }

    /// Ends the run, whatever its handler does. Has no effect if the run is ending already.
    mutating func end(_ outcome: RunOutcome) {
        switch state {
        case .creating(var creation):
            creation.outcome = creation.outcome ?? outcome
            state = .creating(creation)
        case .queued, .running, .awaiting, .leaving, .cancelling:
            beginEnding(outcome, thrown: nil, isByHandler: false)
            write()
        case .ending, .ended, .abandoned, .dormant: break
        }
    }

    mutating func timerDidFire(_ timer: Timer) {
        switch (timer, state) {
        case (.grace, .cancelling):
            act(.log(.graceExceeded))
            end(.cancelled)
        case (.grace, .leaving):
            act(.log(.leftWithHandler))
            hasLeft()
        case (.answer(let eventCount), .awaiting(var question)) where question.eventCount == eventCount:
            question.isOverdue = true
            state = .awaiting(question)
            write()
        case (.storage(outageCount), _):
            guard let outage, !outage.isTimedOut else { return }
            self.outage?.isTimedOut = true
            if case .creating = state { failCreation(outage.error) }
            resumeWaiters()
        default: break
        }
    }

    /// Abandons the run: another process owns it, or it cannot be written any more.
    ///
    /// - Parameter onlyWhileIdle: Whether a run whose handler works is left alone.
    /// - Returns: Whether the run was abandoned now.
    @discardableResult
    mutating func abandon(_ error: StorageError, onlyWhileIdle: Bool = false) -> Bool {
        switch state {
        case .abandoned, .ended, .dormant: return false
        default: break
        }
        if onlyWhileIdle, !isIdle { return false }
        if case .creating = state, creationFailure == nil {
            // It may be stored or not, so its caller must not take it for created.
            creationFailure =
                error.code == .fenced
                ? error
                : StorageError(
                    .outcomeUnknown, "the run was given up before the storage had confirmed it: \(error.message)")
        }
        state = .abandoned(error)
        replay = nil
        if isHandlerActive { act(.cancelHandler) }
        for timer in [TimerKind.answer, .grace, .storage] { stopTimer(timer) }
        act(.log(.abandoned(error)))
        act(.notify(.abandoned(error)))
        resumeWaiters()
        return true
    }
}
