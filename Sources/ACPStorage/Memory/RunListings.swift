// SPDX-License-Identifier: Apache-2.0

import ACPCore

/// All lists of runs that a ``RunQuery`` or a ``RunStatusQuery`` can select. Empty lists are not kept.
///
/// A run must be removed before a property changes by which it is listed.
struct RunListings {
    private let all = ListingSet()
    /// The same lists with the runs of each principal.
    private var byPrincipal: [PrincipalID: ListingSet] = [:]

    /// The number of lists.
    var count: Int { byPrincipal.values.reduce(all.count) { $0 + $1.count } }

    /// The list of all runs that a query selects.
    subscript(query: RunQuery) -> RunListing? { lists(of: query.principal)?[query.filter] }

    /// Returns a page of an agent's runs by the change of their status, and the total number.
    func page(_ query: RunStatusQuery) -> (runs: [RunEntry], total: Int) {
        lists(of: query.principal)?.page(query) ?? ([], 0)
    }

    private func lists(of principal: PrincipalID?) -> ListingSet? {
        if let principal { byPrincipal[principal] } else { all }
    }

    /// Inserts a run into the lists by time, agent and session.
    mutating func insert(_ run: RunEntry) { update(run) { $0.insert(run) } }

    mutating func remove(_ run: RunEntry) { update(run) { $0.remove(run) } }

    /// Inserts an unfinished run into the list by status.
    mutating func insertByStatus(_ run: RunEntry) { update(run) { $0.insertByStatus(run) } }

    mutating func removeByStatus(_ run: RunEntry) { update(run) { $0.removeByStatus(run) } }

    /// Inserts a run into the list of its agent's runs in its status, by the change of status.
    mutating func insertByChange(_ run: RunEntry) { update(run) { $0.insertByChange(run) } }

    mutating func removeByChange(_ run: RunEntry) { update(run) { $0.removeByChange(run) } }

    /// Changes the lists of all runs, and those of the run's principal, if it has one.
    private mutating func update(_ run: RunEntry, _ change: (ListingSet) -> Void) {
        change(all)
        guard let principal = run.summary.principal else { return }
        if let lists = byPrincipal[principal] {
            change(lists)
            if lists.isEmpty { byPrincipal[principal] = nil }
        } else {
            let lists = ListingSet()
            change(lists)
            if !lists.isEmpty { byPrincipal[principal] = lists }
        }
    }
}

/// The lists of all runs, or of all runs of one principal.
///
/// It is a class, so that finding the lists of a principal does not copy them.
private final class ListingSet {
    private struct AgentStatus: Hashable {
        let agent: AgentName
        let status: DetailedRunStatus
    }

    private var all = RunListing()
    private var byAgent: [AgentName: RunListing] = [:]
    private var bySession: [HashedKey<SessionID>: RunListing] = [:]
    private var byStatus: [RunStatus: RunListing] = [:]
    /// In the order of the last change of status.
    private var byChange: [AgentStatus: RunListing] = [:]

    /// The number of lists.
    var count: Int { (all.isEmpty ? 0 : 1) + byAgent.count + bySession.count + byStatus.count + byChange.count }
    var isEmpty: Bool { all.isEmpty && byStatus.isEmpty && byChange.isEmpty }

    subscript(filter: RunQuery.Filter) -> RunListing? {
        switch filter {
        case .all: all
        case .agent(let agent): byAgent[agent]
        case .session(let session): bySession[HashedKey(session)]
        case .unfinished(let status): byStatus[status]
        }
    }

    /// Inserts a run into the lists by time, agent and session.
    func insert(_ run: RunEntry) {
        let time = run.summary.createdAt
        all.insert(run, at: time)
        byAgent[run.summary.agentName, default: RunListing()].insert(run, at: time)
        if let session = run.summary.sessionID {
            bySession[HashedKey(session), default: RunListing()].insert(run, at: time)
        }
    }

    func remove(_ run: RunEntry) {
        let time = run.summary.createdAt
        all.remove(run, at: time)
        byAgent.remove(run, at: time, listedBy: run.summary.agentName)
        if let session = run.summary.sessionID { bySession.remove(run, at: time, listedBy: HashedKey(session)) }
    }

    /// Inserts an unfinished run into the list by status.
    func insertByStatus(_ run: RunEntry) {
        byStatus[run.summary.status, default: RunListing()].insert(run, at: run.summary.createdAt)
    }

    func removeByStatus(_ run: RunEntry) {
        byStatus.remove(run, at: run.summary.createdAt, listedBy: run.summary.status)
    }

    /// Inserts a run into the list of its agent's runs in its status, by the change of status.
    func insertByChange(_ run: RunEntry) {
        byChange[AgentStatus(agent: run.summary.agentName, status: run.change.status), default: RunListing()]
            .insert(run, at: run.change.time)
    }

    func removeByChange(_ run: RunEntry) {
        byChange.remove(
            run, at: run.change.time,
            listedBy: AgentStatus(agent: run.summary.agentName, status: run.change.status))
    }

    /// Returns a page of an agent's runs by the change of their status, and the total number.
    ///
    /// The runs of a session are examined one by one. Otherwise the lists of the selected statuses are merged.
    func page(_ query: RunStatusQuery) -> (runs: [RunEntry], total: Int) {
        let selected = query.statuses.isEmpty ? Set(DetailedRunStatus.allCases) : query.statuses
        var found: [RunEntry] = []
        var total = 0
        if let session = query.session {
            let runs = bySession[HashedKey(session)]?.newest(offset: 0, limit: .max) ?? []
            found = runs.filter { run in
                run.summary.agentName == query.agent && selected.contains(run.change.status)
                    && query.changedSince.map { run.change.time >= $0 } ?? true
            }
            total = found.count
            if let after = query.after { found.removeAll { $0.position >= after } }
        } else {
            for status in selected {
                guard let listing = byChange[AgentStatus(agent: query.agent, status: status)] else { continue }
                total += listing.count(since: query.changedSince)
                found += listing.newest(after: query.after, since: query.changedSince, limit: query.limit)
            }
        }
        found.sort { $0.position > $1.position }
        return (Array(found.prefix(max(0, query.limit))), total)
    }
}

extension RunEntry {
    fileprivate var position: RunStatusQuery.Position { .init(changedAt: change.time, run: id) }
}

extension Dictionary where Value == RunListing {
    fileprivate mutating func remove(_ run: RunEntry, at time: Timestamp, listedBy key: Key) {
        guard let index = index(forKey: key) else { return }
        values[index].remove(run, at: time)
        if values[index].isEmpty { remove(at: index) }
    }
}
