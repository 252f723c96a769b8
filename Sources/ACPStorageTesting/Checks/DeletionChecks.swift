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
        StorageCheck(
            "A run that was deleted for good cannot be created again by a commit", isExclusive: true, repeatedCreation),
        StorageCheck("A run that is created while it is deleted for good does not come back", racingCreations),
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

    static func repeatedCreation(_ context: CheckContext) async throws {
        let storage = context.storage
        let run = context.newRun()
        let (mine, others) = (try context.creation(of: run), try context.creation(of: run))
        try await storage.commit(mine)
        try context.expect("deleting the run", try await storage.deleteRun(run.id, forGood: true), is: true)
        // Also after a deletion that finds nothing to delete.
        for isFinal in [true, false] {
            for commit in [mine, others] {
                try await context.expectError(.deleted, "a commit that would create a deleted run") {
                    try await storage.commit(commit)
                }
                try await context.expectNothing(of: run)
            }
            let existed = try await storage.deleteRun(run.id, forGood: isFinal)
            try context.expect("deleting it again", existed, is: false)
        }
        // A later commit finds out that there is no run, as after any deletion.
        var later = mine
        later.snapshot = nil
        try await context.expectError(.notFound, "a commit without a snapshot to a deleted run") {
            try await storage.commit(later)
        }
        // Others can be created, also those that were deleted without the intention to keep them deleted.
        let neighbour = context.newRun()
        let creation = try context.creation(of: neighbour)
        for _ in 0..<2 {
            try await storage.commit(creation)
            try context.expect(
                "deleting another run", try await storage.deleteRun(neighbour.id, forGood: false), is: true)
        }
        // What is saved by hand is always saved.
        try await storage.save(run)
        try context.expect("the run that was saved again", try await storage.run(run.id), is: run)
        try context.expect("deleting it", try await storage.deleteRun(run.id), is: true)
        try await context.expectError(.deleted, "a commit after that") { try await storage.commit(mine) }
        // Deleting everything forgets deletions, too.
        try await storage.removeAll()
        try await storage.commit(mine)
        try context.expect("the run in the empty storage", try await storage.run(run.id), is: run)
    }

    static func racingCreations(_ context: CheckContext) async throws {
        let storage = context.storage
        for _ in 0..<20 {
            let run = context.newRun()
            let first = try context.creation(of: run)
            let repetitions = try (0..<4).map { _ in try context.creation(of: run) }
            try await storage.commit(first)
            async let isDeleted = storage.deleteRun(run.id, forGood: true)
            let codes = try await concurrently(repetitions.count + 1) { number -> StorageError.Code? in
                do {
                    try await storage.commit(number == 0 ? first : repetitions[number - 1])
                    return nil
                } catch let error as StorageError {
                    return error.code
                }
            }
            try context.expect("deleting the run", try await isDeleted, is: true)
            // The first commit may have been repeated before the deletion.
            try context.expect(
                "every reply", codes.dropFirst().allSatisfy { $0 == .fenced || $0 == .deleted }, is: true)
            try context.expect("the reply to the first sender", codes[0] == nil || codes[0] == .deleted, is: true)
            try await context.expectNothing(of: run)
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

extension CheckContext {
    /// Returns a commit that creates a run, of a new owner.
    fileprivate func creation(of run: Run) throws -> RunCommit {
        RunCommit(
            run: run.id, expecting: 0, events: [try EncodedEvent(.runCreated(run))],
            snapshot: try RunSnapshot(run, eventCount: 1), owner: RunOwner(process: ProcessID()))
    }
}
