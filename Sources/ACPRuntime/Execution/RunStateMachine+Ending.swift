// SPDX-License-Identifier: Apache-2.0

import ACPCore
import ACPStorage

/// From the handler's end to the run's end in storage.
extension RunStateMachine {
    /// The handler has ended, or nobody waits for it any more.
    mutating func beginEnding(_ outcome: RunOutcome, thrown: (any Error)?, isByHandler: Bool) {
        let isCancelled = composer.run.status == .cancelling
        var (outcome, thrown) = (outcome, thrown)
        if case .completed = outcome { replay?.end() }
        if let failure = replay?.failure {
            // A handler that did not do the same as before fails the run for that reason, whatever it throws.
            (outcome, thrown) = (.failed(failure), nil)
        }
        replay = nil
        // A handler may end without hearing the answer to what it has asked, if it left that to a task of its own.
        if case .completed = outcome, composer.run.status == .awaiting, let resumed = try? composer.resume() {
            append(resumed)
        }

        var ending = Ending(outcome: outcome)
        switch outcome {
        case .completed: ending.leavesHistory = !isCancelled
        case .failed(let failure) where !isCancelled:
            ending.report = FailureReport(failure: failure, thrown: thrown, isByHandler: isByHandler)
        case .failed, .cancelled: break
        }
        state = .ending(ending)
        stopTimer(.answer)
        stopTimer(.grace)
        if isHandlerActive, !isByHandler { act(.cancelHandler) }
        act(.notify(.ending))
        resumeWaiters()
    }

    /// The next step of an ending run. Nil if there is none: the run has ended.
    mutating func nextEndingStep(_ ending: Ending, isLeaseHeld: Bool, now: Timestamp) -> Step? {
        // What is encoded here was encoded before, part by part: this does not fail.
        if let completion = try? composer.completeMessage(now: now) { log.append(completion) }
        var ending = ending
        while true {
            switch ending.stage {
            case .confirming:
                // Storage fences the end of a run by itself, but not all storages do that for what the run leaves in its session.
                if !isLeaseHeld, !ending.isConfirmed {
                    ending.isConfirmed = true
                    log.wantSnapshot()
                    state = .ending(ending)
                    if let commit = nextCommit() { return commit }
                }
                if let report = ending.report { act(.log(.failed(report))) }
                ending.report = nil
                ending.stage = ending.leavesHistory ? .composing : .savingSession
            case .savingSession:
                state = .ending(ending)
                return .saveSession
            case .composing:
                appendEnd(ending.outcome, now: now)
                ending.stage = .storing
            case .storing:
                state = .ending(ending)
                if let commit = nextCommit(leavesHistory: ending.leavesHistory) { return commit }
                ending.stage = .passingTurn
            case .storingFailure(let damage):
                state = .ending(ending)
                return .storeFailure(damage, composerBeforeEnd?.run ?? composer.run)
            case .passingTurn:
                state = .ending(ending)
                if identity.takesTurns { return .passTurn }
                endDidSucceed()
                return nil
            }
        }
    }

    /// A step of an ending run is done. What comes after a commit, ``nextEndingStep(_:isLeaseHeld:now:)`` finds out.
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

    /// The storage has a cancel signal that this process has not heard yet: the run's end, which it has refused, becomes another.
    ///
    /// - Returns: Whether there was such an end.
    mutating func endAsCancelled(_ ending: Ending) -> Bool {
        guard case .storing = ending.stage, let composer = composerBeforeEnd else { return false }
        let hadCompleted = self.composer.run.status == .completed
        log.retractLast()
        nextSettlement = nil
        self.composer = composer
        _ = self.composer.requestCancel()
        state = .ending(Ending(outcome: .cancelled, stage: hadCompleted ? .savingSession : .composing))
        act(.log(.cancelledWhileEnding))
        return true
    }

    /// What is stored of the run is not what this process has written: parts are gone, or cannot be read. Its owner ends it.
    mutating func failDamaged(_ damage: StorageError) {
        act(.log(.damaged(damage)))
        let outcome = RunOutcome.failed(.damaged(damage))
        switch state {
        case .ended, .abandoned: return
        case .ending: break
        case .creating, .queued, .running, .awaiting, .cancelling:
            beginEnding(outcome, thrown: nil, isByHandler: false)
        }
        state = .ending(Ending(outcome: outcome, stage: .storingFailure(damage)))
    }

    /// The run is stored as ended, whatever was left of it.
    ///
    /// - Parameters:
    ///   - run: The run as it is stored.
    ///   - change: Its last event. Nil if somebody else has ended it.
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
        forgetTrouble()
        writer = .ready
        advance(ending, after: step)
        resumeWaiters()
    }
}

extension ACPError {
    /// The error of a run that waited for an answer until its deadline.
    static let unansweredQuestion = ACPError(
        .timedOut, "nobody answered the agent's question in time: start a new run, and answer before await_deadline")

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
