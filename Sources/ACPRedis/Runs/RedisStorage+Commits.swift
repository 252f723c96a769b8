// SPDX-License-Identifier: Apache-2.0

public import ACPCore
public import ACPStorage
import Redis

extension RedisStorage {
    /// Appends events to a run, with everything else that the commit contains: one round trip.
    ///
    /// On a cluster, a block for the history of a session takes two more: the session is on another server than the
    /// run.
    public func commit(_ commit: RunCommit) async throws {
        if !commit.hasValidSnapshot, let error = commit.error(for: .invalidSnapshot) { throw error }
        let task = RedisTask.committing(to: commit.run, keys)
        let known = try await known(of: commit)
        let changes = indexChanges(for: commit, known)
        let begin = ContinuousClock.now
        if commit.expecting == 0, let snapshot = commit.snapshot {
            migration?.start()
            try await scheduleCheck(of: RunIndexEntry(snapshot.run))
        }
        if indexes != nil, let history = commit.history { try await appendHistory(history, of: commit) }
        let queriesQueues = commit.expecting == 0 && indexes == nil && indexMaintenance.shouldQueryDueRuns()
        let reply: RESPValue
        do {
            reply = try await executor.send(request(for: commit, known, changes, queriesQueues: queriesQueues), task)
        } catch {
            trackedRuns.forget(commit.run)
            throw error
        }
        let parts = try await accepted(reply, commit, task)
        await indexes?.write(
            ClusterIndexes.changes(
                changes, of: commit.snapshot.map { RunIndexEntry($0.run) },
                isTerminal: commit.snapshot?.run.status.isTerminal == true, keys: keys.bucket(of: commit.run),
                timeToLive: timeToLive),
            of: commit.run, since: begin)
        note(commit, known)
        if queriesQueues, parts.count > 2 { startPruning(parts[2], after: changes) }
        if indexes == nil, parts.count > 3, parts[3].int != 0 { try await clearStatuses(of: commit) }
    }

    /// Checks that a script accepted a commit.
    ///
    /// - Returns: The elements of the script's reply.
    /// - Throws: The reason why the commit was rejected.
    private func accepted(
        _ reply: RESPValue, _ commit: RunCommit, _ task: RedisTask
    ) async throws(StorageError) -> [RESPValue] {
        if case .integer = reply { return [] }
        guard let parts = reply.array, let outcome = parts.first?.string else {
            throw task.corrupt("the script's reply is not the expected one")
        }
        guard outcome == "done" else {
            trackedRuns.forget(commit.run)
            throw try await refusal(of: commit, outcome, parts)
        }
        return parts
    }

    /// Records the state of the run after a commit.
    private func note(_ commit: RunCommit, _ known: TrackedRuns.Known?) {
        let status = commit.snapshot?.run.status
        if status?.isTerminal == true { return trackedRuns.forget(commit.run) }
        guard let indexEntry = commit.snapshot.map({ RunIndexEntry($0.run) }) ?? known?.indexEntry else { return }
        let hadContents = known?.hasContents ?? (commit.expecting > 0)
        trackedRuns.recordWrite(
            commit.run,
            .init(
                indexEntry: indexEntry, status: status ?? known?.status,
                statusEntry: commit.snapshot.map { RunStatusEntry($0.run) } ?? known?.statusEntry,
                hasContents: hadContents || !commit.contents.isEmpty,
                needsExtension: known?.needsExtension ?? true))
    }

    /// On a cluster, appends a block to the history of the run's session. This happens before the end of the run is
    /// written, so that repeating the commit completes the rest, and not if the run may no longer be written.
    private func appendHistory(_ history: HistoryAppend, of commit: RunCommit) async throws {
        let task = RedisTask.reading("the state of run \(commit.run)", at: keys.run(commit.run))
        let reply = try await executor.send(
            .script(
                RedisScripts.canCommit.publishing(by: executor.publishCommand),
                keys: keys.allOfRun(commit.run),
                [
                    .owner: .text(commit.owner.stored), .expecting: .number(commit.expecting),
                    .count: .number(commit.events.count),
                    .canCreate: .flag(commit.expecting == 0 && commit.snapshot != nil),
                    .channel: .text(keys.changes(commit.run)),
                    .refusingSignals: .text(commit.refusingSignals.joined(separator: " ")),
                ],
                isIdempotent: true),
            task)
        _ = try await accepted(reply, commit, task)
        try await append([history.block], to: history.session)
    }

    /// Removes a new run from the lists of other statuses. Its id belonged to an earlier run of which only a part is
    /// left, and which may be listed in a status that the new run never had.
    private func clearStatuses(of commit: RunCommit) async throws {
        guard let run = commit.snapshot?.run else { return }
        let statuses = RedisKeys.statuses.filter { $0 != run.detailedStatus }
        let unfinished = RedisKeys.unfinishedStatuses.filter { $0 != run.status }
        let indexes =
            unfinished.flatMap { keys.unfinished(RunIndexEntry(run), $0) }
            + statuses.flatMap { keys.statusIndexes(of: run.agentName, run.principal, $0) }
        _ = try await executor.sendEach(
            indexes.map { RedisRequest("ZREM", [.text($0), .text(commit.run.rawValue)], isIdempotent: true) },
            .committing(to: commit.run, keys))
    }

