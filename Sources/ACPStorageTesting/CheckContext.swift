// SPDX-License-Identifier: Apache-2.0

import ACPCore
import ACPStorage

/// What a check works with: a storage, names that nobody else uses, and ways to say what it expects.
struct CheckContext: Sendable {
    let suite: StorageSuite
    let storage: any Storage
    let promise: String
    let opened: OpenedStorages
    /// Belongs to this check alone, so that its listings hold nothing else.
    let agent = AgentName(stringLiteral: "check-\(RunID())")
    /// Belongs to this check alone.
    let session = SessionID()

    /// Another storage, on the same data if the backend is durable or shared.
    func openAnother() async throws -> any Storage {
        let storage = try await suite.makeStorage()
        opened.add(storage)
        return storage
    }

    /// A storage whose runs expire soon. Nil if the backend keeps everything until it is deleted.
    func openShortLived() async throws -> ShortLivedStorage? {
        guard let makeShortLived = suite.makeShortLived else {
            try expect(
                storage.capabilities.timeToLive == nil,
                "its capabilities say that runs expire, which cannot be checked: give the suite `makeShortLived`")
            return nil
        }
        let shortLived = try await makeShortLived()
        opened.add(shortLived.storage)
        guard let timeToLive = shortLived.storage.capabilities.timeToLive else {
            throw broken("the storage that `makeShortLived` gave has no time to live")
        }
        return ShortLivedStorage(
            storage: shortLived.storage, timeToLive: timeToLive, letTimePass: shortLived.letTimePass)
    }

    /// Leaves as little as possible behind, for databases that are not thrown away. What cannot be deleted stays.
    func cleanUp() async {
        while let page = try? await storage.runs(RunQuery(.agent(agent), limit: 100)), !page.items.isEmpty {
            var deleted = false
            for run in page.items where (try? await storage.deleteRun(run.id)) == true { deleted = true }
            guard deleted else { break }
        }
        _ = try? await storage.deleteSession(session)
    }

    // MARK: Expectations

    func broken(_ finding: String, file: StaticString = #fileID, line: UInt = #line) -> BrokenPromise {
        BrokenPromise(promise, finding, file: file, line: line)
    }

    func expect(
        _ condition: Bool, _ finding: @autoclosure () -> String, file: StaticString = #fileID, line: UInt = #line
    ) throws {
        if !condition { throw broken(finding(), file: file, line: line) }
    }

    func expect<Value: Equatable>(
        _ what: @autoclosure () -> String, _ found: Value, is expected: Value, file: StaticString = #fileID,
        line: UInt = #line
    ) throws {
        guard found != expected else { return }
        throw broken("\(what()): \(difference(found, expected))", file: file, line: line)
    }

    func unwrap<Value>(
        _ what: @autoclosure () -> String, _ value: Value?, file: StaticString = #fileID, line: UInt = #line
    ) throws -> Value {
        guard let value else { throw broken("\(what()) is not there", file: file, line: line) }
        return value
    }

    func expectError(
        _ code: StorageError.Code, _ what: @autoclosure () -> String, file: StaticString = #fileID, line: UInt = #line,
        _ body: () async throws -> Void
    ) async throws {
        do {
            try await body()
        } catch let error as StorageError where error.code == code {
            return
        } catch {
            throw broken("\(what()): found the error \(error), expected one of code \(code)", file: file, line: line)
        }
        throw broken("\(what()) succeeded, expected an error of code \(code)", file: file, line: line)
    }

    /// Whether a step succeeds, where it may also fail with one of these codes.
    func attempt(orFailWith codes: StorageError.Code..., body: () async throws -> Void) async throws -> Bool {
        do {
            try await body()
            return true
        } catch let error as StorageError where codes.contains(error.code) {
            return false
        }
    }

    /// Waits until something is the case that must be soon.
    func eventually(
        _ what: String, file: StaticString = #fileID, line: UInt = #line, _ condition: () async throws -> Bool
    ) async throws {
        let deadline = ContinuousClock.now + suite.patience
        while try await !condition() {
            guard ContinuousClock.now < deadline else {
                throw broken("waited \(suite.patience) in vain: \(what)", file: file, line: line)
            }
            try await Task.sleep(for: .milliseconds(5))
        }
    }

    /// The next element of a stream, which must come soon.
    @discardableResult
    func next<Element: Sendable>(
        _ what: String, of stream: AsyncStream<Element>, file: StaticString = #fileID, line: UInt = #line
    ) async throws -> Element {
        let patience = suite.patience
        let found = try await withThrowingTaskGroup(of: Element?.self) { group in
            group.addTask {
                var iterator = stream.makeAsyncIterator()
                return await iterator.next()
            }
            group.addTask {
                try await Task.sleep(for: patience)
                return nil
            }
            defer { group.cancelAll() }
            return try await group.next() ?? nil
        }
        guard let found else {
            throw broken("waited \(patience) in vain, or the stream ended: \(what)", file: file, line: line)
        }
        return found
    }

