// SPDX-License-Identifier: Apache-2.0

import ACPCore
import ACPStorage

/// The storage as a whole.
enum WholeStorageChecks {
    static let all = [
        StorageCheck("The storage replies to a ping", ping),
        StorageCheck(
            "Removing all data leaves nothing behind, and does not touch other data", isExclusive: true, removeAll),
        StorageCheck("A closed storage throws closed from every call, and can be closed twice", close),
        StorageCheck("Acknowledged data are found when the storage is opened again, if it is durable", durability),
        StorageCheck("Two storages on the same data see each other's writes, if it is shared", sharedData),
        StorageCheck("Owners on two storages fence each other, if it is shared", sharedOwners),
        StorageCheck("Signals and wakes reach the other storage, if it is shared", sharedCoordination),
    ]

    static func ping(_ context: CheckContext) async throws {
        let time = try await context.storage.ping()
        try context.expect(time >= .zero, "the ping took \(time)")
    }

    static func removeAll(_ context: CheckContext) async throws {
        let storage = context.storage
        try await context.suite.neighbor?.create()
        let content = StoredContent(1, [1, 2, 3])
        var writers: [RunWriter] = []
        for status in [RunStatus.created, .inProgress, .awaiting, .completed] {
            var writer = try await RunWriter.create(
                context.newRun(), on: storage, input: ["hello"], contents: [content])
            if status != .created { try await writer.become(status) }
            try await storage.coordination.send(.cancel, to: writer.run.id)
            writers.append(writer)
        }
        let byHand = context.newRun(.inProgress)
        try await storage.save(byHand)
        let unknown = Run(agentName: context.agent)
        _ = try await context.attempt(orFailWith: .notFound) {
            try await storage.coordination.send(.cancel, to: unknown.id)
        }
        let block = try HistoryBlock(key: "one", entries: [.link("https://example.com/1")], contents: [content])
        try await storage.append([block], to: context.session)
        try await storage.save(SessionRecord(id: context.session), expecting: nil)

        try await storage.removeAll()

        for run in writers.map(\.run) + [byHand, unknown] { try await context.expectNothing(of: run) }
        for writer in writers {
            let owned = try await storage.runs(ownedBy: writer.owner.process, limit: 10)
            try context.expect("the process's runs", owned, is: [])
        }
        let unfinished = [RunStatus.created, .inProgress, .awaiting, .cancelling].map { RunQuery.Filter.unfinished($0) }
        for filter in [.all, .agent(context.agent), .session(context.session)] + unfinished {
            let listed = try await storage.runs(RunQuery(filter))
            try context.expect("the total of \(filter)", listed.total, is: 0)
        }
        for since in [nil, Timestamp(microseconds: 0)] {
            let listed = try await storage.runs(RunStatusQuery(agent: context.agent, changedSince: since))
            try context.expect("the total by change of status", listed.total, is: 0)
        }
        try context.expect("the session", try await storage.session(context.session), is: nil)
        let history = try await storage.storedHistory(of: context.session, from: 0, limit: nil)
        try context.expect("the history's total", history.total, is: 0)
        let owners = [.session(context.session)] + writers.map { ContentKey.Owner.run($0.run.id) }
        for owner in owners { try await context.expectContents([content.digest], of: owner, are: [nil]) }
        if let neighbor = context.suite.neighbor {
            try context.expect(try await neighbor.isUntouched(), "data that do not belong to the storage were changed")
        }
        // The storage can be used afterwards, and removing no data succeeds.
        let writer = try await RunWriter.create(writers[0].run, on: storage)
        try await context.expectStored(writer)
        for _ in 0..<2 { try await storage.removeAll() }
        try await context.expectNothing(of: writer.run)
    }

