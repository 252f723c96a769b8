// SPDX-License-Identifier: Apache-2.0

import ACPCore
import ACPStorage

/// From the handler's end to the run's end in storage.
extension RunStateMachine {
    /// The handler has ended, or its end is not waited for any longer.
    ///
    /// - Parameter question: The question for whose missing answer the run fails. Its handler waits until the failure is
    ///   stored. Defaults to none.
    mutating func beginEnding(
        _ outcome: RunOutcome, thrown: (any Error)?, isByHandler: Bool, unanswered question: Question? = nil
    ) {
        let isCancelled = composer.run.status == .cancelling
        var (outcome, thrown) = (outcome, thrown)
        if case .completed = outcome { replay?.end() }
        if let failure = replay?.failure {
            // If a handler did not repeat what it did before, the run fails for that reason, whatever the handler
            // throws.
            (outcome, thrown) = (.failed(failure), nil)
        }
        replay = nil
        // A handler may end without taking the answer to its question, if it asked in a task of its own.
        if case .completed = outcome, composer.run.status == .awaiting,
            let resumed = try? composer.resume(with: nil, now: composer.run.statusTimestamp)
        {
            append(resumed)
        }

        var ending = Ending(outcome: outcome, question: question)
        switch outcome {
        case .completed: ending.leavesHistory = !isCancelled && !identity.isCompanion
        case .failed(let failure) where !isCancelled:
            ending.report = FailureReport(failure: failure, thrown: thrown, isByHandler: isByHandler)
        case .failed, .cancelled: break
        }
        state = .ending(ending)
        stopTimer(.answer)
        stopTimer(.grace)
        if isHandlerActive, !isByHandler, question == nil { act(.cancelHandler) }
        act(.notify(.ending))
        resumeWaiters()
    }

    /// Fails the run because its question was not answered in time.
    mutating func expire(_ question: Question) {
        switch state {
        case .running, .awaiting:
            beginEnding(.failed(.unansweredQuestion), thrown: nil, isByHandler: false, unanswered: question)
            write()
        case .creating, .queued, .leaving, .cancelling, .ending, .ended, .abandoned, .dormant: break
        }
    }

    /// Returns the next step of an ending run, or `nil` if there is none: the run has ended.
    mutating func nextEndingStep(_ ending: Ending, isLeaseHeld: Bool, now: Timestamp) -> Step? {
        // This was encoded before, part by part: it does not fail.
        if let completion = try? composer.completeMessage(now: now) { log.append(completion) }
        var ending = ending
        while true {
            switch ending.stage {
            case .confirming:
                // The storage fences the end of a run by itself, but not all storages fence what the run stores in its
                // session.
                if !isLeaseHeld, !ending.isConfirmed {
                    ending.isConfirmed = true
                    log.requestSnapshot()
                    state = .ending(ending)
                    if let commit = nextCommit() { return commit }
                }
                if ending.question == nil { logFailure(of: &ending) }
                ending.stage = ending.leavesHistory || identity.isCompanion ? .composing : .savingSession
            case .savingSession:
                state = .ending(ending)
                return .saveSession
            case .composing:
                appendEnd(ending.outcome, now: now)
                ending.stage = .storing
            case .storing:
                state = .ending(ending)
                if let commit = nextCommit(leavesHistory: ending.leavesHistory, unanswered: ending.question) {
                    return commit
                }
                ending.stage = .passingTurn
                logFailure(of: &ending)
                stopWaitingHandler(of: ending)
                ending.question = nil
            case .storingFailure(let damage):
                state = .ending(ending)
                return .storeFailure(damage, composerBeforeEnd?.run ?? composer.run)
            case .passingTurn:
                state = .ending(ending)
                if identity.isTurnBased { return .passTurn }
                endDidSucceed()
                return nil
            }
        }
    }

    private mutating func logFailure(of ending: inout Ending) {
        if let report = ending.report { act(.log(.failed(report))) }
        ending.report = nil
    }

    /// Cancels the handler of a run that fails for want of an answer, if it waits for one.
    private mutating func stopWaitingHandler(of ending: Ending) {
        guard ending.question != nil else { return }
        if isHandlerActive { act(.cancelHandler) }
        var ending = ending
        ending.question = nil
        state = .ending(ending)
        resumeWaiters()
    }