    /// Converts the reply of the script `rejection` into an error.
    private func refusal(
        of commit: RunCommit, _ outcome: String, _ parts: [RESPValue]
    ) async throws(StorageError) -> StorageError {
        switch outcome {
        case "unowned":
            // A run that was saved by hand never had an owner. If the writer lists the run, its owner key was lost.
            let index = keys.bucket(of: commit.run).processRuns(commit.owner.process)
            let score = try await executor.send(
                .read("ZSCORE", .text(index), .text(commit.run.rawValue)),
                .reading("the runs of process \(commit.owner.process)", at: index))
            let owner = keys.owner(commit.run)
            return commit.error(for: score.isNull ? .fenced : .incomplete(missing: "the key \(owner) (its owner)"))
                ?? .notSaved(commit.run)
        case "incomplete": return missing(parts, of: commit.run)
        default:
            let found = parts.dropFirst().first?.int ?? 0
            return CommitOutcome(code: outcome, found: found).flatMap { commit.error(for: $0) }
                ?? RedisTask.committing(to: commit.run, keys).corrupt("the script's reply is not the expected one")
        }
    }

    /// - Parameter parts: `incomplete`, and what is missing.
    private func missing(_ parts: [RESPValue], of run: RunID) -> StorageError {
        guard parts.count == 4, let found = parts[2].int, let covered = parts[3].int else {
            return .incomplete(run, missing: "the key \(keys.run(run)) (its document)")
        }
        let key = keys.events(run)
        guard found > 0 else { return .incomplete(run, missing: "the key \(key) (its events)") }
        return .incomplete(run, missing: "a part of the key \(key) (\(found) of at least \(covered) events are there)")
    }

    /// Returns the state of the run, as far as it is needed: a commit with a snapshot contains much of it itself.
    private func known(of commit: RunCommit) async throws(StorageError) -> TrackedRuns.Known? {
        // The known state of an earlier run does not apply to a run that is created anew.
        if commit.expecting == 0, commit.snapshot != nil { return nil }
        if let known = trackedRuns.find(commit.run) { return known }
        guard commit.snapshot == nil else { return nil }
        // The caller continues a run that this storage has not seen yet.
        return try await inspect(commit.run).map { .init(indexEntry: RunIndexEntry($0.run)) }
    }

    /// On a cluster, schedules an early check of a run that is about to be created. A run is created only after that:
    /// if this process ends before it has added the run to the lists, the check is what finds the run.
    private func scheduleCheck(of indexEntry: RunIndexEntry) async throws(StorageError) {
        guard indexes != nil else { return }
        let queue = keys.bucket(of: indexEntry.id).runsExpiry
        let begin = ContinuousClock.now
        _ = try await executor.send(
            IndexWriter.request(scheduledChecks(indexEntry).map { ($0, begin) }, ttl: milliseconds),
            .writing("Scheduling a check of run \(indexEntry.id)", at: queue))
    }

    /// On a cluster, returns the changes that schedule an early check of a run.
    func scheduledChecks(_ indexEntry: RunIndexEntry) -> [IndexChange] {
        ClusterIndexes.scheduledChecks(indexEntry, keys: keys.bucket(of: indexEntry.id), timeToLive: timeToLive)
    }

    private func indexChanges(for commit: RunCommit, _ known: TrackedRuns.Known?) -> [IndexChange] {
        let keys = keys.bucket(of: commit.run)
        var changes: [IndexChange] = []
        if let snapshot = commit.snapshot {
            var left = RedisKeys.unfinishedStatuses
            // On a cluster, an entry may be left over from a lost change, and the run may have been saved by hand. When
            // the run has ended at the latest, no list of unfinished runs contains it.
            if indexes == nil, !snapshot.run.status.isTerminal {
                left = commit.expecting == 0 ? [] : known?.status.map { [$0] } ?? left
            }
            let former: FormerStatus =
                commit.expecting == 0 ? .none : known?.statusEntry.map { .known($0) } ?? .unfinished
            changes = keys.changes(
                for: snapshot.run, owner: commit.owner.process, from: known?.indexEntry, former, leaving: left)
        }
        if let known, known.needsExtension {
            let indexEntry = commit.snapshot.map { RunIndexEntry($0.run) } ?? known.indexEntry
            let status = commit.snapshot?.run.detailedStatus ?? known.statusEntry?.status
            changes += keys.extensions(for: indexEntry, status: status, owner: commit.owner.process)
        }
        return changes
    }

