// SPDX-License-Identifier: Apache-2.0

import ACPCore
import ACPStorage

/// The history of sessions.
enum HistoryChecks {
    static let all = [
        StorageCheck("A history is read oldest first, by offset and limit", pages),
        StorageCheck("A history grows with every block, in the order of the calls", order),
        StorageCheck("Each of two hundred blocks appended at once is stored once and as a whole", concurrent),
        StorageCheck("A block whose key the history has already is skipped", repeated),
        StorageCheck("A block that many tasks append at once is stored once", repeatedAtOnce),
        StorageCheck("A session's history and its state are independent", beside),
    ]

    private static func block(_ number: Int, size: Int = 2) -> HistoryBlock {
        .known(
            key: "block:\(number)",
            entries: (0..<size).map { position in
                .message(
                    Message(
                        parts: [.text("block \(number), entry \(position)")],
                        createdAt: Timestamp(microseconds: 1_700_000_000_000_000), completedAt: nil))
            })
    }

    private static func expectHistory(
        _ expected: [Encoded<HistoryEntry>], _ context: CheckContext, line: UInt = #line
    ) async throws {
        let found = try await context.storage.storedHistory(of: context.session, from: 0, limit: nil)
        try context.expect("the history", found.items, is: expected, line: line)
        try context.expect("its total", found.total, is: expected.count, line: line)
    }

    static func pages(_ context: CheckContext) async throws {
        let blocks = (0..<7).map { block($0, size: $0 % 3 + 1) }
        try await context.storage.append(blocks, to: context.session)
        let all = blocks.flatMap(\.entries)
        for offset in [0, 1, 5, all.count - 1, all.count, all.count + 1, Int.max, -1, Int.min] {
            for limit in [nil, 0, 1, 4, all.count, all.count + 1, Int.max, -1, Int.min] as [Int?] {
                let found = try await context.storage.storedHistory(of: context.session, from: offset, limit: limit)
                let what = "offset \(offset), limit \(limit.map(String.init) ?? "nil")"
                try context.expect("history of \(what)", found.items, is: page(all, from: offset, limit: limit))
                try context.expect("total of \(what)", found.total, is: all.count)
            }
        }
    }

    static func order(_ context: CheckContext) async throws {
        var expected: [Encoded<HistoryEntry>] = []
        for step in 0..<6 {
            var blocks = (0..<step).map { block(step * 10 + $0) }
            if step == 3 { blocks.append(try HistoryBlock(link: "https://example.com/messages/1?x=%20&y=ä")) }
            if step == 4 { blocks.append(block(99, size: 0)) }
            try await context.storage.append(blocks, to: context.session)
            expected += blocks.flatMap(\.entries)
            try await expectHistory(expected, context)
        }
        let run = RunID()
        let input: [Message] = ["question", "and another"]
        let output = [Message("answer", role: .agent(context.agent))]
        let last = try HistoryBlock(run: run, input: input, output: output)
        try await context.storage.append([last], to: context.session)
        try await expectHistory(expected + last.entries, context)
        let messages = try await context.storage.history(of: context.session).suffix(3)
        try context.expect("the messages", Array(messages), is: (input + output).map { .message($0) })
    }

    static func concurrent(_ context: CheckContext) async throws {
        let blocks = (0..<200).map { block($0, size: $0 % 4 + 1) }
        _ = try await concurrently(blocks.count) { number in
            try await context.storage.append([blocks[number]], to: context.session)
        }
        try await context.expectWholeBlocks(blocks)
    }

    static func repeated(_ context: CheckContext) async throws {
        let storage = context.storage
        let first = [block(1), block(2)]
        for _ in 0..<3 { try await storage.append(first, to: context.session) }
        try await expectHistory(first.flatMap(\.entries), context)
        // New blocks among old ones are appended; the key decides, not the entries.
        let other = HistoryBlock(key: block(2).key, encoded: block(3).entries)
        try await storage.append([block(1), block(4), other, block(5), block(4)], to: context.session)
        let expected = [block(1), block(2), block(4), block(5)].flatMap(\.entries)
        try await expectHistory(expected, context)
        // The same entries with another key are another block; so is the same key in another session.
        try await storage.append([HistoryBlock(key: "again", encoded: block(1).entries)], to: context.session)
        try await expectHistory(expected + block(1).entries, context)
        let another = SessionID()
        try await storage.append([block(1)], to: another)
        let anotherHistory = try await storage.storedHistory(of: another, from: 0, limit: nil).items
        try context.expect("another session's history", anotherHistory, is: block(1).entries)
        try await storage.deleteSession(another)
    }

    static func repeatedAtOnce(_ context: CheckContext) async throws {
        _ = try await concurrently(40) { number in
            try await context.storage.append([block(number % 4), block(4)], to: context.session)
        }
        let found = try await context.storage.storedHistory(of: context.session, from: 0, limit: nil).items
        try context.expect("the number of entries", found.count, is: 10)
        let expected = Set((0...4).flatMap { block($0).entries })
        try context.expect("the entries", Set(found), is: expected)
    }

    static func beside(_ context: CheckContext) async throws {
        let storage = context.storage
        try await storage.append([block(1)], to: context.session)
        // A history alone does not make a saved session.
        try context.expect("the session", try await storage.session(context.session), is: nil)
        let saved = SessionRecord(id: context.session, metadata: ["a": 1])
        try context.expect("the first version", try await storage.save(saved, expecting: 0), is: 1)
        try await expectHistory(block(1).entries, context)
        try await storage.append([block(2)], to: context.session)
        let found = try await storage.session(context.session)
        try context.expect("the version after an append", found?.version, is: 1)
        try context.expect("the metadata after an append", found?.metadata, is: ["a": 1])
        try await storage.save(saved, expecting: 1)
        try await expectHistory([block(1), block(2)].flatMap(\.entries), context)
    }
}

extension CheckContext {
    /// Checks that the history of the check's session has these blocks and nothing else, each once and as a whole, in
    /// any order. Different blocks begin with different entries, and none is empty.
    func expectWholeBlocks(_ blocks: [HistoryBlock], file: StaticString = #fileID, line: UInt = #line) async throws {
        let history = try await storage.storedHistory(of: session, from: 0, limit: nil).items
        try expect(
            "the number of entries", history.count, is: blocks.map(\.entries.count).reduce(0, +), file: file,
            line: line)
        var rest = history[...]
        var seen: Set<String> = []
        while let first = rest.first {
            guard let block = blocks.first(where: { $0.entries.first == first }) else {
                throw failure(
                    "a block begins with \(first), which is not the first entry of a block", file: file, line: line)
            }
            let found = Array(rest.prefix(block.entries.count))
            try expect("the entries of \(block.key)", found, is: block.entries, file: file, line: line)
            try expect(seen.insert(block.key).inserted, "\(block.key) is stored twice", file: file, line: line)
            rest = rest.dropFirst(block.entries.count)
        }
        try expect("the number of blocks", seen.count, is: blocks.count, file: file, line: line)
    }
}