    static func close(_ context: CheckContext) async throws {
        let storage = try await context.openAnother()
        var writer = try await RunWriter.create(context.newRun(), on: storage)
        let (run, session, owner) = (writer.run, context.session, writer.owner)
        let later = try writer.next(context.parts(0..<1))
        try await storage.close()
        try await storage.close()
        let block = try HistoryBlock(key: "one", entries: [])
        let calls: [(String, @Sendable () async throws -> Void)] = [
            ("commit", { try await storage.commit(later) }),
            ("record", { _ = try await storage.record(of: run.id) }),
            ("input", { _ = try await storage.input(of: run.id) }),
            ("save(run)", { try await storage.save(run) }),
            ("append(event)", { try await storage.append(.generic(1), to: run.id) }),
            ("deleteRun", { try await storage.deleteRun(run.id) }),
            ("runs", { _ = try await storage.runs(RunQuery(.agent(run.agentName))) }),
            ("runs by status", { _ = try await storage.runs(RunStatusQuery(agent: run.agentName)) }),
            ("events", { _ = try await storage.events(of: run.id, from: 0, limit: 1) }),
            ("eventCount", { _ = try await storage.eventCount(of: run.id) }),
            ("claim", { _ = try await storage.claim(run.id, for: owner, from: owner) }),
            ("runs(ownedBy:)", { _ = try await storage.runs(ownedBy: owner.process, limit: 1) }),
            ("session", { _ = try await storage.session(session) }),
            ("save(session)", { try await storage.save(SessionRecord(id: session), expecting: nil) }),
            ("append(blocks)", { try await storage.append([block], to: session) }),
            ("contents", { _ = try await storage.contents([ContentKey(.run(run.id), .number(1))]) }),
            ("history", { _ = try await storage.storedHistory(of: session, from: 0, limit: 1) }),
            ("deleteSession", { try await storage.deleteSession(session) }),
            ("ping", { _ = try await storage.ping() }),
            ("removeAll", { try await storage.removeAll() }),
        ]
        for (name, call) in calls {
            try await context.expectError(.closed, "\(name) on a closed storage", call)
        }
        try await storage.close()
    }

    static func durability(_ context: CheckContext) async throws {
        guard context.storage.capabilities.isDurable else { return }
        let first = try await context.openAnother()
        let content = StoredContent(1, [1, 2, 3])
        var writer = try await RunWriter.create(context.newRun(), on: first, input: ["hello"], contents: [content])
        try await writer.write(context.parts(0..<5))
        let saved = SessionRecord(id: context.session, state: SessionState(bytes: [0xFF]), metadata: ["a": 1])
        try await first.save(saved, expecting: nil)
        let block = try HistoryBlock(key: "one", entries: [.link("https://example.com/1")], contents: [content])
        try await first.append([block], to: context.session)
        try await first.coordination.send(.cancel, to: writer.run.id)
        try await first.close()

        let second = try await context.openAnother()
        try await context.expectStored(writer, on: second)
        try context.expect("the input", try await second.input(of: writer.run.id)?.map(\.text), is: ["hello"])
        for filter in [RunQuery.Filter.agent(context.agent), .session(context.session)] {
            let listed = try await second.runs(RunQuery(filter))
            try context.expect("the runs of \(filter)", listed.items, is: [writer.run])
        }
        let owned = try await second.runs(ownedBy: writer.owner.process, limit: 10)
        try context.expect("the process's runs", owned, is: [writer.run.id])
        let session = try await second.session(context.session)
        try context.expect("the session's state", session?.state, is: saved.state)
        try context.expect("the session's metadata", session?.metadata, is: saved.metadata)
        for _ in 0..<2 {
            let history = try await second.storedHistory(of: context.session, from: 0, limit: nil).items
            try context.expect("the history", history, is: block.entries)
            // The keys of the blocks are durable as well.
            try await second.append([block], to: context.session)
        }
        let signals = try await second.coordination.signals(to: writer.run.id)
        try context.expect("the signals", signals, is: [.cancel])
        for owner in [ContentKey.Owner.run(writer.run.id), .session(context.session)] {
            try await context.expectContents([content.digest], of: owner, are: [content.bytes], on: second)
        }
    }

