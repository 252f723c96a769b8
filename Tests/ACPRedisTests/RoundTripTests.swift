// SPDX-License-Identifier: Apache-2.0

import ACPCore
import ACPStorage
import NIOCore
import Redis
import RedisTestSupport
import Synchronization
import Testing

@testable import ACPRedis

@Suite("Costs of operations")
struct RoundTripTests {
    /// Counts the writes, commands and bytes that are sent to a client.
    final class Counter: RedisStorageClient {
        let client: RedisClient
        let counts = Mutex((writes: 0, commands: 0, bytes: 0))

        init(_ client: RedisClient) { self.client = client }

        func execute(_ requests: [RedisRequest]) async throws -> [Result<RESPValue, RedisError>] {
            counts.withLock { counts in
                counts.writes += 1
                counts.commands += requests.count
                for request in requests { counts.bytes += request.words.reduce(0) { $0 + $1.bytes.count } }
            }
            return try await client.execute(requests)
        }

        func events(on channel: String) async throws -> any AsyncSequence<RedisSubscriptionEvent, any Error> & Sendable
        {
            try await client.events(on: channel)
        }

        func cost(_ step: () async throws -> Void) async throws -> (writes: Int, commands: Int, bytes: Int) {
            counts.withLock { $0 = (0, 0, 0) }
            try await step()
            return counts.withLock { $0 }
        }
    }

    @Test("Each operation sends the expected commands, counted by the server")
    func commands() async throws {
        let server = try await RedisTestServer.start()
        let storage = try RedisStorage(url: server.url)
        let monitor = try await RedisMonitor(server)
        // The first ping reads the server's settings.
        _ = try await storage.ping()
        // Scripts are sent in full once; afterwards by their digest.
        var warm = try await Writer.create(storage)
        try await warm.write([part(1)])

        func expect(_ expected: [String], _ what: String, _ step: () async throws -> Void) async throws {
            var found = try await monitor.commands(step)
            for index in found.indices where found[index] == "EVALSHA" { found[index] = "EVAL" }
            #expect(found == expected, "\(what)")
        }
        var writer = Writer(storage)
        try await expect(["EVAL"], "creation") {
            try await storage.commit(try writer.next([.runCreated(writer.run)], snapshot: true, input: ["hello"]))
        }
        try await expect(["EVAL"], "a commit") { try await writer.write([part(1), part(2)]) }
        try await expect(["EVAL"], "a commit with a snapshot") { try await writer.write([part(3)], snapshot: true) }
        try await expect(["EVAL"], "a change of status") { try await writer.become(.inProgress) }
        let id = writer.run.id
        try await expect(["EVAL"], "record") { _ = try await storage.record(of: id) }
        try await expect(["GET"], "input") { _ = try await storage.input(of: id) }
        try await expect(["LRANGE"], "events") { _ = try await storage.events(of: id, from: 1, limit: 10) }
        try await expect(["LLEN"], "eventCount") { _ = try await storage.eventCount(of: id) }
        try await expect(["EVAL", "EVAL", "EVAL"], "a list of two runs") { _ = try await storage.runs(RunQuery()) }
        // The first listing by status compares the numbers of entries.
        _ = try await storage.runs(RunStatusQuery(agent: agent))
        try await expect(["EVAL", "EVAL", "EVAL"], "a list of two runs by status") {
            _ = try await storage.runs(RunStatusQuery(agent: agent))
        }
        try await expect(["EVAL", "GET"], "runs(ownedBy:)") {
            _ = try await storage.runs(ownedBy: writer.owner.process, limit: 10)
        }
        let heir = RunOwner(process: ProcessID())
        try await expect(["EVAL", "EVAL"], "claim") { _ = try await storage.claim(id, for: heir, from: writer.owner) }
        try await expect(["EVAL"], "append") { try await storage.append(part(4), to: id) }
        try await expect(["EVAL", "EVAL"], "save") { try await storage.save(writer.run) }
        let session = SessionID()
        try await expect(["EVAL"], "append blocks") { try await storage.append([block("1"), block("2")], to: session) }
        try await expect(["EVAL"], "save session") { try await storage.save(SessionRecord(id: session), expecting: 0) }
        try await expect(["GET"], "session") { _ = try await storage.session(session) }
        try await expect(["LRANGE", "LLEN"], "history") {
            _ = try await storage.history(of: session, from: 0, limit: nil)
        }
        try await expect(["UNLINK"], "delete session") { try await storage.deleteSession(session) }
        try await expect(["EVAL", "EVAL"], "delete run") { try await storage.deleteRun(id) }
        let coordination = storage.coordination
        try await expect(["EVAL"], "heartbeat") {
            try await coordination.heartbeat(of: heir.process, timeToLive: .seconds(15))
        }
        try await expect(["EVAL"], "liveProcesses") { _ = try await coordination.liveProcesses() }
        try await expect(["EVAL"], "send") { try await coordination.send(.cancel, to: id) }
        try await expect(["HGETALL"], "signals") { _ = try await coordination.signals(to: id) }
        try await expect(["UNLINK"], "forgetSignals") { try await coordination.forgetSignals(to: id) }
        try await expect(["EVAL"], "lostProcesses") { _ = try await coordination.lostProcesses() }
        try await expect(["EVAL"], "enqueue") { _ = try await coordination.enqueue(id, in: session) }
        try await expect(["EVAL"], "dequeue") { try await coordination.dequeue(id, from: session) }
        try await expect(["EVAL", "UNLINK"], "leave as the last one") { try await coordination.leave(heir.process) }
        try await expect(["EVAL"], "forget") { try await coordination.forget(heir.process) }
        await monitor.close()
        await storage.close()
    }

    @Test("Appending sends as many bytes at event 10 as at event 100,000, except for the digits of the count")
    func bytesOfAppending() async throws {
        let server = try await RedisTestServer.start()
        let client = try RedisClient(url: server.url)
        let counter = Counter(client)
        let storage = try RedisStorage(client: counter)
        var writer = try await Writer.create(storage)
        try await writer.write((1..<10).map(part))
        let same = Event.messagePart(.text("the same"))
        let early = try await counter.cost { try await writer.write([same]) }
        for start in stride(from: 11, to: 100_001, by: 5_000) {
            try await writer.write((start..<min(start + 5_000, 100_001)).map(part))
        }
        let before = writer.events.count
        let late = try await counter.cost { try await writer.write([same]) }
        #expect(before >= 100_000)
        #expect(late.writes == 1)
        #expect(late.commands == 1)
        #expect(late.bytes - early.bytes == "\(before)".count - "10".count)
        #expect(try await storage.eventCount(of: writer.run.id) == before + 1)
        await storage.close()
        await client.close()
    }

    @Test("Ten thousand events in one commit are stored, each once and in order")
    func manyEventsAtOnce() async throws {
        let server = try await RedisTestServer.start()
        let storage = try RedisStorage(url: server.url)
        var writer = try await Writer.create(storage)
        try await writer.write((0..<10_000).map(part), snapshot: true)
        try await writer.write((0..<9_999).map(part))
        #expect(try await writer.isStored())
        let session = SessionID()
        let entries = (0..<10_000).map { HistoryEntry.link("https://example.com/\($0)") }
        try await storage.append([HistoryBlock(key: "all", entries: entries)], to: session)
        #expect(try await storage.history(of: session) == entries)
        await storage.close()
    }
}
