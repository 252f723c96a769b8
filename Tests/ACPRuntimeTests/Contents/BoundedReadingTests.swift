// SPDX-License-Identifier: Apache-2.0

import ACPCore
import ACPStorage
import Testing

@testable import ACPRuntime

@Suite("Reading within a number of bytes")
struct BoundedReadingTests {
    private let scripted = ScriptedStorage()
    private let storage: ContentStorage
    private let run = Run(agentName: "a", sessionID: "s", status: .completed)

    init() { storage = ContentStorage(scripted, limit: 1_000) }

    private func commit(_ run: Run, _ events: [Event]) async throws {
        try await storage.commit(
            RunCommit(
                run: run.id, expecting: 0, events: try events.map { try EncodedEvent($0) },
                snapshot: try RunSnapshot(run, eventCount: events.count), owner: RunOwner(process: ProcessID())))
    }

    private var readBytes: Int { scripted.record.contentReads.reduce(0) { $0 + $1.bytes } }

    @Test("Events end at the byte limit, and only their contents are read")
    func events() async throws {
        let events = (0..<6).map { Event.messagePart(.text(content(5_000, $0))) }
        try await commit(run, events)
        let all = try await storage.events(of: run.id)
        let size = try EncodedEvent(all[0]).json.count
        let before = readBytes
        let some = try await storage.events(of: run.id, from: 1, limit: 100, bytes: 2 * size + size / 2)
        #expect(try some.map { try $0.decode() } == Array(all[1..<3]))
        #expect(readBytes - before < 3 * size)
        #expect(try await storage.events(of: run.id, from: 5, limit: 100, bytes: 1).count == 1, "at least one")
        #expect(try await storage.events(of: run.id, from: 6, limit: 100, bytes: 1).isEmpty)
        #expect(try await storage.events(of: run.id, from: 0, limit: 2, bytes: .max).count == 2)
    }

    @Test("A page of a history ends at the byte limit, and has the number of all entries")
    func history() async throws {
        let messages = (0..<6).map { Message(content(5_000, $0)) }
        try await storage.append([HistoryBlock(key: "k", entries: messages.map(HistoryEntry.message))], to: "s")
        let page = try await storage.history(of: "s", from: 1, limit: 100, bytes: 20_000)
        #expect(page.items == messages[1..<3].map(HistoryEntry.message))
        #expect(page.total == 6)
        #expect(scripted.record.contentReads.map(\.count) == [2])
        #expect(try await storage.history(of: "s", from: 5, limit: 100, bytes: 1).items.count == 1)
    }

    @Test("A list of runs has URLs in place of large contents, and reads none of them")
    func listing() async throws {
        var run = run
        let binary = MessagePart.data(Array(repeating: 7, count: 3_000), contentType: "image/png")
        run.output = [
            Message(parts: [.text(content(5_000)), binary, .text("small"), MessagePart(contentURL: "acp-content:x")])
        ]
        try await commit(run, [.runCompleted(run)])
        let listed = Shared<[ListedContent]>([])
        let page = try await storage.listedRuns(RunQuery()) { content in
            listed.change { $0.append(content) }
            return "https://a.example/\(content.digest)"
        }
        #expect(scripted.record.contentReads.isEmpty)
        let parts = try #require(page.items.first?.output.first?.parts)
        #expect(listed.value.map(\.encoding) == [.plain, .base64])
        #expect(parts[0].content == nil && parts[0].contentURL == "https://a.example/\(listed.value[0].digest)")
        #expect(parts[1].content == nil && parts[1].contentEncoding == .plain)
        #expect(parts[1].contentType == "image/png")
        #expect(parts[2] == .text("small"))
        #expect(parts[3].contentURL == "acp-content:x", "a caller's URL")
        #expect(try await storage.content(listed.value[0].digest, of: run.id) == content(5_000))
        #expect(try await storage.content(listed.value[1].digest, of: run.id) == binary.content)
        #expect(try await storage.content(listed.value[1].digest, of: RunID()) == nil)
        #expect(try await storage.runs(RunQuery()).items == [run], "the storage itself omits nothing")
    }

    @Test("Chunks are small at first, at most double, and shrink if items are large")
    func chunks() {
        var size = ChunkSize(first: 4, limit: 100)
        #expect(size.count == 4)
        size.note(items: 4, bytes: 40, wanted: 10_000)
        #expect(size.count == 8)
        size.note(items: 8, bytes: 80_000, wanted: 50_000)
        #expect(size.count == 5)
        size.note(items: 1, bytes: 1_000_000, wanted: 50_000)
        #expect(size.count == 1)
        for _ in 0..<10 { size.note(items: 1, bytes: 1, wanted: 50_000) }
        #expect(size.count == 100)
        size.note(items: 0, bytes: 0, wanted: 0)
        #expect(size.count == 100)
    }
}
