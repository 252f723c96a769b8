// SPDX-License-Identifier: Apache-2.0

import ACPCore
import ACPStorage

/// The steps that the storage is asked for, one at a time. Each is repeated until the storage accepts it or refuses it
/// for good.
extension RunStateMachine {
    /// An operation on the storage. Its copies share what is large in it: the writer and the state machine have one each.
    enum Step: Sendable {
        /// Report success with ``stepDidSucceed()``.
        ///
        /// - Parameter leavesHistory: Whether the commit includes the run's block of its session's history. The block
        ///   is encoded by the task that performs the step: it may be large, and the state machine works under a lock.
        indirect case commit(RunCommit, leavesHistory: Bool)
        /// Read the signals, in case they contain the answer to an overdue question. Report success with
        /// ``signalsDidArrive(_:now:)``.
        case readSignals(eventCount: Int)
        /// Store that the session exists. Report success with ``stepDidSucceed()``.
        case saveSession
        /// Store a run as failed whose stored documents are damaged. Report success with
        /// ``failureDidSucceed(_:_:eventCount:)``.
        indirect case storeFailure(StorageError, Run)
        /// Notify the next run of the session that it may start. Report success with ``stepDidSucceed()``.
        case passTurn
        /// Wait before the next attempt. There is nothing to report.
        case pause(failures: Int)
    }

    /// Whether there is a step to perform.
    var hasWork: Bool {
        switch state {
        case .queued, .running, .cancelling: !log.isIdle
        case .awaiting(let question): !log.isIdle || question.isOverdue
        case .ending: true
        case .creating, .leaving, .ended, .abandoned, .dormant: false
        }
    }

    /// Returns the next step, or `nil` if there is none: then the caller is not the writer any more.
    ///
    /// - Parameters:
    ///   - isLeaseHeld: Whether this process certainly still owns its runs.
    ///   - now: The time of the run's end, if this ends it.
    mutating func nextStep(isLeaseHeld: Bool, now: Timestamp) -> Step? {
        var step: Step?
        var failures = 0
        switch writer {
        case .none, .performing: return nil
        case .failed(let failed, let count) where isOwned:
            writer = .pausing(failed, failures: count)
            return .pause(failures: count)
        case .pausing(.readSignals, let count):
            // The question may have been answered in the meantime.
            (step, failures) = (nextNewStep(isLeaseHeld: isLeaseHeld, now: now), count)
        case .pausing(let failed, let count) where isOwned: (step, failures) = (failed, count)
        case .ready, .failed, .pausing: step = nextNewStep(isLeaseHeld: isLeaseHeld, now: now)
        }
        if case .commit(let commit, _)? = step, commit.expecting == 0, isTooLateToCreate(now: now) {
            step = lateCreation(commit)
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
        case .leaving, .ended, .abandoned, .dormant: nil
        }
    }

    mutating func nextCommit(
        input: Encoded<[Message]>? = nil, leavesHistory: Bool = false, unanswered question: Question? = nil
    ) -> Step? {
        let wasFull = log.isFull
        guard let batch = log.nextBatch() else { return nil }
        let eventCount = batch.expecting + batch.events.count
        var snapshot: RunSnapshot?
        if batch.needsSnapshot, let json = batch.runJSON ?? (try? ACPJSON.encode(composer.run)) {
            snapshot = RunSnapshot(composer.run, json: json, eventCount: eventCount)
        }
        // A handler that was suspended continues while the commit is in flight.
        if wasFull { resumeWaiters() }
        return .commit(
            RunCommit(
                run: identity.run, expecting: batch.expecting, events: batch.events, snapshot: snapshot,
                owner: identity.owner, input: input, unansweredQuestion: question?.eventCount),
            leavesHistory: leavesHistory)
    }

    // MARK: - Results of steps

    mutating func stepDidSucceed() {
        guard case .performing(let step, _) = writer else { return }
        writer = .ready
        endOutage()
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
        case .queued, .running, .awaiting, .leaving, .cancelling, .ended, .abandoned, .dormant: break
        }
        resumeWaiters()
    }

    /// The signals were read that may contain the answer to an overdue question. An answer that was stored in time
    /// counts.
    mutating func signalsDidArrive(_ signals: [RunSignal], now: Timestamp) {
        guard case .performing(.readSignals(let eventCount), _) = writer else { return }
        writer = .ready
        endOutage()
        if signals.contains(.cancel) { _ = cancel() }
        for case .resume(let stored, eventCount) in signals { _ = answer(stored, to: eventCount, now: now) }
        if case .awaiting(let question) = state, question.eventCount == eventCount { expire(question) }
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
            // The turn is checked again from time to time.
            act(.log(.turnNotPassed(error)))
            advance(ending, after: step)
        case (.readSignals, _):
            writer = .performing(step, failures: failures)
            signalsDidArrive([], now: composer.run.statusTimestamp)
        default: abandon(error)
        }
        resumeWaiters()
    }

    /// A commit has failed. A run that another process owns, or that was deleted, is abandoned here. Every other run is
    /// ended by its owner, whatever is left of it in storage.
    mutating func commitDidFail(_ error: StorageError, _ step: Step, failures: Int) {
        guard isOwned else { return }
        if case .ending(let ending) = state {
            if error.code == .cancelled, endAsCancelled(ending) { return }
            if error.code == .answered, continueWithAnswer(ending) { return }
        }
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
        if outage == nil {
            outageCount += 1
            startTimer(.storage(outage: outageCount), .configured)
        }
        outage = Outage(error: error, isTimedOut: outage?.isTimedOut ?? false)
    }

    mutating func endOutage() {
        guard outage != nil else { return }
        outage = nil
        stopTimer(.storage)
    }
}

extension StorageError {
    /// Whether repeating the operation cannot help. All other causes can pass: space is freed, permissions are granted,
    /// a server is restarted.
    var isFinal: Bool {
        switch code {
        case .fenced, .conflict, .notFound, .deleted, .closed, .corruptData, .incomplete, .cancelled, .answered: true
        default: false
        }
    }
}
