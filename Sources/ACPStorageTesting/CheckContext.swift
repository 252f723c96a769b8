// SPDX-License-Identifier: Apache-2.0

import ACPCore
import ACPStorage

/// The context of a check: a storage, names that no other check uses, and expectations.
struct CheckContext: Sendable {
    let suite: StorageSuite
    let storage: any Storage
    let name: String
    let opened: OpenedStorages
    /// The agent of this check alone, so that its listings have no other runs.
    let agent = AgentName(stringLiteral: "check-\(RunID())")
    /// The session of this check alone.
    let session = SessionID()

    /// Opens another storage, on the same data if the backend is durable or shared.
    func openAnother() async throws -> any Storage {
        let storage = try await suite.makeStorage()
        opened.add(storage)
        return storage
    }

    /// Opens a storage whose runs expire soon. Returns `nil` if the backend keeps everything until it is deleted.
    func openShortLived() async throws -> ShortLivedStorage? {
        guard let makeShortLived = suite.makeShortLived else {
            try expect(
                storage.capabilities.timeToLive == nil,
                "its runs expire, which cannot be checked: pass `makeShortLived` to the suite"
            )
            return nil
        }
        let shortLived = try await makeShortLived()
        opened.add(shortLived.storage)
        guard let timeToLive = shortLived.storage.capabilities.timeToLive else {
            throw failure("the storage that `makeShortLived` returned has no time to live")
        }
        return ShortLivedStorage(
            storage: shortLived.storage, timeToLive: timeToLive, advanceTime: shortLived.advanceTime)
    }

    /// Deletes the runs and the session of this check, for databases that are used again. Ignores errors.
    func cleanUp() async {
        while let page = try? await storage.runs(RunQuery(.agent(agent), limit: 100)), !page.items.isEmpty {
            var deleted = false
            for run in page.items where (try? await storage.deleteRun(run.id)) == true { deleted = true }
            guard deleted else { break }
        }
        _ = try? await storage.deleteSession(session)
    }

    // MARK: Expectations

    func failure(_ finding: String, file: StaticString = #fileID, line: UInt = #line) -> StorageCheckFailure {
        StorageCheckFailure(name, finding, file: file, line: line)
    }

    func expect(
        _ condition: Bool, _ finding: @autoclosure () -> String, file: StaticString = #fileID, line: UInt = #line
    ) throws {
        if !condition { throw failure(finding(), file: file, line: line) }
    }

    func expect<Value: Equatable>(
        _ what: @autoclosure () -> String, _ found: Value, is expected: Value, file: StaticString = #fileID,
        line: UInt = #line
    ) throws {
        guard found != expected else { return }
        throw failure("\(what()): \(difference(found, expected))", file: file, line: line)
    }

    func unwrap<Value>(
        _ what: @autoclosure () -> String, _ value: Value?, file: StaticString = #fileID, line: UInt = #line
    ) throws -> Value {
        guard let value else { throw failure("\(what()) is missing", file: file, line: line) }
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
            throw failure("\(what()): found the error \(error), expected one of code \(code)", file: file, line: line)
        }
        throw failure("\(what()) succeeded, expected an error of code \(code)", file: file, line: line)
    }

    /// Returns whether an operation succeeds that may also fail with one of several codes.
    func attempt(orFailWith codes: StorageError.Code..., body: () async throws -> Void) async throws -> Bool {
        do {
            try await body()
            return true
        } catch let error as StorageError where codes.contains(error.code) {
            return false
        }
    }

    /// Waits until a condition is true.
    func eventually(
        _ what: String, file: StaticString = #fileID, line: UInt = #line, _ condition: () async throws -> Bool
    ) async throws {
        let deadline = ContinuousClock.now + suite.timeout
        while try await !condition() {
            guard ContinuousClock.now < deadline else {
                throw failure("not within \(suite.timeout): \(what)", file: file, line: line)
            }
            try await Task.sleep(for: .milliseconds(5))
        }
    }

    /// Returns the next element of a stream, which must arrive soon.
    @discardableResult
    func next<Element: Sendable>(
        _ what: String, of stream: AsyncStream<Element>, file: StaticString = #fileID, line: UInt = #line
    ) async throws -> Element {
        let timeout = suite.timeout
        let found = try await withThrowingTaskGroup(of: Element?.self) { group in
            group.addTask {
                var iterator = stream.makeAsyncIterator()
                return await iterator.next()
            }
            group.addTask {
                try await Task.sleep(for: timeout)
                return nil
            }
            defer { group.cancelAll() }
            return try await group.next() ?? nil
        }
        guard let found else {
            throw failure("not within \(timeout), or the stream ended: \(what)", file: file, line: line)
        }
        return found
    }

    /// Checks that the stored run, its events and their number are what the writer wrote.
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

    /// Checks that nothing of a run is stored.
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
        let page = try await storage.runs(RunStatusQuery(agent: run.agentName, limit: 50))
        try expect(
            !page.items.contains { $0.id == run.id }, "the listing by change of status still has the run", file: file,
            line: line)
    }

    func expectEvents(
        _ found: [EncodedEvent], are expected: [EncodedEvent], file: StaticString = #fileID, line: UInt = #line
    ) throws {
        try expect("the number of events", found.count, is: expected.count, file: file, line: line)
        for (index, pair) in zip(found, expected).enumerated() where pair.0 != pair.1 {
            let texts = [pair.0, pair.1].map { String(decoding: $0.json, as: UTF8.self) }
            throw failure("event \(index): \(difference(texts[0], texts[1]))", file: file, line: line)
        }
    }
}

extension HistoryBlock {
    /// Returns a block of entries that are known to be encodable.
    static func known(key: String, entries: [HistoryEntry], contents: [StoredContent] = []) -> HistoryBlock {
        HistoryBlock(
            key: key, encoded: entries.map { (try? Encoded($0, as: "an entry")) ?? Encoded(json: []) },
            contents: contents)
    }
}

/// A storage for checks of expiry.
struct ShortLivedStorage: Sendable {
    let storage: any Storage
    let timeToLive: Duration
    let advanceTime: @Sendable (Duration) async throws -> Void

    /// Advances the time until everything has expired that was written before.
    func expireAll() async throws { try await advanceTime(timeToLive + timeToLive / 4) }
}

/// Performs an operation many times concurrently, and returns the results in the order of the indexes.
func concurrently<Outcome: Sendable>(
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

/// Describes two values for an error message. Of large values, such as documents of many megabytes, the text around the
/// first difference is shown.
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
