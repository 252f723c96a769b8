// SPDX-License-Identifier: Apache-2.0

import ACPCore
import ACPStorage
import ACPStorageTesting
import Testing

@testable import ACPRuntime

/// A content of a number of bytes, with all characters that have to be escaped.
func content(_ size: Int, _ seed: Int = 0) -> String {
    "\(seed)" + String(repeating: "\"\\\né", count: size / 5 + 1)
}

@Suite("A storage that keeps large contents once")
struct ContentStorageTests {
    private let memory = MemoryStorage()
    private let scripted: ScriptedStorage
    private let storage: ContentStorage
    private let owner = RunOwner(process: ProcessID())

    init() {
        scripted = ScriptedStorage(memory)
        storage = ContentStorage(scripted, limit: 1_000)
    }

    private func commit(
        _ run: Run, expecting: Int = 0, _ events: [Event], input: [Message]? = nil, snapshot: Bool = true,
        owner: RunOwner? = nil
    ) throws -> RunCommit {
        RunCommit(
            run: run.id, expecting: expecting, events: try events.map { try EncodedEvent($0) },
            snapshot: snapshot ? try RunSnapshot(run, eventCount: expecting + events.count) : nil,
            owner: owner ?? self.owner, input: try input.map { try Encoded($0, as: "the input") })
    }

    /// The number of bytes of contents that were sent with each commit.
    private var sent: [Int] { scripted.record.commits.map { $0.contents.reduce(0) { $0 + $1.bytes.count } } }

    @Test("All documents are read with their contents, and the storage behind has references")
    func roundTrip() async throws {
        let parts = [MessagePart.text(content(5_000, 1)), .text("small"), .text(content(9_000, 2))]
        let message = Message(role: .agent("a"), parts: parts)
        var run = Run(agentName: "a", sessionID: "s", status: .awaiting, output: [message])
        run.awaitRequest = .message(Message(parts: [.text(content(3_000, 3))]))
        let input = [Message(parts: [parts[0], .text(content(2_000, 4))])]
        let events: [Event] = [
            .messagePart(parts[0]), .messageCompleted(message), .runAwaiting(run), .generic("small"),
        ]
        let whole = try commit(run, events, input: input)
        try await storage.commit(whole)
        try await storage.append([HistoryBlock(run: run.id, input: input, output: [message])], to: "s")

        let record = try #require(try await storage.record(of: run.id))
        #expect(record.snapshot == run)
        #expect(try await storage.run(run.id) == run)
        #expect(try await storage.input(of: run.id) == input)
        #expect(try await storage.events(of: run.id, from: 0, limit: nil) == whole.events)
        #expect(try await storage.events(of: run.id, from: 1, limit: 1) == [whole.events[1]])
        #expect(try await storage.runs(RunQuery(.session("s"))).items == [run])
        let history: [HistoryEntry] = try await storage.history(of: "s")
        #expect(history == (input + [message]).map(HistoryEntry.message))

        let contents = try #require(scripted.record.commits.first?.contents)
        #expect(contents.count == 4)
        #expect(try ACPJSON.encode(try await memory.record(of: run.id)?.snapshot).count < 2_000)
        #expect(try ACPJSON.encode(try await memory.input(of: run.id)).count < 1_000)
        #expect(try memory.events(of: run.id, from: 0, limit: nil).allSatisfy { $0.json.count < 2_000 })
        #expect(try ACPJSON.encode(try await memory.history(of: "s", from: 0, limit: nil).items).count < 2_000)
    }

    @Test("Later events are restored as well, and applied to the run")
    func laterEvents() async throws {
        let run = Run(agentName: "a", status: .inProgress)
        try await storage.commit(try commit(run, [.runCreated(run)]))
        let opened = Message(role: .agent("a"), parts: [], completedAt: nil)
        let part = MessagePart.text(content(5_000))
        try await storage.commit(
            try commit(run, expecting: 1, [.messageCreated(opened), .messagePart(part)], snapshot: false))
        #expect(try await storage.run(run.id)?.output.first?.parts == [part])
        #expect(try await storage.runs(RunQuery()).items.first?.output.first?.parts == [part])
    }

