// SPDX-License-Identifier: Apache-2.0

import ACPCore
import ACPStorage

/// The block that a run's last commit appends to the session's history in the same step.
enum RunEndChecks {
    static let all = [
        StorageCheck("A commit with a block stores events, snapshot and block", together),
        StorageCheck("A reader that finds the end of a run finds the block that was stored with it", seen),
        StorageCheck("A refused commit leaves nothing in a history", refused),
        StorageCheck("Repeating a commit with a block appends the block once", repeated),
        StorageCheck(
            "A block whose key the history has already is skipped, and the rest of the commit is stored", known),
        StorageCheck("A commit whose events are stored already without its block succeeds", withoutBlock),
        StorageCheck("The contents of a commit's block belong to the session, not to the run", contents),
        StorageCheck(
            "Of many runs of a session that end at once, each appends its block once and as a whole", atTheSameTime),
    ]

    private static func block(_ number: Int, size: Int = 2, contents: [StoredContent] = []) -> HistoryBlock {
        .known(
            key: "run:\(number)",
            entries: (0..<size).map { position in
                .message(
                    Message(
                        parts: [.text("run \(number), entry \(position)")],
                        createdAt: Timestamp(microseconds: 1_700_000_000_000_000), completedAt: nil))
            }, contents: contents)
    }

    private static func expectHistory(
        _ expected: [HistoryBlock], of session: SessionID? = nil, _ context: CheckContext, line: UInt = #line
    ) async throws {
        let found = try await context.storage.storedHistory(of: session ?? context.session, from: 0, limit: nil)
        try context.expect("the history", found.items, is: expected.flatMap(\.entries), line: line)
        try context.expect("its total", found.total, is: expected.flatMap(\.entries).count, line: line)
    }

    static func together(_ context: CheckContext) async throws {
        let storage = context.storage
        var writer = try await RunWriter.create(context.newRun(), on: storage)
        let contents = [StoredContent(1, [1]), StoredContent(2, [2])]
        try await writer.write(
            context.parts(0..<3) + [writer.run.becoming(.completed)], snapshot: true, contents: contents,
            history: HistoryAppend(block(1, contents: contents), to: context.session))
        try await context.expectStored(writer)
        try await expectHistory([block(1)], context)
        for owner in [ContentKey.Owner.run(writer.run.id), .session(context.session)] {
            try await context.expectContents(contents.map(\.digest), of: owner, are: [[1], [2]])
        }
        // A history alone does not make a saved session.
        try context.expect("the session", try await storage.session(context.session), is: nil)
        try await storage.save(SessionRecord(id: context.session, metadata: ["kept": true]), expecting: 0)

        // A run can begin and end in one commit. The block can be long or empty.
        for (number, size) in [(2, 300), (3, 0), (4, 1)] {
            var brief = RunWriter(context.newRun(), on: storage)
            let events = RunWriter.firstEvents(of: brief.run) + [brief.run.becoming(.completed)]
            let commit = try brief.next(
                events, snapshot: true, input: ["hello"],
                history: HistoryAppend(block(number, size: size), to: context.session))
            try await storage.commit(commit)
            try await context.expectStored(brief)
        }
        // The events can have been stored earlier, and the session need not be that of the run.
        let another = SessionID()
        try await writer.write([], snapshot: true, history: HistoryAppend(block(5), to: another))
        try await context.expectStored(writer)
        let expected = [block(1), block(2, size: 300), block(4, size: 1)]
        try await expectHistory(expected, context)
        try await expectHistory([block(5)], of: another, context)
        let session = try await storage.session(context.session)
        try context.expect("the session's version", session?.version, is: 1)
        try context.expect("deleting the other session", try await storage.deleteSession(another), is: true)
        try await expectHistory([], of: another, context)
        try await expectHistory(expected, context)
    }

    static func seen(_ context: CheckContext) async throws {
        let storage = context.storage
        for number in 0..<20 {
            let content = StoredContent(number, [UInt8(number)])
            let block = block(number, contents: [content])
            let writer = try await RunWriter.create(context.newRun(), on: storage)
            async let written: Void = {
                var writer = writer
                try await writer.write(
                    [writer.run.becoming(.completed)], snapshot: true,
                    history: HistoryAppend(block, to: context.session))
            }()
            try await context.eventually("the run has ended") {
                try await storage.run(writer.run.id)?.status == .completed
            }
            let found = try await storage.storedHistory(of: context.session, from: number * 2, limit: nil)
            try context.expect("the block of the run in the history", found.items, is: block.entries)
            try await context.expectContents([content.digest], of: .session(context.session), are: [content.bytes])
            try await written
        }
    }

