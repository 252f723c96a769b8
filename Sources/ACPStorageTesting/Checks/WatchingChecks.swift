// SPDX-License-Identifier: Apache-2.0

import ACPCore
import ACPStorage

/// Watching a run while it is written.
enum WatchingChecks {
    static let all = [
        StorageCheck("A commit wakes the watchers of the run", wake),
        StorageCheck("Every watcher of a run is woken", several),
        StorageCheck("A run can be watched before it is created", early),
        StorageCheck("A reader that follows a run by its wakes reads every event once and in order", follow),
    ]

    /// Reads the events of a run as they are committed, until its end.
    private static func followed(
        _ run: RunID, by changes: AsyncStream<Void>, _ context: CheckContext, until end: @Sendable (Event.Kind) -> Bool
    ) async throws -> [EncodedEvent] {
        var events: [EncodedEvent] = []
        while true {
            events += try await context.storage.events(of: run, from: events.count, limit: 7)
            if let last = events.last, end(last.kind) { return events }
            let count = try await context.storage.eventCount(of: run)
            if count == events.count { try await context.next("a wake after event \(count)", of: changes) }
        }
    }

    static func wake(_ context: CheckContext) async throws {
        var writer = try await RunWriter.create(context.newRun(), on: context.storage)
        let changes = try await context.storage.coordination.changes(of: writer.run.id)
        for number in 0..<10 {
            try await writer.write(context.parts([number]), snapshot: number.isMultiple(of: 3))
            // After a wake, the commit that caused it must be readable.
            try await context.next("the wake of commit \(number)", of: changes)
            let count = try await context.storage.eventCount(of: writer.run.id)
            try context.expect("the event count after the wake", count, is: writer.events.count)
        }
        try await writer.become(.completed)
        try await context.next("the wake of the last commit", of: changes)
    }

    static func several(_ context: CheckContext) async throws {
        var writer = try await RunWriter.create(context.newRun(), on: context.storage)
        let coordination = context.storage.coordination
        var watchers: [AsyncStream<Void>] = []
        for _ in 0..<5 { watchers.append(try await coordination.changes(of: writer.run.id)) }
        // A watcher that ended does not affect the others.
        watchers.removeFirst()
        try await writer.write(context.parts([1]))
        for watcher in watchers { try await context.next("the wake of every watcher", of: watcher) }
        // A cancelled reader ends its own stream, and no other.
        let cancelled = watchers.removeLast()
        let reader = Task { for await _ in cancelled {} }
        reader.cancel()
        await reader.value
        try await writer.write(context.parts([2]))
        for watcher in watchers { try await context.next("the wake of the remaining watchers", of: watcher) }
    }

    static func early(_ context: CheckContext) async throws {
        var writer = RunWriter(context.newRun(), on: context.storage)
        let changes = try await context.storage.coordination.changes(of: writer.run.id)
        try await writer.write(RunWriter.firstEvents(of: writer.run), snapshot: true)
        try await context.next("the wake of the first commit", of: changes)
        try await context.expectStored(writer)
    }

    static func follow(_ context: CheckContext) async throws {
        let first = RunWriter(context.newRun(), on: context.storage)
        let id = first.run.id
        var streams: [AsyncStream<Void>] = []
        for _ in 0..<4 { streams.append(try await context.storage.coordination.changes(of: id)) }
        let changes = streams
        async let written: RunWriter = {
            var writer = first
            try await writer.write(RunWriter.firstEvents(of: writer.run), snapshot: true)
            for number in 0..<120 {
                try await writer.write(context.parts(0..<(number % 5 + 1)), snapshot: number % 17 == 0)
                if number % 10 == 0 { await Task.yield() }
            }
            try await writer.become(.completed)
            return writer
        }()
        let followers = try await concurrently(changes.count) { number in
            try await followed(id, by: changes[number], context) { $0.isTerminal }
        }
        let writer = try await written
        for events in followers { try context.expectEvents(events, are: writer.events) }
    }
}
