// SPDX-License-Identifier: Apache-2.0

import ACPCore
import ACPStorage
import Metrics
import Synchronization

/// Numbers that are recorded from time to time, and not whenever they change.
extension RunEngine {
    /// Records the current numbers of runs, and the rest of the lease. The engine does so with every heartbeat, and a
    /// server before it exports metrics.
    package func recordMetrics() {
        guard metrics.isEnabled else { return }
        let (active, queued, awaiting) = state.withLock { state in
            (state.limiter.active.count, state.limiter.queued.count, state.awaiting.count + state.dormant.count)
        }
        metrics.active.record(active)
        metrics.queued.record(queued)
        metrics.awaiting.record(awaiting)
        if let remaining = lease.remaining { metrics.record(remaining: remaining) }
    }

    /// Counts a run that was refused.
    func noteRefusal(_ error: RunEngineError) {
        switch error.code {
        case .tooManyRuns: metrics.runWasRefused(.tooManyRuns)
        case .sessionBusy: metrics.runWasRefused(.sessionBusy)
        case .shuttingDown: metrics.runWasRefused(.shuttingDown)
        case .storage: metrics.runWasRefused(.storage)
        default: break
        }
    }

    /// Records what a change of a run means for the metrics, and ends its trace.
    func record(_ change: RunStateMachine.Change, of execution: RunExecution) {
        switch change {
        case .refused: metrics.runWasRefused(.storage)
        case .ended:
            execution.trace?.end(execution.currentRun)
            guard metrics.isEnabled, !execution.isCompanion else { return }
            let agent = execution.agentName
            metrics.runDidEnd(execution.currentRun, agent: agents[agent] == nil ? nil : agent)
        case .abandoned(let error):
            execution.trace?.end(abandonedAs: error.code.description)
            if error.code != .closed { metrics.runWasAbandoned() }
        case .left: execution.trace?.end(execution.currentRun)
        case .awaiting, .resumed, .ending: break
        }
    }
}
