// SPDX-License-Identifier: Apache-2.0

import ACPCore
import ACPStorage

/// What the handler does.
extension RunStateMachine {
    /// What comes of a question.
    enum QuestionResult {
        /// It was asked before, in another process, and has its answer.
        case answered(AwaitResume)
        /// It waits for its answer. The number tells it apart from other questions of the run.
        case asked(eventCount: Int)
    }

    /// Adds what the handler says, unless it only repeats what it said before.
    ///
    /// - Returns: Whether the handler has to wait until something is stored before it says more.
    mutating func say(_ compose: (inout RunComposer) throws -> [EncodedEvent]) throws -> Bool {
        switch state {
        case .running, .cancelling: break
        case .awaiting:
            throw ACPError(.serverError, "an agent cannot say or ask anything while it waits for an answer")
        case .creating, .queued, .ending, .ended, .abandoned: throw CancellationError()
        }
        guard replay == nil else {
            try replay?.say(compose)
            endReplayIfOver()
            return false
        }
        log.append(try compose(&composer))
        write()
        return log.isFull
    }

    /// Asks, or finds that the question was asked before.
    ///
    /// - Parameters:
    ///   - request: What is asked.
    ///   - deadline: When the run fails without an answer. Nil if it waits for ever.
    ///   - now: When the message ends that is open.
    mutating func ask(_ request: AwaitRequest, deadline: Timestamp?, now: Timestamp) throws -> QuestionResult {
        switch state {
        case .running: break
        case .awaiting:
            throw ACPError(.serverError, "an agent cannot say or ask anything while it waits for an answer")
        case .creating, .queued, .cancelling, .ending, .ended, .abandoned: throw CancellationError()
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
            append(try composer.beginAwaiting(request, deadline: deadline))
        }
        let eventCount = log.eventCount
        state = .awaiting(Question(eventCount: eventCount))
        delivered = nil
        act(.notify(.awaiting))
        if let deadline = composer.run.awaitDeadline {
            startTimer(.answer(eventCount: eventCount), .until(deadline))
        }
        write()
        resumeWaiters()
        if let known { _ = answer(known, to: eventCount) }
        return .asked(eventCount: eventCount)
    }

    /// Takes the answer that the handler waits for.
    ///
    /// - Returns: Nil if it is still to come.
    /// - Throws: `CancellationError` if none will come.
    mutating func takeAnswer(to eventCount: Int) throws -> AwaitResume? {
        if let (count, answer) = delivered, count == eventCount {
            delivered = nil
            return answer
        }
        guard case .awaiting(let question) = state, question.eventCount == eventCount else {
            throw CancellationError()
        }
        return nil
    }

    /// Lets the run go on without an answer, where a handler has given up waiting by itself: in a child task that it
    /// cancelled, for example.
    mutating func withdrawQuestion(_ eventCount: Int) {
        guard case .awaiting(let question) = state, question.eventCount == eventCount,
            let resumed = try? composer.resume()
        else { return }
        goOn(with: resumed)
    }

    /// The run goes on after a question.
    mutating func goOn(with resumed: StatusChange) {
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
    ///   - outcome: What becomes of the run because of that.
    ///   - thrown: What the handler has thrown.
    ///   - canWrite: Whether the caller can be the writer.
    /// - Returns: Whether the caller is the writer from now on.
    mutating func handlerDidEnd(_ outcome: RunOutcome, thrown: (any Error)?, canWrite: Bool) -> Bool {
        guard isHandlerActive else { return false }
        isHandlerActive = false
        // The task of a handler that was asked to stop is cancelled: it cannot write.
        let isCancelled = if case .cancelling = state { true } else { false }
        switch state {
        case .running, .awaiting, .cancelling: break
        case .creating, .queued, .ending, .ended, .abandoned: return false
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
