// SPDX-License-Identifier: Apache-2.0

import ACPCore
import ACPStorage
import Synchronization

/// What faults of principals remember of runs and sessions.
struct PrincipalMemory {
    /// The runs as they were committed and saved, the last state at the end.
    var states: [RunID: [Run]] = [:]
    /// Runs that are not listed any more.
    var unlisted: Set<RunID> = []
    /// The principals with which sessions were saved first.
    var sessions: [SessionID: PrincipalID] = [:]
}

/// The faults of principals.
extension FaultyStorage {
    /// Returns a page of runs, or `nil` if the fault does not affect the query.
    func faultyPage(_ query: RunQuery) throws -> StoragePage<StoredRun>? {
        guard let principal = query.principal else {
            guard fault == .listsOnlyRunsWithoutPrincipal else { return nil }
            return try select(query) { $0.principal == nil }
        }
        var all = query
        all.principal = nil
        switch (fault, query.filter) {
        case (.ignoresPrincipals, .all), (.ignoresPrincipalsOfAgents, .agent), (.ignoresPrincipalsOfSessions, .session),
            (.ignoresPrincipalsOfStatuses, .unfinished):
            return try base.storedRuns(all)
        case (.selectsPrincipalsOnPages, _):
            var page = try base.storedRuns(all)
            page.items = try page.items.filter { try $0.record().snapshot.principal == principal }
            page.total = try base.storedRuns(query).total
            return page
        case (.countsRunsOfOtherPrincipals, _):
            var page = try base.storedRuns(query)
            page.total = try base.storedRuns(all).total
            return page
        case (.listsPrincipalsOldestFirst, _):
            var page = try base.storedRuns(query)
            page.items.reverse()
            return page
        case (.givesEveryoneRunsWithoutPrincipal, _):
            return try select(query) { $0.principal == nil || $0.principal == principal }
        case (.ignoresCaseOfPrincipals, _):
            return try select(query) { $0.principal?.rawValue.lowercased() == principal.rawValue.lowercased() }
        case (.normalizesPrincipals, _):
            // Strings are equal if their characters are.
            return try select(query) { $0.principal?.rawValue == principal.rawValue }
        case (.confusesBeginningsOfPrincipals, _):
            return try select(query) { $0.principal?.rawValue.hasPrefix(principal.rawValue) == true }
        case (.forgetsPrincipalsOfEndedRuns, _), (.forgetsPrincipalsOfClaimedRuns, _):
            let unlisted = principals.withLock { $0.unlisted }
            return try select(query) { $0.principal == principal && !unlisted.contains($0.id) }
        case (.keepsFormerPrincipals, _), (.keepsFormerStatusesOfPrincipals, .unfinished),
            (.keepsDeletedRunsOfPrincipals, _), (.keepsExpiredRunsOfPrincipals, _),
            (.keepsRunsOfPrincipalsOnRemoveAll, _):
            var page = try base.storedRuns(query)
            page.total += outdated(query).count
            return page
        default: return nil
        }
    }

    /// Returns a page of runs by the last change of their status, or `nil` if the fault does not affect the query.
    func faultyPage(_ query: RunStatusQuery) async throws -> StoragePage<StoredRun>? {
        guard let principal = query.principal else { return nil }
        var all = query
        all.principal = nil
        switch fault {
        case .ignoresPrincipalsOfChanges where query.session == nil,
            .ignoresPrincipalsOfChangesInSessions where query.session != nil:
            return try await base.storedRuns(all)
        case .selectsPrincipalsOnPagesOfChanges:
            var page = try await base.storedRuns(all)
            page.items = try page.items.filter { try $0.record().snapshot.principal == principal }
            page.total = try await base.storedRuns(query).total
            return page
        case .countsChangesOfOtherPrincipals:
            var page = try await base.storedRuns(query)
            page.total = try await base.storedRuns(all).total
            return page
        default: return nil
        }
    }

    /// Returns a page of the runs of a query's filter that fulfil a condition.
    private func select(_ query: RunQuery, where condition: (Run) -> Bool) throws -> StoragePage<StoredRun> {
        let found = try base.storedRuns(RunQuery(query.filter, limit: .max)).items.filter { stored in
            condition(try stored.record().snapshot)
        }
        let page = found.dropFirst(max(0, query.offset)).prefix(max(0, query.limit))
        return StoragePage(items: Array(page), total: found.count)
    }

    /// Returns the runs that a fault still counts: deleted ones, or those whose status or principal has changed.
    private func outdated(_ query: RunQuery) -> [Run] {
        let states = principals.withLock { $0.states }
        return states.values.compactMap { states in
            guard let last = states.last, let listed = states.last(where: { query.includes(RunSummary($0)) }) else {
                return nil
            }
            let isThere = (try? base.storedRun(last.id)) != nil
            let isOutdated =
                switch fault {
                case .keepsFormerPrincipals: isThere && last.principal != query.principal
                case .keepsFormerStatusesOfPrincipals: isThere && listed.status != last.status
                default: !isThere
                }
            return isOutdated ? listed : nil
        }
    }

    // MARK: What is remembered

    /// Records a state of a run.
    func notePrincipal(of run: Run) {
        principals.withLock { memory in
            memory.states[run.id, default: []].append(run)
            if fault == .forgetsPrincipalsOfEndedRuns, run.status.isTerminal { memory.unlisted.insert(run.id) }
        }
    }

    func noteClaim(of run: RunID) {
        guard fault == .forgetsPrincipalsOfClaimedRuns else { return }
        principals.withLock { _ = $0.unlisted.insert(run) }
    }

    func forgetPrincipal(of run: RunID) {
        principals.withLock { $0.states[run] = nil }
    }

    // MARK: Sessions

    /// Returns a session as the fault reads it.
    func withFaultyPrincipal(_ session: StoredSession) -> StoredSession {
        var session = session
        if fault == .losesPrincipalsOfSessions { session.principal = nil }
        return session
    }

    /// Returns a session as the fault saves it.
    func savedWithFaultyPrincipal(_ session: StoredSession) -> StoredSession {
        var session = session
        let isThere = (try? base.storedSession(session.id)) != nil
        if fault == .losesPrincipalsOfLaterSaves, isThere { session.principal = nil }
        if fault == .keepsPrincipalsOfDeletedSessions {
            let first = principals.withLock { memory in
                memory.sessions[session.id] = memory.sessions[session.id] ?? session.principal
                return memory.sessions[session.id]
            }
            session.principal = session.principal ?? first
        }
        return session
    }

    /// Returns whether the fault lets a session be created that exists.
    func acceptsCreation(of session: StoredSession) -> Bool {
        fault == .letsEveryPrincipalCreateSessions && session.principal != nil
    }
}