    /// A step of an ending run has succeeded. ``nextEndingStep(_:isLeaseHeld:now:)`` determines what follows a commit.
    mutating func advance(_ ending: Ending, after step: Step) {
        var ending = ending
        switch (ending.stage, step) {
        case (.savingSession, .saveSession): ending.stage = .composing
        case (.storingFailure, .storeFailure): ending.stage = .passingTurn
        case (.passingTurn, .passTurn): return endDidSucceed()
        default: return
        }
        state = .ending(ending)
    }

    private mutating func endDidSucceed() {
        state = .ended
        act(.notify(.ended))
        resumeWaiters()
    }

    /// Composes the run's last event.
    private mutating func appendEnd(_ outcome: RunOutcome, now: Timestamp) {
        composerBeforeEnd = composer
        do throws(ACPError) {
            append(try composer.end(outcome, now: now))
        } catch {
            let failure = ACPError(.serverError, "the run's error cannot be reported: \(error.message)")
            if let change = try? composer.end(.failed(failure), now: now) { append(change) }
        }
    }

    /// The storage has a cancel signal that this process has not received yet, and has refused the run's end: it ends
    /// as cancelled.
    ///
    /// - Returns: Whether such an end was being stored.
    mutating func endAsCancelled(_ ending: Ending) -> Bool {
        guard case .storing = ending.stage, let composer = composerBeforeEnd else { return false }
        stopWaitingHandler(of: ending)
        let hadCompleted = self.composer.run.status == .completed
        log.retractLast()
        nextSettlement = nil
        self.composer = composer
        _ = self.composer.requestCancel()
        let savesSession = hadCompleted && !identity.isCompanion
        state = .ending(Ending(outcome: .cancelled, stage: savesSession ? .savingSession : .composing))
        act(.log(.cancelledWhileEnding))
        return true
    }

    /// The storage has an answer that this process has not received yet, and has refused that the run fails without one.
    /// The run awaits its answer again, which is read next.
    ///
    /// - Returns: Whether such a failure was being stored, and there is a handler to continue.
    mutating func continueWithAnswer(_ ending: Ending) -> Bool {
        guard case .storing = ending.stage, var question = ending.question, let composer = composerBeforeEnd,
            isHandlerActive
        else { return false }
        log.retractLast()
        nextSettlement = nil
        self.composer = composer
        question.isOverdue = true
        state = .awaiting(question)
        if ending.isCancelRequested { _ = cancel() }
        return true
    }

    /// The stored run differs from what this process has written: parts are missing, or cannot be read. Its owner ends
    /// it as failed.
    mutating func failDamaged(_ damage: StorageError) {
        act(.log(.damaged(damage)))
        let outcome = RunOutcome.failed(.damaged(damage))
        switch state {
        case .ended, .abandoned, .dormant: return
        case .ending(let ending): stopWaitingHandler(of: ending)
        case .creating, .queued, .running, .awaiting, .leaving, .cancelling:
            beginEnding(outcome, thrown: nil, isByHandler: false)
        }
        state = .ending(Ending(outcome: outcome, stage: .storingFailure(damage)))
    }

    /// The damaged run is stored as ended.
    ///
    /// - Parameters:
    ///   - run: The run as it is stored.
    ///   - change: Its last event. `nil` if another process has ended it.
    ///   - eventCount: How many events are left.
    mutating func failureDidSucceed(_ run: Run, _ change: StatusChange?, eventCount: Int) {
        guard case .performing(let step, _) = writer, case .ending(let ending) = state else { return }
        composer = RunComposer(run)
        log = RunLog(committed: eventCount)
        detachedEnd = change?.event
        nextSettlement = nil
        // Callers that wait for more events than are left get the end as well.
        settlement = Settlement(
            run: run, json: change?.runJSON ?? (try? ACPJSON.encode(run)) ?? [], eventCount: .max)
        endOutage()
        writer = .ready
        advance(ending, after: step)
        resumeWaiters()
    }
}

extension ACPError {
    /// The error of a run whose question was not answered before the deadline.
    static let unansweredQuestion = ACPError(
        .timedOut, "the agent's question was not answered in time: start a new run, and answer before await_deadline")

    /// The error of a run that cannot continue because what is stored of it is damaged.
    static func damaged(_ damage: StorageError) -> ACPError {
        let reason =
            switch damage.code {
            case .incomplete: damage.message
            case .conflict: "another writer has changed it"
            default: "part of it cannot be stored or read"
            }
        return ACPError(
            .serverError, "the run cannot continue, since what is stored of it is damaged: \(reason). Start it again")
    }
}
