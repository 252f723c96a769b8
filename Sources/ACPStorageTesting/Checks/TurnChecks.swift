// SPDX-License-Identifier: Apache-2.0

import ACPCore
import ACPStorage

/// Queues for runs of one session that wait for their turn.
enum TurnChecks {
    static let all = [
        StorageCheck("Runs of a session get their turn in the order of the calls", order),
        StorageCheck("A run that is queued twice is in the queue once", twice),
        StorageCheck("Of many runs queued at once, exactly one has the first turn, and each gets one", atTheSameTime),
    ]

    static func order(_ context: CheckContext) async throws {
        let coordination = context.storage.coordination
        let (session, other) = (SessionID(), SessionID())
        let runs = (0..<4).map { _ in RunID() }
        for run in runs {
            let first = try await coordination.enqueue(run, in: session)
            try context.expect("whose turn it is", first, is: runs[0])
        }
        let alone = try await coordination.enqueue(runs[3], in: other)
        try context.expect("whose turn it is in another session", alone, is: runs[3])
        var next = try await coordination.dequeue(runs[1], from: session)
        try context.expect("whose turn it is after a later run was removed", next, is: runs[0])
        next = try await coordination.dequeue(runs[0], from: session)
        try context.expect("whose turn it is after the first run was removed", next, is: runs[2])
        next = try await coordination.dequeue(runs[0], from: session)
        try context.expect("whose turn it is after the same run was removed again", next, is: runs[2])
        next = try await coordination.dequeue(runs[2], from: session)
        try context.expect("whose turn it is at the end", next, is: runs[3])
        next = try await coordination.dequeue(runs[3], from: session)
        try context.expect("whose turn it is in an empty queue", next, is: nil)
        let again = try await coordination.enqueue(runs[0], in: session)
        try context.expect("whose turn it is in a queue that was empty", again, is: runs[0])
        try await coordination.dequeue(runs[0], from: session)
        try await coordination.dequeue(runs[3], from: other)
    }

    static func twice(_ context: CheckContext) async throws {
        let coordination = context.storage.coordination
        let session = SessionID()
        let (first, second) = (RunID(), RunID())
        for run in [first, second, first, second, first] {
            let found = try await coordination.enqueue(run, in: session)
            try context.expect("whose turn it is", found, is: first)
        }
        var next = try await coordination.dequeue(first, from: session)
        try context.expect("whose turn it is after the first", next, is: second)
        next = try await coordination.dequeue(second, from: session)
        try context.expect("whose turn it is after both", next, is: nil)
    }

    static func atTheSameTime(_ context: CheckContext) async throws {
        let coordination = context.storage.coordination
        let session = SessionID()
        let runs = (0..<50).map { _ in RunID() }
        let firsts = try await concurrently(runs.count) { try await coordination.enqueue(runs[$0], in: session) }
        try context.expect("the number of runs that were reported as first", Set(firsts).count, is: 1)
        var served: Set<RunID> = []
        var next: RunID? = firsts[0]
        while let run = next, served.insert(run).inserted {
            next = try await coordination.dequeue(run, from: session)
        }
        try context.expect("the number of runs that had their turn", served.count, is: runs.count)
        try context.expect("whose turn it is at the end", next, is: nil)
    }
}