    static func refused(_ context: CheckContext) async throws {
        let storage = context.storage
        let content = StoredContent(1, [1, 2, 3])
        let history = HistoryAppend(block(1, contents: [content]), to: context.session)
        func expectNothing(line: UInt = #line) async throws {
            try await expectHistory([], context, line: line)
            try await context.expectContents([content.digest], of: .session(context.session), are: [nil], line: line)
        }
        var writer = try await RunWriter.create(context.newRun(), on: storage)
        var stranger = writer
        stranger.owner = RunOwner(process: writer.owner.process)
        let fenced = try stranger.next([writer.run.becoming(.completed)], snapshot: true, history: history)
        try await context.expectError(.fenced, "a commit of another owner") { try await storage.commit(fenced) }
        try await expectNothing()
        var ahead = writer
        _ = try ahead.next(context.parts(0..<1))
        let early = try ahead.next([writer.run.becoming(.completed)], snapshot: true, history: history)
        try await context.expectError(.conflict, "a commit that skips an event") {
            try await storage.commit(early)
        }
        try await expectNothing()
        for snapshot in [true, false] {
            var unknown = RunWriter(context.newRun(), on: storage)
            _ = try unknown.next(context.parts(0..<1))
            let late = try unknown.next([unknown.run.becoming(.completed)], snapshot: snapshot, history: history)
            try await context.expectError(.notFound, "a commit to a run that does not exist") {
                try await storage.commit(late)
            }
            try await context.expectNothing(of: unknown.run)
            try await expectNothing()
        }
        try context.expect(
            "deleting a session that does not exist", try await storage.deleteSession(context.session), is: false)
        try await context.expectStored(writer)

        // The old owner appends nothing, even in place of a commit that was stored. The new owner does.
        let claimer = RunOwner(process: ProcessID())
        let former = try writer.next([writer.run.becoming(.completed)], snapshot: true)
        try await storage.commit(former)
        let claimed = try await storage.claim(writer.run.id, for: claimer, from: writer.owner)
        try context.expect("claiming the run", claimed, is: true)
        var again = former
        again.history = history
        try await context.expectError(.fenced, "repeating a commit after a claim") { try await storage.commit(again) }
        try await expectNothing()
        writer.owner = claimer
        try await writer.write([], snapshot: true, history: history)
        try await expectHistory([block(1)], context)
        try await context.expectStored(writer)
    }

    static func repeated(_ context: CheckContext) async throws {
        let storage = context.storage
        func commitRepeatedly(_ commit: RunCommit) async throws {
            for _ in 0..<3 { try await storage.commit(commit) }
            _ = try await concurrently(10) { _ in try await storage.commit(commit) }
        }
        var writer = RunWriter(context.newRun(), on: storage)
        var expected: [HistoryBlock] = []
        // With the first commit, with a later one, and with a snapshot alone; others append in between.
        let steps = [RunWriter.firstEvents(of: writer.run), [writer.run.becoming(.completed)], []]
        for (number, events) in steps.enumerated() {
            let own = block(number, contents: [StoredContent(number, [UInt8(number)])])
            let commit = try writer.next(
                events, snapshot: true, history: HistoryAppend(own, to: context.session))
            try await commitRepeatedly(commit)
            expected.append(own)
            try await expectHistory(expected, context)
            try await storage.append([block(number + 10)], to: context.session)
            expected.append(block(number + 10))
            try await commitRepeatedly(commit)
            try await expectHistory(expected, context)
            try await context.expectStored(writer)
        }
        try await context.expectContents(
            (0..<3).map { .number($0) }, of: .session(context.session), are: (0..<3).map { [UInt8($0)] })
    }

