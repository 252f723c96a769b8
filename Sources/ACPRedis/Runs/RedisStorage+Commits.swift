// SPDX-License-Identifier: Apache-2.0

public import ACPCore
public import ACPStorage
import Redis

extension RedisStorage {
    /// Appends events to a run, and what else the commit brings: one round trip.
    ///
    /// On a cluster a block for the history of a session takes two more: the session is on another server than the run.
    public func commit(_ commit: RunCommit) async throws {
        if !commit.hasValidSnapshot, let error = commit.error(for: .invalidSnapshot) { throw error }
        let task = RedisTask.committing(to: commit.run, keys)
        let known = try await known(of: commit)
        let changes = indexChanges(for: commit, known)
        let begin = ContinuousClock.now
        if let indexes, commit.expecting == 0, let snapshot = commit.snapshot {
            let place = RunPlace(snapshot.run)
            indexes.begin([ClusterIndexes.intent(place, keys: keys, timeToLive: timeToLive)], since: begin)
        }
        if indexes != nil, let history = commit.history { try await leave(history, of: commit) }
        let asks = commit.expecting == 0 && indexes == nil && housekeeping.isToAsk()
        let reply: RESPValue
        do {
            reply = try await link.send(request(for: commit, known, changes, asks: asks), task)
        } catch {
            tracked.forget(commit.run)
            throw error
        }
        let answer = try await accepted(reply, commit, task)
        await indexes?.write(
            ClusterIndexes.changes(
                changes, of: commit.snapshot.map { RunPlace($0.run) },
                isTerminal: commit.snapshot?.run.status.isTerminal == true, keys: keys, timeToLive: timeToLive),
            queue: keys.runsExpiry, soon: ClusterIndexes.soon(timeToLive), since: begin)
        note(commit, known)
        if asks, answer.count > 2 { startPruning(answer[2], of: commit.owner.process) }
        if indexes == nil, answer.count > 3, answer[3].int != 0 { try await clearStatuses(of: commit) }
    }

    /// - Returns: What else the script says.
    /// - Throws: Why a commit was not taken.
    private func accepted(
        _ reply: RESPValue, _ commit: RunCommit, _ task: RedisTask
    ) async throws(StorageError) -> [RESPValue] {
        if case .integer = reply { return [] }
        guard let answer = reply.array, let outcome = answer.first?.string else {
            throw task.corrupt("the script's answer is not what was expected")
        }
        guard outcome == "done" else {
            tracked.forget(commit.run)
            throw try await refusal(of: commit, outcome, answer)
        }
        return answer
    }

    /// Notes how the run stands after a commit.
    private func note(_ commit: RunCommit, _ known: TrackedRuns.Known?) {
        let status = commit.snapshot?.run.status
        if status?.isTerminal == true { return tracked.forget(commit.run) }
        guard let place = commit.snapshot.map({ RunPlace($0.run) }) ?? known?.place else { return }
        let hadContents = known?.hasContents ?? (commit.expecting > 0)
        tracked.wrote(
            commit.run,
            .init(
                place: place, status: status ?? known?.status, hasContents: hadContents || !commit.contents.isEmpty,
                needsExtension: known?.needsExtension ?? true))
    }

    /// What a run leaves in its session, on a cluster: before its end is written, since whoever repeats that then makes up for
    /// the rest. Not if the run may not be written any more.
    private func leave(_ history: HistoryAppend, of commit: RunCommit) async throws {
        let task = RedisTask.reading("how run \(commit.run) stands", at: keys.run(commit.run))
        let reply = try await link.send(
            .script(
                RedisScripts.mayCommit.publishing(by: link.publishCommand),
                keys: keys.allOfRun(commit.run),
                [
                    .owner: .text(commit.owner.stored), .expecting: .number(commit.expecting),
                    .count: .number(commit.events.count),
                    .mayCreate: .flag(commit.expecting == 0 && commit.snapshot != nil),
                    .channel: .text(keys.changes(commit.run)),
                    .isRefusedAfterCancel: .flag(commit.isRefusedAfterCancel),
                ],
                isIdempotent: true),
            task)
        _ = try await accepted(reply, commit, task)
        try await append([history.block], to: history.session)
    }

