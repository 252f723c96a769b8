// SPDX-License-Identifier: Apache-2.0

import ACPCore
import ACPStorage

/// What the storage is asked for: one step at a time, each repeated until the storage has taken it or refuses it for good.
extension RunStateMachine {
    /// Something to ask of the storage. What is large in it is shared by its copies: the writer and the state machine have one each.
    enum Step: Sendable {
        /// Report success with ``stepDidSucceed()``.
        ///
        /// - Parameter leavesHistory: Whether the commit takes the run's block of its session's history along. It is encoded by
        ///   who performs the step: it may be large, and a state machine works under a lock.
        indirect case commit(RunCommit, leavesHistory: Bool)
        /// Look for the answer to a question that is overdue. Report success with ``signalsDidArrive(_:)``.
        case readSignals(eventCount: Int)
        /// Store that there is such a session. Report success with ``stepDidSucceed()``.
        case saveSession
        /// Store a run as failed whose documents in storage are damaged. Report success with ``failureDidSucceed(_:_:eventCount:)``.
        indirect case storeFailure(StorageError, Run)
        /// Tell the next run of the session that it may begin. Report success with ``stepDidSucceed()``.
        case passTurn
        /// Wait before the next attempt. There is nothing to report.
        case pause(failures: Int)
    }

    /// Whether there is something to ask of the storage.
    var hasWork: Bool {
        switch state {
        case .queued, .running, .cancelling: !log.isIdle
        case .awaiting(let question): !log.isIdle || question.isOverdue
        case .ending: true
        case .creating, .ended, .abandoned: false
        }
    }

    /// What the writer does next. Nil if there is nothing more: the caller is the writer no more.
    ///
    /// - Parameters:
    ///   - isLeaseHeld: Whether this process can be sure that it still owns its runs.
    ///   - now: When the run ends, if this ends it.
    mutating func nextStep(isLeaseHeld: Bool, now: Timestamp) -> Step? {
        var step: Step?
        var failures = 0
        switch writer {
        case .none, .performing: return nil
        case .failed(let failed, let count) where isOwned:
            writer = .pausing(failed, failures: count)
            return .pause(failures: count)
        case .pausing(.readSignals, let count):
            // The question may have its answer by now.
            (step, failures) = (nextNewStep(isLeaseHeld: isLeaseHeld, now: now), count)
        case .pausing(let failed, let count) where isOwned: (step, failures) = (failed, count)
        case .ready, .failed, .pausing: step = nextNewStep(isLeaseHeld: isLeaseHeld, now: now)
        }
        writer = step.map { .performing($0, failures: failures) } ?? .none
        return step
    }

    private mutating func nextNewStep(isLeaseHeld: Bool, now: Timestamp) -> Step? {
        switch state {
        case .creating: nextCommit(input: identity.input)
        case .queued, .running, .cancelling: nextCommit()
        case .awaiting(let question):
            nextCommit() ?? (question.isOverdue ? .readSignals(eventCount: question.eventCount) : nil)
        case .ending(let ending): nextEndingStep(ending, isLeaseHeld: isLeaseHeld, now: now)
        case .ended, .abandoned: nil
        }
    }

    mutating func nextCommit(input: Encoded<[Message]>? = nil, leavesHistory: Bool = false) -> Step? {
        let wasFull = log.isFull
        guard let batch = log.nextBatch() else { return nil }
        let eventCount = batch.expecting + batch.events.count
        var snapshot: RunSnapshot?
        if batch.wantsSnapshot, let json = batch.runJSON ?? (try? ACPJSON.encode(composer.run)) {
            snapshot = RunSnapshot(composer.run, json: json, eventCount: eventCount)
        }
        // A handler that was held up goes on while the commit is on its way.
        if wasFull { resumeWaiters() }
        return .commit(
            RunCommit(
                run: identity.run, expecting: batch.expecting, events: batch.events, snapshot: snapshot,
                owner: identity.owner, input: input),
            leavesHistory: leavesHistory)
    }

    // MARK: - How it went

    mutating func stepDidSucceed() {
        guard case .performing(let step, _) = writer else { return }
        writer = .ready
        forgetTrouble()
        if case .commit = step {
            log.batchCommitted()
            if let next = nextSettlement, next.eventCount <= log.committed {
                settlement = next
                nextSettlement = nil
            }
        }
        switch state {
        case .creating(let creation): creationDidSucceed(creation)
        case .ending(let ending): advance(ending, after: step)
        case .queued, .running, .awaiting, .cancelling, .ended, .abandoned: break
        }
        resumeWaiters()
    }

    /// The signals are read among which the answer to an overdue question may be: one that was stored in time counts.
    mutating func signalsDidArrive(_ signals: [RunSignal]) {
        guard case .performing(.readSignals(let eventCount), _) = writer else { return }
        writer = .ready
        forgetTrouble()
        if signals.contains(.cancel) { _ = cancel() }
        for case .resume(let stored, eventCount) in signals { _ = answer(stored, to: eventCount) }
        if case .awaiting(let question) = state, question.eventCount == eventCount {
            end(.failed(.unansweredQuestion))
        }
        resumeWaiters()
    }

    mutating func stepDidFail(_ error: StorageError) {
        guard case .performing(let step, let failures) = writer else { return }
        writer = .ready
        guard isOwned else { return }
        switch (step, state) {
        case (.commit, .creating(let creation)):
            creationAttemptDidFail(error, creation, step, failures: failures)
        case (.commit, _): commitDidFail(error, step, failures: failures)
        case (.saveSession, .ending(let ending)):
            // The end of the run does not wait for that.
            act(.log(.sessionNotSaved(error)))
            advance(ending, after: step)
        case (_, _) where !error.isFinal: retry(step, after: error, failures: failures)
        case (.passTurn, .ending(let ending)):
            // It is looked at from time to time whose turn it is.
            act(.log(.turnNotPassed(error)))
            advance(ending, after: step)
        case (.readSignals, _):
            writer = .performing(step, failures: failures)
            signalsDidArrive([])
        default: abandon(error)
        }
        resumeWaiters()
    }

    /// A run that this process may not write any more, because another process owns it or it was deleted, is given up here. Every
    /// other run is ended by its owner, whatever is left of it in storage.
    mutating func commitDidFail(_ error: StorageError, _ step: Step, failures: Int) {
        guard isOwned else { return }
        if case .ending(let ending) = state, error.code == .cancelled, endAsCancelled(ending) { return }
        switch error.code {
        case .conflict, .corruptData, .incomplete: failDamaged(error)
        case _ where error.isFinal: abandon(error)
        default: retry(step, after: error, failures: failures)
        }
    }

    /// Repeats a step after a pause: it has failed for a reason that may pass.
    mutating func retry(_ step: Step, after error: StorageError, failures: Int) {
        writer = .failed(step, failures: failures + 1)
        act(.log(.storageFailed(error)))
        if trouble == nil {
            troubleCount += 1
            startTimer(.patience(trouble: troubleCount), .configured)
        }
        trouble = Trouble(error: error, isLasting: trouble?.isLasting ?? false)
    }

    mutating func forgetTrouble() {
        guard trouble != nil else { return }
        trouble = nil
        stopTimer(.patience)
    }
}

extension StorageError {
    /// Whether trying again cannot help. Everything else passes: room is made, rights are granted, a server comes back.
    var isFinal: Bool {
        switch code {
        case .fenced, .conflict, .notFound, .closed, .corruptData, .incomplete, .cancelled: true
        default: false
        }
    }
}