    static func known(_ context: CheckContext) async throws {
        let storage = context.storage
        let content = StoredContent(1, [1, 2, 3])
        try await storage.append([block(1), block(2)], to: context.session)
        // The key decides, not the entries, and whether a block was committed or appended makes no difference.
        let blocks = [block(1), HistoryBlock(key: block(2).key, encoded: block(9).entries), block(3), block(3)]
        for block in blocks {
            var writer = try await RunWriter.create(context.newRun(), on: storage)
            try await writer.write(
                context.parts(0..<2) + [writer.run.becoming(.completed)], snapshot: true, contents: [content],
                history: HistoryAppend(block, to: context.session))
            try await context.expectStored(writer)
            try await context.expectContents([content.digest], of: .run(writer.run.id), are: [content.bytes])
        }
        try await storage.append([block(3), block(4)], to: context.session)
        try await expectHistory([block(1), block(2), block(3), block(4)], context)
        // The keys of another session are independent.
        let another = SessionID()
        _ = try await RunWriter.create(context.newRun(), on: storage, history: HistoryAppend(block(1), to: another))
        try await expectHistory([block(1)], of: another, context)
        try await storage.deleteSession(another)
    }

    /// The engine never does this. A storage may append the block or not, but must not refuse the commit.
    static func withoutBlock(_ context: CheckContext) async throws {
        let storage = context.storage
        let block = block(1)
        var writer = try await RunWriter.create(context.newRun(), on: storage)
        var commit = try await writer.write(context.parts(0..<2) + [writer.run.becoming(.completed)], snapshot: true)
        commit.history = HistoryAppend(block, to: context.session)
        for _ in 0..<3 {
            try await storage.commit(commit)
            try await context.expectStored(writer)
            let found = try await storage.storedHistory(of: context.session, from: 0, limit: nil).items
            try context.expect(
                found.isEmpty || found == block.entries, "the history has a part of a block, or a block twice: \(found)"
            )
        }
    }

    static func contents(_ context: CheckContext) async throws {
        let storage = context.storage
        let (first, second) = (StoredContent(1, [1]), StoredContent(2, [2]))
        let (stays, goes) = (
            try await RunWriter.create(
                context.newRun(), on: storage, contents: [first],
                history: HistoryAppend(block(1, contents: [second]), to: context.session)),
            try await RunWriter.create(
                context.newRun(), on: storage, contents: [first],
                history: HistoryAppend(block(2, contents: [first, second]), to: context.session))
        )
        let digests = [first.digest, second.digest]
        let session = ContentKey.Owner.session(context.session)
        try await context.expectContents(digests, of: .run(stays.run.id), are: [[1], nil])
        try await context.expectContents(digests, of: session, are: [[1], [2]])
        try await storage.deleteRun(goes.run.id)
        try await context.expectContents(digests, of: .run(goes.run.id), are: [nil, nil])
        try await context.expectContents(digests, of: session, are: [[1], [2]])
        try await expectHistory([block(1), block(2)], context)
        try context.expect("deleting the session", try await storage.deleteSession(context.session), is: true)
        try await context.expectContents(digests, of: session, are: [nil, nil])
        try await expectHistory([], context)
        try await context.expectContents(digests, of: .run(stays.run.id), are: [[1], nil])
        try await context.expectStored(stays)
    }

    static func atTheSameTime(_ context: CheckContext) async throws {
        let storage = context.storage
        let blocks = (0..<60).map { block($0, size: $0 % 4 + 1, contents: [StoredContent($0, [UInt8($0)])]) }
        let writers = try await concurrently(blocks.count) { number -> RunWriter in
            let history = HistoryAppend(blocks[number], to: context.session)
            // Every third run begins and ends in one commit.
            guard number.isMultiple(of: 3) else {
                var writer = try await RunWriter.create(context.newRun(), on: storage)
                try await writer.write([writer.run.becoming(.completed)], snapshot: true, history: history)
                return writer
            }
            var writer = RunWriter(context.newRun(), on: storage)
            let events = RunWriter.firstEvents(of: writer.run) + [writer.run.becoming(.completed)]
            try await storage.commit(try writer.next(events, snapshot: true, history: history))
            return writer
        }
        try await context.expectWholeBlocks(blocks)
        try await context.expectContents(
            blocks.indices.map { .number($0) }, of: .session(context.session), are: blocks.indices.map { [UInt8($0)] })
        for writer in writers { try await context.expectStored(writer) }
    }
}
