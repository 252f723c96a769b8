// SPDX-License-Identifier: Apache-2.0

import ACPCore
import ACPStorage
import Synchronization

/// Concurrent access of many tasks to one run.
enum RaceChecks {
    static let all = [
        StorageCheck("Of several owners that create one run at once, exactly one succeeds", creations),
        StorageCheck("Of different commits at the same position, exactly one is stored, and as a whole", commits),
        StorageCheck("Of fifty tasks that claim a run at once, exactly one succeeds", claims),
        StorageCheck("No commit of the old owner is stored after a concurrent claim", claimAgainstCommits),
        StorageCheck("A reader of a run that is being written sees whole commits only", reads),
        StorageCheck("Runs written at the same time are separate", separateRuns),
    ]

    static func creations(_ context: CheckContext) async throws {
        for round in 0..<10 {
            let run = context.newRun()
            let writers = try await concurrently(8) { number -> (RunWriter, Bool) in
                var writer = RunWriter(run, on: context.storage)
                let events = RunWriter.firstEvents(of: run) + context.parts(0..<number)
                let commit = try writer.next(events, snapshot: true, input: [Message("from \(number)")])
                let won = try await context.attempt(orFailWith: .fenced) { try await context.storage.commit(commit) }
                return (writer, won)
            }
            let winners = writers.indices.filter { writers[$0].1 }
            try context.expect("the number of owners that created the run", winners.count, is: 1)
            try await context.expectStored(writers[winners[0]].0)
            let input = try await context.storage.input(of: run.id)
            try context.expect("the winner's input", input?.map(\.text), is: ["from \(winners[0])"])
            let listed = try await context.storage.runs(RunQuery(.agent(context.agent)))
            try context.expect("the number of listed runs", listed.total, is: round + 1)
        }
    }

    static func commits(_ context: CheckContext) async throws {
        var writer = try await RunWriter.create(context.newRun(), on: context.storage)
        for _ in 0..<10 {
            let base = writer
            // Each has another length: commits of the same length could not be distinguished from a repetition.
            let outcomes = try await concurrently(12) { number -> RunWriter? in
                var rival = base
                let events = (0...number).map { Event.messagePart(.text("part \($0) of rival \(number)")) }
                let commit = try rival.next(events, snapshot: number.isMultiple(of: 2))
                let won = try await context.attempt(orFailWith: .conflict) {
                    try await context.storage.commit(commit)
                }
                return won ? rival : nil
            }
            let winners = outcomes.compactMap(\.self)
            try context.expect("the number of stored commits", winners.count, is: 1)
            writer = winners[0]
            try await context.expectStored(writer)
        }
    }

    static func claims(_ context: CheckContext) async throws {
        var writer = try await RunWriter.create(context.newRun(), on: context.storage)
        for _ in 0..<5 {
            let (run, current) = (writer.run.id, writer.owner)
            let winners = try await concurrently(50) { _ -> RunOwner? in
                let owner = RunOwner(process: ProcessID())
                return try await context.storage.claim(run, for: owner, from: current) ? owner : nil
            }.compactMap(\.self)
            try context.expect("the number of successful claims", winners.count, is: 1)
            writer.owner = winners[0]
            try await writer.write(context.parts(0..<2))
            try await context.expectStored(writer)
        }
    }

    static func claimAgainstCommits(_ context: CheckContext) async throws {
        for round in 0..<20 {
            let first = try await RunWriter.create(context.newRun(), on: context.storage)
            let claimer = RunOwner(process: ProcessID())
            let isClaimed = Flag()
            async let old = writeUntilFenced(first, isClaimed, context)
            // Sometimes the claim is first, mostly it is in the middle.
            for _ in 0..<round { await Task.yield() }
            let claimed = try await context.storage.claim(first.run.id, for: claimer, from: first.owner)
            isClaimed.raise()
            try context.expect("the claim", claimed, is: true)
            let found = try await context.storage.events(of: first.run.id, from: 0, limit: nil)
            var writer = try await old
            // All commits that were confirmed to the old owner must have been stored before the claim.
            try context.expectEvents(found, are: writer.events)
            writer.owner = claimer
            try await writer.write(context.parts(0..<3), snapshot: true)
            try await context.expectStored(writer)
        }
    }

    /// Commits until the run belongs to another owner.
    private static func writeUntilFenced(
        _ writer: RunWriter, _ isClaimed: Flag, _ context: CheckContext
    ) async throws -> RunWriter {
        var writer = writer
        while true {
            let wasClaimed = isClaimed.isRaised
            let commit = try writer.next([.generic("written by the first owner")])
            let stored = try await context.attempt(orFailWith: .fenced) { try await context.storage.commit(commit) }
            guard stored else {
                writer.removeLastEvent()
                return writer
            }
            try context.expect(!wasClaimed, "a commit succeeded that was sent after another owner's claim")
            try Task.checkCancellation()
            await Task.yield()
        }
    }

    static func reads(_ context: CheckContext) async throws {
        let size = 10
        let first = RunWriter(context.newRun(), on: context.storage)
        let id = first.run.id
        async let written: RunWriter = {
            var writer = first
            try await context.storage.commit(
                try writer.next(RunWriter.firstEvents(of: writer.run) + context.parts(2..<size), snapshot: true))
            for commit in 1..<60 {
                let start = commit * size
                try await writer.write(context.parts(start..<start + size), snapshot: commit.isMultiple(of: 4))
            }
            return writer
        }()
        let readers = try await concurrently(3) { _ -> [RunRecord] in
            var records: [RunRecord] = []
            while (records.last?.eventCount ?? 0) < 60 * size {
                try await context.eventually("a reader sees the next commit") {
                    guard let record = try await context.storage.record(of: id),
                        record.eventCount != records.last?.eventCount
                    else { return false }
                    records.append(record)
                    return true
                }
            }
            return records
        }
        let writer = try await written
        for record in readers.joined() {
            let count = record.eventCount
            try context.expect(count.isMultiple(of: size), "a reader saw \(count) events: a part of a commit")
            let texts = try record.run().output.flatMap { $0.parts.map(\.content) }
            let expected = (2..<count).map { "part \($0)" as String? }
            try context.expect("the parts of the run at \(count) events", texts, is: expected)
            try context.expectEvents(
                record.laterEvents, are: Array(writer.events[record.coveredEvents..<count]))
        }
        try await context.expectStored(writer)
    }

    static func separateRuns(_ context: CheckContext) async throws {
        let writers = try await concurrently(20) { number -> RunWriter in
            var writer = try await RunWriter.create(context.newRun(), on: context.storage)
            for commit in 0..<20 {
                try await writer.write(
                    [.messagePart(.text("run \(number), part \(commit)"))], snapshot: commit == number)
            }
            try await writer.become(.completed)
            return writer
        }
        for writer in writers { try await context.expectStored(writer) }
        let listed = try await context.storage.runs(RunQuery(.agent(context.agent), limit: 100))
        try context.expect("the listed runs", Set(listed.items), is: Set(writers.map(\.run)))
        try context.expect("the number of runs", listed.total, is: 20)
    }
}

private final class Flag: Sendable {
    private let value = Atomic(false)
    var isRaised: Bool { value.load(ordering: .acquiring) }
    func raise() { value.store(true, ordering: .releasing) }
}
