// SPDX-License-Identifier: Apache-2.0

import ACPCore
import ACPStorage

/// Answers that are stored before a run fails for want of one.
enum AnswerChecks {
    static let all = [
        StorageCheck("A run whose question was answered cannot fail for want of an answer", refusedFailure),
        StorageCheck(
            "An answer after a run has failed for want of it changes nothing, also for a repeated commit", afterTheEnd),
        StorageCheck("An answer affects only the failure for want of it", otherCommits),
        StorageCheck("Of a failure for want of an answer and the answer at the same moment, one takes effect", race),
    ]

    /// Creates a run that awaits an answer.
    private static func asking(_ context: CheckContext) async throws -> RunWriter {
        var writer = try await RunWriter.create(context.newRun(), on: context.storage)
        try await writer.become(.awaiting)
        return writer
    }

    private static func answer(to writer: RunWriter, _ text: String = "answer") -> RunSignal {
        .resume(.message(Message(text)), eventCount: writer.events.count)
    }

    /// Returns the commit with which the run fails for want of an answer.
    private static func failure(of writer: inout RunWriter) throws -> RunCommit {
        let question = writer.events.count
        var commit = try writer.next([writer.run.becoming(.failed)], snapshot: true)
        commit.unansweredQuestion = question
        return commit
    }

    static func refusedFailure(_ context: CheckContext) async throws {
        let storage = context.storage
        var writer = try await asking(context)
        try await storage.coordination.send(answer(to: writer), to: writer.run.id)
        var refused = writer
        let commit = try failure(of: &refused)
        for _ in 0..<2 {
            try await context.expectError(.answered, "the failure") { try await storage.commit(commit) }
            try await context.expectStored(writer)
        }
        // It continues, and asks again: that question has no answer.
        try await writer.become(.inProgress)
        try await writer.become(.awaiting)
        try await storage.commit(try failure(of: &writer))
        try await context.expectStored(writer)
    }

    static func afterTheEnd(_ context: CheckContext) async throws {
        let storage = context.storage
        var writer = try await asking(context)
        let signal = answer(to: writer)
        let commit = try failure(of: &writer)
        try await storage.commit(commit)
        try await storage.coordination.send(signal, to: writer.run.id)
        try await storage.commit(commit)
        try await context.expectStored(writer)
    }

    static func otherCommits(_ context: CheckContext) async throws {
        let storage = context.storage
        for status in [RunStatus.completed, .failed, .cancelled] {
            var writer = try await asking(context)
            try await storage.coordination.send(answer(to: writer), to: writer.run.id)
            try await writer.become(status)
            try await context.expectStored(writer)
        }
        var other = try await asking(context)
        try await storage.commit(try failure(of: &other))
        try await context.expectStored(other)
        // A cancel signal comes first: the run ends as cancelled.
        let cancelled = try await asking(context)
        for signal in [answer(to: cancelled), .cancel] {
            try await storage.coordination.send(signal, to: cancelled.run.id)
        }
        var refused = cancelled
        let commit = try failure(of: &refused)
        try await context.expectError(.cancelled, "the failure of a cancelled run") { try await storage.commit(commit) }
        // Another owner is told first that the run is not its own.
        var stranger = cancelled
        stranger.owner = RunOwner(process: ProcessID())
        let fenced = try failure(of: &stranger)
        try await context.expectError(.fenced, "the failure by another owner") { try await storage.commit(fenced) }
        try await context.expectStored(cancelled)
    }

    static func race(_ context: CheckContext) async throws {
        let storage = context.storage
        for _ in 0..<20 {
            var writer = try await asking(context)
            let (id, signal) = (writer.run.id, answer(to: writer))
            let end = try failure(of: &writer)
            async let committed = {
                do {
                    try await storage.commit(end)
                    return StorageError.Code?.none
                } catch let error as StorageError {
                    return error.code
                }
            }()
            async let seen = {
                try await storage.coordination.send(signal, to: id)
                return try await storage.record(of: id)?.snapshot.status
            }()
            let (refusal, status) = (try await committed, try await seen)
            switch refusal {
            case nil:
                // The failure was first, and the sender of the answer must see that.
                let message =
                    "the run failed, but the sender of the answer reads the status \(String(describing: status))"
                try context.expect(status == .failed, message)
            case .answered?:
                try context.expect(status != .failed, "the failure was refused, but is stored")
            case let code?: throw context.failure("the failure was refused with \(code)")
            }
        }
    }
}
