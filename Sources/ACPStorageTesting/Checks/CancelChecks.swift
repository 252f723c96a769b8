// SPDX-License-Identifier: Apache-2.0

import ACPCore
import ACPStorage

/// Cancel signals that are stored before a run ends.
enum CancelChecks {
    static let all = [
        StorageCheck("A run for which a cancel signal is stored can only end as cancelled", refusedEnds),
        StorageCheck(
            "A cancel signal after a run's end changes nothing, also for a repeated commit", afterTheEnd),
        StorageCheck("A cancel signal affects only the end of its own run", otherCommits),
        StorageCheck("Of a run's end and a cancel signal at the same moment, one takes effect", race),
    ]

    static func refusedEnds(_ context: CheckContext) async throws {
        let storage = context.storage
        for status in [RunStatus.completed, .failed] {
            var writer = try await RunWriter.create(context.newRun(), on: storage)
            try await storage.coordination.send(.cancel, to: writer.run.id)
            var refused = writer
            let block = try HistoryBlock(run: writer.run.id, input: [Message("in")], output: [Message("out")])
            let commit = try refused.next(
                [refused.run.becoming(status)], snapshot: true, history: HistoryAppend(block, to: context.session))
            try await context.expectError(.cancelled, "the end as \(status)") { try await storage.commit(commit) }
            try await context.expectStored(writer)
            let history = try await storage.storedHistory(of: context.session, from: 0, limit: nil)
            try context.expect("the session's history after a refused commit", history.total, is: 0)
            try await writer.become(.cancelled)
            try await context.expectStored(writer)
        }
    }

    static func afterTheEnd(_ context: CheckContext) async throws {
        let storage = context.storage
        var writer = try await RunWriter.create(context.newRun(), on: storage)
        let end = try await writer.write([writer.run.becoming(.completed)], snapshot: true)
        try await storage.coordination.send(.cancel, to: writer.run.id)
        try await storage.commit(end)
        try await context.expectStored(writer)
    }

    static func otherCommits(_ context: CheckContext) async throws {
        let storage = context.storage
        var writer = try await RunWriter.create(context.newRun(), on: storage)
        var other = try await RunWriter.create(context.newRun(), on: storage)
        try await storage.coordination.send(.cancel, to: writer.run.id)
        try await writer.write(context.parts(0..<2))
        try await writer.write([], snapshot: true)
        try await context.expectStored(writer)
        try await other.become(.completed)
        try await context.expectStored(other)
    }

    static func race(_ context: CheckContext) async throws {
        let storage = context.storage
        for _ in 0..<20 {
            var writer = try await RunWriter.create(context.newRun(), on: storage)
            let id = writer.run.id
            let end = try writer.next([writer.run.becoming(.completed)], snapshot: true)
            async let committed = code(of: { try await storage.commit(end) })
            async let seen = {
                try await storage.coordination.send(.cancel, to: id)
                return try await storage.record(of: id)?.snapshot.status
            }()
            let (refusal, status) = (try await committed, try await seen)
            switch refusal {
            case nil:
                // The end was first, and the sender of the cancel signal must see that.
                let message =
                    "the run ended, but the sender of the signal reads the status \(String(describing: status))"
                try context.expect(status == .completed, message)
            case .cancelled?:
                try context.expect(status != .completed, "the end was refused, but is stored")
            case let code?: throw context.failure("the end was refused with \(code)")
            }
        }
    }

    private static func code(of step: () async throws -> Void) async throws -> StorageError.Code? {
        do {
            try await step()
            return nil
        } catch let error as StorageError {
            return error.code
        }
    }
}