    /// A run is new whose id belonged to another one, of which only a part is left: it may be listed in a status that it never
    /// had.
    private func clearStatuses(of commit: RunCommit) async throws {
        guard let status = commit.snapshot?.run.status else { return }
        _ = try await link.sendEach(
            RedisKeys.unfinishedStatuses.filter { $0 != status }.map {
                RedisRequest("ZREM", [.text(keys.unfinishedRuns($0)), .text(commit.run.rawValue)], isIdempotent: true)
            }, .committing(to: commit.run, keys))
    }

    /// What the script `objection` gave, as an error.
    private func refusal(
        of commit: RunCommit, _ outcome: String, _ answer: [RESPValue]
    ) async throws(StorageError) -> StorageError {
        switch outcome {
        case "unowned":
            // Saved by hand, it never belonged to anybody. If it is listed for the writer, its owner has got lost.
            let index = keys.processRuns(commit.owner.process)
            let place = try await link.send(
                .read("ZSCORE", .text(index), .text(commit.run.rawValue)),
                .reading("the runs of process \(commit.owner.process)", at: index))
            let owner = keys.owner(commit.run)
            return commit.error(place.isNull ? .fenced : .incomplete(missing: "the key \(owner) (its owner)"))
                ?? .notSaved(commit.run)
        case "incomplete": return missing(answer, of: commit.run)
        default:
            let found = answer.dropFirst().first?.int ?? 0
            return CommitOutcome(code: outcome, found: found).flatMap { commit.error($0) }
                ?? RedisTask.committing(to: commit.run, keys).corrupt("the script's answer is not what was expected")
        }
    }

    /// - Parameter answer: `incomplete`, and what is missing.
    private func missing(_ answer: [RESPValue], of run: RunID) -> StorageError {
        guard answer.count == 4, let found = answer[2].int, let covered = answer[3].int else {
            return .incomplete(run, missing: "the key \(keys.run(run)) (its document)")
        }
        let key = keys.events(run)
        guard found > 0 else { return .incomplete(run, missing: "the key \(key) (its events)") }
        return .incomplete(run, missing: "a part of the key \(key) (\(found) of at least \(covered) events are there)")
    }

    /// How the run stands, as far as that matters: a commit with a snapshot says much of it itself.
    private func known(of commit: RunCommit) async throws(StorageError) -> TrackedRuns.Known? {
        // What was known of a run that is created anew says nothing of the new one.
        if commit.expecting == 0, commit.snapshot != nil { return nil }
        if let known = tracked.find(commit.run) { return known }
        guard commit.snapshot == nil else { return nil }
        // Somebody goes on with a run that this storage has not seen yet.
        return try await inspect(commit.run).map { .init(place: RunPlace($0.run)) }
    }

    private func indexChanges(for commit: RunCommit, _ known: TrackedRuns.Known?) -> [IndexChange] {
        var changes: [IndexChange] = []
        if let snapshot = commit.snapshot {
            var left = RedisKeys.unfinishedStatuses
            // On a cluster a place may be left over from a change that was lost. And somebody may have saved the run by hand:
            // at the latest when it has ended, it is listed as unfinished nowhere.
            if indexes == nil, !snapshot.run.status.isTerminal {
                left = commit.expecting == 0 ? [] : known?.status.map { [$0] } ?? left
            }
            changes = keys.changes(
                for: snapshot.run, owner: commit.owner.process, from: known?.place, leaving: left)
        }
        if let known, known.needsExtension {
            let place = commit.snapshot.map { RunPlace($0.run) } ?? known.place
            changes += keys.extensions(for: place, owner: commit.owner.process)
        }
        return changes
    }

    private func request(
        for commit: RunCommit, _ known: TrackedRuns.Known?, _ changes: [IndexChange], asks: Bool
    ) -> RedisRequest {
        let changes = indexes == nil ? changes : []
        let history = indexes == nil ? commit.history : nil
        // A run that has ended hears no signals. Contents that it has not got need no time to live.
        var lastProlonged = commit.snapshot?.run.status.isTerminal == true ? RunKey.input : .signals
        if known?.hasContents != false || !commit.contents.isEmpty { lastProlonged = .contents }
        let block = history.map { self.words(of: $0.block) } ?? []
        var request = RedisRequest.script(
            RedisScripts.commit.publishing(by: link.publishCommand), keys: keys.allOfRun(commit.run),
            moreKeys: (history.map { keys.allOfSession($0.session).values } ?? []) + changes.keys,
            [
                .owner: .text(commit.owner.stored), .expecting: .number(commit.expecting),
                .ttl: .number(milliseconds), .snapshot: .bytes(commit.snapshot.map(RunValue.value) ?? []),
                .input: .bytes(commit.input?.json ?? []), .channel: .text(keys.changes(commit.run)),
                .lastProlonged: .number(lastProlonged.position), .contentCount: .number(commit.contents.count),
                .historyCount: .number(block.count), .isRefusedAfterCancel: .flag(commit.isRefusedAfterCancel),
            ], changes.arguments(of: commit.run, asks: asks),
            capacity: 2 * commit.contents.count + block.count + commit.events.count, isIdempotent: true)
        request.append(commit.contents.words)
        request.append(block)
        for event in commit.events { request.append(.bytes(event.json)) }
        return request
    }

