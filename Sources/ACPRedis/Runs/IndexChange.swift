// SPDX-License-Identifier: Apache-2.0

import ACPCore
import ACPStorage
import Redis

/// One change of an index. The scripts that write a run make these changes in the same atomic step, and only if they write
/// the run: an index never says anything else than the runs themselves. On a cluster that cannot be; see ``ClusterIndexes``.
struct IndexChange: Sendable, Hashable {
    /// What is done. The raw value is the code by which scripts get it, one letter.
    enum Kind: String, CaseIterable, Sendable {
        /// Puts the member in its place.
        case add = "a"
        /// Takes the member out.
        case remove = "d"
        /// Sees to it that the index outlives the run.
        case extend = "e"
        /// Puts the member into a queue, to be looked at when the run would expire.
        case enqueue = "q"
        /// Moves a member of a queue to where the run would expire now.
        case requeue = "r"
        /// Has a member of a queue looked at soon. On a cluster only.
        case intend = "i"

        /// Whether the script that makes the change with the writing of a run needs the time for it.
        var usesClock: Bool { self == .enqueue || self == .requeue }
    }

    /// Which member changes. The raw value is the code by which scripts get it, one letter.
    enum Member: String, CaseIterable, Sendable {
        /// The id of the run.
        case run = "r"
        /// ``RunPlace/expiryMember``.
        case place = "p"
        /// The same of a place that the run leaves.
        case formerPlace = "f"
    }

    let kind: Kind
    let key: String
    /// Where the member stands. In a queue of a cluster, in how many ms it is looked at.
    var score = 0
    let member: String
}

extension RedisKeys {
    /// What a run with a new snapshot changes.
    ///
    /// - Parameters:
    ///   - run: The snapshot.
    ///   - owner: Who owns it.
    ///   - old: Where it stood before; nil if it is new.
    ///   - left: The statuses in which it may be listed still.
    func changes(
        for run: Run, owner: ProcessID?, from old: RunPlace?, leaving left: [RunStatus] = Self.unfinishedStatuses
    ) -> [IndexChange] {
        let place = RunPlace(run)
        var changes: [IndexChange] = []
        if place != old {
            if let old { changes += listings(of: old).map { .init(kind: .remove, key: $0, member: place.id.rawValue) } }
            changes += listings(of: place).map { add($0, place) }
            if let old, old.expiryMember != place.expiryMember {
                changes.append(.init(kind: .remove, key: runsExpiry, member: old.expiryMember))
            }
            changes.append(.init(kind: .enqueue, key: runsExpiry, member: place.expiryMember))
        }
        return changes + self.changes(of: run.status, place, owner: owner, leaving: left)
    }

    private func changes(
        of status: RunStatus, _ place: RunPlace, owner: ProcessID?, leaving left: [RunStatus]
    ) -> [IndexChange] {
        var changes: [IndexChange] = left.filter { $0 != status }.map {
            .init(kind: .remove, key: unfinishedRuns($0), member: place.id.rawValue)
        }
        if !status.isTerminal { changes.append(add(unfinishedRuns(status), place)) }
        if let owner {
            changes.append(
                .init(
                    kind: status.isTerminal ? .remove : .enqueue, key: processRuns(owner), member: place.id.rawValue))
        }
        return changes
    }

    /// What keeps all indexes of a run alive, and its places in queues behind it, as it goes on.
    func extensions(for place: RunPlace, owner: ProcessID?) -> [IndexChange] {
        let indexes = listings(of: place) + allUnfinished
        var changes: [IndexChange] = indexes.map { .init(kind: .extend, key: $0, member: "") }
        changes.append(.init(kind: .requeue, key: runsExpiry, member: place.expiryMember))
        if let owner { changes.append(.init(kind: .requeue, key: processRuns(owner), member: place.id.rawValue)) }
        return changes
    }

    /// What takes a run out of everything.
    func removals(of run: RunID, _ place: RunPlace?, owners: [ProcessID]) -> [IndexChange] {
        let indexes = (place.map(listings) ?? [runs]) + allUnfinished + owners.map(processRuns)
        var changes: [IndexChange] = indexes.map { .init(kind: .remove, key: $0, member: run.rawValue) }
        if let place { changes.append(.init(kind: .remove, key: runsExpiry, member: place.expiryMember)) }
        return changes
    }

    /// The indexes in which a run stands as long as it is stored.
    func listings(of place: RunPlace) -> [String] {
        [runs, agentRuns(place.agent)] + (place.session.map { [sessionRuns($0)] } ?? [])
    }

    private func add(_ key: String, _ place: RunPlace) -> IndexChange {
        IndexChange(kind: .add, key: key, score: Int(place.createdAt.microseconds), member: place.id.rawValue)
    }
}

extension [IndexChange] {
    var keys: [String] { map(\.key) }

    /// The changes as the scripts take them that write a run.
    ///
    /// - Parameters:
    ///   - run: The run that all of them are about.
    ///   - asks: Whether queues are asked what is due.
    func arguments(of run: RunID, asks: Bool = false) -> ScriptValues<ChangeArgument, RedisArgument> {
        var kinds = ""
        var members = ""
        var score = 0
        var place = ""
        var formerPlace = ""
        for change in self {
            var member = IndexChange.Member.run
            if change.kind == .add { score = change.score }
            if change.member != run.rawValue, change.kind != .extend {
                if change.kind == .remove {
                    // Where a run stood before. It leaves one such place at most.
                    member = .formerPlace
                    formerPlace = change.member
                } else {
                    member = .place
                    place = change.member
                }
            }
            kinds += change.kind.rawValue
            members += member.rawValue
        }
        return [
            .changeKinds: .text(kinds), .changeMembers: .text(members), .score: .number(score),
            .runMember: .text(run.rawValue), .placeMember: .text(place), .formerPlaceMember: .text(formerPlace),
            .asksQueues: .flag(asks),
        ]
    }
}