    static func sharedData(_ context: CheckContext) async throws {
        guard context.storage.capabilities.isShared else { return }
        let other = try await context.openAnother()
        var writer = try await RunWriter.create(context.newRun(), on: context.storage, input: ["hello"])
        for status in [RunStatus.inProgress, .awaiting, .completed] {
            try await writer.write(context.parts(0..<3))
            try await writer.become(status)
            try await context.expectStored(writer, on: other)
            let listed = try await other.runs(RunQuery(.agent(context.agent)))
            try context.expect("the listed runs", listed.items, is: [writer.run])
        }
        let storages = [context.storage, other]
        _ = try await concurrently(40) { number in
            let block = try HistoryBlock(key: "\(number / 2)", entries: [.link("https://example.com/\(number / 2)")])
            try await storages[number % 2].append([block], to: context.session)
        }
        for storage in storages {
            let history = try await storage.storedHistory(of: context.session, from: 0, limit: nil).items
            try context.expect("the number of entries in the history", history.count, is: 20)
            try context.expect("the number of different entries", Set(history).count, is: 20)
        }
        let version = try await context.storage.save(SessionRecord(id: context.session), expecting: 0)
        try await context.expectError(.conflict, "a save on the other storage that expects the old version") {
            try await other.save(SessionRecord(id: context.session), expecting: 0)
        }
        try await other.save(SessionRecord(id: context.session), expecting: version)
        try context.expect("deleting on the other storage", try await other.deleteRun(writer.run.id), is: true)
        try await context.expectNothing(of: writer.run)
    }

    static func sharedOwners(_ context: CheckContext) async throws {
        guard context.storage.capabilities.isShared else { return }
        let storages = [context.storage, try await context.openAnother(), try await context.openAnother()]
        var old = try await RunWriter.create(context.newRun(), on: storages[0])
        let current = old.owner
        let id = old.run.id
        let winners = try await concurrently(30) { number -> RunOwner? in
            let owner = RunOwner(process: ProcessID())
            return try await storages[number % 3].claim(id, for: owner, from: current) ? owner : nil
        }.compactMap(\.self)
        try context.expect("the number of successful claims", winners.count, is: 1)
        var new = old
        new.owner = winners[0]
        try await context.expectError(.fenced, "a commit by the old owner") {
            try await storages[0].commit(try old.next(context.parts(0..<2), snapshot: true))
        }
        for storage in storages {
            try await storage.commit(try new.next(context.parts(0..<3)))
            for other in storages { try await context.expectStored(new, on: other) }
        }
    }

    static func sharedCoordination(_ context: CheckContext) async throws {
        guard context.storage.capabilities.isShared else { return }
        let other = try await context.openAnother()
        var writer = try await RunWriter.create(context.newRun(), on: context.storage)
        let (id, process) = (writer.run.id, writer.owner.process)
        try await context.storage.coordination.heartbeat(of: process, timeToLive: .seconds(600))
        let live = try await other.coordination.liveProcesses()
        try context.expect(live.contains(process), "the other storage does not see the heartbeat")
        try await other.coordination.leave(process)

        let announcements = try await context.storage.coordination.announcements(to: process)
        try await other.coordination.send(.cancel, to: id)
        let found = try await context.next("the announcement of a signal from the other storage", of: announcements)
        try context.expect(found == .signal(id) || found == .gap, "the announcement is \(found)")
        let signals = try await context.storage.coordination.signals(to: id)
        try context.expect("the signals", signals, is: [.cancel])
        let again = try await context.storage.coordination.send(.cancel, to: id)
        try context.expect("whether the same signal is new on the other storage", again, is: false)

        let changes = try await other.coordination.changes(of: id)
        for number in 0..<5 {
            try await writer.write(context.parts([number]))
            try await context.next("the wake of a commit on the other storage", of: changes)
            try await context.expectStored(writer, on: other)
        }
    }
}
