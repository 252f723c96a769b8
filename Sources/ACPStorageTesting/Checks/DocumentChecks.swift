// SPDX-License-Identifier: Apache-2.0

import ACPCore
import ACPStorage

/// Large documents, many events, and unusual ids and characters.
enum DocumentChecks {
    static let all = [
        StorageCheck("Documents of five mebibytes are returned unchanged", large),
        StorageCheck("A run of ten thousand events is returned unchanged, in pages and at once", many),
        StorageCheck("Unusual but valid ids are distinguished and found", ids),
        StorageCheck("Unicode of all kinds is returned byte for byte", unicode),
    ]

    static func large(_ context: CheckContext) async throws {
        let storage = context.storage
        let size = 5 * 1_024 * 1_024
        let line = String(repeating: "0123456789abcdef", count: 63) + "0123456789abcde\n"
        let text = String(repeating: line, count: size / line.utf8.count)
        var writer = try await RunWriter.create(context.newRun(), on: storage, input: [Message(text)])
        // First as an event after the snapshot, then within it.
        try await writer.write([.messagePart(.text(text))])
        try await context.expectStored(writer)
        try await writer.become(.completed)
        try await context.expectStored(writer)
        let input = try await storage.input(of: writer.run.id)
        try context.expect(input?.first?.text == text, "the input differs")
        let listed = try await storage.runs(RunQuery(.agent(context.agent)))
        try context.expect(listed.items == [writer.run], "the listed run differs")
        var bytes = Array(text.utf8)
        bytes[size / 2] = 0xFF
        try await storage.save(
            SessionRecord(id: context.session, state: SessionState(bytes: bytes)), expecting: nil)
        let found = try await storage.session(context.session)?.state?.bytes
        try context.expect(found == bytes, "the state differs: it has \(found?.count ?? 0) bytes of \(bytes.count)")
        let block = try HistoryBlock(run: writer.run.id, input: [Message(text)], output: writer.run.output)
        try await storage.append([block], to: context.session)
        let history = try await storage.storedHistory(of: context.session, from: 0, limit: nil).items
        try context.expect(history == block.entries, "the history differs")
    }

    static func many(_ context: CheckContext) async throws {
        let count = 10_000
        var writer = try await RunWriter.create(context.newRun(), on: context.storage)
        var size = 1
        while writer.events.count < count {
            // Commits of many sizes; the last one is as large as necessary.
            let start = writer.events.count
            try await writer.write(context.parts(start..<min(start + size, count)), snapshot: size == 128)
            size = size * 2 % 1_023
        }
        try await context.expectStored(writer)
        for (offset, limit) in [(0, 1), (count / 2, 100), (count - 1, 10), (7, count), (1_234, 1_000)] {
            let found = try await context.storage.events(of: writer.run.id, from: offset, limit: limit)
            try context.expectEvents(found, are: page(writer.events, from: offset, limit: limit))
        }
    }

    static func ids(_ context: CheckContext) async throws {
        let storage = context.storage
        let unique = context.session.rawValue
        let texts = [
            unique, unique + ".", unique + "~", "~" + unique, "." + unique, "..." + unique, "-" + unique, "_" + unique,
            "A" + unique, "a" + unique, unique + ".events", unique + "-0", unique + "_1", "run." + unique,
            String(repeating: "x", count: 128 - unique.utf8.count) + unique,
            String(repeating: "x", count: 127 - unique.utf8.count) + unique,
        ]
        var writers: [RunWriter] = []
        for text in texts {
            let session = try SessionID(validating: text)
            let run = Run(id: try RunID(validating: text), agentName: context.agent, sessionID: session)
            var writer = try await RunWriter.create(run, on: storage, input: [Message("input of \(text)")])
            try await writer.write([.messagePart(.text("output of \(text)"))])
            writers.append(writer)
            try await storage.save(SessionRecord(id: session, metadata: ["id": .string(text)]), expecting: 0)
            let block = try HistoryBlock(run: run.id, input: [Message("history of \(text)")], output: [])
            try await storage.append([block], to: session)
        }
        for (text, writer) in zip(texts, writers) {
            try await context.expectStored(writer)
            let input = try await storage.input(of: writer.run.id)
            try context.expect("the input", input?.map(\.text), is: ["input of \(text)"])
            let session = try SessionID(validating: text)
            let listed = try await storage.runs(RunQuery(.session(session)))
            try context.expect("the runs of session \(session)", listed.items, is: [writer.run])
            let saved = try await storage.session(session)
            try context.expect("session \(session)", saved?.metadata, is: ["id": .string(text)])
            let history = try await storage.storedHistory(of: session, from: 0, limit: nil)
            try context.expect("the history's total of \(session)", history.total, is: 1)
        }
        for (text, writer) in zip(texts, writers) {
            try context.expect("deleting \(text)", try await storage.deleteRun(writer.run.id), is: true)
            let session = try SessionID(validating: text)
            try context.expect("deleting session \(text)", try await storage.deleteSession(session), is: true)
        }
        let left = try await storage.runs(RunQuery(.agent(context.agent)))
        try context.expect("the number of remaining runs", left.total, is: 0)
    }