    /// Checks that the run, its events and its count are what the writer wrote.
    func expectStored(
        _ writer: RunWriter, on storage: (any Storage)? = nil, file: StaticString = #fileID, line: UInt = #line
    ) async throws {
        let storage = storage ?? self.storage
        let id = writer.run.id
        let found = try await storage.record(of: id)
        let record = try unwrap("the run", found, file: file, line: line)
        try expect("the run", try record.run(), is: writer.run, file: file, line: line)
        try expect("the record's owner", record.owner, is: writer.owner, file: file, line: line)
        try expect("the record's event count", record.eventCount, is: writer.events.count, file: file, line: line)
        let events = try await storage.events(of: id, from: 0, limit: nil)
        try expectEvents(events, are: writer.events, file: file, line: line)
        let count = try await storage.eventCount(of: id)
        try expect("the event count", count, is: writer.events.count, file: file, line: line)
    }

    /// Checks that there is nothing of a run anywhere.
    func expectNothing(
        of run: Run, on storage: (any Storage)? = nil, file: StaticString = #fileID, line: UInt = #line
    ) async throws {
        let storage = storage ?? self.storage
        try expect("the record", try await storage.record(of: run.id), is: nil, file: file, line: line)
        try expect("the input", try await storage.input(of: run.id), is: nil, file: file, line: line)
        let events = try await storage.events(of: run.id, from: 0, limit: nil)
        try expect("the events", events, is: [], file: file, line: line)
        try expect("the event count", try await storage.eventCount(of: run.id), is: 0, file: file, line: line)
        let signals = try await storage.coordination.signals(to: run.id)
        try expect("the signals", signals, is: [], file: file, line: line)
        var filters: [RunQuery.Filter] = [.agent(run.agentName), .all]
        if let session = run.sessionID { filters.append(.session(session)) }
        if !run.status.isTerminal { filters.append(.unfinished(run.status)) }
        for filter in filters {
            let page = try await storage.runs(RunQuery(filter, limit: 50))
            try expect(
                !page.items.contains { $0.id == run.id }, "the listing \(filter) still has the run", file: file,
                line: line)
        }
    }

    func expectEvents(
        _ found: [EncodedEvent], are expected: [EncodedEvent], file: StaticString = #fileID, line: UInt = #line
    ) throws {
        try expect("how many events there are", found.count, is: expected.count, file: file, line: line)
        for (index, pair) in zip(found, expected).enumerated() where pair.0 != pair.1 {
            let texts = [pair.0, pair.1].map { String(decoding: $0.json, as: UTF8.self) }
            throw broken("event \(index): \(difference(texts[0], texts[1]))", file: file, line: line)
        }
    }
}

extension HistoryBlock {
    /// A block of a check's own entries, all of which can be encoded.
    static func known(key: String, entries: [HistoryEntry], contents: [StoredContent] = []) -> HistoryBlock {
        HistoryBlock(
            key: key, encoded: entries.map { (try? Encoded($0, as: "an entry")) ?? Encoded(json: []) },
            contents: contents)
    }
}

/// A storage to see things expire in.
struct ShortLivedStorage: Sendable {
    let storage: any Storage
    let timeToLive: Duration
    let letTimePass: @Sendable (Duration) async throws -> Void

    /// Lets everything expire that was written before.
    func letAllExpire() async throws { try await letTimePass(timeToLive + timeToLive / 4) }
}

/// Runs a step many times at once and gathers what comes of it, in the order of the steps.
func atOnce<Outcome: Sendable>(
    _ count: Int, _ step: @escaping @Sendable (Int) async throws -> Outcome
) async throws -> [Outcome] {
    try await withThrowingTaskGroup(of: (Int, Outcome).self) { group in
        for index in 0..<count {
            group.addTask { (index, try await step(index)) }
        }
        var outcomes = [Outcome?](repeating: nil, count: count)
        for try await (index, outcome) in group { outcomes[index] = outcome }
        return outcomes.compactMap(\.self)
    }
}

/// Two values in few enough words for an error message (documents of many megabytes are among them): what stands before
/// and behind the place where they begin to differ.
private func difference(_ found: some Any, _ expected: some Any) -> String {
    let (found, expected) = (Array(String(describing: found).utf8), Array(String(describing: expected).utf8))
    let common = zip(found, expected).prefix { $0 == $1 }.count
    let start = found.count + expected.count > 600 ? max(0, common - 60) : 0
    func part(_ text: [UInt8]) -> String {
        let part = String(decoding: text.dropFirst(start).prefix(240), as: UTF8.self)
        return (start > 0 ? "…" : "") + part + (text.count > start + 240 ? "… (\(text.count) bytes)" : "")
    }
    return "found \(part(found)), expected \(part(expected))"
}
