// SPDX-License-Identifier: Apache-2.0

import ACPCore
import ACPStorage

/// Expiry of runs after their last update, and of sessions after their last use. Backends that keep everything
/// until it is deleted pass these checks.
enum ExpiryChecks {
    static let all = [
        StorageCheck("A run expires as a whole: events, input, signals and entries in all listings", run),
        StorageCheck("An update of a run extends the life of the whole run", extended),
        StorageCheck("Expired runs are in no page and in no total, and other runs are", listings),
        StorageCheck("An expired run is not restored by a late commit, and can be created again", late),
        StorageCheck("A session expires as a whole, and using it extends its life", session),
        StorageCheck("A commit with a block extends the life of the session as appending does", sessionByCommit),
    ]

    static func run(_ context: CheckContext) async throws {
        guard let short = try await context.openShortLived() else { return }
        let storage = short.storage
        let content = StoredContent(1, [1, 2, 3])
        var writers: [RunWriter] = []
        for status in [RunStatus.created, .awaiting, .completed] {
            var writer = try await RunWriter.create(
                context.newRun(), on: storage, input: ["hello"], contents: [content])
            try await writer.write(context.parts(0..<20))
            if status != .created { try await writer.become(status) }
            try await storage.coordination.send(.cancel, to: writer.run.id)
            writers.append(writer)
        }
        let byHand = context.newRun(.inProgress)
        try await storage.save(byHand)
        try await storage.append(.generic(1), to: byHand.id)
        try await short.expireAll()
        for run in writers.map(\.run) + [byHand] { try await context.expectNothing(of: run, on: storage) }
        for writer in writers {
            let owned = try await storage.runs(ownedBy: writer.owner.process, limit: 10)
            try context.expect("the process's runs", owned, is: [])
            try await context.expectContents([content.digest], of: .run(writer.run.id), are: [nil], on: storage)
            try context.expect("deleting an expired run", try await storage.deleteRun(writer.run.id), is: false)
        }
        for filter in [RunQuery.Filter.agent(context.agent), .session(context.session)] {
            let listed = try await storage.runs(RunQuery(filter))
            try context.expect("the total of \(filter)", listed.total, is: 0)
        }
    }

    static func extended(_ context: CheckContext) async throws {
        guard let short = try await context.openShortLived() else { return }
        let storage = short.storage
        let updates: [@Sendable (inout RunWriter) async throws -> Void] = [
            { writer in try await writer.write([.generic("an event")]) },
            { writer in try await writer.become(.awaiting) },
            { writer in try await writer.write([], snapshot: true) },
        ]
        let content = StoredContent(1, [1, 2, 3])
        for update in updates {
            var writer = try await RunWriter.create(
                context.newRun(), on: storage, input: ["hello"], contents: [content])
            let isIntact = try await stays(short) {
                try await update(&writer)
            } isThere: {
                try await storage.record(of: writer.run.id) != nil
            } check: {
                try await context.expectStored(writer, on: storage)
                let input = try await storage.input(of: writer.run.id)
                try context.expect("the input", input?.count, is: 1)
                try await context.expectContents(
                    [content.digest], of: .run(writer.run.id), are: [content.bytes], on: storage)
                let listed = try await storage.runs(RunQuery(.agent(context.agent), limit: 100))
                try context.expect("the newest run of the agent", listed.items.first, is: writer.run)
            }
            try context.expect(isIntact, "a run expired before its time to live had passed since an update")
        }
        let byHand = context.newRun()
        try await storage.save(byHand)
        let isIntact = try await stays(short) {
            try await storage.append(.generic("an event"), to: byHand.id)
        } isThere: {
            try await storage.record(of: byHand.id) != nil
        } check: {
            try context.expect("the run", try await storage.run(byHand.id), is: byHand)
        }
        try context.expect(isIntact, "a run saved without an engine expired before its time to live had passed")
    }

    /// Updates something twice, each time after a large part of its time to live, and checks that it still exists.
    ///
    /// If the suite sleeps, a busy machine may take too long. The result is then meaningless, and
    /// counts as success.
    private static func stays(
        _ short: ShortLivedStorage, update: () async throws -> Void,
        isThere: () async throws -> Bool, check: () async throws -> Void
    ) async throws -> Bool {
        let clock = ContinuousClock()
        for _ in 0..<3 {
            let start = clock.now
            do {
                try await update()
                try await short.advanceTime(short.timeToLive * 0.6)
                if try await isThere() {
                    try await check()
                } else if clock.now - start < short.timeToLive {
                    return false
                } else {
                    return true
                }
            } catch  where clock.now - start >= short.timeToLive {
                return true
            }
        }
        return true
    }

    static func listings(_ context: CheckContext) async throws {
        guard let short = try await context.openShortLived() else { return }
        let storage = short.storage
        var old: [Run] = []
        for number in 0..<30 {
            let run = context.newRun(createdAt: .now + .seconds(-number))
            var writer = try await RunWriter.create(run, on: storage)
            if number.isMultiple(of: 3) { try await writer.become(.completed) }
            old.append(writer.run)
        }
        try await short.expireAll()
        var live: [Run] = []
        let start = ContinuousClock.now
        for number in 0..<6 {
            // Runs that are older and newer than the expired ones.
            let run = context.newRun(createdAt: .now + .seconds(number.isMultiple(of: 2) ? number : -100 - number))
            live.append(try await RunWriter.create(run, on: storage).run)
        }
        live.sort { $0.createdAt > $1.createdAt }
        for filter in [RunQuery.Filter.agent(context.agent), .session(context.session)] {
            for (offset, limit) in [(0, 100), (0, 3), (3, 3), (5, 10), (6, 10)] {
                let found = try await storage.runs(RunQuery(filter, offset: offset, limit: limit))
                guard ContinuousClock.now - start < short.timeToLive else { return }
                let what = "\(filter), offset \(offset), limit \(limit)"
                let expected = page(live, from: offset, limit: limit)
                try context.expect("the runs of \(what)", found.items.map(\.id), is: expected.map(\.id))
                try context.expect("the total of \(what)", found.total, is: live.count)
            }
        }
    }

