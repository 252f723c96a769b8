// SPDX-License-Identifier: Apache-2.0

public import ACPCore
public import ACPStorage
import Redis

extension RedisStorage {
    /// Returns the latest saved state of a session, or `nil` if it was never saved.
    public func storedSession(_ id: SessionID) async throws -> StoredSession? {
        let task = RedisTask.reading("session \(id)", at: keys.session(id))
        guard let json = try await executor.send(.read("GET", .text(keys.session(id))), task).bytes else { return nil }
        do throws(StorageError) {
            return try StoredSession(document: json)
        } catch {
            throw task.corrupt(error.message, cause: error)
        }
    }

    /// Saves a session's state and metadata, and returns its new version: one round trip.
    @discardableResult
    public func save(_ session: StoredSession, expecting version: Int?) async throws -> Int {
        let id = session.id
        let task = RedisTask.writing("Saving session \(id)", at: keys.session(id))
        let beginning = try session.documentBeginning()
        // Not repeated automatically: the second attempt would find the version of the first.
        let reply = try await executor.send(
            .script(
                RedisScripts.saveSession, keys: keys.allOfSession(id),
                [
                    .expecting: version.map { .number($0) } ?? .text(""), .ttl: .number(milliseconds),
                    .beginning: .bytes(beginning),
                ], isIdempotent: false), task)
        guard let parts = reply.array, parts.count == 2, let outcome = parts[0].string, let found = parts[1].int
        else { throw task.corrupt("the script's reply is not the expected one") }
        switch outcome {
        case "OK": return found
        case "CONFLICT":
            throw StorageError.conflict(id, found: found, expected: version ?? 0)
        default: throw task.corrupt(#"it does not end with its version, ,"version":N}"#)
        }
    }

    /// Appends blocks to a session's history, in order, each once: one round trip.
    public func append(_ blocks: [HistoryBlock], to session: SessionID) async throws {
        let task = RedisTask.writing("Appending to the history of session \(session)", at: keys.history(session))
        var request = RedisRequest.script(
            RedisScripts.appendHistory, keys: keys.allOfSession(session),
            [.ttl: .number(milliseconds), .blockCount: .number(blocks.count)], isIdempotent: true)
        for block in blocks { request.append(arguments(of: block)) }
        _ = try await executor.send(request, task)
    }

    /// Returns a block as the scripts expect it.
    func arguments(of block: HistoryBlock) -> [RedisArgument] {
        let begin: ScriptValues<BlockArgument, RedisArgument> = [
            .blockName: .text(block.key), .entryCount: .number(block.entries.count),
            .contentCount: .number(block.contents.count),
        ]
        var arguments = begin.values
        for entry in block.entries { arguments.append(.bytes(entry.json)) }
        return arguments + block.contents.scriptArguments
    }

    /// Returns one page of a session's history, oldest first, and the number of all entries: one round trip.
    public func storedHistory(
        of session: SessionID, from offset: Int, limit: Int?
    ) async throws -> StoragePage<Encoded<HistoryEntry>> {
        let key = keys.history(session)
        let task = RedisTask.reading("the history of session \(session)", at: key)
        let start = max(0, offset)
        let (end, overflow) = start.addingReportingOverflow(max(0, limit ?? .max))
        var requests: [RedisRequest] = []
        if end > start || overflow {
            requests.append(.read("LRANGE", .text(key), .number(start), .number(overflow ? .max : end - 1)))
        }
        // Counted afterwards, so that the total is never less than what was read.
        requests.append(.read("LLEN", .text(key)))
        let replies = try await executor.sendEach(requests, task)
        guard let total = replies.last?.int else { throw task.corrupt("it is not a list") }
        guard replies.count == 2 else { return StoragePage(items: [], total: total) }
        let entries = (replies[0].array ?? []).map { Encoded<HistoryEntry>(json: $0.bytes ?? []) }
        return StoragePage(items: entries, total: total)
    }

    /// Deletes a session with its history. Its runs remain.
    @discardableResult
    public func deleteSession(_ session: SessionID) async throws -> Bool {
        let task = RedisTask.writing("Deleting session \(session)", at: keys.session(session))
        let names = keys.allOfSession(session).values.map { RedisArgument.text($0) }
        return (try await executor.send(RedisRequest("UNLINK", names), task).int ?? 0) > 0
    }
}
