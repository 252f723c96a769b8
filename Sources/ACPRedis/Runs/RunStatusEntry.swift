// SPDX-License-Identifier: Apache-2.0

import ACPCore

/// The status of a run and the time of its last change, which determine the run's entry in the indexes by status.
struct RunStatusEntry: Sendable, Hashable {
    let status: DetailedRunStatus
    let changedAt: Timestamp

    init(_ run: Run) {
        status = run.detailedStatus
        changedAt = run.statusTimestamp
    }
}

/// What is known of the entry that a run has in the indexes by status before it is written.
enum FormerStatus: Sendable {
    /// The run is new, and has none.
    case none
    case known(RunStatusEntry)
    /// The run has not ended, and its status is not known.
    case unfinished
    /// Nothing is known.
    case unknown

    /// The statuses in whose indexes the run may be.
    fileprivate var statuses: [DetailedRunStatus] {
        switch self {
        case .none: []
        case .known(let entry): [entry.status]
        case .unfinished: [.created, .inProgress, .awaiting, .awaitingAuthentication, .cancelling]
        case .unknown: RedisKeys.statuses
        }
    }
}

extension RedisKeys {
    /// Returns the changes of the indexes by status for a run with a new snapshot.
    ///
    /// - Parameters:
    ///   - run: The snapshot.
    ///   - former: The run's former entry.
    ///   - agent: The run's former agent.
    func statusChanges(for run: Run, from former: FormerStatus, of agent: AgentName) -> [IndexChange] {
        let entry = RunStatusEntry(run)
        let isSameAgent = agent == run.agentName
        if case .known(entry) = former, isSameAgent { return [] }
        let left = former.statuses.filter { !isSameAgent || $0 != entry.status }
        return left.map { IndexChange(kind: .remove, key: statusRuns(agent, $0), member: run.id.rawValue) }
            + [
                IndexChange(
                    kind: .addByStatus, key: statusRuns(run.agentName, entry.status),
                    score: Int(entry.changedAt.microseconds), member: run.id.rawValue)
            ]
    }
}
