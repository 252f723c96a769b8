// SPDX-License-Identifier: Apache-2.0

import ACPCore
import ACPStorage

/// Deleting runs and sessions.
enum DeletionChecks {
    static let all = [
        StorageCheck("Deleting a run removes its events, its input, its signals and its entries in all listings", run),
        StorageCheck("Deleting a run does not change other runs", others),
        StorageCheck("A commit to a deleted run throws notFound and does not restore it", lateCommit),
        StorageCheck("A deleted run can be created again and starts empty", recreation),
        StorageCheck("Of many tasks that delete a run at once, one is told that it existed", concurrentDeletes),
    ]

    static func run(_ context: CheckContext) async throws {
        let storage = context.storage
        for status in [RunStatus.created, .awaiting, .completed] {
            var writer = try await RunWriter.create(context.newRun(), on: storage, input: ["hello"])
            try await writer.write(context.parts(0..<50))
            if status != .created { try await writer.become(status) }
            try await storage.coordination.send(.cancel, to: writer.run.id)
            try context.expect("deleting the run", try await storage.deleteRun(writer.run.id), is: true)
            try await context.expectNothing(of: writer.run)
            let owned = try await storage.runs(ownedBy: writer.owner.process, limit: 10)
            try context.expect("the process's runs", owned, is: [])
            for filter in [RunQuery.Filter.agent(context.agent), .session(context.session)] {
                let listed = try await storage.runs(RunQuery(filter))
                try context.expect("the number of runs of \(filter)", listed.total, is: 0)
            }
            try context.expect("deleting it again", try await storage.deleteRun(writer.run.id), is: false)
            let claimed = try await storage.claim(
                writer.run.id, for: RunOwner(process: ProcessID()), from: writer.owner)
            try context.expect("claiming it", claimed, is: false)
        }
        let byHand = context.newRun()
        try await storage.save(byHand)
        try await storage.append(.generic(1), to: byHand.id)
        try context.expect("deleting a run saved without an engine", try await storage.deleteRun(byHand.id), is: true)
        try await context.expectNothing(of: byHand)
    }

    static func others(_ context: CheckContext) async throws {
        let storage = context.storage
        var kept: [RunWriter] = []
        for _ in 0..<6 {
            var writer = try await RunWriter.create(context.newRun(), on: storage)
            try await writer.write(context.parts(0..<3))
            try await storage.coordination.send(.cancel, to: writer.run.id)
            kept.append(writer)
        }
        try await storage.append([HistoryBlock(run: kept[0].run.id, input: ["hi"], output: [])], to: context.session)
        for index in [4, 0, 1] {
            try await storage.deleteRun(kept.remove(at: index).run.id)
        }
        for writer in kept {
            try await context.expectStored(writer)
            let signals = try await storage.coordination.signals(to: writer.run.id)
            try context.expect("the signals of another run", signals, is: [.cancel])
        }
        let listed = try await storage.runs(RunQuery(.session(context.session)))
        try context.expect("the listed runs", Set(listed.items), is: Set(kept.map(\.run)))
        try context.expect("their number", listed.total, is: 3)
        let history = try await storage.storedHistory(of: context.session, from: 0, limit: nil).items
        try context.expect("the session's history after its run was deleted", history.count, is: 1)
    }

    static func lateCommit(_ context: CheckContext) async throws {
        var writer = try await RunWriter.create(context.newRun(), on: context.storage)
        try await context.storage.deleteRun(writer.run.id)
        for snapshot in [true, false] {
            let commit = try writer.next(context.parts(0..<2), snapshot: snapshot)
            try await context.expectError(.notFound, "a commit to a deleted run") {
                try await context.storage.commit(commit)
            }
            try await context.expectNothing(of: writer.run)
        }
    }

    static func recreation(_ context: CheckContext) async throws {
        let storage = context.storage
        let run = context.newRun()
        for round in 0..<3 {
            let input: [Message]? = round == 0 ? ["hello"] : nil
            var writer = try await RunWriter.create(run, on: storage, input: input)
            try await context.expectStored(writer)
            let found = try await storage.input(of: run.id)
            try context.expect("the input in round \(round)", found?.count, is: round == 0 ? 1 : nil)
            let signals = try await storage.coordination.signals(to: run.id)
            try context.expect("the signals of a new run", signals, is: [])
            try await writer.write(context.parts(0..<round + 1))
            try await context.expectStored(writer)
            let sent = try await storage.coordination.send(.cancel, to: run.id)
            try context.expect("the first signal of this run", sent, is: true)
            let listed = try await storage.runs(RunQuery(.agent(context.agent)))
            try context.expect("the number of listed runs", listed.total, is: 1)
            try await storage.deleteRun(run.id)
        }
    }

    static func concurrentDeletes(_ context: CheckContext) async throws {
        let writer = try await RunWriter.create(context.newRun(), on: context.storage)
        let told = try await concurrently(20) { _ in try await context.storage.deleteRun(writer.run.id) }
        try context.expect("the number of tasks that were told that the run existed", told.count { $0 }, is: 1)
        try await context.expectNothing(of: writer.run)
        let session = SessionID()
        try await context.storage.save(SessionRecord(id: session), expecting: nil)
        let toldOfSession = try await concurrently(20) { _ in try await context.storage.deleteSession(session) }
        try context.expect(
            "the number of tasks that were told that the session existed", toldOfSession.count { $0 }, is: 1)
    }
}
