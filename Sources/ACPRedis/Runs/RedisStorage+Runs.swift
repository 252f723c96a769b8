// SPDX-License-Identifier: Apache-2.0

public import ACPCore
public import ACPStorage
import Redis

extension RedisStorage {
    /// The state of a run before it is saved by hand, claimed or deleted.
    struct Inspection {
        let run: Run
        let owner: RunOwner?
        let digest: String
    }

    // MARK: Reading

    /// Returns a run with everything needed to continue it, or `nil` if it does not exist: one round trip.
    public func storedRun(_ run: RunID) async throws -> StoredRun? {
        let task = RedisTask.reading("run \(run)", at: keys.run(run))
        return try storedRun(run, in: try await executor.send(recordRequest(run), task))
    }

    func recordRequest(_ run: RunID) -> RedisRequest {
        .script(
            RedisScripts.record, keys: [.run: keys.run(run), .events: keys.events(run), .owner: keys.owner(run)], [:],
            isIdempotent: true)
    }

    func storedRun(_ run: RunID, in reply: RESPValue) throws(StorageError) -> StoredRun? {
        if reply.isNull { return nil }
        let task = RedisTask.reading("run \(run)", at: keys.run(run))
        guard let parts = reply.array, let json = parts.first?.bytes else {
            throw task.corrupt("the script's reply is not the expected one")
        }
        guard parts.count == 3, let covered = RunValue.coveredEvents(json), let later = parts[2].array else {
            throw task.corrupt(#"it does not end with the number of events that it covers, ,"_events":N}"#)
        }
        return StoredRun(
            id: run, snapshot: Encoded(json: RunValue.json(json)), coveredEvents: covered,
            laterEvents: try events(later, from: covered, of: run), owner: try owner(parts[1], of: run))
    }

    private func owner(_ value: RESPValue, of run: RunID) throws(StorageError) -> RunOwner? {
        guard let text = value.string else { return nil }
        guard let owner = RunOwner(stored: text) else {
            throw RedisTask.reading("the owner of run \(run)", at: keys.owner(run)).corrupt("it is not process/token")
        }
        return owner
    }

    func inspect(_ run: RunID) async throws(StorageError) -> Inspection? {
        let task = RedisTask.reading("run \(run)", at: keys.run(run))
        let reply = try await executor.send(
            .script(
                RedisScripts.inspect, keys: [.run: keys.run(run), .owner: keys.owner(run)], [:], isIdempotent: true),
            task)
        if reply.isNull { return nil }
        guard let parts = reply.array, parts.count == 3, let json = parts[0].bytes, let digest = parts[2].string else {
            throw task.corrupt("the script's reply is not the expected one")
        }
        return Inspection(
            run: try RunValue.decode(json, task), owner: try owner(parts[1], of: run), digest: digest)
    }

    /// Returns the input of a run, or `nil` if the run does not exist or has none.
    public func storedInput(of run: RunID) async throws -> Encoded<[Message]>? {
        let task = RedisTask.reading("the input of run \(run)", at: keys.input(run))
        return try await executor.send(.read("GET", .text(keys.input(run))), task).bytes.map { Encoded(json: $0) }
    }

    // MARK: Events

    /// The number of events that are requested at once, so that reading a very long run does not block other clients.
    private static let eventsAtOnce = 10_000

    /// Returns the events of a run from an index onward, oldest first.
    public func events(of run: RunID, from offset: Int, limit: Int?) async throws -> [EncodedEvent] {
        try executor.checkOpen()
        let task = RedisTask.reading("the events of run \(run)", at: keys.events(run))
        var start = max(0, offset)
        var left = max(0, limit ?? .max)
        var found: [EncodedEvent] = []
        while left > 0 {
            let count = min(left, Self.eventsAtOnce)
            let (last, overflow) = start.addingReportingOverflow(count - 1)
            let reply = try await executor.send(
                .read("LRANGE", .text(keys.events(run)), .number(start), .number(overflow ? .max : last)), task)
            guard let values = reply.array else { throw task.corrupt("it is not a list") }
            found += try events(values, from: start, of: run)
            guard values.count == count else { break }
            start += count
            left -= count
        }
        return found
    }

    private func events(_ values: [RESPValue], from start: Int, of run: RunID) throws(StorageError) -> [EncodedEvent] {
        var events: [EncodedEvent] = []
        events.reserveCapacity(values.count)
        for value in values {
            do throws(ACPError) {
                events.append(try EncodedEvent(json: value.bytes ?? []))
            } catch {
                throw RedisTask.reading("the events of run \(run)", at: keys.events(run))
                    .corrupt("its element \(start + events.count) is not the JSON of an event", cause: error)
            }
        }
        return events
    }

    /// Returns the number of events of a run, or 0 if there is no such run.
    public func eventCount(of run: RunID) async throws -> Int {
        let task = RedisTask.reading("the number of events of run \(run)", at: keys.events(run))
        let reply = try await executor.send(.read("LLEN", .text(keys.events(run))), task)
        guard let count = reply.int else { throw task.corrupt("it is not a list") }
        return count
    }

    // MARK: Owners

    /// Changes the owner of a run if it has the expected owner, and returns whether it did.
    public func claim(_ run: RunID, for owner: RunOwner, from current: RunOwner?) async throws -> Bool {
        let task = RedisTask.writing("Claiming run \(run)", at: keys.owner(run))
        guard let found = try await inspect(run), found.owner == current || found.owner == owner else { return false }
        let indexEntry = RunIndexEntry(found.run)
        let changes = indexes == nil ? keys.extensions(for: indexEntry, owner: nil) : []
        let arguments: ScriptValues<ClaimArgument, RedisArgument> = [
            .currentOwner: .text(current?.stored ?? ""), .newOwner: .text(owner.stored), .ttl: .number(milliseconds),
        ]
        if let indexes {
            let begin = ContinuousClock.now
            let reply = try await executor.send(
                .script(
                    RedisScripts.claimAlone, keys: keys.allOfRun(run), arguments, isIdempotent: true),
                task)
            guard reply.int == 1 else { return false }
            await indexes.write(claimChanges(found.run, owner, current), of: run, since: begin)
            // The previous owner may have ended before it wrote the lists.
            await repairIndexes(run, indexEntry)
            trackedRuns.recordWrite(run, .init(indexEntry: indexEntry))
            return true
        }
        let processes: ScriptValues<ClaimIndexKey, String> = [
            .newOwnerRuns: keys.processRuns(owner.process),
            .oldOwnerRuns: keys.processRuns(current?.process ?? owner.process),
        ]
        let reply = try await executor.send(
            .script(
                RedisScripts.claim, keys: keys.allOfRun(run),
                moreKeys: processes.values + keys.allUnfinished + changes.keys,
                arguments, changes.arguments(of: run), isIdempotent: true),
            task)
        guard reply.int == 1 else { return false }
        trackedRuns.recordWrite(run, .init(indexEntry: indexEntry))
        return true
    }

    private func claimChanges(_ run: Run, _ owner: RunOwner, _ current: RunOwner?) -> [IndexChange] {
        let keys = keys.bucket(of: run.id)
        var changes = keys.extensions(for: RunIndexEntry(run), owner: nil)
        if let current, current.process != owner.process {
            changes.append(.init(kind: .remove, key: keys.processRuns(current.process), member: run.id.rawValue))
        }
        if !run.status.isTerminal {
            changes.append(.init(kind: .enqueue, key: keys.processRuns(owner.process), member: run.id.rawValue))
        }
        return ClusterIndexes.changes(
            changes, of: RunIndexEntry(run), isTerminal: run.status.isTerminal, keys: keys, timeToLive: timeToLive)
    }

    /// Returns at most `limit` of the unfinished runs that a process owns.
    ///
    /// Starts checks of runs that are due, so that a run which no list contains, as may happen on a cluster, is found
    /// even if no lists are read and no runs are created.
    public func runs(ownedBy process: ProcessID, limit: Int) async throws -> [RunID] {
        try executor.checkOpen()
        try await migration?.complete()
        let task = RedisTask.reading("the runs of process \(process)", at: keys.processRuns(process))
        let wanted = RunOwner.storedPrefix(of: process)
        var owned: [RunID] = []
        var gone: [RunID] = []
        // Read at once: their order changes as they are written, and reading page by page would miss some.
        var rest = limit > 0 ? try await listedRuns(of: process, task)[...] : []
        while owned.count < limit, !rest.isEmpty {
            // Expired runs remain in the index until it is read.
            let ids = rest.prefix(100)
            rest = rest.dropFirst(100)
            let owners = try await executor.sendEach(ids.map { .read("GET", .text(keys.owner($0))) }, task)
            // A run whose owner was evicted, or deleted by hand, belongs to the process that lists it.
            let ownerless = zip(ids, owners).filter { $0.1.isNull }.map(\.0)
            let unfinished = try await indexMaintenance.unfinished(of: ownerless)
            for (id, owner) in zip(ids, owners) {
                let isOwned = owner.string?.utf8.starts(with: wanted.utf8) ?? unfinished.contains(id)
                if isOwned { owned.append(id) } else { gone.append(id) }
            }
        }
        if !gone.isEmpty { try await indexMaintenance.prune(.init(owned: [(process, gone)])) }
        return Array(owned.prefix(max(0, limit)))
    }

    /// Returns the runs that the index of a process contains, and starts the checks of runs that are due.
    private func listedRuns(of process: ProcessID, _ task: RedisTask) async throws(StorageError) -> [RunID] {
        let buckets = keys.allBuckets
        let replies = try await executor.sendEach(
            buckets.map {
                .script(
                    RedisScripts.ownedRuns, keys: [.queue: $0.runsExpiry, .index: $0.processRuns(process)],
                    [.dueLimit: .number(Self.pruneLimit / buckets.count + 1)], isIdempotent: true)
            }, task)
        var due = IndexMaintenance.Due()
        var listed: [RunID] = []
        for (bucket, reply) in zip(buckets, replies) {
            guard let parts = reply.array, parts.count == 2, let members = parts[1].array else {
                throw task.corrupt("the script's reply is not the expected one")
            }
            due.expiring += bucket.due([(bucket.runsExpiry, (parts[0].array ?? []).compactMap(\.string))]).expiring
            listed += members.compactMap { $0.string.flatMap(RunID.init(rawValue:)) }
        }
        // In the background: a check that fails, because a server is down, must not keep runs of other servers from
        // being taken over.
        indexMaintenance.startPruning(due)
        return listed
    }
}
