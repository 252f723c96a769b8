// SPDX-License-Identifier: Apache-2.0

import ACPCore
import ACPStorage
import Redis

/// A change of an index. The scripts that write a run make these changes in the same atomic step, and only if they
/// write the run, so that indexes always agree with the runs. On a cluster that is not possible; see
/// ``ClusterIndexes``.
struct IndexChange: Sendable, Hashable {
    /// The kind of a change. The raw value is its code in the scripts' arguments, one letter.
    enum Kind: String, CaseIterable, Sendable {
        /// Adds the member with its score.
        case add = "a"
        /// Adds the member with the time of the last change of its status.
        case addByStatus = "s"
        /// Removes the member.
        case remove = "d"
        /// Extends the life of the index beyond that of the run.
        case extend = "e"
        /// Adds the member to a queue, to be checked when the run would expire.
        case enqueue = "q"
        /// Moves a member of a queue to the time at which the run would expire now.
        case requeue = "r"
        /// Schedules an early check of a member of a queue. On a cluster only.
        case checkSoon = "i"

        /// Whether the script that makes the change needs the time.
        var usesClock: Bool { self == .enqueue || self == .requeue }
    }

    /// The member that changes. The raw value is its code in the scripts' arguments, one letter.
    enum Member: String, CaseIterable, Sendable {
        /// The id of the run.
        case run = "r"
        /// ``RunIndexEntry/expiryMember``.
        case expiry = "p"
        /// The former ``RunIndexEntry/expiryMember``, which the run no longer has in a queue.
        case formerExpiry = "f"
    }

    let kind: Kind
    let key: String
    /// The score of the member. In a queue of a cluster, the number of milliseconds after which it is checked.
    var score = 0
    let member: String
}

extension RedisKeys {
    /// Returns the index changes for a run with a new snapshot.
    ///
    /// - Parameters:
    ///   - run: The snapshot.
    ///   - owner: The process that owns the run.
    ///   - old: Its former index entry. `nil` if the run is new.
    ///   - former: Its former entry in the indexes by status.
    ///   - left: The statuses in which the run may still be listed.
    func changes(
        for run: Run, owner: ProcessID?, from old: RunIndexEntry?, _ former: FormerStatus,
        leaving left: [RunStatus] = Self.unfinishedStatuses
    ) -> [IndexChange] {
        let indexEntry = RunIndexEntry(run)
        var changes: [IndexChange] = []
        if indexEntry != old {
            if let old {
                changes += listings(of: old).map { .init(kind: .remove, key: $0, member: indexEntry.id.rawValue) }
            }
            changes += listings(of: indexEntry).map { add($0, indexEntry) }
            let queues = expiryQueues(of: indexEntry)
            if let old {
                for queue in expiryQueues(of: old)
                where old.expiryMember != indexEntry.expiryMember || !queues.contains(queue) {
                    changes.append(.init(kind: .remove, key: queue, member: old.expiryMember))
                }
                if let principal = old.principal, principal != indexEntry.principal {
                    changes += allUnfinished(principal).map {
                        .init(kind: .remove, key: $0, member: indexEntry.id.rawValue)
                    }
                }
            }
            changes += queues.map { .init(kind: .enqueue, key: $0, member: indexEntry.expiryMember) }
        }
        changes += statusChanges(for: run, from: former, of: old ?? indexEntry)
        return changes + self.changes(of: run.status, indexEntry, owner: owner, leaving: left)
    }

    private func changes(
        of status: RunStatus, _ indexEntry: RunIndexEntry, owner: ProcessID?, leaving left: [RunStatus]
    ) -> [IndexChange] {
        var changes: [IndexChange] = left.filter { $0 != status }.flatMap { unfinished(indexEntry, $0) }.map {
            .init(kind: .remove, key: $0, member: indexEntry.id.rawValue)
        }
        if !status.isTerminal { changes += unfinished(indexEntry, status).map { add($0, indexEntry) } }
        if let owner {
            changes.append(
                .init(
                    kind: status.isTerminal ? .remove : .enqueue, key: processRuns(owner),
                    member: indexEntry.id.rawValue))
        }
        return changes
    }

