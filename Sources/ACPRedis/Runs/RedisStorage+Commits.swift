// SPDX-License-Identifier: Apache-2.0

public import ACPCore
public import ACPStorage
import RedisClient

extension RedisStorage {
    /// Appends events to a run and, if given, replaces its snapshot: one round trip.
    public func commit(_ commit: RunCommit) async throws {
        let total = commit.expecting + commit.events.count
        if let covered = commit.snapshot?.eventCount, !(0...total).contains(covered) {
            throw StorageError(
                .conflict, "a snapshot of run \(commit.run) covers \(covered) events where there are \(total)")
        }
        let task = RedisTask.writing("Committing to run \(commit.run)", at: keys.run(commit.run))
        let known = try await place(of: commit)
        let changes = indexChanges(for: commit, known)
        let begin = ContinuousClock.now
        if let indexes, commit.expecting == 0, let snapshot = commit.snapshot {
            let place = RunPlace(snapshot.run)
            indexes.begin([ClusterIndexes.intent(place, keys: keys, timeToLive: timeToLive)], since: begin)
        }
        let reply: RESPValue
        do {
            reply = try await link.send(try request(for: commit, indexes == nil ? changes : []), task)
        } catch {
            tracked.forget(commit.run)
            throw error
        }
        guard let answer = reply.array, let outcome = answer.first?.string else {
            throw task.corrupt("the script's answer is not what was expected")
        }
        guard outcome == "OK" else {
            tracked.forget(commit.run)
            throw refusal(of: commit, outcome, found: answer.dropFirst().first?.int ?? 0)
        }
        await indexes?.write(
            ClusterIndexes.changes(
                changes, of: commit.snapshot.map { RunPlace($0.run) },
                isTerminal: commit.snapshot?.run.status.isTerminal == true, keys: keys, timeToLive: timeToLive),
            queue: keys.runsExpiry, soon: ClusterIndexes.soon(timeToLive), since: begin)
        if commit.snapshot?.run.status.isTerminal == true {
            tracked.forget(commit.run)
        } else if let place = commit.snapshot.map({ RunPlace($0.run) }) ?? known?.place {
            tracked.wrote(commit.run, place: place, extended: known?.needsExtension ?? true)
        }
        if commit.expecting == 0, answer.count > 2 { startPruning(answer[2], of: commit.owner.process) }
    }

    private func refusal(of commit: RunCommit, _ outcome: String, found: Int) -> StorageError {
        switch outcome {
        case "FENCED": StorageError(.fenced, "run \(commit.run) belongs to another owner by now")
        case "CONFLICT":
            StorageError(
                .conflict, "run \(commit.run) has \(found) events where \(commit.expecting) were expected")
        default: StorageError(.notFound, "run \(commit.run) is not stored (any more): it expired or was deleted")
        }
    }

    /// Where the run stands, as far as that matters: a commit with a snapshot says it itself.
    private func place(of commit: RunCommit) async throws(StorageError) -> (place: RunPlace, needsExtension: Bool)? {
        // What was known of a run that is created anew says nothing of the new one.
        if commit.expecting == 0, commit.snapshot != nil { return nil }
        if let known = tracked.find(commit.run) { return known }
        guard commit.snapshot == nil else { return nil }
        // Somebody goes on with a run that this storage has not seen yet.
        return try await inspect(commit.run).map { (RunPlace($0.run), true) }
    }

    private func indexChanges(
        for commit: RunCommit, _ known: (place: RunPlace, needsExtension: Bool)?
    ) -> [IndexChange] {
        var changes: [IndexChange] = []
        if let snapshot = commit.snapshot {
            changes = keys.changes(for: snapshot.run, owner: commit.owner.process, from: known?.place)
        }
        if let known, known.needsExtension {
            let place = commit.snapshot.map { RunPlace($0.run) } ?? known.place
            changes += keys.extensions(for: place, owner: commit.owner.process)
        }
        return changes
    }