    private static let texts = [
        "", " ", "\0", "a\0b\0", "line\nfeed\r\nand\ttab", "\u{1}\u{1F}\u{7F}\u{80}\u{9F}",
        "\"quotes\" and \\back\\slashes",
        "\\u0000 \\n \\x00", "é (one scalar) e\u{301} (two)", "ﷺ ﬃ Å \u{212B}", "עברית العربية \u{202E}turned",
        "汉字 漢字 かな 한글",
        "👩‍👩‍👧‍👦 🏳️‍🌈 🇨🇭 👍🏽 🦊", "\u{10FFFF}\u{FFFF}\u{FFFD}\u{FEFF}\u{2028}\u{2029}\u{200B}",
        "Z\u{351}\u{36B}\u{343}a\u{304}lgo",
        "'; DROP TABLE runs; --", "{curly} $1 %s %00 ${x} :key: *", "\u{1B}[31mred",
    ]

    static func unicode(_ context: CheckContext) async throws {
        let storage = context.storage
        let input = texts.map { Message($0) }
        var writer = try await RunWriter.create(context.newRun(), on: storage, input: input)
        for text in texts {
            let extra: JSONObject = ["key \(text)": .string(text)]
            try await writer.write([
                .messagePart(MessagePart(name: text, contentType: "text/plain", content: text, extra: extra)),
                .generic(.object(extra)), .error(ACPError(.serverError, text, data: extra)),
            ])
        }
        try await context.expectStored(writer)
        try await writer.become(.completed)
        try await context.expectStored(writer)
        // Swift strings of different scalars can be equal: the bytes are compared here.
        let run = try context.unwrap("the run", try await storage.run(writer.run.id))
        let contents = run.output.flatMap(\.parts).map { Array(($0.content ?? "").utf8) }
        try context.expect("the bytes of the output", contents, is: texts.map { Array($0.utf8) })
        let found = try await storage.input(of: run.id) ?? []
        let foundInput = found.map { Array(($0.parts.first?.content ?? "").utf8) }
        try context.expect("the bytes of the input", foundInput, is: texts.map { Array($0.utf8) })

        for text in texts {
            let session = SessionRecord(
                id: context.session, state: SessionState(bytes: Array(text.utf8), contentType: "text/plain;x=\(text)"),
                metadata: ["key \(text)": .string(text)])
            try await storage.save(session, expecting: nil)
            let found = try await storage.session(context.session)
            try context.expect("the state's bytes", found?.state?.bytes, is: Array(text.utf8))
            let contentType = (found?.state?.contentType).map { Array($0.utf8) }
            try context.expect("the content type", contentType, is: Array("text/plain;x=\(text)".utf8))
            let value = (found?.metadata["key \(text)"]?.stringValue).map { Array($0.utf8) }
            try context.expect("the metadata's bytes", value, is: Array(text.utf8))
        }
        let blocks = texts.enumerated().map { index, text in
            HistoryBlock.known(key: "\(index):\(text)", entries: [.message(Message(text)), .link("https://x/\(text)")])
        }
        for _ in 0..<2 { try await storage.append(blocks, to: context.session) }
        let history = try await storage.storedHistory(of: context.session, from: 0, limit: nil).items
        try context.expect("the history", history, is: blocks.flatMap(\.entries))
        let answer = AwaitResume.message(Message(parts: texts.map { .text($0) }))
        try await storage.coordination.send(.resume(answer, eventCount: 1), to: run.id)
        let signals = try await storage.coordination.signals(to: run.id)
        try context.expect("the signal", signals, is: [.resume(answer, eventCount: 1)])
    }
}