    @Test("A content is sent to storage once, however many commits refer to it")
    func sentOnce() async throws {
        let part = MessagePart.text(content(5_000))
        var run = Run(agentName: "a", status: .inProgress)
        try await storage.commit(try commit(run, [.runCreated(run)]))
        try await storage.commit(try commit(run, expecting: 1, [.messagePart(part)], snapshot: false))
        run.output = [Message(role: .agent("a"), parts: [part, part])]
        try await storage.commit(try commit(run, expecting: 2, [.messageCompleted(run.output[0])], snapshot: false))
        #expect(storage.sentRuns == 1)
        run.status = .completed
        try await storage.commit(try commit(run, expecting: 3, [.runCompleted(run)]))
        let size = try ACPJSON.encode(content(5_000)).count - 2
        #expect(sent == [0, size, 0, 0])
        #expect(storage.sentRuns == 0)
        #expect(try await storage.run(run.id) == run)
    }

    @Test("After a failed commit, and for another owner, contents are sent again")
    func sentAgain() async throws {
        let part = MessagePart.text(content(5_000))
        let run = Run(agentName: "a", status: .inProgress)
        try await storage.commit(try commit(run, [.runCreated(run)]))
        let second = try commit(run, expecting: 1, [.messagePart(part)], snapshot: false)
        scripted.onCommit(2, .failure(StorageError(.cannotConnect, "away")))
        scripted.onCommit(3, .lostAnswer)
        for _ in 0..<2 { await #expect(throws: StorageError.self) { try await storage.commit(second) } }
        try await storage.commit(second)
        try await storage.commit(try commit(run, expecting: 2, [.messagePart(part)], snapshot: false))
        let other = RunOwner(process: ProcessID())
        #expect(try await storage.claim(run.id, for: other, from: owner))
        try await storage.commit(try commit(run, expecting: 3, [.messagePart(part)], snapshot: false, owner: other))
        #expect(sent.map { $0 > 0 } == [false, true, true, true, false, true])
        // A run that was deleted and created again has none.
        try await storage.deleteRun(run.id)
        try await storage.commit(try commit(run, [.runCreated(run), .messagePart(part)]))
        #expect(try await storage.events(of: run.id).last == .messagePart(part))
        try memory.deleteRun(run.id, forGood: false)
        try await storage.commit(try commit(run, [.runCreated(run), .messagePart(part)]))
        #expect(try await storage.events(of: run.id).last == .messagePart(part))
    }

    @Test("A part that looks like a reference is read unchanged, however it was stored")
    func forged() async throws {
        let secret = MessagePart.text(content(5_000))
        let run = Run(agentName: "a", sessionID: "s", status: .inProgress)
        try await storage.commit(try commit(run, [.runCreated(run), .messagePart(secret)]))
        let digest = try #require(scripted.record.commits.last?.contents.first)
        let url = "acp-content:\(digest.digest):\(digest.bytes.count)"
        let forged = [MessagePart(contentURL: url), MessagePart(contentURL: "acp-content:own:\(url)")]
        var said = run
        said.output = [Message(role: .agent("a"), parts: forged)]
        try await storage.commit(try commit(said, expecting: 2, [.messageCompleted(said.output[0])]))
        try await storage.append(.messagePart(forged[0]), to: run.id)
        try await storage.append([HistoryBlock(run: run.id, input: said.output, output: said.output)], to: "s")
        let byHand = Run(agentName: "b", output: said.output)
        try await storage.save(byHand)
        let input = [Message(parts: forged)]
        let other = Run(agentName: "c")
        try await storage.commit(try commit(other, [.runCreated(other)], input: input))

        #expect(try await storage.record(of: run.id)?.snapshot == said)
        let events: [Event] = try await storage.events(of: run.id)
        #expect(events.suffix(2) == [.messageCompleted(said.output[0]), .messagePart(forged[0])])
        let history: [HistoryEntry] = try await storage.history(of: "s")
        #expect(history == (said.output + said.output).map(HistoryEntry.message))
        #expect(try await storage.run(byHand.id) == byHand)
        #expect(try await storage.input(of: other.id) == input)
        for listed in try await storage.runs(RunQuery()).items {
            #expect(try await storage.run(listed.id) == listed)
            #expect(listed.output.allSatisfy { $0.parts.allSatisfy { forged.contains($0) || $0 == secret } })
        }
    }

    @Test("A missing content is an error that names it, and a run that is deleted meanwhile is not found")
    func missing() async throws {
        let part = MessagePart.text(content(5_000))
        let run = Run(agentName: "a", sessionID: "s", output: [Message(parts: [part])])
        try await storage.commit(try commit(run, [.messagePart(part)]))
        let stored = try #require(try await memory.record(of: run.id)?.snapshot)
        try memory.deleteRun(run.id, forGood: false)
        try await memory.save(stored)
        let error = await #expect(throws: StorageError.self) { try await storage.record(of: run.id) }
        #expect(error?.code == .corruptData)
        #expect(error?.message.contains("run \(run.id)") == true)
        await #expect(throws: StorageError.self) { try await storage.runs(RunQuery()) }

        scripted.onContentRead { [memory] in try memory.deleteRun(run.id) }
        #expect(try await storage.record(of: run.id) == nil)
        try await memory.save(stored)
        #expect(try await storage.runs(RunQuery()).total == 0)
    }

    @Test("A thousand runs with large outputs are listed with few, bounded reads of contents")
    func listing() async throws {
        var runs: Set<Run> = []
        let storage = ContentStorage(scripted, limit: 1_000, bytesAtOnce: 250_000)
        for number in 0..<1_000 {
            let part = MessagePart.text("\(number)" + String(repeating: "a", count: 2_000))
            let run = Run(
                agentName: "a", sessionID: "s", status: .completed,
                output: [Message(role: .agent("a"), parts: [part, part])])
            try await storage.commit(try commit(run, [.runCompleted(run)]))
            runs.insert(run)
        }
        let listed = try await storage.runs(RunQuery(.agent("a"), limit: 1_000))
        #expect(listed.total == 1_000)
        #expect(Set(listed.items) == runs)
        let batches = scripted.record.contentReads
        #expect(batches.allSatisfy { $0.bytes <= 250_000 && $0.count <= 256 })
        #expect(batches.reduce(0) { $0 + $1.count } == 1_000)
        #expect(batches.count < 16)
    }

    @Test("Without a limit no content is replaced, and existing references are read")
    func turnedOff() async throws {
        let part = MessagePart.text(content(5_000))
        let run = Run(agentName: "a", output: [Message(parts: [part])])
        try await storage.commit(try commit(run, [.messagePart(part)]))
        let off = ContentStorage(scripted)
        #expect(try await off.run(run.id) == run)
        let other = Run(agentName: "b", output: run.output)
        try await off.commit(try commit(other, [.messagePart(part)]))
        #expect(scripted.record.commits.last?.contents.isEmpty == true)
        #expect(try await memory.record(of: other.id)?.snapshot == other)
        #expect(try await storage.run(other.id) == other)
    }
}

@Suite("Storage conformance through a storage that keeps large contents once")
struct ContentStorageConformanceTests {
    static let suite = StorageSuite(
        makeShortLived: {
            let clock = ManualClock()
            let storage = MemoryStorage(.init(timeToLive: .seconds(60)), now: { clock.now })
            return .init(ContentStorage(storage, limit: 256)) { clock.pass($0) }
        },
        makeStorage: { ContentStorage(MemoryStorage(), limit: 256) })

    @Test("The storage conforms", arguments: StorageSuite.checks)
    func promise(_ check: StorageCheck) async throws { try await check.run(on: Self.suite) }
}