    /// - Parameter queues: What is due in the queue of all runs, and in that of the process, in the order of
    ///   ``RedisKeys/changes(for:owner:from:)``.
    func startPruning(_ queues: RESPValue, of process: ProcessID?) {
        let due = (queues.array ?? []).map { ($0.array ?? []).compactMap(\.string) }
        guard let runs = due.first else { return }
        let owned = due.count > 1 ? due[1].compactMap(RunID.init(rawValue:)) : []
        housekeeping.startPruning(.init(runs: runs, owned: process.map { ($0, owned) }))
    }

    // MARK: By hand

    /// Saves a run as it is. It becomes the snapshot that covers all events that are there.
    public func save(_ run: Run, json: [UInt8]) async throws {
        let task = RedisTask.writing("Saving run \(run.id)", at: keys.run(run.id))
        let value = RunValue.beginning(json)
        // A snapshot here and there may get in between: then the indexes are those of another run.
        for _ in 0..<100 {
            let old = try await inspect(run.id)
            let changes =
                keys.changes(
                    for: run, owner: old?.owner?.process, from: old.map { RunPlace($0.run) })
                + keys.extensions(for: RunPlace(run), owner: nil)
            tracked.forget(run.id)
            let inStep = indexes == nil ? changes : []
            indexes?.begin(
                [ClusterIndexes.intent(RunPlace(run), keys: keys, timeToLive: timeToLive)], since: .now)
            let reply = try await link.send(
                .script(
                    RedisScripts.save.publishing(by: link.publishCommand), keys: keys.allOfRun(run.id),
                    moreKeys: inStep.keys,
                    [
                        .digest: .text(old?.digest ?? ""), .ttl: .number(milliseconds), .beginning: .bytes(value),
                        .channel: .text(keys.changes(run.id)),
                    ], inStep.arguments(of: run.id, asks: true), isIdempotent: false),
                task)
            guard reply.array?.first?.string == "OK" else { continue }
            if indexes != nil { await putRight(run.id, old.map { RunPlace($0.run) } ?? RunPlace(run)) }
            if old == nil, let queues = reply.array?.last { startPruning(queues, of: nil) }
            return
        }
        throw StorageError(.conflict, "run \(run.id) is written by its owner too fast to be saved by hand: try again")
    }

    /// Appends an event to a run.
    public func append(_ event: EncodedEvent, to run: RunID) async throws {
        let task = RedisTask.writing("Appending to run \(run)", at: keys.events(run))
        // The script says what it means if there is no such run.
        let known: TrackedRuns.Known?
        if let found = tracked.find(run) {
            known = found
        } else {
            known = try await inspect(run).map { .init(place: RunPlace($0.run)) }
        }
        var changes: [IndexChange] = []
        if let known, known.needsExtension { changes = keys.extensions(for: known.place, owner: nil) }
        let inStep = indexes == nil ? changes : []
        let begin = ContinuousClock.now
        let reply = try await link.send(
            .script(
                RedisScripts.append.publishing(by: link.publishCommand), keys: keys.allOfRun(run),
                moreKeys: inStep.keys,
                [.event: .bytes(event.json), .ttl: .number(milliseconds), .channel: .text(keys.changes(run))],
                inStep.arguments(of: run), isIdempotent: false),
            task)
        guard reply.int != nil else {
            tracked.forget(run)
            throw reply.array.map { missing($0, of: run) } ?? .notSaved(run)
        }
        await indexes?.write(
            ClusterIndexes.changes(changes, of: nil, isTerminal: false, keys: keys, timeToLive: timeToLive),
            since: begin)
        if let known { tracked.wrote(run, known) }
    }
}
