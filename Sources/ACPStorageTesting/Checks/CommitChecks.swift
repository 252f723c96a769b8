// SPDX-License-Identifier: Apache-2.0

import ACPCore
import ACPStorage

/// Writing runs and events as their owner, and reading them.
enum CommitChecks {
    static let all = [
        StorageCheck("The first commit creates a run with its events, its owner and its input", creation),
        StorageCheck("A run that was never stored is not found", unknownRun),
        StorageCheck("Events are returned in the order of their commits, byte for byte", order),
        StorageCheck("Events are read by offset and limit, including negative and large numbers", pages),
        StorageCheck("A run is its snapshot and the later events, at every position of the snapshot", snapshots),
        StorageCheck("A snapshot can be replaced without new events", snapshotAlone),
        StorageCheck("A snapshot can cover a part of the events of its commit", partlyCovered),
        StorageCheck("The input of a run never changes", input),
        StorageCheck("A later commit to a run that does not exist throws notFound and stores nothing", missingRun),
        StorageCheck("A commit that expects another number of events throws conflict and changes nothing", conflict),
        StorageCheck("Events of every kind are returned unchanged", kinds),
    ]

    static func creation(_ context: CheckContext) async throws {
        let storage = context.storage
        let input: [Message] = ["one", Message("two", role: .agent(context.agent))]
        let writer = try await RunWriter.create(context.newRun(), on: storage, input: input)
        try await context.expectStored(writer)
        let id = writer.run.id
        try context.expect("the input", try await storage.input(of: id), is: input)
        try context.expect("the run", try await storage.run(id), is: writer.run)
        let record = try context.unwrap("the record", try await storage.record(of: id))
        try context.expect("the number of events that the snapshot covers", record.coveredEvents, is: 2)
        try context.expect("the events after the snapshot", record.laterEvents, is: [])
        // A run can be created without events.
        let silent = RunWriter(context.newRun(), on: storage)
        try await storage.commit(
            RunCommit(
                run: silent.run.id, expecting: 0, events: [], snapshot: try RunSnapshot(silent.run, eventCount: 0),
                owner: silent.owner))
        try await context.expectStored(silent)
    }

    static func unknownRun(_ context: CheckContext) async throws {
        let storage = context.storage
        let run = context.newRun()
        try await context.expectNothing(of: run)
        try context.expect("deleting it", try await storage.deleteRun(run.id), is: false)
        let owner = RunOwner(process: ProcessID())
        try context.expect("claiming it", try await storage.claim(run.id, for: owner, from: nil), is: false)
        try context.expect("the process's runs", try await storage.runs(ownedBy: owner.process, limit: 10), is: [])
        try await context.expectNothing(of: run)
    }

