// SPDX-License-Identifier: Apache-2.0

import ACPCore
import ACPStorage

/// What others do to a run: answer it, cancel it, end it, give it up.
extension RunStateMachine {
    /// Gives the handler its answer.
    ///
    /// - Returns: The run as it goes on, or nil if it does not wait for this.
    mutating func answer(_ answer: AwaitResume, to eventCount: Int) -> Run? {
        guard case .awaiting(let question) = state, question.eventCount == eventCount,
            let resumed = try? composer.resume()
        else { return nil }
        delivered = (eventCount, answer)
        goOn(with: resumed)
        return composer.run
    }

    /// Asks the handler to stop. A run whose handler has not begun ends at once.
    ///
    /// - Returns: The run as it is being cancelled, or nil if it is too late for that: it has ended or is about to.
    mutating func cancel() -> Run? {
        switch state {
        case .ending, .ended, .abandoned: return nil
        case .cancelling: break
        case .creating(var creation):
            // What is being stored does not change any more: the run is cancelled when that is done.
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
        case .running, .awaiting:
            _ = composer.requestCancel()
            log.wantSnapshot()
            state = .cancelling
            stopTimer(.answer)
            startTimer(.grace, .configured)
            if isHandlerActive { act(.cancelHandler) }
            write()
            resumeWaiters()
        }
        return composer.run
    }

    /// Ends the run, whatever its handler does. Nothing happens if it is ending already.
    mutating func end(_ outcome: RunOutcome) {
        switch state {
        case .creating(var creation):
            creation.outcome = creation.outcome ?? outcome
            state = .creating(creation)
        case .queued, .running, .awaiting, .cancelling:
            beginEnding(outcome, thrown: nil, isByHandler: false)
            write()
        case .ending, .ended, .abandoned: break
        }
    }

    mutating func timerDidFire(_ timer: Timer) {
        switch (timer, state) {
        case (.grace, .cancelling):
            act(.log(.graceExceeded))
            end(.cancelled)
        case (.answer(let eventCount), .awaiting(var question)) where question.eventCount == eventCount:
            question.isOverdue = true
            state = .awaiting(question)
            write()
        case (.patience(troubleCount), _):
            guard let trouble, !trouble.isLasting else { return }
            self.trouble?.isLasting = true
            if case .creating = state { failCreation(trouble.error) }
            resumeWaiters()
        default: break
        }
    }

    /// Gives the run up: another process owns it, or it cannot be written any more.
    ///
    /// - Parameter onlyWhileIdle: Whether a run whose handler works (again) is left alone.
    mutating func abandon(_ error: StorageError, onlyWhileIdle: Bool = false) {
        switch state {
        case .abandoned, .ended: return
        default: break
        }
        if onlyWhileIdle, !isIdle { return }
        state = .abandoned(error)
        replay = nil
        if isHandlerActive { act(.cancelHandler) }
        for timer in [TimerKind.answer, .grace, .patience] { stopTimer(timer) }
        act(.log(.abandoned(error)))
        act(.notify(.abandoned(error)))
        resumeWaiters()
    }
}
