// SPDX-License-Identifier: Apache-2.0

import ACPCore
import ACPStorage
import DequeModule
import Synchronization

/// Runs that leave memory while they await an answer.
///
/// They become dormant, like the runs of a process that has ended: see ``RunStateMachine/leave(_:unlessDueBefore:)``.
extension RunEngine {
    /// How long a question is in storage before its run leaves memory. `nil` if runs stay.
    private var departureDelay: Duration? {
        contents.capabilities.isDurable ? configuration.awaitingRunsLeaveMemoryAfter : nil
    }

    /// Lets runs leave memory, and continues dormant runs whose time is up, until the task is cancelled.
    func manageAwaitingRuns() async {
        while !Task.isCancelled {
            leaveMemory()
            await processDormantRuns(includesFailed: false)
            try? await Task.sleep(for: timeToNextCheck)
        }
    }

    /// The longest time between two checks. It is so short that what is added meanwhile is not late.
    private var longestPause: Duration { min(interval, departureDelay ?? interval) }

    /// The time until there may be something to do.
    private var timeToNextCheck: Duration {
        let (departure, check) = state.withLock { ($0.departures.first?.time, $0.dormant.nextCheck) }
        var time = longestPause
        if let departure, canLetRunsLeave { time = min(time, departure - now()) }
        if let check { time = min(time, check - .now) }
        return max(time, .milliseconds(10))
    }

    /// Whether runs leave memory at this moment. At a shutdown they are handed over instead.
    private var canLetRunsLeave: Bool { lease.isHeld && acceptsRuns }

    /// Lets runs leave memory from now on, also those that await an answer already.
    func startLettingRunsLeave() {
        let awaiting = state.withLock { state in
            state.canLeaveMemory = true
            return state.awaiting.compactMap { state.executions[$0] }
        }
        for execution in awaiting {
            guard let eventCount = execution.read(\.awaitedCount) else { continue }
            state.withLock { noteQuestion(eventCount, of: execution, in: &$0) }
        }
    }

    /// Remembers that a run has begun to await an answer.
    func noteQuestion(_ eventCount: Int, of execution: RunExecution, in state: inout State) {
        guard state.canLeaveMemory, execution.policy.canLeaveMemory, let departureDelay else { return }
        state.departures.append(
            Departure(run: execution.id, eventCount: eventCount, time: now() + departureDelay))
    }

    /// Lets the runs leave memory that have awaited an answer for long enough.
    func leaveMemory() {
        guard canLetRunsLeave else { return }
        // A run that fails soon for want of an answer, at a time that is exact while it is in memory, stays.
        let earliestDeadline = Timestamp.now + longestPause * 2
        let now = now()
        let due = state.withLock { state in
            var due: [(Departure, RunExecution)] = []
            while let first = state.departures.first, first.time <= now {
                state.departures.removeFirst()
                if let execution = state.executions[first.run] { due.append((first, execution)) }
            }
            return due
        }
        for (departure, execution) in due {
            let result = execution.update { $0.leave(departure.eventCount, unlessDueBefore: earliestDeadline) }
            guard result == .later else { continue }
            // Its question is not stored yet.
            let later = Departure(
                run: departure.run, eventCount: departure.eventCount, time: now + (departureDelay ?? interval))
            state.withLock { $0.departures.append(later) }
        }
    }

    /// Passes on what arrived for an execution that has left memory just before.
    func redirectSignals(to execution: RunExecution) async throws {
        guard execution.read(\.isDormant) else { return }
        // Until the run is dormant here as well.
        try await execution.waitUntilOver(ignoringTimeout: true)
        await processSignals(to: execution.id)
    }
}

/// When a run leaves memory if it still awaits the same answer. The delay is the same for all runs, so a list of them
/// is in order.
struct Departure {
    let run: RunID
    /// The number of events when the run began to await the answer.
    let eventCount: Int
    let time: ContinuousClock.Instant
}
