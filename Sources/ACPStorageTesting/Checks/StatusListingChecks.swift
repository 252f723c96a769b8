// SPDX-License-Identifier: Apache-2.0

import ACPCore
import ACPStorage

/// Listings of all agents. These checks are exclusive, since the listings contain the runs of all checks.
enum StatusListingChecks {
    static let all = [
        StorageCheck("Unfinished runs are listed by their status as it changes", isExclusive: true, status),
        StorageCheck("All runs are listed newest first, with an exact total", isExclusive: true, everything),
        StorageCheck("Statuses of runs that change at once are listed exactly", isExclusive: true, concurrent),
    ]

    private static let unfinished: [RunStatus] = [.created, .inProgress, .awaiting, .cancelling]
    private static let ended: [RunStatus] = [.completed, .failed, .cancelled]

    private static func expectListed(_ writers: [RunWriter], _ context: CheckContext) async throws {
        for status in unfinished + ended {
            // Ended runs are found by agent or session, not by status.
            let expected = status.isTerminal ? [] : writers.map(\.run).filter { $0.status == status }
            let found = try await context.storage.runs(RunQuery(.unfinished(status), limit: 100))
            try context.expect("the runs in status \(status)", found.items, is: expected)
            try context.expect("the total of status \(status)", found.total, is: expected.count)
        }
    }

    static func status(_ context: CheckContext) async throws {
        let storage = context.storage
        var writers: [RunWriter] = []
        for number in 0..<6 {
            let run = context.newRun(createdAt: .now + .seconds(-number))
            writers.append(try await RunWriter.create(run, on: storage))
        }
        try await expectListed(writers, context)
        let steps: [(Int, RunStatus)] = [
            (0, .inProgress), (3, .inProgress), (1, .inProgress), (3, .awaiting), (0, .cancelling), (3, .inProgress),
            (0, .cancelled), (1, .completed), (2, .failed), (3, .awaiting), (4, .inProgress), (4, .awaiting),
        ]
        for (index, status) in steps {
            try await writers[index].become(status)
            try await expectListed(writers, context)
        }
        // Other events do not move a run.
        try await writers[4].write(context.parts(0..<3))
        try await writers[4].write(context.parts(3..<6), snapshot: true)
        let claimer = RunOwner(process: ProcessID())
        _ = try await storage.claim(writers[4].run.id, for: claimer, from: writers[4].owner)
        try await expectListed(writers, context)
        let page = try await storage.runs(RunQuery(.unfinished(.awaiting), offset: 1, limit: 1))
        try context.expect("the second awaiting run", page.items, is: [writers[4].run])
        try context.expect("the total beside it", page.total, is: 2)
        for index in [3, 0] { try await storage.deleteRun(writers.remove(at: index).run.id) }
        try await expectListed(writers, context)
    }

    static func everything(_ context: CheckContext) async throws {
        let storage = context.storage
        var runs: [Run] = []
        for number in 0..<9 {
            let agent = AgentName(stringLiteral: "agent-\(number % 2)")
            let session = number % 3 == 0 ? nil : context.session
            let run = Run(agentName: agent, sessionID: session, createdAt: .now + .seconds(-number))
            var writer = try await RunWriter.create(run, on: storage)
            if number % 4 == 0 { try await writer.become(.completed) }
            runs.append(writer.run)
        }
        for (offset, limit) in [(0, 10), (0, 4), (4, 4), (8, 4), (9, 4), (-3, 2)] {
            let found = try await storage.runs(RunQuery(offset: offset, limit: limit))
            let expected = page(runs, from: offset, limit: limit)
            try context.expect("all runs, offset \(offset), limit \(limit)", found.items, is: expected)
            try context.expect("their total", found.total, is: runs.count)
        }
        while let run = runs.popLast() {
            try await storage.deleteRun(run.id)
            let found = try await storage.runs(RunQuery(.all, limit: 100))
            try context.expect("all runs after a delete", found.items, is: runs)
            try context.expect("their total", found.total, is: runs.count)
        }
    }

    static func concurrent(_ context: CheckContext) async throws {
        let writers = try await concurrently(24) { number -> RunWriter in
            var writer = try await RunWriter.create(
                context.newRun(createdAt: .now + .seconds(-number)), on: context.storage)
            let path: [RunStatus] = [.inProgress, .awaiting, .inProgress, .cancelling, .cancelled]
            for status in path.prefix(number % 6) { try await writer.become(status) }
            return writer
        }
        try await expectListed(writers.sorted { $0.run.createdAt > $1.run.createdAt }, context)
    }
}
