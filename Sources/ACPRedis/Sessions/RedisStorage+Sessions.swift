// SPDX-License-Identifier: Apache-2.0

public import ACPCore
public import ACPStorage
import RedisClient

extension RedisStorage {
    /// A session as it was saved last, or nil if it never was.
    public func session(_ id: SessionID) async throws -> SessionRecord? {
        let task = RedisTask.reading("session \(id)", at: keys.session(id))
        guard let json = try await link.send(.read("GET", .text(keys.session(id))), task).bytes else { return nil }
        do throws(ACPError) {
            if let record = try ACPJSON.decode(StoredSession.self, from: json).record { return record }
        } catch {
            throw task.corrupt(error.message, cause: error)
        }
        throw task.corrupt("its state is not in the encoding that it names, or the version is missing")
    }

    /// Saves a session's state and metadata: one round trip.
    @discardableResult
    public func save(_ session: SessionRecord, expecting version: Int?) async throws -> Int {
        let id = session.id
        let task = RedisTask.writing("Saving session \(id)", at: keys.session(id))
        let json: [UInt8]
        do throws(ACPError) {
            json = try StoredSession(session).beginning()
        } catch {
            throw StorageError(.refused, "session \(id) cannot be stored: \(error.message)", cause: error)
        }
        let words: [RedisArgument] = [
            version.map { .number($0) } ?? .text(""), .number(milliseconds), .bytes(json),
        ]
        // Not to be repeated by itself: the second attempt would find the version of the first.
        let reply = try await link.send(
            .script(RedisScripts.saveSession, keys: keys.allOfSession(id), words, isIdempotent: false), task)
        guard let answer = reply.array, answer.count == 2, let outcome = answer[0].string, let found = answer[1].int
        else { throw task.corrupt("the script's answer is not what was expected") }
        switch outcome {
        case "OK": return found
        case "CONFLICT":
            throw StorageError(
                .conflict,
                "session \(id) has version \(found) where \(version ?? 0) was expected: read it again")
        default: throw task.corrupt(#"it does not end with its version, ,"version":N}"#)
        }
    }

    /// Appends blocks to a session's history, in order, each once: one round trip.
    public func append(_ blocks: [HistoryBlock], to session: SessionID) async throws {
        let task = RedisTask.writing("Appending to the history of session \(session)", at: keys.history(session))
        var words: [RedisArgument] = [.number(milliseconds), .number(blocks.count)]
        for block in blocks { words += try self.words(of: block) }
        _ = try await link.send(
            .script(RedisScripts.appendHistory, keys: keys.allOfSession(session), words, isIdempotent: true), task)
    }

    /// A block as the scripts take it.
    func words(of block: HistoryBlock) throws(StorageError) -> [RedisArgument] {
        var words: [RedisArgument] = [
            .text(block.key), .number(block.entries.count), .number(block.contents.count),
        ]
        for entry in block.entries { words.append(.bytes(try encode(entry, "an entry of a session's history"))) }
        return words + block.contents.words
    }

    /// One page of a session's history, oldest first, and how many entries there are in all: one round trip.
    public func history(of session: SessionID, from offset: Int, limit: Int?) async throws -> Page<HistoryEntry> {
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
        let replies = try await link.sendEach(requests, task)
        guard let total = replies.last?.int else { throw task.corrupt("it is no list") }
        guard replies.count == 2 else { return Page(items: [], total: total) }
        var entries: [HistoryEntry] = []
        for (position, value) in (replies[0].array ?? []).enumerated() {
            do throws(ACPError) {
                entries.append(try ACPJSON.decode(HistoryEntry.self, from: value.bytes ?? []))
            } catch {
                throw task.corrupt("its element \(start + position): \(error.message)", cause: error)
            }
        }
        return Page(items: entries, total: total)
    }

    /// Deletes a session with its history. Its runs stay.
    @discardableResult
    public func delete(_ session: SessionID) async throws -> Bool {
        let task = RedisTask.writing("Deleting session \(session)", at: keys.session(session))
        let names = keys.allOfSession(session).map { RedisArgument.text($0) }
        return (try await link.send(RedisRequest("UNLINK", names), task).int ?? 0) > 0
    }
}
