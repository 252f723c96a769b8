// SPDX-License-Identifier: Apache-2.0

public import ACPCore
import ACPStorage
import Redis

extension RedisStorage {
    /// What is needed to find all stored data of a run.
    private struct Traces {
        /// Its index entry. `nil` if it is not known.
        var indexEntry: RunIndexEntry?
        /// The processes that may list it.
        var owners: [ProcessID]
        /// Whether any data of the run was found.
        var isFound = true
    }

    /// Deletes a run with its events, its signals and its entries in every listing. If only a part of the run exists,
    /// deletes that part.
    ///
    /// With `forGood`, commits cannot create it again for `RunCommit.deletionPeriod`.
    @discardableResult
    public func deleteRun(_ run: RunID, forGood: Bool) async throws -> Bool {
        let task = RedisTask.writing("Deleting run \(run)", at: keys.run(run))
        let traces = try await traces(of: run)
        guard traces.isFound else { return false }
        if let indexes, let indexEntry = traces.indexEntry {
            indexes.begin(scheduledChecks(indexEntry), of: run, since: .now)
        }
        let inStep = indexes == nil ? keys.removals(of: run, traces.indexEntry, owners: traces.owners) : []
        let reply = try await executor.send(
            .script(
                RedisScripts.delete.publishing(by: executor.publishCommand), keys: keys.allOfRun(run),
                moreKeys: inStep.keys,
                [
                    .channel: .text(keys.changes(run)),
                    .refusedFor: .number(forGood ? RunCommit.deletionPeriod.wholeMilliseconds : 0),
                ], inStep.arguments(of: run), isIdempotent: false),
            task)
        trackedRuns.forget(run)
        if let indexes {
            await repairIndexes(run, traces.indexEntry)
            let owned = traces.owners.map {
                IndexChange(kind: .remove, key: keys.bucket(of: run).processRuns($0), member: run.rawValue)
            }
            await indexes.write(owned, of: run, since: .now)
        }
        return reply.int == 1
    }

    private func traces(of run: RunID) async throws(StorageError) -> Traces {
        do throws(StorageError) {
            if let found = try await inspect(run), let owner = found.owner {
                return Traces(indexEntry: RunIndexEntry(found.run), owners: [owner.process])
            }
        } catch {
            // A run that cannot be read can be deleted nevertheless.
            guard error.code == .corruptData else { throw error }
        }
        return try await remains(of: run)
    }

    /// Returns the traces of a run whose document or owner is missing or cannot be read.
    private func remains(of run: RunID) async throws(StorageError) -> Traces {
        let task = RedisTask.reading("what is left of run \(run)", at: keys.run(run))
        let parts = [keys.run(run), keys.events(run), keys.owner(run), keys.input(run), keys.contents(run)]
        let replies = try await executor.sendEach(
            [
                RedisRequest("EXISTS", parts.map { .text($0) }, isIdempotent: true),
                .read("ZSCORE", .text(keys.bucket(of: run).runs), .text(run.rawValue)),
                .read("ZRANGE", .text(keys.processes), 0, -1),
            ], task)
        guard replies[0].int != 0 || !replies[1].isNull else { return Traces(owners: [], isFound: false) }
        // Any process that owned the run may list it. There are about as many processes as there are servers.
        let processes = (replies[2].array ?? []).compactMap(\.string).map(ProcessID.init(rawValue:))
        return Traces(indexEntry: try await indexEntry(of: run), owners: processes + [.released])
    }

    /// Returns the index entry of a run from its document, its first event, or the queue of expiring runs.
    private func indexEntry(of run: RunID) async throws(StorageError) -> RunIndexEntry? {
        // Either may have another type, if it was changed by hand.
        let replies = try await executor.sendAll(
            [.read("GET", .text(keys.run(run))), .read("LINDEX", .text(keys.events(run)), 0)],
            .reading("what is left of run \(run)", at: keys.run(run)))
        let task = RedisTask.reading("run \(run)", at: keys.run(run))
        if let json = try? replies[0].get().bytes, let found = try? RunValue.decode(json, task) {
            return RunIndexEntry(found)
        }
        if let json = try? replies[1].get().bytes,
            case .runCreated(let found) = try? EncodedEvent(json: json).decode(), found.id == run
        {
            return RunIndexEntry(found)
        }
        return try await queuedEntry(of: run)
    }

    /// Returns the index entry of a run from the queue of expiring runs. Scans all of it: hardly any run is left
    /// without a document and without its first event.
    private func queuedEntry(of run: RunID) async throws(StorageError) -> RunIndexEntry? {
        let queue = keys.bucket(of: run).runsExpiry
        let task = RedisTask.reading("the index entry of run \(run)", at: queue)
        let pattern = RedisKeys.escaped(run.rawValue) + " *"
        var cursor = "0"
        repeat {
            let reply = try await executor.send(
                .read("ZSCAN", .text(queue), .text(cursor), "MATCH", .text(pattern), "COUNT", 1_000), task)
            guard let parts = reply.array, parts.count == 2, let next = parts[0].string else {
                throw task.corrupt("the reply to ZSCAN is not a cursor with members")
            }
            let indexEntries = (parts[1].array ?? []).compactMap(\.string).compactMap {
                RunIndexEntry(expiryMember: $0)
            }
            if let indexEntry = indexEntries.first(where: { $0.id == run }) { return indexEntry }
            cursor = next
        } while cursor != "0"
        return nil
    }
}
