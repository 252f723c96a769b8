// SPDX-License-Identifier: Apache-2.0

import ACPCore
import ACPStorage

/// Listing runs by agent and session.
enum ListingChecks {
    static let all = [
        StorageCheck("Runs are listed newest first by agent and by session, by offset and limit", pages),
        StorageCheck("Runs are listed by creation time, to the microsecond, in whatever order they are stored", times),
        StorageCheck("Runs created at the same moment are listed once each across all pages", equalTimes),
        StorageCheck("Listings of different agents and sessions are separate", separate),
        StorageCheck("A run without a session is listed by its agent only", noSession),
        StorageCheck("Listed runs are in their current state, including later events", current),
        StorageCheck("Totals stay exact while many tasks create, end and delete runs", concurrent),
    ]

    /// Creates runs one second apart, and returns them newest first.
    private static func createRuns(_ count: Int, _ context: CheckContext) async throws -> [Run] {
        var runs: [Run] = []
        for number in 0..<count {
            let run = context.newRun(createdAt: Timestamp.now + .seconds(number - count))
            runs.append(try await RunWriter.create(run, on: context.storage).run)
        }
        return runs.reversed()
    }

    static func pages(_ context: CheckContext) async throws {
        let storage = context.storage
        let none = try await storage.runs(RunQuery(.agent(context.agent)))
        try context.expect("the runs of an agent that has none", none.items, is: [])
        try context.expect("their total", none.total, is: 0)
        var runs = try await createRuns(12, context)
        for _ in 0..<2 {
            for filter in [RunQuery.Filter.agent(context.agent), .session(context.session)] {
                for offset in [0, 1, 5, runs.count - 1, runs.count, runs.count + 1, Int.max, -1, Int.min] {
                    for limit in [10, 0, 1, 3, runs.count, runs.count + 1, Int.max, -1, Int.min] {
                        let found = try await storage.runs(RunQuery(filter, offset: offset, limit: limit))
                        let expected = page(runs, from: offset, limit: limit)
                        let what = "\(filter), offset \(offset), limit \(limit)"
                        try context.expect("the runs of \(what)", found.items.map(\.id), is: expected.map(\.id))
                        try context.expect("the runs of \(what)", found.items, is: expected)
                        try context.expect("the total of \(what)", found.total, is: runs.count)
                    }
                }
            }
            // Again after some were deleted.
            for index in [runs.count - 1, runs.count / 2, runs.count / 2 - 1, 0] {
                try await storage.deleteRun(runs.remove(at: index).id)
            }
        }
    }

    static func times(_ context: CheckContext) async throws {
        let base = Timestamp.now
        let offsets = [5, 1, 3, -1_000_000, 4, 2, 0, 86_400_000_000, -1, 7, 6]
        var runs: [Run] = []
        for microseconds in offsets {
            let run = context.newRun(createdAt: base + .microseconds(microseconds))
            runs.append(try await RunWriter.create(run, on: context.storage).run)
        }
        runs.sort { $0.createdAt > $1.createdAt }
        for filter in [RunQuery.Filter.agent(context.agent), .session(context.session)] {
            let found = try await context.storage.runs(RunQuery(filter, limit: 100))
            try context.expect("the order by creation", found.items.map(\.createdAt), is: runs.map(\.createdAt))
            try context.expect("the runs", found.items, is: runs)
        }
    }

    static func equalTimes(_ context: CheckContext) async throws {
        let now = Timestamp.now
        let runs = try await concurrently(23) { _ in
            try await RunWriter.create(context.newRun(createdAt: now), on: context.storage).run.id
        }
        for size in [1, 4, 10] {
            var seen: [RunID] = []
            for offset in stride(from: 0, to: runs.count, by: size) {
                let page = try await context.storage.runs(
                    RunQuery(.agent(context.agent), offset: offset, limit: size))
                try context.expect("the total", page.total, is: runs.count)
                seen += page.items.map(\.id)
            }
            try context.expect("the number of runs on all pages of \(size)", seen.count, is: runs.count)
            try context.expect("the runs on all pages of \(size)", Set(seen), is: Set(runs))
        }
    }

    static func separate(_ context: CheckContext) async throws {
        let storage = context.storage
        // Names with the same beginning, names that differ only in case, and the same name for an agent and a session.
        let text = "x\(context.agent.rawValue.suffix(36))"
        let names = [text, text.uppercased(), text + "-", text + "_a", "a-" + text]
        var expected: [String: [Run]] = [:]
        for round in 0..<3 {
            for name in names {
                let run = Run(
                    agentName: try AgentName(validating: name), sessionID: try SessionID(validating: name),
                    createdAt: .now + .seconds(round))
                expected[name, default: []].insert(try await RunWriter.create(run, on: storage).run, at: 0)
            }
        }
        for name in names {
            let agent = RunQuery.Filter.agent(try AgentName(validating: name))
            let session = RunQuery.Filter.session(try SessionID(validating: name))
            for filter in [agent, session] {
                let found = try await storage.runs(RunQuery(filter, limit: 100))
                try context.expect("the total of \(filter)", found.total, is: 3)
                try context.expect("the runs of \(filter)", found.items, is: expected[name] ?? [])
            }
        }
        for run in expected.values.joined() { try await storage.deleteRun(run.id) }
    }

    static func noSession(_ context: CheckContext) async throws {
        let storage = context.storage
        let run = try await RunWriter.create(Run(agentName: context.agent), on: storage).run
        let byAgent = try await storage.runs(RunQuery(.agent(context.agent)))
        try context.expect("the runs of the agent", byAgent.items, is: [run])
        let bySession = try await storage.runs(RunQuery(.session(context.session)))
        try context.expect("the runs of a session", bySession.items, is: [])
        try context.expect("deleting it", try await storage.deleteRun(run.id), is: true)
        try await context.expectNothing(of: run)
    }

    static func current(_ context: CheckContext) async throws {
        var writers: [RunWriter] = []
        for number in 0..<4 {
            let run = context.newRun(createdAt: .now + .seconds(-number))
            var writer = try await RunWriter.create(run, on: context.storage)
            try await writer.write(context.parts(0..<number * 2))
            writers.append(writer)
        }
        let found = try await context.storage.runs(RunQuery(.session(context.session)))
        try context.expect("the listed runs", found.items, is: writers.map(\.run))
    }

    static func concurrent(_ context: CheckContext) async throws {
        let kept = try await concurrently(8) { task -> [Run] in
            var kept: [Run] = []
            for number in 0..<12 {
                var writer = try await RunWriter.create(context.newRun(), on: context.storage)
                if number.isMultiple(of: 2) { try await writer.become(.completed) }
                if number.isMultiple(of: 3) {
                    try await context.storage.deleteRun(writer.run.id)
                } else {
                    kept.append(writer.run)
                }
                let listed = try await context.storage.runs(RunQuery(.agent(context.agent), limit: 3))
                try context.expect(
                    listed.total >= listed.items.count && listed.total <= 96,
                    "a total of \(listed.total) beside \(listed.items.count) runs")
            }
            return kept
        }.flatMap(\.self)
        for filter in [RunQuery.Filter.agent(context.agent), .session(context.session)] {
            let found = try await context.storage.runs(RunQuery(filter, limit: 1_000))
            try context.expect("the total of \(filter)", found.total, is: kept.count)
            try context.expect("the runs of \(filter)", Set(found.items), is: Set(kept))
        }
    }
}