    static func late(_ context: CheckContext) async throws {
        guard let short = try await context.openShortLived() else { return }
        let storage = short.storage
        var writer = try await RunWriter.create(context.newRun(), on: storage, input: ["hello"])
        try await writer.write(context.parts(0..<5))
        let run = writer.run
        try await short.expireAll()
        let commit = try writer.next([run.becoming(.completed)], snapshot: true)
        try await context.expectError(.notFound, "a commit to an expired run") { try await storage.commit(commit) }
        try await context.expectError(.notFound, "appending to an expired run") {
            try await storage.append(.generic(1), to: run.id)
        }
        let owner = RunOwner(process: ProcessID())
        let claimed = try await storage.claim(run.id, for: owner, from: writer.owner)
        try context.expect("claiming an expired run", claimed, is: false)
        try await context.expectNothing(of: run, on: storage)
        let start = ContinuousClock.now
        let next = try await RunWriter.create(context.newRun().with(id: run.id), on: storage)
        do {
            try await context.expectStored(next, on: storage)
            try context.expect("the new run's input", try await storage.input(of: run.id), is: nil)
        } catch  where ContinuousClock.now - start >= short.timeToLive {
            return
        }
    }

    static func session(_ context: CheckContext) async throws {
        guard let short = try await context.openShortLived() else { return }
        let storage = short.storage
        let content = StoredContent(1, [1, 2, 3])
        let block = try HistoryBlock(key: "one", entries: [.link("https://example.com/1")], contents: [content])
        let (used, unused) = (context.session, SessionID())
        for session in [used, unused] {
            try await storage.save(SessionRecord(id: session, metadata: ["kept": true]), expecting: nil)
            try await storage.append([block], to: session)
        }
        // The state and the history of a session live as long as the one that was used last.
        for useHistory in [true, false] {
            let isIntact = try await stays(short) {
                if useHistory {
                    try await storage.append([block], to: used)
                } else {
                    try await storage.save(SessionRecord(id: used, metadata: ["kept": true]), expecting: nil)
                }
            } isThere: {
                try await storage.session(used) != nil
            } check: {
                let history = try await storage.storedHistory(of: used, from: 0, limit: nil).items
                try context.expect("the history", history, is: block.entries)
                try await context.expectContents(
                    [content.digest], of: .session(used), are: [content.bytes], on: storage)
            }
            try context.expect(isIntact, "a session expired before its time to live had passed since its last use")
        }
        try await short.expireAll()
        for session in [used, unused] {
            try context.expect("an expired session", try await storage.session(session), is: nil)
            let history = try await storage.storedHistory(of: session, from: 0, limit: nil)
            try context.expect("its history's total", history.total, is: 0)
            try await context.expectContents([content.digest], of: .session(session), are: [nil], on: storage)
            try context.expect("deleting it", try await storage.deleteSession(session), is: false)
        }
        // The session can be created again, with the same block.
        let start = ContinuousClock.now
        try await storage.append([block], to: used)
        let version = try await storage.save(SessionRecord(id: used), expecting: 0)
        try context.expect("the version of the new session", version, is: 1)
        let history = try await storage.storedHistory(of: used, from: 0, limit: nil).items
        try context.expect(
            history == block.entries || ContinuousClock.now - start >= short.timeToLive,
            "the history of the new session is \(history)")
    }

    static func sessionByCommit(_ context: CheckContext) async throws {
        guard let short = try await context.openShortLived() else { return }
        let storage = short.storage
        let content = StoredContent(1, [1, 2, 3])
        let first = try HistoryBlock(key: "first", entries: [.link("https://example.com/first")], contents: [content])
        try await storage.save(SessionRecord(id: context.session, metadata: ["kept": true]), expecting: nil)
        try await storage.append([first], to: context.session)
        var expected = first.entries
        let isIntact = try await stays(short) {
            let block = try HistoryBlock(link: "https://example.com/\(expected.count)")
            _ = try await RunWriter.create(
                context.newRun(), on: storage, history: HistoryAppend(block, to: context.session))
            expected += block.entries
        } isThere: {
            try await storage.session(context.session) != nil
        } check: {
            let history = try await storage.storedHistory(of: context.session, from: 0, limit: nil).items
            try context.expect("the history", history, is: expected)
            try await context.expectContents(
                [content.digest], of: .session(context.session), are: [content.bytes], on: storage)
        }
        try context.expect(isIntact, "a session expired before its time to live had passed since a commit to it")
        try await short.expireAll()
        try context.expect("the expired session", try await storage.session(context.session), is: nil)
        let history = try await storage.storedHistory(of: context.session, from: 0, limit: nil)
        try context.expect("its history's total", history.total, is: 0)
    }
}

extension Run {
    fileprivate func with(id: RunID) -> Run {
        var run = self
        run.id = id
        return run
    }
}