    private func request(for commit: RunCommit, _ changes: [IndexChange]) throws(StorageError) -> RedisRequest {
        var words: [RedisRequest.Word] = [
            .text(commit.owner.stored), .number(commit.expecting), .number(milliseconds),
            .bytes(commit.snapshot.map(StoredRun.value) ?? []),
            .bytes(try commit.input.map { input throws(StorageError) in try encode(input, "the input") } ?? []),
            .text(keys.changes(commit.run)),
        ]
        words += changes.words
        words += [.number(commit.contents.count)] + commit.contents.words
        words += commit.events.map { .bytes($0.json) }
        return .script(
            RedisScripts.commit, keys: keys.allOfRun(commit.run) + changes.keys, words, isIdempotent: true)
    }

    /// - Parameter queues: What is due in the queue of all runs, and in that of the process, in the order of
    ///   ``RedisKeys/changes(for:owner:from:)``.
    func startPruning(_ queues: RESPValue, of process: ProcessID?) {
        let due = (queues.array ?? []).map { ($0.array ?? []).compactMap(\.string) }
        guard let runs = due.first else { return }
        let owned = due.count > 1 ? due[1].compactMap(RunID.init(rawValue:)) : []
        housekeeping.startPruning(.init(runs: runs, owned: process.map { ($0, owned) }))
    }

    func encode(_ value: some Encodable, _ what: String) throws(StorageError) -> [UInt8] {
        do throws(ACPError) {
            return try ACPJSON.encode(value)
        } catch {
            throw StorageError(.refused, "\(what) cannot be stored: \(error.message)", cause: error)
        }
    }

    // MARK: By hand

    /// Saves a run as it is. It becomes the snapshot that covers all events that are there.
    public func save(_ run: Run) async throws {
        let task = RedisTask.writing("Saving run \(run.id)", at: keys.run(run.id))
        let json = StoredRun.beginning(try ACPJSON.encode(run))
        // A snapshot here and there may get in between: then the indexes are those of another run.
        for _ in 0..<100 {
            let old = try await inspect(run.id)
            let changes =
                keys.changes(
                    for: run, owner: old?.owner?.process, from: old.map { RunPlace($0.run) })
                + keys.extensions(for: RunPlace(run), owner: nil)
            let words: [RedisRequest.Word] = [
                .text(old?.digest ?? ""), .number(milliseconds), .bytes(json), .text(keys.changes(run.id)),
            ]
            tracked.forget(run.id)
            let inStep = indexes == nil ? changes : []
            indexes?.begin(
                [ClusterIndexes.intent(RunPlace(run), keys: keys, timeToLive: timeToLive)], since: .now)
            let reply = try await link.send(
                .script(
                    RedisScripts.save, keys: keys.allOfRun(run.id) + inStep.keys, words + inStep.words,
                    isIdempotent: false),
                task)
            guard reply.array?.first?.string == "OK" else { continue }
            if indexes != nil { await putRight(run.id, old.map { RunPlace($0.run) } ?? RunPlace(run)) }
            if old == nil, let queues = reply.array?.last { startPruning(queues, of: nil) }
            return
        }
        throw StorageError(.conflict, "run \(run.id) is written by its owner too fast to be saved by hand: try again")
    }

    /// Appends an event to a run.
    public func append(_ event: Event, to run: RunID) async throws {
        let json = try EncodedEvent(event).json
        let task = RedisTask.writing("Appending to run \(run)", at: keys.events(run))
        let missing = StorageError(.notFound, "run \(run) is not stored: save it first")
        var place: RunPlace
        var needsExtension = true
        if let known = tracked.find(run) {
            (place, needsExtension) = known
        } else {
            guard let found = try await inspect(run) else { throw missing }
            place = RunPlace(found.run)
        }
        let changes = needsExtension ? keys.extensions(for: place, owner: nil) : []
        let inStep = indexes == nil ? changes : []
        let words: [RedisRequest.Word] = [.bytes(json), .number(milliseconds), .text(keys.changes(run))]
        let begin = ContinuousClock.now
        let reply = try await link.send(
            .script(
                RedisScripts.append, keys: keys.allOfRun(run) + inStep.keys, words + inStep.words,
                isIdempotent: false),
            task)
        guard !reply.isNull else {
            tracked.forget(run)
            throw missing
        }
        await indexes?.write(
            ClusterIndexes.changes(changes, of: nil, isTerminal: false, keys: keys, timeToLive: timeToLive),
            since: begin)
        tracked.wrote(run, place: place, extended: needsExtension)
    }
}
