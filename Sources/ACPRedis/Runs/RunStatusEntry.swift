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
    ///   - old: The run's former index entry.
    func statusChanges(for run: Run, from former: FormerStatus, of old: RunIndexEntry) -> [IndexChange] {
        let entry = RunStatusEntry(run)
        let isSamePlace = old.agent == run.agentName && old.principal == run.principal
        if case .known(entry) = former, isSamePlace { return [] }
        let left = former.statuses.filter { !isSamePlace || $0 != entry.status }
        return left.flatMap { statusIndexes(of: old.agent, old.principal, $0) }.map {
            IndexChange(kind: .remove, key: $0, member: run.id.rawValue)
        }
            + statusIndexes(of: run.agentName, run.principal, entry.status).map {
                IndexChange(
                    kind: .addByStatus, key: $0, score: Int(entry.changedAt.microseconds), member: run.id.rawValue)
            }
    }

    /// Returns the indexes by status that contain a run.
    func statusIndexes(of agent: AgentName, _ principal: PrincipalID?, _ status: DetailedRunStatus) -> [String] {
        guard let principal else { return [statusRuns(agent, status)] }
        return [statusRuns(agent, status), principalStatusRuns(principal, agent, status)]
    }
}