    private func request(
        for commit: RunCommit, _ known: TrackedRuns.Known?, _ changes: [IndexChange], queriesQueues: Bool
    ) -> RedisRequest {
        let changes = indexes == nil ? changes : []
        let history = indexes == nil ? commit.history : nil
        // A run that has ended receives no signals. Contents that it does not have need no time to live.
        var lastProlonged = commit.snapshot?.run.status.isTerminal == true ? RunKey.input : .signals
        if known?.hasContents != false || !commit.contents.isEmpty { lastProlonged = .contents }
        let block = history.map { arguments(of: $0.block) } ?? []
        var request = RedisRequest.script(
            RedisScripts.commit.publishing(by: executor.publishCommand), keys: keys.allOfRun(commit.run),
            moreKeys: (history.map { keys.allOfSession($0.session).values } ?? []) + changes.keys,
            [
                .owner: .text(commit.owner.stored), .expecting: .number(commit.expecting),
                .ttl: .number(milliseconds), .snapshot: .bytes(commit.snapshot.map(RunValue.value) ?? []),
                .input: .bytes(commit.input?.json ?? []), .channel: .text(keys.changes(commit.run)),
                .lastProlonged: .number(lastProlonged.position), .contentCount: .number(commit.contents.count),
                .historyCount: .number(block.count),
                .refusingSignals: .text(commit.refusingSignals.joined(separator: " ")),
            ], changes.arguments(of: commit.run, queriesQueues: queriesQueues),
            capacity: 2 * commit.contents.count + block.count + commit.events.count, isIdempotent: true)
        request.append(commit.contents.scriptArguments)
        request.append(block)
        for event in commit.events { request.append(.bytes(event.json)) }
        return request
    }

    /// Starts pruning of due runs.
    ///
    /// - Parameters:
    ///   - due: Due members of each queue to which the run was added.
    ///   - changes: The changes that were made.
    private func startPruning(_ due: RESPValue, after changes: [IndexChange]) {
        let queues = changes.filter { $0.kind == .enqueue }.map(\.key)
        let members = (due.array ?? []).map { ($0.array ?? []).compactMap(\.string) }
        indexMaintenance.startPruning(keys.due(Array(zip(queues, members))))
    }

    // MARK: Without an owner

    /// Saves a run. It becomes the snapshot that covers all stored events.
    public func save(_ run: Run, json: [UInt8]) async throws {
        let task = RedisTask.writing("Saving run \(run.id)", at: keys.run(run.id))
        let value = RunValue.beginning(json)
        // A snapshot may be written in between: then the index changes are those of another run.
        for _ in 0..<100 {
            let old = try await inspect(run.id)
            let changes =
                keys.changes(
                    for: run, owner: old?.owner?.process, from: old.map { RunIndexEntry($0.run) },
                    old.map { .known(RunStatusEntry($0.run)) } ?? .none)
                + keys.extensions(for: RunIndexEntry(run), status: run.detailedStatus, owner: nil)
            trackedRuns.forget(run.id)
            let inStep = indexes == nil ? changes : []
            try await scheduleCheck(of: RunIndexEntry(run))
            let reply = try await executor.send(
                .script(
                    RedisScripts.save.publishing(by: executor.publishCommand), keys: keys.allOfRun(run.id),
                    moreKeys: inStep.keys,
                    [
                        .digest: .text(old?.digest ?? ""), .ttl: .number(milliseconds), .beginning: .bytes(value),
                        .channel: .text(keys.changes(run.id)),
                    ], inStep.arguments(of: run.id, queriesQueues: true), isIdempotent: false),
                task)
            guard reply.array?.first?.string == "OK" else { continue }
            if indexes != nil { await repairIndexes(run.id, old.map { RunIndexEntry($0.run) } ?? RunIndexEntry(run)) }
            if old == nil, let due = reply.array?.last { startPruning(due, after: inStep) }
            return
        }
        throw StorageError(
            .conflict, "run \(run.id) is written by its owner too often to be saved meanwhile: try again")
    }

    /// Appends an event to a run.
    public func append(_ event: EncodedEvent, to run: RunID) async throws {
        let task = RedisTask.writing("Appending to run \(run)", at: keys.events(run))
        // The script reports whether the run exists.
        let known: TrackedRuns.Known?
        if let found = trackedRuns.find(run) {
            known = found
        } else {
            known = try await inspect(run).map { .init(indexEntry: RunIndexEntry($0.run)) }
        }
        var changes: [IndexChange] = []
        if let known, known.needsExtension {
            changes = keys.bucket(of: run)
                .extensions(for: known.indexEntry, status: known.statusEntry?.status, owner: nil)
        }
        let inStep = indexes == nil ? changes : []
        let begin = ContinuousClock.now
        let reply = try await executor.send(
            .script(
                RedisScripts.append.publishing(by: executor.publishCommand), keys: keys.allOfRun(run),
                moreKeys: inStep.keys,
                [.event: .bytes(event.json), .ttl: .number(milliseconds), .channel: .text(keys.changes(run))],
                inStep.arguments(of: run), isIdempotent: false),
            task)
        guard reply.int != nil else {
            trackedRuns.forget(run)
            throw reply.array.map { missing($0, of: run) } ?? .notSaved(run)
        }
        await indexes?.write(
            ClusterIndexes.changes(
                changes, of: nil, isTerminal: false, keys: keys.bucket(of: run), timeToLive: timeToLive),
            of: run, since: begin)
        if let known { trackedRuns.recordWrite(run, known) }
    }
}
