// SPDX-License-Identifier: Apache-2.0

import ACPCore
import Testing

@testable import ACPStorage

@Suite("Byte limit of memory storage")
struct MemoryBytesTests {
    private static let limit = 1_048_576
    private let storage = MemoryStorage(.init(byteLimit: limit), now: { .now })
    private let owner = RunOwner(process: ProcessID())
    private static let large = String(repeating: "x", count: 100_000)

    private var bytes: Int {
        (storage.footprint["bytes of runs"] ?? 0) + (storage.footprint["bytes of sessions"] ?? 0)
    }

    private func commit(
        _ run: Run, expecting: Int = 0, snapshot: Bool = true, contents: [StoredContent] = [],
        history: HistoryAppend? = nil
    ) throws -> RunCommit {
        RunCommit(
            run: run.id, expecting: expecting, events: [try EncodedEvent(.generic(.string(Self.large)))],
            snapshot: snapshot ? try RunSnapshot(run, eventCount: expecting + 1) : nil, owner: owner,
            contents: contents, history: history)
    }

    @Test("New runs evict as many ended runs as necessary, the oldest first")
    func endedRunsGo() throws {
        let runs = (0..<30).map { _ in Run(agentName: "a", sessionID: "s", status: .completed) }
        for run in runs {
            try storage.commit(try commit(run))
            #expect(bytes <= Self.limit)
        }
        let kept = runs.suffix(10)
        #expect(try storage.runs(RunQuery(limit: 100)).total == kept.count)
        for run in kept { #expect(try storage.record(of: run.id) != nil) }
    }

    @Test("Events, snapshots, inputs, contents, histories and states count", arguments: 0..<6)
    func everythingCounts(_ kind: Int) throws {
        var run = Run(agentName: "a", sessionID: "s", status: .completed)
        let content = StoredContent(
            digest: ContentDigest(hash: Array(repeating: 7, count: 32)), bytes: Array(Self.large.utf8))
        let message = Message(Self.large)
        var commit = RunCommit(run: run.id, expecting: 0, events: [], snapshot: nil, owner: owner)
        switch kind {
        case 0: commit.events = [try EncodedEvent(.generic(.string(Self.large)))]
        case 1: run.output = [message]
        case 2: commit.input = try Encoded([message], as: "the input")
        case 3: commit.contents = [content]
        case 4: commit.history = HistoryAppend(try HistoryBlock(key: "b", entries: [.message(message)]), to: "s")
        default:
            try storage.save(
                SessionRecord(id: "s", state: SessionState(bytes: Array(Self.large.utf8))), expecting: nil)
        }
        commit.snapshot = try RunSnapshot(run, eventCount: commit.events.count)
        try storage.commit(commit)
        #expect((100_000..<110_000).contains(bytes))
        try storage.deleteRun(run.id)
        try storage.deleteSession("s" as SessionID)
        #expect(bytes == 0)
    }

    @Test("Many small parts count with the size of their JSON")
    func smallParts() throws {
        let run = Run(agentName: "a", output: [Message(parts: Array(repeating: .text("x"), count: 1_000))])
        try storage.save(run)
        #expect(try bytes > 1_000 * ACPJSON.encode(MessagePart.text("x")).count)
    }

    @Test("A write for which unfinished runs leave no room is refused as full, and stores nothing")
    func full() throws {
        let session = SessionID("s")
        let ended = Run(agentName: "a", status: .completed)
        try storage.commit(try commit(ended))
        var created: [Run] = []
        let refusal = #expect(throws: StorageError.self) {
            for _ in 0..<30 {
                let run = Run(agentName: "a", status: .inProgress)
                let block = try HistoryBlock(key: "\(run.id)", entries: [.message("hello")])
                try storage.commit(try commit(run, history: HistoryAppend(block, to: session)))
                created.append(run)
            }
        }
        #expect(refusal?.code == .full)
        #expect(refusal?.message.contains("byteLimit") == true)
        #expect(try storage.record(of: ended.id) == nil, "it made room")
        #expect((8...10).contains(created.count))
        #expect(try storage.storedHistory(of: session, from: 0, limit: 0).total == created.count)
        let before = storage.footprint
        let first = try #require(created.first)
        let append = try commit(first, expecting: 1, snapshot: false)
        #expect(throws: StorageError.self) { try storage.commit(append) }
        #expect(throws: StorageError.self) {
            try storage.append(.generic(.string(Self.large)), to: first.id)
        }
        #expect(storage.footprint == before)
        #expect(try storage.eventCount(of: first.id) == 1)
        try storage.deleteRun(created[1].id)
        try storage.commit(append)
        #expect(try storage.eventCount(of: first.id) == 2, "there is room again")
    }

    @Test("A write that cannot succeed evicts nothing")
    func nothingGoesInVain() throws {
        let ended = Run(agentName: "a", status: .completed)
        try storage.commit(try commit(ended))
        let tooLarge = Run(agentName: "a", output: [Message(String(repeating: "x", count: 2 * Self.limit))])
        #expect(throws: StorageError.self) { try storage.save(tooLarge) }
        let fenced = RunCommit(
            run: ended.id, expecting: 1,
            events: try (0..<10).map { _ in try EncodedEvent(.generic(.string(Self.large))) }, snapshot: nil,
            owner: RunOwner(process: ProcessID()))
        #expect(throws: StorageError.self) { try storage.commit(fenced) }
        #expect(try storage.record(of: ended.id) != nil)
        #expect(try storage.runs(RunQuery()).total == 1)
    }

    @Test("The commit that ends a run is accepted without room, and that run is evicted next")
    func endsAreAccepted() throws {
        var runs: [Run] = []
        while bytes < Self.limit - 150_000 {
            runs.append(Run(agentName: "a", status: .inProgress))
            try storage.commit(try commit(runs[runs.count - 1]))
        }
        for run in runs.prefix(2) {
            var ended = run
            ended.status = .completed
            ended.output = [Message(Self.large)]
            try storage.commit(try commit(ended, expecting: 1))
            #expect(try storage.record(of: run.id)?.snapshot.status == .completed)
        }
        #expect(try storage.record(of: runs[0].id) == nil)
        #expect(try storage.eventCount(of: runs[2].id) == 1)
    }

    @Test("Sessions and ended runs are evicted in the order of their last use")
    func sessionsGo() throws {
        let clock = ManualClock()
        let storage = MemoryStorage(.init(byteLimit: Self.limit), now: clock.now)
        let run = Run(agentName: "a", status: .completed)
        func block(_ key: String) throws -> [HistoryBlock] {
            [try HistoryBlock(key: key, entries: [.message(Message(Self.large))])]
        }
        try storage.append(block("1"), to: "old")
        clock.advance(by: .seconds(1))
        try storage.commit(try commit(run))
        clock.advance(by: .seconds(1))
        for key in 0..<8 {
            try storage.append(block("\(key)"), to: "new")
            clock.advance(by: .seconds(1))
        }
        #expect(try storage.storedHistory(of: "old", from: 0, limit: 0).total == 1)
        try storage.append(block("8"), to: "new")
        #expect(try storage.storedHistory(of: "old", from: 0, limit: 0).total == 0)
        #expect(try storage.record(of: run.id) != nil)
        try storage.append(block("9"), to: "new")
        #expect(try storage.record(of: run.id) == nil)
        #expect(throws: StorageError.self) { try storage.append(block("10"), to: "new") }
        #expect(try storage.storedHistory(of: "new", from: 0, limit: 0).total == 10)
        #expect(throws: StorageError.self) {
            try storage.save(
                SessionRecord(id: "new", state: SessionState(bytes: Array(Self.large.utf8))), expecting: nil)
        }
    }

    @Test("The default limit is a share of the available memory")
    func defaultLimit() {
        let configuration = MemoryStorage.Configuration()
        #expect(configuration.byteLimit == MemoryStorage.Configuration.defaultByteLimit)
        #expect(configuration.byteLimit >= 65_536)
    }
}
