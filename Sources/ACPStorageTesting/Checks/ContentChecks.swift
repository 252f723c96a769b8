// SPDX-License-Identifier: Apache-2.0

import ACPCore
import ACPStorage

/// Contents, which live as long as the documents that refer to them.
enum ContentChecks {
    static let all = [
        StorageCheck("Contents are returned byte for byte, in the order of their keys", roundTrip),
        StorageCheck("A content belongs to the run or session with which it was stored, and to no other", owners),
        StorageCheck("A commit that is refused stores no content", refused),
        StorageCheck(
            "Storing contents again changes nothing, whether by a repeated or by another commit", again),
        StorageCheck("Contents are deleted with their run or their session, and not earlier", deletion),
        StorageCheck("A run that is created again has no contents", recreation),
        StorageCheck("A reader that finds an event finds the content that was stored with it", together),
    ]

    static func roundTrip(_ context: CheckContext) async throws {
        let storage = context.storage
        let (plain, binary) = (StoredContent(1, Array("plain".utf8)), StoredContent(2, Array(0...255) + [0, 0]))
        let large = StoredContent(3, (0..<300_000).map { UInt8(truncatingIfNeeded: $0 &* 31) })
        let empty = StoredContent(4, [])
        var writer = try await RunWriter.create(context.newRun(), on: storage, contents: [plain, binary])
        try await writer.write(context.parts(0..<2), contents: [large])
        try await writer.write([writer.run.becoming(.completed)], snapshot: true, contents: [empty])
        let run = ContentKey.Owner.run(writer.run.id)
        try await context.expectStored(writer)
        let all = [large, empty, plain, binary, plain]
        try await context.expectContents(all.map(\.digest), of: run, are: all.map(\.bytes))
        try await context.expectContents([.number(9), plain.digest], of: run, are: [nil, plain.bytes])

        let session = ContentKey.Owner.session(context.session)
        let blocks = [
            try HistoryBlock(key: "one", entries: [.message("one")], contents: [binary, large]),
            try HistoryBlock(key: "two", entries: [.message("two"), .message("three")], contents: []),
            try HistoryBlock(key: "three", entries: [], contents: [empty, binary]),
        ]
        try await storage.append(blocks, to: context.session)
        let history = try await storage.storedHistory(of: context.session, from: 0, limit: nil).items
        try context.expect("the history", history, is: blocks.flatMap(\.entries))
        try await context.expectContents(
            [large.digest, empty.digest, binary.digest], of: session, are: [large.bytes, empty.bytes, binary.bytes])
        let both = try await storage.contents([
            ContentKey(session, large.digest), ContentKey(run, plain.digest), ContentKey(session, plain.digest),
        ])
        try context.expect("contents of a session and a run", both, is: [large.bytes, plain.bytes, nil])
        try context.expect("no contents", try await storage.contents([]), is: [])
    }

    static func owners(_ context: CheckContext) async throws {
        let storage = context.storage
        let (first, second) = (StoredContent(1, [1]), StoredContent(2, [2]))
        let one = try await RunWriter.create(context.newRun(), on: storage, contents: [first]).run.id
        let two = try await RunWriter.create(context.newRun(), on: storage, contents: [second]).run.id
        let block = try HistoryBlock(key: "one", entries: [.message("hi")], contents: [second])
        try await storage.append([block], to: context.session)
        let digests = [first.digest, second.digest]
        try await context.expectContents(digests, of: .run(one), are: [[1], nil])
        try await context.expectContents(digests, of: .run(two), are: [nil, [2]])
        try await context.expectContents(digests, of: .session(context.session), are: [nil, [2]])
        try await context.expectContents(digests, of: .run(RunID()), are: [nil, nil])
        // Ids of runs and sessions are independent.
        try await context.expectContents(
            digests, of: .session(SessionID(stringLiteral: one.rawValue)), are: [nil, nil])
    }

    static func refused(_ context: CheckContext) async throws {
        let storage = context.storage
        let content = StoredContent(1, [1, 2, 3])
        let writer = try await RunWriter.create(context.newRun(), on: storage)
        var stranger = writer
        stranger.owner = RunOwner(process: writer.owner.process)
        let fenced = try stranger.next(context.parts(0..<1), contents: [content])
        try await context.expectError(.fenced, "a commit of another owner") { try await storage.commit(fenced) }
        var ahead = writer
        _ = try ahead.next(context.parts(0..<1))
        let early = try ahead.next(context.parts(1..<2), contents: [content])
        try await context.expectError(.conflict, "a commit that skips an event") {
            try await storage.commit(early)
        }
        try await context.expectContents([content.digest], of: .run(writer.run.id), are: [nil])
        var unknown = RunWriter(context.newRun(), on: storage)
        _ = try unknown.next(context.parts(0..<1))
        let late = try unknown.next(context.parts(1..<2), contents: [content])
        try await context.expectError(.notFound, "a commit to a run that does not exist") {
            try await storage.commit(late)
        }
        try await context.expectContents([content.digest], of: .run(unknown.run.id), are: [nil])
    }

