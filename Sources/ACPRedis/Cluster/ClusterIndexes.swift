// SPDX-License-Identifier: Apache-2.0

import ACPCore
import ACPStorage
import Redis

/// How indexes are kept right on a cluster, where they cannot change in one step with the runs.
///
/// A run is written first, then its indexes. So that a change which is lost in between, because the process dies, is found:
///
/// - a run that is new or about to be deleted is put into the queue of runs to look at beforehand, to be looked at soon;
/// - a run that has not ended is looked at again and again, and whenever it is, its places in all indexes are put right;
/// - a run that has ended is looked at when it expires, as on one server;
/// - a list in which a run stands that is gone or has another status puts that run right at once.
///
/// Whoever lists or creates runs does the looking, as on one server.
enum ClusterIndexes {
    /// After how long a run that has not ended is looked at again: for so long a list may be wrong after a process died.
    static let interval = Duration.seconds(30)

    /// In how many milliseconds that is.
    static func soon(_ timeToLive: Duration) -> Int { min(interval, timeToLive).wholeMilliseconds }

    /// The changes of one commit in the form that ``RedisScripts/index`` takes.
    static func changes(
        _ changes: [IndexChange], of place: RunPlace?, isTerminal: Bool, keys: RedisKeys, timeToLive: Duration
    ) -> [IndexChange] {
        let whole = timeToLive.wholeMilliseconds
        let soon = soon(timeToLive)
        var result: [IndexChange] = []
        for var change in changes {
            switch change.kind {
            // The queues move a member by themselves when they come to look at it.
            case .requeue: continue
            case .enqueue where change.key == keys.runsExpiry: continue
            case .enqueue: change.score = whole
            default: break
            }
            result.append(change)
        }
        if let place {
            result.append(
                IndexChange(
                    kind: .enqueue, key: keys.runsExpiry, score: isTerminal ? whole : soon, member: place.expiryMember))
        }
        return result
    }

    /// Has a run looked at soon, before it is changed.
    static func intent(_ place: RunPlace, keys: RedisKeys, timeToLive: Duration) -> IndexChange {
        IndexChange(
            kind: .intend, key: keys.runsExpiry, score: min(interval, timeToLive).wholeMilliseconds,
            member: place.expiryMember)
    }
}

/// Puts the places of runs in all indexes right.
struct IndexRepair: Sendable {
    /// A run to look at.
    struct Suspect: Sendable {
        let run: RunID
        /// Where it stood, as far as that is known.
        var place: RunPlace?
        /// In which indexes it was found besides.
        var indexes: [String] = []
    }

    /// How a run stands.
    private struct Standing {
        let digest: String
        let owner: String
        var changes: [IndexChange]
    }

    let link: RedisLink
    let keys: RedisKeys
    let timeToLive: Duration

    /// How often a run is looked at again because it was written meanwhile.
    private static let attempts = 5

    /// Looks at runs and writes what their indexes should say: three round trips for any number of them.
    func repair(_ suspects: [Suspect]) async throws(StorageError) {
        var rest = suspects
        for _ in 0..<Self.attempts where !rest.isEmpty {
            let begin = ContinuousClock.now
            let standings = try await standings(of: rest)
            var changes: [String: [(change: IndexChange, since: ContinuousClock.Instant)]] = [:]
            for change in standings.flatMap(\.changes) { changes[change.key, default: []].append((change, begin)) }
            let ttl = timeToLive.wholeMilliseconds
            _ = try await link.sendEach(
                changes.sorted { $0.key < $1.key }.map { IndexWriter.request($0.key, $0.value, ttl: ttl) },
                .writing("Repairing indexes", at: keys.runsExpiry))
            // Somebody may have written the run, and its indexes, in between: then this was wrong, and is done again.
            let stands = try await link.sendEach(
                zip(rest, standings).map { suspect, standing in
                    .script(
                        RedisScripts.stands, keys: [.run: keys.run(suspect.run), .owner: keys.owner(suspect.run)],
                        [.digest: .text(standing.digest), .owner: .text(standing.owner)], isIdempotent: true)
                }, .reading("how runs stand", at: keys.runsExpiry))
            rest = zip(rest, stands).filter { $0.1.int != 1 }.map(\.0)
        }
    }

    private func standings(of suspects: [Suspect]) async throws(StorageError) -> [Standing] {
        let replies = try await link.sendEach(
            suspects.map { suspect in
                .script(
                    RedisScripts.standing, keys: [.run: keys.run(suspect.run), .owner: keys.owner(suspect.run)],
                    [.ttl: .number(timeToLive.wholeMilliseconds)], isIdempotent: true)
            }, .reading("how runs stand", at: keys.runsExpiry))
        return zip(suspects, replies).map(standing)
    }

    private func standing(_ suspect: Suspect, _ reply: RESPValue) -> Standing {
        guard let parts = reply.array, parts.count == 4, let json = parts[0].bytes, let left = parts[3].int else {
            let removals = keys.removals(of: suspect.run, suspect.place, owners: [])
            let others = suspect.indexes.map { IndexChange(kind: .remove, key: $0, member: suspect.run.rawValue) }
            return Standing(digest: "", owner: "", changes: removals + others)
        }
        let owner = parts[1].string ?? ""
        let digest = parts[2].string ?? ""
        let task = RedisTask.reading("run \(suspect.run)", at: keys.run(suspect.run))
        guard let run = try? RunValue.decode(json, task) else {
            // It cannot be read: it is looked at again when it expires.
            let later = suspect.place.map {
                [IndexChange(kind: .enqueue, key: keys.runsExpiry, score: left, member: $0.expiryMember)]
            }
            return Standing(digest: digest, owner: owner, changes: later ?? [])
        }
        let process = RunOwner(stored: owner)?.process
        var changes = ClusterIndexes.changes(
            keys.changes(for: run, owner: process, from: nil), of: RunPlace(run), isTerminal: run.status.isTerminal,
            keys: keys, timeToLive: min(timeToLive, .milliseconds(left)))
        if let place = suspect.place, place.expiryMember != RunPlace(run).expiryMember {
            changes.append(IndexChange(kind: .remove, key: keys.runsExpiry, member: place.expiryMember))
            let old = Set(keys.listings(of: place)).subtracting(keys.listings(of: RunPlace(run)))
            changes += old.sorted().map { IndexChange(kind: .remove, key: $0, member: run.id.rawValue) }
        }
        return Standing(digest: digest, owner: owner, changes: changes)
    }
}
