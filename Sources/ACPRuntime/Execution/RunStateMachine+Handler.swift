// SPDX-License-Identifier: Apache-2.0

import ACPCore
import ACPStorage

/// What the handler does.
extension RunStateMachine {
    /// The result of asking a question.
    enum QuestionResult {
        /// It was asked before, in another process, and was answered.
        case answered(AwaitResume)
        /// It awaits its answer. The number identifies it among the questions of the run.
        case asked(eventCount: Int)
    }

    /// Adds output of the handler, unless the handler only repeats what it sent before.
    ///
    /// - Returns: Whether the handler has to wait until some events are stored before it sends more.
    mutating func emit(_ compose: (inout RunComposer) throws -> [EncodedEvent]) throws -> Bool {
        switch state {
        case .running, .cancelling: break
        case .awaiting:
            throw ACPError(.serverError, "an agent cannot send output or ask anything while it waits for an answer")
        case .creating, .queued, .leaving, .ending, .ended, .abandoned, .dormant: throw CancellationError()
        }
        guard replay == nil else {
            try replay?.emit(compose)
            endReplayIfOver()
            return false
        }
        log.append(try compose(&composer))
        write()
        return log.isFull
    }

    /// Asks a question, or finds that it was asked before.
    ///
    /// - Parameters:
    ///   - request: The question.
    ///   - deadline: When the run fails without an answer. If `nil`, it waits without a limit.
    ///   - now: When the open message is completed.
    mutating func ask(_ request: AwaitRequest, deadline: Timestamp?, now: Timestamp) throws -> QuestionResult {
        switch state {
        case .running: break
        case .awaiting:
            throw ACPError(.serverError, "an agent cannot send output or ask anything while it waits for an answer")
        case .creating, .queued, .leaving, .cancelling, .ending, .ended, .abandoned, .dormant:
            throw CancellationError()
        }
        var known: AwaitResume?
        if replay != nil, let answer = try replay?.ask(request) {
            endReplayIfOver()
            switch answer {
            case .known(let answer): return .answered(answer)
            case .pending(let answer): known = answer
            }
        } else {
            if let completion = try composer.completeMessage(now: now) { log.append(completion) }
            append(try composer.beginAwaiting(request, deadline: deadline, now: now))
        }
        let eventCount = log.eventCount
        state = .awaiting(Question(eventCount: eventCount))
        delivered = nil
        act(.notify(.awaiting(eventCount: eventCount)))
        if let deadline = composer.run.awaitDeadline {
            startTimer(.answer(eventCount: eventCount), .until(deadline))
        }
        write()
        resumeWaiters()
        if let known { _ = answer(known, to: eventCount, now: now) }
        return .asked(eventCount: eventCount)
    }

    /// Takes the answer that the handler waits for.
    ///
    /// - Returns: `nil` if it has not arrived yet.
    /// - Throws: `CancellationError` if there will be no answer.
    mutating func takeAnswer(to eventCount: Int) throws -> AwaitResume? {
        if let (count, answer) = delivered, count == eventCount {
            delivered = nil
            return answer
        }
        guard awaitedCount == eventCount, !isLeaving else { throw CancellationError() }
        return nil
    }

    /// Resumes the run without an answer, because the handler has stopped waiting by itself, for example in a child
    /// task that it cancelled.
    mutating func withdrawQuestion(_ eventCount: Int, now: Timestamp) {
        guard case .awaiting(let question) = state, question.eventCount == eventCount,
            let resumed = try? composer.resume(with: nil, now: now)
        else { return }
        isRepeatable = false
        continueRun(with: resumed)
    }

    /// The run continues after a question.
    mutating func continueRun(with resumed: StatusChange) {
        append(resumed)
        state = .running
        stopTimer(.answer)
        act(.notify(.resumed))
        write()
        resumeWaiters()
    }

    /// The handler has returned, or thrown.
    ///
    /// - Parameters:
    ///   - outcome: How the run ends because of that.
    ///   - thrown: The error that the handler has thrown.
    ///   - canWrite: Whether the caller can be the writer.
    /// - Returns: Whether the caller is the writer from now on.
    mutating func handlerDidEnd(_ outcome: RunOutcome, thrown: (any Error)?, canWrite: Bool) -> Bool {
        guard isHandlerActive else { return false }
        isHandlerActive = false
        // The task of a handler that was cancelled cannot write.
        let isCancelled = if case .cancelling = state { true } else { false }
        switch state {
        case .running, .awaiting, .cancelling: break
        case .leaving:
            hasLeft()
            return false
        case .creating, .queued, .ending, .ended, .abandoned, .dormant: return false
        }
        beginEnding(outcome, thrown: thrown, isByHandler: true)
        guard case .none = writer else { return false }
        if isCancelled || !canWrite {
            write()
            return false
        }
        writer = .ready
        return true
    }

    private mutating func endReplayIfOver() {
        if replay?.isOver == true { replay = nil }
    }
}