    static func again(_ context: CheckContext) async throws {
        let storage = context.storage
        let (first, second) = (StoredContent(1, [1]), StoredContent(2, [2]))
        var writer = RunWriter(context.newRun(), on: storage)
        let creation = try writer.next(
            RunWriter.firstEvents(of: writer.run), snapshot: true, contents: [first])
        for _ in 0..<3 { try await storage.commit(creation) }
        let next = try writer.next(context.parts(0..<3), contents: [first, second, first])
        for _ in 0..<3 { try await storage.commit(next) }
        try await context.expectStored(writer)
        let digests = [first.digest, second.digest]
        try await context.expectContents(digests, of: .run(writer.run.id), are: [[1], [2]])
        for key in ["one", "one", "two"] {
            let block = try HistoryBlock(key: key, entries: [.message(Message("hi"))], contents: [first, first])
            try await storage.append([block], to: context.session)
        }
        try await context.expectContents(digests, of: .session(context.session), are: [[1], nil])
        let history = try await storage.storedHistory(of: context.session, from: 0, limit: nil)
        try context.expect("the history's total", history.total, is: 2)
    }

    static func deletion(_ context: CheckContext) async throws {
        let storage = context.storage
        let content = StoredContent(1, [1, 2, 3])
        let (stays, goes) = (
            try await RunWriter.create(context.newRun(), on: storage, contents: [content]),
            try await RunWriter.create(context.newRun(), on: storage, contents: [content])
        )
        let kept = SessionID()
        let block = try HistoryBlock(key: "one", entries: [.message("hi")], contents: [content])
        for session in [context.session, kept] { try await storage.append([block], to: session) }
        try await storage.deleteRun(goes.run.id)
        try await context.expectContents([content.digest], of: .run(goes.run.id), are: [nil])
        try await storage.deleteSession(context.session)
        try await context.expectContents([content.digest], of: .session(context.session), are: [nil])
        try await context.expectContents([content.digest], of: .run(stays.run.id), are: [content.bytes])
        try await context.expectContents([content.digest], of: .session(kept), are: [content.bytes])
        // A run that is saved or claimed keeps its contents.
        try await storage.save(stays.run)
        let claimed = try await storage.claim(
            stays.run.id, for: RunOwner(process: ProcessID()), from: stays.owner)
        try context.expect("claiming the run", claimed, is: true)
        try await context.expectContents([content.digest], of: .run(stays.run.id), are: [content.bytes])
        try await storage.deleteSession(kept)
    }

    static func recreation(_ context: CheckContext) async throws {
        let content = StoredContent(1, [1, 2, 3])
        let run = context.newRun()
        for contents in [[content], []] {
            _ = try await RunWriter.create(run, on: context.storage, contents: contents)
            try await context.expectContents([content.digest], of: .run(run.id), are: [contents.first?.bytes])
            try await context.storage.deleteRun(run.id)
        }
        let block = try HistoryBlock(key: "one", entries: [.message("hi")], contents: [content])
        try await context.storage.append([block], to: context.session)
        try await context.storage.deleteSession(context.session)
        try await context.storage.append([HistoryBlock(key: "one", entries: [.message("hi")])], to: context.session)
        try await context.expectContents([content.digest], of: .session(context.session), are: [nil])
    }

    static func together(_ context: CheckContext) async throws {
        let storage = context.storage
        let writer = try await RunWriter.create(context.newRun(), on: storage)
        let (id, first) = (writer.run.id, writer.events.count)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                var writer = writer
                for number in 0..<50 {
                    try await writer.write(context.parts([number]), contents: [StoredContent(number, [UInt8(number)])])
                }
            }
            group.addTask {
                var found = 0
                try await context.eventually("fifty events are stored") {
                    let count = try await storage.eventCount(of: id) - first
                    let numbers = found..<count
                    try await context.expectContents(
                        numbers.map { .number($0) }, of: .run(id), are: numbers.map { [UInt8($0)] })
                    found = count
                    return found == 50
                }
            }
            try await group.waitForAll()
        }
    }
}

extension StoredContent {
    /// A content whose digest is a number, since backends do not interpret digests.
    init(_ number: Int, _ bytes: [UInt8]) { self.init(digest: .number(number), bytes: bytes) }
}

extension ContentDigest {
    static func number(_ number: Int) -> ContentDigest {
        ContentDigest(hash: [UInt8](repeating: 0, count: 31) + [UInt8(truncatingIfNeeded: number)])
    }
}

extension CheckContext {
    func expectContents(
        _ digests: [ContentDigest], of owner: ContentKey.Owner, are expected: [[UInt8]?],
        on storage: (any Storage)? = nil, file: StaticString = #fileID, line: UInt = #line
    ) async throws {
        let found = try await (storage ?? self.storage).contents(digests.map { ContentKey(owner, $0) })
        guard found != expected else { return }
        let sizes = (found: found.map { $0?.count }, expected: expected.map { $0?.count })
        throw failure(
            "the contents of \(owner): found \(sizes.found) bytes, expected \(sizes.expected)", file: file, line: line)
    }
}
