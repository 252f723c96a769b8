// SPDX-License-Identifier: Apache-2.0

import ACPCore
import ACPStorage

/// Repeating commits whose reply was lost. The result must not depend on whether the first attempt arrived.
enum RepeatedCommitChecks {
    static let all = [
        StorageCheck("Repeating the first commit of a run changes nothing and succeeds", first),
        StorageCheck("Repeating a commit changes nothing and succeeds, with a snapshot or without", later),
        StorageCheck("Repeating the last commit of a run changes nothing and succeeds", last),
        StorageCheck("Repeating a commit of a snapshot alone changes nothing and succeeds", snapshotAlone),
        StorageCheck("A commit that many tasks repeat at once is stored once", atTheSameTime),
        StorageCheck("A run can continue after a repeated commit", continuation),
    ]

    static func first(_ context: CheckContext) async throws {
        let storage = context.storage
        var writer = RunWriter(context.newRun(), on: storage)
        let commit = try writer.next(RunWriter.firstEvents(of: writer.run), snapshot: true, input: ["hello"])
        for _ in 0..<3 {
            try await storage.commit(commit)
            try await context.expectStored(writer)
        }
        let listed = try await storage.runs(RunQuery(.agent(context.agent)))
        try context.expect("how many times the run is listed", listed.total, is: 1)
        try context.expect("the listed runs", listed.items, is: [writer.run])
        let owned = try await storage.runs(ownedBy: writer.owner.process, limit: 10)
        try context.expect("the process's runs", owned, is: [writer.run.id])
        try context.expect("the input", try await storage.input(of: writer.run.id)?.count, is: 1)
    }

    static func later(_ context: CheckContext) async throws {
        var writer = try await RunWriter.create(context.newRun(), on: context.storage)
        for (number, snapshot) in [false, true, false, true, true, false].enumerated() {
            let commit = try await writer.write(context.parts([number, number]), snapshot: snapshot)
            try await context.storage.commit(commit)
            try await context.expectStored(writer)
        }
    }

    static func last(_ context: CheckContext) async throws {
        let storage = context.storage
        for snapshot in [true, false] {
            var writer = try await RunWriter.create(context.newRun(), on: storage)
            try await writer.become(.inProgress)
            let commit = try await writer.write([writer.run.becoming(.completed)], snapshot: snapshot)
            try await storage.commit(commit)
            try await storage.commit(commit)
            try await context.expectStored(writer)
        }
        let listed = try await storage.runs(RunQuery(.agent(context.agent)))
        try context.expect("the number of listed runs", listed.total, is: 2)
    }

    static func snapshotAlone(_ context: CheckContext) async throws {
        var writer = try await RunWriter.create(context.newRun(), on: context.storage)
        try await writer.write(context.parts(0..<3))
        let commit = try await writer.write([], snapshot: true)
        try await context.storage.commit(commit)
        try await context.expectStored(writer)
    }

    static func atTheSameTime(_ context: CheckContext) async throws {
        var writer = try await RunWriter.create(context.newRun(), on: context.storage)
        for round in 0..<5 {
            let commit = try writer.next(context.parts(0..<20), snapshot: round.isMultiple(of: 2))
            _ = try await concurrently(20) { _ in try await context.storage.commit(commit) }
            try await context.expectStored(writer)
        }
    }

    static func continuation(_ context: CheckContext) async throws {
        var writer = try await RunWriter.create(context.newRun(), on: context.storage)
        for number in 0..<5 {
            let commit = try await writer.write(context.parts([number]), snapshot: number == 2)
            try await context.storage.commit(commit)
        }
        try await writer.become(.completed)
        try await context.expectStored(writer)
    }
}