    static func order(_ context: CheckContext) async throws {
        var writer = try await RunWriter.create(context.newRun(), on: context.storage)
        for size in [1, 3, 1, 17, 2, 100, 5] {
            let start = writer.events.count
            try await writer.write(context.parts(start..<start + size), snapshot: size == 17)
        }
        try await writer.become(.inProgress)
        try await context.expectStored(writer)
        // JSON of another encoder, with whitespace and another order of members, is not encoded again.
        let foreign = try EncodedEvent(json: Array(#"{ "generic" : {"b":1.0, "a":[ ]} , "type" : "generic" }"#.utf8))
        try await context.storage.commit(
            RunCommit(
                run: writer.run.id, expecting: writer.events.count, events: [foreign], snapshot: nil,
                owner: writer.owner))
        let found = try await context.storage.events(of: writer.run.id, from: writer.events.count, limit: nil)
        try context.expectEvents(found, are: [foreign])
    }

    static func pages(_ context: CheckContext) async throws {
        var writer = try await RunWriter.create(context.newRun(), on: context.storage)
        try await writer.write(context.parts(2..<10))
        try await writer.write(context.parts(10..<20))
        let count = writer.events.count
        let offsets = [0, 1, 9, 10, 11, count - 1, count, count + 1, 1_000_000, Int.max, -1, -count, Int.min]
        let limits: [Int?] = [nil, 0, 1, 2, count - 1, count, count + 1, 1_000_000, Int.max, -1, Int.min]
        for offset in offsets {
            for limit in limits {
                let found = try await context.storage.events(of: writer.run.id, from: offset, limit: limit)
                let expected = page(writer.events, from: offset, limit: limit)
                try context.expect(
                    found == expected,
                    "events(from: \(offset), limit: \(limit.map(String.init) ?? "nil")) returned \(found.count) events "
                        + "of \(count) where \(expected.count) were expected, or others. Negative numbers count as 0")
            }
        }
    }

    static func snapshots(_ context: CheckContext) async throws {
        // For each position: nine commits of which one has a snapshot.
        for position in 0..<9 {
            var writer = try await RunWriter.create(context.newRun(), on: context.storage)
            var covered = 2
            for commit in 0..<9 {
                try await writer.write(context.parts([commit, commit]), snapshot: commit == position)
                if commit == position { covered = writer.events.count }
                try await context.expectStored(writer)
                let found = try await context.storage.record(of: writer.run.id)
                let record = try context.unwrap("the record", found)
                try context.expect("the number of events that the snapshot covers", record.coveredEvents, is: covered)
                try context.expectEvents(record.laterEvents, are: Array(writer.events[covered...]))
            }
        }
    }

    static func snapshotAlone(_ context: CheckContext) async throws {
        var writer = try await RunWriter.create(context.newRun(), on: context.storage)
        try await writer.write(context.parts(0..<4))
        try await writer.write([], snapshot: true)
        try await context.expectStored(writer)
        let record = try context.unwrap("the record", try await context.storage.record(of: writer.run.id))
        try context.expect("the number of events that the snapshot covers", record.coveredEvents, is: 6)
    }

    static func partlyCovered(_ context: CheckContext) async throws {
        var writer = try await RunWriter.create(context.newRun(), on: context.storage)
        var commit = try writer.next(context.parts(0..<2))
        let snapshot = try RunSnapshot(writer.run, eventCount: writer.events.count)
        let rest = try writer.next(context.parts(2..<5))
        commit.events += rest.events
        commit.snapshot = snapshot
        try await context.storage.commit(commit)
        try await context.expectStored(writer)
        let record = try context.unwrap("the record", try await context.storage.record(of: writer.run.id))
        try context.expect("the number of events that the snapshot covers", record.coveredEvents, is: 4)
    }

    static func input(_ context: CheckContext) async throws {
        let storage = context.storage
        var writer = try await RunWriter.create(context.newRun(), on: storage, input: ["the first input"])
        try await writer.write(context.parts(0..<2), snapshot: true)
        try await writer.become(.completed)
        let input: [Message]? = try await storage.input(of: writer.run.id)
        try context.expect("the input", input?.map(\.text), is: ["the first input"])
        let without = try await RunWriter.create(context.newRun(), on: storage)
        try context.expect("the input of a run without input", try await storage.input(of: without.run.id), is: nil)
        let empty = try await RunWriter.create(context.newRun(), on: storage, input: [])
        try context.expect("an input without messages", try await storage.input(of: empty.run.id), is: [])
    }

    static func missingRun(_ context: CheckContext) async throws {
        for snapshot in [true, false] {
            var writer = RunWriter(context.newRun(), on: context.storage)
            _ = try writer.next(RunWriter.firstEvents(of: writer.run), snapshot: true)
            let commit = try writer.next(context.parts(0..<2), snapshot: snapshot)
            try await context.expectError(.notFound, "a later commit to a run that does not exist") {
                try await context.storage.commit(commit)
            }
            try await context.expectNothing(of: writer.run)
        }
    }

    static func conflict(_ context: CheckContext) async throws {
        var writer = try await RunWriter.create(context.newRun(), on: context.storage)
        let early = try await writer.write(context.parts(0..<3))
        try await writer.write(context.parts(3..<6))
        for (what, expecting) in [("too few", 4), ("far too few", 0), ("too many", 9), ("far too many", 1_000)] {
            var other = writer
            var commit = try other.next([other.run.becoming(.failed)], snapshot: true)
            commit.expecting = expecting
            try await context.expectError(.conflict, "a commit that expects \(what) events") {
                try await context.storage.commit(commit)
            }
            try await context.expectStored(writer)
        }
        try await context.expectError(.conflict, "repeating a commit after the next one") {
            try await context.storage.commit(early)
        }
        try await context.expectStored(writer)
        try await writer.write(context.parts(6..<8))
        try await context.expectStored(writer)
    }

    static func kinds(_ context: CheckContext) async throws {
        var writer = try await RunWriter.create(context.newRun(), on: context.storage)
        var waiting = writer.run
        waiting.status = .awaiting
        waiting.awaitRequest = .message(Message("Which one?", role: .agent(context.agent)))
        var failed = waiting
        failed.status = .failed
        failed.awaitRequest = .other(["anything": [1, 2.5, true, nil]])
        failed.error = ACPError("no_luck", "it was not to be", data: ["tries": 3])
        failed.finishedAt = failed.createdAt + .seconds(2)
        try await writer.write([
            writer.run.becoming(.inProgress),
            .generic(["progress": 0.5, "nested": ["deep": [[], [:], nil, "text"]]]),
            .unknown(["type": "run.of-the-future", "payload": [1, 2, 3]]),
            .messagePart(.artifact(name: "drawing.svg", contentType: "image/svg+xml", content: "<svg/>")),
            .messagePart(.data([0, 255, 128], contentType: "application/octet-stream")),
            .messageCompleted(Message("all of it", role: .agent(context.agent))),
            .error(ACPError(.serverError, "the stream broke")),
            .runAwaiting(waiting),
        ])
        try await context.expectStored(writer)
        try await writer.write([.runFailed(failed)], snapshot: true)
        try await context.expectStored(writer)
        let decoded: [Event] = try await context.storage.events(of: writer.run.id)
        try context.expect("the decoded events", decoded, is: try writer.events.map { try $0.decode() })
    }
}

/// Returns the page that a storage must return: negative numbers mean 0, and positions out of range are left out.
func page<Element>(_ all: [Element], from offset: Int, limit: Int?) -> [Element] {
    Array(all.dropFirst(max(0, offset)).prefix(max(0, limit ?? .max)))
}
