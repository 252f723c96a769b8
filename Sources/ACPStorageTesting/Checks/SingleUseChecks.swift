// SPDX-License-Identifier: Apache-2.0

import ACPCore
import ACPStorage

/// The methods for programs that use a storage without an engine.
enum SingleUseChecks {
    static let all = [
        StorageCheck("A run saved without an engine is found and listed, and the next save replaces it", save),
        StorageCheck("Events can be appended, in order, to a run that was saved without an engine", append),
        StorageCheck("Events that many tasks append at once are all stored once", appendAtOnce),
        StorageCheck("Saving a run that has an owner keeps its events, its input and its owner", saveOver),
        StorageCheck("Saving a run moves it between the listings by status", isExclusive: true, saveStatus),
    ]

    static func save(_ context: CheckContext) async throws {
        let storage = context.storage
        var run = context.newRun()
        for text in ["first", "second", "third"] {
            run.output = [Message(text, role: .agent(context.agent))]
            try await storage.save(run)
            try context.expect("the run", try await storage.run(run.id), is: run)
            let record = try context.unwrap("the record", try await storage.record(of: run.id))
            try context.expect("the owner", record.owner, is: nil)
            try context.expect("the event count", record.eventCount, is: 0)
            for filter in [RunQuery.Filter.agent(context.agent), .session(context.session)] {
                let listed = try await storage.runs(RunQuery(filter))
                try context.expect("the runs of \(filter)", listed.items, is: [run])
                try context.expect("their number", listed.total, is: 1)
            }
        }
        try context.expect("the input", try await storage.input(of: run.id), is: nil)
    }

    static func append(_ context: CheckContext) async throws {
        let storage = context.storage
        let run = context.newRun(.inProgress)
        let events = RunWriter.firstEvents(of: run) + context.parts(0..<5)
        try await context.expectError(.notFound, "appending to a run that does not exist") {
            try await storage.append(events[0], to: run.id)
        }
        try await context.expectNothing(of: run)
        try await storage.save(run)
        var expected = run
        for event in events {
            try await storage.append(event, to: run.id)
            expected.apply(event)
        }
        try context.expect("the events", try await storage.events(of: run.id), is: events)
        try context.expect("the event count", try await storage.eventCount(of: run.id), is: events.count)
        try context.expect("the run", try await storage.run(run.id), is: expected)
        // The snapshot covers all events now, whatever its content.
        expected.output = ["another output"]
        try await storage.save(expected)
        try context.expect("the run after saving", try await storage.run(run.id), is: expected)
        try context.expect("the events after saving", try await storage.events(of: run.id), is: events)
    }

    static func appendAtOnce(_ context: CheckContext) async throws {
        let storage = context.storage
        let run = context.newRun(.inProgress)
        try await storage.save(run)
        let numbers = try await concurrently(100) { number in
            try await storage.append(.generic(["number": .integer(Int64(number))]), to: run.id)
            return number
        }
        let expected = Set(numbers.map { Event.generic(["number": .integer(Int64($0))]) })
        let found: [Event] = try await storage.events(of: run.id)
        try context.expect("the number of events", found.count, is: 100)
        try context.expect(Set(found) == expected, "some events are missing, and others are stored twice")
    }

    static func saveOver(_ context: CheckContext) async throws {
        let storage = context.storage
        var writer = try await RunWriter.create(context.newRun(), on: storage, input: ["hello"])
        try await writer.write(context.parts(0..<3))
        var edited = writer.run
        edited.output[0].parts = [.text("edited")]
        try await storage.save(edited)
        let found = try await storage.record(of: edited.id)
        let record = try context.unwrap("the record", found)
        try context.expect("the run", try record.run(), is: edited)
        try context.expect(
            "the number of events that the snapshot covers", record.coveredEvents, is: writer.events.count)
        try context.expect("the owner", record.owner, is: writer.owner)
        try context.expect("the input", try await storage.input(of: edited.id)?.map(\.text), is: ["hello"])
        let events = try await storage.events(of: edited.id, from: 0, limit: nil)
        try context.expectEvents(events, are: writer.events)
        let listed = try await storage.runs(RunQuery(.agent(context.agent)))
        try context.expect("the listed runs", listed.items, is: [edited])
        // The owner continues from the saved run.
        try await writer.write(context.parts(3..<5))
        for event in context.parts(3..<5) { edited.apply(event) }
        try context.expect("the run after a commit", try await storage.run(edited.id), is: edited)
    }

    static func saveStatus(_ context: CheckContext) async throws {
        let storage = context.storage
        let writer = try await RunWriter.create(context.newRun(), on: storage)
        var run = writer.run
        let process = writer.owner.process
        for status in [RunStatus.inProgress, .awaiting, .completed] {
            run.status = status
            try await storage.save(run)
            let owned = try await storage.runs(ownedBy: process, limit: 10)
            try context.expect("the process's runs in \(status)", owned, is: status.isTerminal ? [] : [run.id])
            for other in [RunStatus.created, .inProgress, .awaiting, .cancelling] {
                let found = try await storage.runs(RunQuery(.unfinished(other)))
                let expected = other == status ? [run] : []
                try context.expect("the runs in status \(other) while this one is \(status)", found.items, is: expected)
                try context.expect("their total", found.total, is: expected.count)
            }
        }
    }
}
