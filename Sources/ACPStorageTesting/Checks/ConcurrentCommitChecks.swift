// SPDX-License-Identifier: Apache-2.0

import ACPCore
import ACPStorage

/// Commits to many runs at once, which a storage may execute in one step.
enum ConcurrentCommitChecks {
    static let all = [
        StorageCheck("Of commits to many runs at once, each has its own outcome", mixedOutcomes)
    ]

    /// A commit that is sent at the same time as others.
    private struct Sent: Sendable {
        let what: String
        let commit: RunCommit
        /// The code of the error with which it must be refused. If `nil`, it must succeed.
        var refusal: StorageError.Code?
        /// What must be stored of its run afterwards. If `nil`, nothing.
        let expected: RunWriter?
    }

    static func mixedOutcomes(_ context: CheckContext) async throws {
        let storage = context.storage
        var ends = 0
        for _ in 0..<3 {
            var commits: [Sent] = []
            for _ in 0..<4 {
                commits += try await accepted(context)
                commits += try await refused(context)
                ends += 1
            }
            let all = commits
            let errors = try await concurrently(all.count) { number -> (any Error)? in
                do {
                    try await storage.commit(all[number].commit)
                    return nil
                } catch {
                    return error
                }
            }
            for (sent, error) in zip(all, errors) {
                if let error, (error as? StorageError)?.code != sent.refusal {
                    let expected = sent.refusal.map { "an error of code \($0)" } ?? "success"
                    throw context.failure("\(sent.what): found the error \(error), expected \(expected)")
                }
                try context.expect(
                    error != nil || sent.refusal == nil, "\(sent.what) succeeded, expected an error")
                if let expected = sent.expected {
                    try await context.expectStored(expected)
                } else {
                    let record = try await storage.record(of: sent.commit.run)
                    try context.expect("the record of a run that does not exist", record, is: nil)
                }
            }
            let history = try await storage.storedHistory(of: context.session, from: 0, limit: nil)
            try context.expect("the number of blocks in the session's history", history.total, is: ends)
        }
    }

    private static func end(_ writer: inout RunWriter, _ context: CheckContext) throws -> RunCommit {
        let block = try HistoryBlock(run: writer.run.id, input: [], output: [Message("out")])
        return try writer.next(
            [writer.run.becoming(.completed)], snapshot: true, history: HistoryAppend(block, to: context.session))
    }

    private static func accepted(_ context: CheckContext) async throws -> [Sent] {
        let storage = context.storage
        var new = RunWriter(context.newRun(), on: storage)
        let creation = try new.next(RunWriter.firstEvents(of: new.run), snapshot: true, input: ["in"])
        var later = try await RunWriter.create(context.newRun(), on: storage)
        let events = try later.next(context.parts(0..<3))
        var ending = try await RunWriter.create(context.newRun(), on: storage)
        let end = try end(&ending, context)
        var repeating = try await RunWriter.create(context.newRun(), on: storage)
        let repeated = try await repeating.write(context.parts(0..<2), snapshot: true)
        return [
            Sent(what: "a creation", commit: creation, expected: new),
            Sent(what: "a commit of events", commit: events, expected: later),
            Sent(what: "the end of a run", commit: end, expected: ending),
            Sent(what: "a repeated commit", commit: repeated, expected: repeating),
        ]
    }

    private static func refused(_ context: CheckContext) async throws -> [Sent] {
        let storage = context.storage
        let owned = try await RunWriter.create(context.newRun(), on: storage)
        var intruder = owned
        intruder.owner = RunOwner(process: ProcessID())
        let fenced = try intruder.next(context.parts(0..<2))
        let behind = try await RunWriter.create(context.newRun(), on: storage)
        var ahead = behind
        _ = try ahead.next(context.parts(0..<2))
        let conflicting = try ahead.next(context.parts(2..<3))
        var unknown = RunWriter(context.newRun(), on: storage)
        _ = try unknown.next(RunWriter.firstEvents(of: unknown.run))
        let missing = try unknown.next(context.parts(0..<2))
        let cancelling = try await RunWriter.create(context.newRun(), on: storage)
        try await storage.coordination.send(.cancel, to: cancelling.run.id)
        var completed = cancelling
        let cancelled = try end(&completed, context)
        var asking = try await RunWriter.create(context.newRun(), on: storage)
        try await asking.become(.awaiting)
        let question = asking.events.count
        try await storage.coordination.send(
            .resume(.message(Message("answer")), eventCount: question), to: asking.run.id)
        var failed = asking
        var answered = try failed.next([failed.run.becoming(.failed)], snapshot: true)
        answered.unansweredQuestion = question
        return [
            Sent(what: "a commit of another owner", commit: fenced, refusal: .fenced, expected: owned),
            Sent(
                what: "a commit that expects more events", commit: conflicting, refusal: .conflict, expected: behind),
            Sent(what: "a commit to a run that does not exist", commit: missing, refusal: .notFound, expected: nil),
            Sent(
                what: "the end of a run that is being cancelled", commit: cancelled, refusal: .cancelled,
                expected: cancelling),
            Sent(
                what: "the failure of a run that was answered", commit: answered, refusal: .answered, expected: asking),
        ]
    }
}
