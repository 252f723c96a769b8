// SPDX-License-Identifier: Apache-2.0

import ACPCore

/// All lists of runs that a ``RunQuery`` can select. Empty lists are not kept.
///
/// A run must be removed before a property changes by which it is listed.
struct RunListings {
    private var all = RunListing()
    private var byAgent: [AgentName: RunListing] = [:]
    private var bySession: [HashedKey<SessionID>: RunListing] = [:]
    private var byStatus: [RunStatus: RunListing] = [:]

    /// The number of lists.
    var count: Int { (all.isEmpty ? 0 : 1) + byAgent.count + bySession.count + byStatus.count }

    subscript(filter: RunQuery.Filter) -> RunListing? {
        switch filter {
        case .all: all
        case .agent(let agent): byAgent[agent]
        case .session(let session): bySession[HashedKey(session)]
        case .unfinished(let status): byStatus[status]
        }
    }

    /// Inserts a run into the lists by time, agent and session.
    mutating func insert(_ run: RunEntry) {
        all.insert(run)
        byAgent[run.summary.agentName, default: RunListing()].insert(run)
        if let session = run.summary.sessionID { bySession[HashedKey(session), default: RunListing()].insert(run) }
    }

    mutating func remove(_ run: RunEntry) {
        all.remove(run)
        byAgent.remove(run, listedBy: run.summary.agentName)
        if let session = run.summary.sessionID { bySession.remove(run, listedBy: HashedKey(session)) }
    }

    /// Inserts an unfinished run into the list by status.
    mutating func insertByStatus(_ run: RunEntry) {
        byStatus[run.summary.status, default: RunListing()].insert(run)
    }

    mutating func removeByStatus(_ run: RunEntry) {
        byStatus.remove(run, listedBy: run.summary.status)
    }
}

extension Dictionary where Value == RunListing {
    fileprivate mutating func remove(_ run: RunEntry, listedBy key: Key) {
        guard let index = index(forKey: key) else { return }
        values[index].remove(run)
        if values[index].isEmpty { remove(at: index) }
    }
}
