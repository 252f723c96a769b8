// SPDX-License-Identifier: Apache-2.0

public import ACPCore
public import ACPStorage
import Redis

extension RedisStorage {
    /// What is known of a run before it is written by hand, claimed or deleted.
    struct Inspection {
        let run: Run
        let owner: RunOwner?
        let digest: String
    }

    // MARK: Reading

    /// A run with everything needed to go on with it: one round trip.
    public func storedRun(_ run: RunID) async throws -> StoredRun? {
        let task = RedisTask.reading("run \(run)", at: keys.run(run))
        return try storedRun(run, in: try await link.send(recordRequest(run), task))
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
            throw task.corrupt("the script's answer is not what was expected")
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
        let reply = try await link.send(
            .script(
                RedisScripts.inspect, keys: [.run: keys.run(run), .owner: keys.owner(run)], [:], isIdempotent: true),
            task)
        if reply.isNull { return nil }
        guard let parts = reply.array, parts.count == 3, let json = parts[0].bytes, let digest = parts[2].string else {
            throw task.corrupt("the script's answer is not what was expected")
        }
        return Inspection(
            run: try RunValue.decode(json, task), owner: try owner(parts[1], of: run), digest: digest)
    }

    /// What the run was called with, or nil if there is no such run or it was saved without.
    public func storedInput(of run: RunID) async throws -> Encoded<[Message]>? {
        let task = RedisTask.reading("the input of run \(run)", at: keys.input(run))
        return try await link.send(.read("GET", .text(keys.input(run))), task).bytes.map { Encoded(json: $0) }
    }

    // MARK: Events

    /// How many events are asked for at once, so that a reader of a very long run does not hold up everybody else.
    private static let eventsAtOnce = 10_000

    /// The events of a run from an index onward, oldest first.
    public func events(of run: RunID, from offset: Int, limit: Int?) async throws -> [EncodedEvent] {
        try link.checkOpen()
        let task = RedisTask.reading("the events of run \(run)", at: keys.events(run))
        var start = max(0, offset)
        var left = max(0, limit ?? .max)
        var found: [EncodedEvent] = []
        while left > 0 {
            let count = min(left, Self.eventsAtOnce)
            let (last, overflow) = start.addingReportingOverflow(count - 1)
            let reply = try await link.send(
                .read("LRANGE", .text(keys.events(run)), .number(start), .number(overflow ? .max : last)), task)
            guard let values = reply.array else { throw task.corrupt("it is no list") }
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

    /// How many events a run has. 0 if there is no such run.
    public func eventCount(of run: RunID) async throws -> Int {
        let task = RedisTask.reading("the number of events of run \(run)", at: keys.events(run))
        let reply = try await link.send(.read("LLEN", .text(keys.events(run))), task)
        guard let count = reply.int else { throw task.corrupt("it is no list") }
        return count
    }

    // MARK: Owners

    /// Makes somebody the owner of a run, if it belongs to whom the caller thinks.
    public func claim(_ run: RunID, for owner: RunOwner, from current: RunOwner?) async throws -> Bool {
        let task = RedisTask.writing("Claiming run \(run)", at: keys.owner(run))
        guard let found = try await inspect(run), found.owner == current || found.owner == owner else { return false }
        let place = RunPlace(found.run)
        let changes = keys.extensions(for: place, owner: nil)
        let arguments: ScriptValues<ClaimArgument, RedisArgument> = [
            .currentOwner: .text(current?.stored ?? ""), .newOwner: .text(owner.stored), .ttl: .number(milliseconds),
        ]
        if let indexes {
            let begin = ContinuousClock.now
            let reply = try await link.send(
                .script(
                    RedisScripts.claimAlone, keys: keys.allOfRun(run), arguments, isIdempotent: true),
                task)
            guard reply.int == 1 else { return false }
            await indexes.write(claimChanges(found.run, owner, current), since: begin)
            tracked.wrote(run, .init(place: place))
            return true
        }
        let processes: ScriptValues<ClaimIndexKey, String> = [
            .newOwnerRuns: keys.processRuns(owner.process),
            .oldOwnerRuns: keys.processRuns(current?.process ?? owner.process),
        ]
        let reply = try await link.send(
            .script(
                RedisScripts.claim, keys: keys.allOfRun(run),
                moreKeys: processes.values + keys.allUnfinished + changes.keys,
                arguments, changes.arguments(of: run), isIdempotent: true),
            task)
        guard reply.int == 1 else { return false }
        tracked.wrote(run, .init(place: place))
        return true
    }

    private func claimChanges(_ run: Run, _ owner: RunOwner, _ current: RunOwner?) -> [IndexChange] {
        var changes = keys.extensions(for: RunPlace(run), owner: nil)
        if let current, current.process != owner.process {
            changes.append(.init(kind: .remove, key: keys.processRuns(current.process), member: run.id.rawValue))
        }
        if !run.status.isTerminal {
            changes.append(.init(kind: .enqueue, key: keys.processRuns(owner.process), member: run.id.rawValue))
        }
        return ClusterIndexes.changes(
            changes, of: RunPlace(run), isTerminal: run.status.isTerminal, keys: keys, timeToLive: timeToLive)
    }

    /// The unfinished runs that a process owns, at most `limit` of them.
    public func runs(ownedBy process: ProcessID, limit: Int) async throws -> [RunID] {
        try link.checkOpen()
        let index = keys.processRuns(process)
        let task = RedisTask.reading("the runs of process \(process)", at: index)
        let wanted = RunOwner.storedPrefix(of: process)
        var owned: [RunID] = []
        var gone: [RunID] = []
        // All at one moment: their order changes as they are written, and reading page by page would miss some.
        let members = limit > 0 ? try await link.send(.read("ZRANGE", .text(index), 0, -1), task).array ?? [] : []
        var rest = members.compactMap { $0.string.flatMap(RunID.init(rawValue:)) }[...]
        while owned.count < limit, !rest.isEmpty {
            // Runs that expired stand there until somebody looks.
            let ids = rest.prefix(100)
            rest = rest.dropFirst(100)
            let owners = try await link.sendEach(ids.map { .read("GET", .text(keys.owner($0))) }, task)
            // A run whose owner was evicted, or deleted by hand, belongs to the process that it is listed for.
            let ownerless = zip(ids, owners).filter { $0.1.isNull }.map(\.0)
            let unfinished = try await housekeeping.unfinished(of: ownerless)
            for (id, owner) in zip(ids, owners) {
                let isOwned = owner.string?.utf8.starts(with: wanted.utf8) ?? unfinished.contains(id)
                if isOwned { owned.append(id) } else { gone.append(id) }
            }
        }
        if !gone.isEmpty { try await housekeeping.prune(.init(owned: (process, gone))) }
        return Array(owned.prefix(max(0, limit)))
    }
}
