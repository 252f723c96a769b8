// SPDX-License-Identifier: Apache-2.0

public import ACPCore
import ACPStorage
import Redis

extension RedisStorage {
    /// What leads to everything that is stored of a run.
    private struct Traces {
        /// Where it is listed. Nil if nothing tells.
        var place: RunPlace?
        /// Who may have it in their lists.
        var owners: [ProcessID]
        /// Whether anything of the run itself was found.
        var isAny = true
    }

    /// Deletes a run with its events, its signals and its places in every listing. Of a run that is there in part, what is left.
    @discardableResult
    public func deleteRun(_ run: RunID) async throws -> Bool {
        let task = RedisTask.writing("Deleting run \(run)", at: keys.run(run))
        let traces = try await traces(of: run)
        guard traces.isAny else { return false }
        let changes = keys.removals(of: run, traces.place, owners: traces.owners)
        if let indexes, let place = traces.place {
            indexes.begin([ClusterIndexes.intent(place, keys: keys, timeToLive: timeToLive)], since: .now)
        }
        let inStep = indexes == nil ? changes : []
        let reply = try await link.send(
            .script(
                RedisScripts.delete.publishing(by: link.publishCommand), keys: keys.allOfRun(run),
                moreKeys: inStep.keys, [.channel: .text(keys.changes(run))], inStep.arguments(of: run),
                isIdempotent: false),
            task)
        tracked.forget(run)
        if let indexes {
            await putRight(run, traces.place)
            let owned = traces.owners.map {
                IndexChange(kind: .remove, key: keys.processRuns($0), member: run.rawValue)
            }
            await indexes.write(owned, since: .now)
        }
        return reply.int == 1
    }

    private func traces(of run: RunID) async throws(StorageError) -> Traces {
        do throws(StorageError) {
            if let found = try await inspect(run), let owner = found.owner {
                return Traces(place: RunPlace(found.run), owners: [owner.process])
            }
        } catch {
            // What cannot be read can go all the same.
            guard error.code == .corruptData else { throw error }
        }
        return try await remains(of: run)
    }

    /// The traces of a run of which the document or the owner is missing or cannot be read.
    private func remains(of run: RunID) async throws(StorageError) -> Traces {
        let task = RedisTask.reading("what is left of run \(run)", at: keys.run(run))
        let parts = [keys.run(run), keys.events(run), keys.owner(run), keys.input(run), keys.contents(run)]
        let replies = try await link.sendEach(
            [
                RedisRequest("EXISTS", parts.map { .text($0) }, isIdempotent: true),
                .read("ZSCORE", .text(keys.runs), .text(run.rawValue)),
                .read("ZRANGE", .text(keys.processes), 0, -1),
            ], task)
        guard replies[0].int != 0 || !replies[1].isNull else { return Traces(owners: [], isAny: false) }
        // Any process that owned the run may list it. There are about as many processes as there are servers.
        let processes = (replies[2].array ?? []).compactMap(\.string).map(ProcessID.init(rawValue:))
        return Traces(place: try await place(of: run), owners: processes + [.released])
    }

    /// Where a run is listed: what its document says, or its first event, or the queue of expiring runs.
    private func place(of run: RunID) async throws(StorageError) -> RunPlace? {
        // Either may be of another type, after what was done to it by hand.
        let replies = try await link.sendAll(
            [.read("GET", .text(keys.run(run))), .read("LINDEX", .text(keys.events(run)), 0)],
            .reading("what is left of run \(run)", at: keys.run(run)))
        let task = RedisTask.reading("run \(run)", at: keys.run(run))
        if let json = try? replies[0].get().bytes, let found = try? RunValue.decode(json, task) {
            return RunPlace(found)
        }
        if let json = try? replies[1].get().bytes,
            case .runCreated(let found) = try? EncodedEvent(json: json).decode(), found.id == run
        {
            return RunPlace(found)
        }
        return try await queuedPlace(of: run)
    }

    /// Where the queue of expiring runs says that a run is listed. Walks through all of it: hardly any run is left without a document
    /// and without its first event.
    private func queuedPlace(of run: RunID) async throws(StorageError) -> RunPlace? {
        let task = RedisTask.reading("where run \(run) is listed", at: keys.runsExpiry)
        let pattern = RedisKeys.escaped(run.rawValue) + " *"
        var cursor = "0"
        repeat {
            let reply = try await link.send(
                .read("ZSCAN", .text(keys.runsExpiry), .text(cursor), "MATCH", .text(pattern), "COUNT", 1_000), task)
            guard let parts = reply.array, parts.count == 2, let next = parts[0].string else {
                throw task.corrupt("the reply to ZSCAN is no cursor with members")
            }
            let places = (parts[1].array ?? []).compactMap(\.string).compactMap(RunPlace.init(expiryMember:))
            if let place = places.first(where: { $0.id == run }) { return place }
            cursor = next
        } while cursor != "0"
        return nil
    }
}