    /// Returns the indexes of unfinished runs by status that contain a run.
    func unfinished(_ indexEntry: RunIndexEntry, _ status: RunStatus) -> [String] {
        guard let principal = indexEntry.principal else { return [unfinishedRuns(status)] }
        return [unfinishedRuns(status), principalUnfinishedRuns(principal, status)]
    }

    /// Returns the changes that keep all indexes of a run alive, and its entries in queues up to date, as it continues.
    ///
    /// - Parameters:
    ///   - indexEntry: The run's index entry.
    ///   - status: The status in which the run is listed. If `nil`, it is not known.
    ///   - owner: The process that owns the run.
    func extensions(
        for indexEntry: RunIndexEntry, status: DetailedRunStatus? = nil, owner: ProcessID?
    ) -> [IndexChange] {
        let byStatus = (status.map { [$0] } ?? Self.statuses).flatMap {
            statusIndexes(of: indexEntry.agent, indexEntry.principal, $0)
        }
        let indexes =
            listings(of: indexEntry) + allUnfinished + (indexEntry.principal.map(allUnfinished) ?? []) + byStatus
        var changes: [IndexChange] = indexes.map { .init(kind: .extend, key: $0, member: "") }
        changes += expiryQueues(of: indexEntry).map {
            .init(kind: .requeue, key: $0, member: indexEntry.expiryMember)
        }
        if let owner { changes.append(.init(kind: .requeue, key: processRuns(owner), member: indexEntry.id.rawValue)) }
        return changes
    }

    /// Returns the changes that remove a run from all indexes.
    func removals(of run: RunID, _ indexEntry: RunIndexEntry?, owners: [ProcessID]) -> [IndexChange] {
        let byStatus = indexEntry.map { allStatusRuns($0.agent) } ?? []
        let indexes =
            (indexEntry.map(commonListings) ?? [runs]) + byStatus + allUnfinished + owners.map(processRuns)
            + (indexEntry.map(principalIndexes) ?? [])
        var changes: [IndexChange] = indexes.map { .init(kind: .remove, key: $0, member: run.rawValue) }
        if let indexEntry {
            changes += expiryQueues(of: indexEntry).map {
                .init(kind: .remove, key: $0, member: indexEntry.expiryMember)
            }
        }
        return changes
    }

    /// Returns the indexes that list a run for as long as it is stored.
    func listings(of indexEntry: RunIndexEntry) -> [String] {
        commonListings(of: indexEntry) + principalListings(of: indexEntry)
    }

    /// Returns those of these indexes that contain the runs of all principals.
    func commonListings(of indexEntry: RunIndexEntry) -> [String] {
        [runs, agentRuns(indexEntry.agent)] + (indexEntry.session.map { [sessionRuns($0)] } ?? [])
    }

    private func add(_ key: String, _ indexEntry: RunIndexEntry) -> IndexChange {
        IndexChange(kind: .add, key: key, score: Int(indexEntry.createdAt.microseconds), member: indexEntry.id.rawValue)
    }
}

extension [IndexChange] {
    var keys: [String] { map(\.key) }

    /// Returns the changes as the scripts that write a run expect them.
    ///
    /// - Parameters:
    ///   - run: The run that all changes belong to.
    ///   - queriesQueues: Whether queues are queried for due members.
    func arguments(of run: RunID, queriesQueues: Bool = false) -> ScriptValues<ChangeArgument, RedisArgument> {
        var kinds = ""
        var members = ""
        var score = 0
        var statusScore = 0
        var expiryMember = ""
        var formerExpiryMember = ""
        for change in self {
            var member = IndexChange.Member.run
            if change.kind == .add { score = change.score }
            if change.kind == .addByStatus { statusScore = change.score }
            if change.member != run.rawValue, change.kind != .extend {
                if change.kind == .remove {
                    // The former entry. A run has one such entry at most.
                    member = .formerExpiry
                    formerExpiryMember = change.member
                } else {
                    member = .expiry
                    expiryMember = change.member
                }
            }
            kinds += change.kind.rawValue
            members += member.rawValue
        }
        return [
            .changeKinds: .text(kinds), .changeMembers: .text(members), .score: .number(score),
            .statusScore: .number(statusScore), .runMember: .text(run.rawValue), .expiryMember: .text(expiryMember),
            .formerExpiryMember: .text(formerExpiryMember),
            .queriesQueues: .flag(queriesQueues),
        ]
    }
}
