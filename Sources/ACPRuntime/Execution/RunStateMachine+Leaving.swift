// SPDX-License-Identifier: Apache-2.0

import ACPCore
import ACPStorage

/// A run that awaits an answer leaves memory: its handler is stopped, and runs again when the answer arrives.
extension RunStateMachine {
    /// A run that leaves memory as soon as its handler has stopped.
    struct Leaving {
        /// The number of events when the run began to await the answer.
        let eventCount: Int
        /// Whether an answer has arrived in the meantime. It is in storage, and is read from there.
        var isAnswered = false
    }

    /// The result of asking a run to leave memory.
    enum Departure {
        /// It leaves, or has left.
        case begun
        /// It cannot leave yet.
        case later
        /// It does not await the answer to this question any more, or has to stay.
        case refused
    }

    /// Lets the run leave memory if it still awaits the answer to a question and everything is stored.
    ///
    /// The handler is cancelled first, and the run leaves when it has stopped: two handlers of one run never work at the
    /// same time because of this. Nothing is written, and the run remains that of this process.
    ///
    /// - Parameters:
    ///   - eventCount: The number of events when the run began to await the answer.
    ///   - earliestDeadline: A question whose deadline is before this stays in memory.
    mutating func leave(_ eventCount: Int, unlessDueBefore earliestDeadline: Timestamp) -> Departure {
        guard case .awaiting(let question) = state, question.eventCount == eventCount, isRepeatable,
            !identity.isCompanion
        else { return .refused }
        if question.isOverdue || composer.run.awaitDeadline.map({ $0 < earliestDeadline }) == true { return .refused }
        guard log.isIdle, case .none = writer else { return .later }
        stopTimer(.answer)
        state = .leaving(Leaving(eventCount: eventCount))
        if isHandlerActive {
            act(.cancelHandler)
            startTimer(.grace, .configured)
            // A handler that has asked in a task of its own is not woken by the cancellation.
            resumeWaiters()
        } else {
            hasLeft()
        }
        return .begun
    }

    /// The handler has stopped, or its end is not waited for any longer.
    mutating func hasLeft() {
        guard case .leaving(let leaving) = state else { return }
        stopTimer(.grace)
        state = .dormant
        act(
            .notify(
                .left(
                    eventCount: leaving.eventCount, deadline: composer.run.awaitDeadline,
                    isAnswered: leaving.isAnswered)))
        resumeWaiters()
    }

    /// An answer to the run's question was stored while it leaves memory.
    mutating func noteAnswer(to eventCount: Int) {
        guard case .leaving(var leaving) = state, leaving.eventCount == eventCount else { return }
        leaving.isAnswered = true
        state = .leaving(leaving)
    }

    /// Whether the run has left memory. What arrives for it is passed to the engine.
    var isDormant: Bool { if case .dormant = state { true } else { false } }
}
