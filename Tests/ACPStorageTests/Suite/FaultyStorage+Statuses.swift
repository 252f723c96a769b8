// SPDX-License-Identifier: Apache-2.0

import ACPCore
import ACPStorage
import Synchronization

/// The faults of listings by the last change of status.
extension FaultyStorage {
    func storedRuns(_ query: RunStatusQuery) async throws -> StoragePage<StoredRun> {
        var query = query
        switch fault {
        case .ordersChangesByCreation:
            return try select(query) { .init(changedAt: $0.createdAt, run: $0.id) }
        case .movesRunsThatContinue:
            return try select(query) { run in
                let count = try? base.eventCount(of: run.id)
                return .init(changedAt: run.statusTimestamp + .seconds(count ?? 0), run: run.id)
            }
        case .confusesDetailedStatuses:
            if query.statuses.contains(.rejected) { query.statuses.insert(.failed) }
            if query.statuses.contains(.awaitingAuthentication) { query.statuses.insert(.awaiting) }
        case .ignoresSessionsOfChanges: query.session = nil
        case .ignoresTimesOfChanges: query.changedSince = nil
        case .skipsEqualChanges:
            // The position is the time alone.
            query.after?.run = RunID(stringLiteral: "-")
        case .pagesChangesByNumber: return try await pageByNumber(query)
        case .countsRunsAfterThePosition:
            var rest = query
            rest.limit = .max
            var page = try await base.storedRuns(query)
            page.total = try await base.storedRuns(rest).items.count
            return page
        case .countsDeletedRuns, .countsExpiredRuns, .countsFormerStatuses:
            var page = try await base.storedRuns(query)
            page.total += counted.withLock { counted in
                counted.values.flatMap(\.self).count { run in
                    guard query.includes(run) else { return false }
                    let found = try? base.storedRun(run.id)?.record().snapshot
                    return found.map { $0.detailedStatus != run.detailedStatus } ?? true
                }
            }
            return page
        default: break
        }
        if let page = try await faultyPage(query) { return page }
        return try await base.storedRuns(query)
    }

    /// Records what a fault counts although it should not be counted any more.
    func noteCount(of commit: RunCommit) {
        guard let run = commit.snapshot?.run else { return }
        counted.withLock { counted in
            if fault == .countsFormerStatuses { return counted[run.id, default: []].append(run) }
            counted[run.id] = [run]
        }
    }

    /// Stops counting a run that is deleted.
    func forgetCount(of run: RunID) {
        guard fault != .countsDeletedRuns else { return }
        counted.withLock { $0[run] = nil }
    }

    /// Selects and sorts runs by another position than that of their change of status.
    private func select(
        _ query: RunStatusQuery, by position: (Run) -> RunStatusQuery.Position
    ) throws -> StoragePage<StoredRun> {
        var found: [(position: RunStatusQuery.Position, run: StoredRun)] = []
        for stored in try base.storedRuns(RunQuery(.agent(query.agent), limit: .max)).items {
            let run = try stored.record().snapshot
            if query.includes(run) { found.append((position(run), stored)) }
        }
        let rest = found.sorted { $0.position > $1.position }.filter { entry in
            query.after.map { entry.position < $0 } ?? true
        }
        return StoragePage(items: rest.prefix(max(0, query.limit)).map(\.run), total: found.count)
    }

    /// Continues a page after the number of runs on the pages before, not after the position.
    private func pageByNumber(_ query: RunStatusQuery) async throws -> StoragePage<StoredRun> {
        let offset = query.after.flatMap { after in offsets.withLock { $0[after] } } ?? 0
        var all = query
        (all.after, all.limit) = (nil, .max)
        var page = try await base.storedRuns(all)
        page.items = Array(page.items.dropFirst(offset).prefix(max(0, query.limit)))
        if let last = try page.items.last?.record().snapshot {
            offsets.withLock { $0[.init(last)] = offset + page.items.count }
        }
        return page
    }
}
