// SPDX-License-Identifier: Apache-2.0

import ACPCore
import ACPStorage
import Testing

@testable import ACPRuntime

@Suite("Bytes of followers", .timeLimit(.minutes(5)))
struct FollowBytesTests {
    private static func text(_ size: Int) -> String { String(repeating: "x", count: size) }

    /// A run that has sent parts of these sizes, and has ended.
    private func endedRun(_ sizes: [Int], in engine: RunEngine) async throws -> RunID {
        try engine.agents.addAgent("writer") { context in
            for size in sizes { try await context.yield(.text(Self.text(size))) }
        }
        let id = try await engine.call("writer").id
        // While it is executed here, its newest events are in memory.
        try await eventually("the run is over") { engine.execution(of: id) == nil }
        return id
    }

    @Test("A batch stays within the byte limit, unless it is a single event", arguments: [true, false])
    func batches(isLive: Bool) async throws {
        let engine = makeEngine()
        let (said, end) = (Latch(), Latch())
        let sizes = Array(repeating: 60_000, count: 12) + [RunLog.recentBytes / 2] + Array(repeating: 50, count: 400)
        try engine.agents.addAgent("writer") { context in
            for size in sizes { try await context.yield(.text(Self.text(size))) }
            said.open()
            await end.wait()
        }
        let id = try await engine.start("writer")
        await said.wait()
        if !isLive {
            end.open()
            _ = try await engine.settledRun(id, after: 0)
        } else {
            try await eventually("all is stored") { try await engine.storage.eventCount(of: id) == sizes.count + 3 }
        }
        var next = 0
        var largest = 0
        for try await batch in engine.follow(id) {
            #expect(batch.offset == next)
            next += batch.events.count
            let bytes = batch.events.reduce(0) { $0 + $1.json.count }
            #expect(bytes <= RunEvents.batchBytes || batch.events.count == 1)
            largest = max(largest, bytes)
            if next >= sizes.count + 3 { end.open() }
        }
        #expect(next >= sizes.count + 5)
        #expect(largest > RunLog.recentBytes / 2)
    }

    @Test("The newest events are returned within the byte limit as well")
    func logReading() throws {
        var log = RunLog()
        let events = try (0..<10).map { _ in try EncodedEvent(.generic(.string(Self.text(1_000)))) }
        log.append(events)
        _ = log.nextBatch()
        log.batchCommitted()
        let size = events[0].json.count
        func count(_ index: Int, _ bytes: Int) -> Int? {
            if case .events(let events) = log.read(from: index, bytes: bytes) { events.count } else { nil }
        }
        #expect(count(0, 3 * size) == 3)
        #expect(count(4, 3 * size - 1) == 2)
        #expect(count(0, 1) == 1)
        #expect(count(8, .max) == 2)
        #expect(count(0, .max) == 10)
        #expect(count(10, 1) == nil)
    }

    @Test("Readers of one run share what is read from storage")
    func shared() async throws {
        let storage = ScriptedStorage()
        let engine = makeEngine(storage)
        let id = try await endedRun(Array(repeating: 10_000, count: 60), in: engine)
        let begin = storage.record.eventReads.count
        _ = try await engine.followed(id)
        let reads = storage.record.eventReads.count - begin
        #expect(reads > 2)
        engine.pages.forget(id)
        try await withThrowingTaskGroup(of: Int.self) { group in
            for _ in 0..<50 { group.addTask { try await engine.followed(id).count } }
            for try await count in group { #expect(count == 65) }
        }
        #expect(storage.record.eventReads.count - begin == 2 * reads, "as many as for one reader")
    }

    @Test("A reader that does not advance shares its events with readers that reach the same position")
    func stalled() async throws {
        let storage = ScriptedStorage()
        let engine = makeEngine(storage)
        // Too large to be kept for later readers.
        let id = try await endedRun([EventPages.recentBytes + 1_000], in: engine)
        var stalled = engine.follow(id, from: 3).makeAsyncIterator()
        let held = try await stalled.next()
        #expect(held?.events.count == 1)
        let reads = storage.record.contentReads.count
        for _ in 0..<10 {
            var iterator = engine.follow(id, from: 3).makeAsyncIterator()
            #expect(try await iterator.next()?.events == held?.events)
        }
        #expect(storage.record.contentReads.count == reads)
        try await engine.deleteRun(id)
        var iterator = engine.follow(id, from: 3).makeAsyncIterator()
        await #expect(throws: RunEngineError.self) { try await iterator.next() }
        #expect(held?.events.first?.kind == .messagePart)
    }

    @Test("A reader that starts at another position uses what others have read")
    func overlapping() async throws {
        let storage = ScriptedStorage()
        let engine = makeEngine(storage)
        let id = try await endedRun(Array(repeating: 10, count: 200), in: engine)
        _ = try await engine.followed(id)
        let reads = storage.record.eventReads.count
        for offset in [1, 7, 50, 199, 204] {
            let events = try await engine.followed(id, from: offset)
            #expect(events.count == 205 - offset)
        }
        #expect(storage.record.eventReads.count == reads)
    }

    @Test("A failing storage fails all readers of a page, and the next reader tries again")
    func failure() async throws {
        let storage = ScriptedStorage()
        let engine = makeEngine(storage)
        let id = try await endedRun([2_000_000], in: engine)
        engine.pages.forget(id)
        storage.onContentRead { throw StorageError(.timedOut, "no answer") }
        await withTaskGroup(of: String.self) { group in
            for _ in 0..<10 {
                group.addTask { await refusal { _ = try await engine.followed(id, from: 3) } ?? "nothing" }
            }
            for await reason in group { #expect(reason == "storage: timedOut") }
        }
        storage.onContentRead(nil)
        #expect(try await engine.followed(id, from: 3).count == 3)
    }

    @Test("A handler reads a long history of large messages in parts that fit into memory")
    func history() async throws {
        let storage = ScriptedStorage()
        let engine = makeEngine(storage)
        let messages = (0..<20).map { Message(Self.text(300_000 + $0)) }
        try await engine.storage.append(
            [HistoryBlock(key: "k", entries: messages.map(HistoryEntry.message))], to: "s")
        try engine.agents.addAgent("reader") { context in
            let history = try await context.session.history()
            return "\(history.count) \(history == messages)"
        }
        #expect(try await engine.call("reader", session: "s").text == "20 true")
        #expect(storage.record.contentReads.allSatisfy { $0.bytes < 1_100_000 })
    }
}
