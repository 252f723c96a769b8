// SPDX-License-Identifier: Apache-2.0

import ACPCore
import ACPStorage

/// Listing an agent's runs by the last change of their status.
enum StatusQueryChecks {
    static let all = [
        StorageCheck("An agent's runs are listed by the last change of their status, the last one first", order),
        StorageCheck("Runs are selected by status, session and time of the change, alone and combined", filters),
        StorageCheck("Runs whose status changed at the same moment are listed once each across all pages", equalTimes),
        StorageCheck("A run that continues in its status keeps its place", continuing),
        StorageCheck("While statuses change, pages skip and repeat no run whose status did not change", changing),
        StorageCheck("Rejected runs and runs that await authentication have a status of their own", detailed),
        StorageCheck("A run that is saved again is listed by its new status, agent and session", saved),
        StorageCheck("A deleted run is in no page and in no total of any status", deletion),
        StorageCheck("Expired runs are in no page and in no total of any status", expiry),
        StorageCheck("Totals by status stay exact while many tasks create, change and delete runs", concurrent),
    ]

    private static let base = Timestamp(microseconds: 1_790_000_000_000_000)

    /// Checks one page and its total.
    static func expect(
        _ runs: [Run], _ query: RunStatusQuery, _ context: CheckContext, on storage: (any Storage)? = nil,
        file: StaticString = #fileID, line: UInt = #line
    ) async throws {
        let found = try await (storage ?? context.storage).runs(query)
        let selected = runs.filter(query.includes).sorted { RunStatusQuery.Position($0) > .init($1) }
        let rest = selected.filter { run in query.after.map { .init(run) < $0 } ?? true }
        let expected = Array(rest.prefix(max(0, query.limit)))
        try context.expect(
            "the runs of \(query)", found.items.map(\.id), is: expected.map(\.id), file: file, line: line)
        try context.expect("the runs of \(query)", found.items, is: expected, file: file, line: line)
        try context.expect("the total of \(query)", found.total, is: selected.count, file: file, line: line)
    }

    /// Checks the pages of all statuses together and of each one.
    private static func expectListed(
        _ runs: [Run], _ context: CheckContext, on storage: (any Storage)? = nil, file: StaticString = #fileID,
        line: UInt = #line
    ) async throws {
        let agents = Set(runs.map(\.agentName)).union([context.agent])
        for agent in agents {
            for statuses in [[]] + DetailedRunStatus.allCases.map({ [$0] }) {
                let query = RunStatusQuery(agent: agent, statuses: Set(statuses), limit: 1_000)
                try await expect(runs, query, context, on: storage, file: file, line: line)
            }
        }
    }

    /// Returns all runs that a query selects, read page by page.
    private static func pages(
        _ query: RunStatusQuery, _ context: CheckContext, between: (Int) async throws -> Void = { _ in }
    ) async throws -> [Run] {
        var query = query
        var found: [Run] = []
        for number in 0..<1_000 {
            let page = try await context.storage.runs(query)
            guard let last = page.items.last else { return found }
            found += page.items
            try context.expect(
                page.total >= found.count, "a total of \(page.total), after \(found.count) runs on \(number + 1) pages")
            query.after = .init(last)
            try await between(number)
        }
        throw context.failure("the pages of \(query) do not end")
    }

    /// Creates a run at a time and leads it to a status, which it enters at another time.
    private static func create(
        _ status: DetailedRunStatus, at time: Timestamp, createdAt: Timestamp = base, session: SessionID? = nil,
        _ context: CheckContext, on storage: (any Storage)? = nil
    ) async throws -> RunWriter {
        let run = Run(agentName: context.agent, sessionID: session, createdAt: status == .created ? time : createdAt)
        var writer = try await RunWriter.create(run, on: storage ?? context.storage)
        if status != .created { try await writer.become(status, at: time) }
        return writer
    }

    static func order(_ context: CheckContext) async throws {
        try await expect([], RunStatusQuery(agent: context.agent), context)
        var writers: [RunWriter] = []
        for number in 0..<9 {
            writers.append(try await create(.created, at: base + .seconds(number), context))
            try await expectListed(writers.map(\.run), context)
        }
        let steps: [(Int, DetailedRunStatus)] = [
            (0, .inProgress), (4, .inProgress), (2, .awaiting), (0, .cancelling), (8, .inProgress), (4, .completed),
            (2, .inProgress), (0, .cancelled), (1, .rejected), (3, .awaitingAuthentication), (2, .failed),
            (5, .inProgress), (3, .completed),
        ]
        for (number, step) in steps.enumerated() {
            // A microsecond later each, and one change before all others.
            let time = number == 8 ? base + .seconds(-5) : base + .seconds(60) + .microseconds(number)
            try await writers[step.0].become(step.1, at: time)
            try await expectListed(writers.map(\.run), context)
        }
        let runs = writers.map(\.run)
        for limit in [0, 1, 3, 9, 10, Int.max, -1, Int.min] {
            try await expect(runs, RunStatusQuery(agent: context.agent, limit: limit), context)
        }
        for size in [1, 2, 4, 9, 20] {
            let found = try await pages(RunStatusQuery(agent: context.agent, limit: size), context)
            let expected = runs.sorted { RunStatusQuery.Position($0) > .init($1) }
            try context.expect("the runs on all pages of \(size)", found.map(\.id), is: expected.map(\.id))
        }
        // The runs of other agents are not selected.
        try await expect(runs, RunStatusQuery(agent: AgentName(stringLiteral: "other-\(RunID())")), context)
    }

    static func filters(_ context: CheckContext) async throws {
        let other = SessionID()
        var runs: [Run] = []
        for (number, status) in (DetailedRunStatus.allCases + [.completed, .inProgress, .failed, .completed])
            .enumerated()
        {
            let session = [context.session, nil, other][number % 3]
            // Some of the times are minutes, hours or days apart, and some are equal.
            let seconds = [0, 1, 1, 59, 61, 3_600, 90_000, 90_000, 90_001][number * 5 % 9]
            runs.append(
                try await create(status, at: base + .seconds(seconds), session: session, context).run)
        }
        let statuses: [Set<DetailedRunStatus>] = [
            [], [.completed], [.inProgress], [.awaiting, .completed], [.failed, .rejected, .cancelled],
            [.created, .inProgress, .awaitingAuthentication, .completed], Set(DetailedRunStatus.allCases),
        ]
        let sessions = [nil, context.session, other, SessionID()]
        let times = [nil, -1, 0, 1, 60, 90_000, 90_001, 90_002].map { $0.map { base + .seconds($0) } }
        let middle = runs.map { RunStatusQuery.Position($0) }.sorted()[runs.count / 2]
        for statuses in statuses {
            for session in sessions {
                for time in times {
                    for (after, limit) in [(nil, 100), (nil, 2), (middle, 3)] {
                        let query = RunStatusQuery(
                            agent: context.agent, statuses: statuses, session: session, changedSince: time,
                            after: after, limit: limit)
                        try await expect(runs, query, context)
                    }
                }
            }
        }
        // Times to the microsecond, and at the ends of the range.
        for run in runs {
            for offset in [-1, 0, 1] {
                let time = run.statusTimestamp + .microseconds(offset)
                try await expect(runs, RunStatusQuery(agent: context.agent, changedSince: time, limit: 100), context)
            }
        }
        for time in [Timestamp(microseconds: 0), Timestamp(microseconds: 4_000_000_000_000_000)] {
            try await expect(runs, RunStatusQuery(agent: context.agent, changedSince: time, limit: 100), context)
        }
    }

    static func equalTimes(_ context: CheckContext) async throws {
        let runs = try await concurrently(23) { number in
            try await create(number % 2 == 0 ? .completed : .inProgress, at: base, context).run
        }
        for statuses in [[], [.completed], [.completed, .inProgress, .failed]] as [Set<DetailedRunStatus>] {
            let selected = runs.filter { statuses.isEmpty || statuses.contains($0.detailedStatus) }
            let expected = selected.map(\.id).sorted(by: >)
            for size in [1, 4, 10] {
                let query = RunStatusQuery(agent: context.agent, statuses: statuses, limit: size)
                let found = try await pages(query, context)
                try context.expect("the runs on all pages of \(size)", found.map(\.id), is: expected)
            }
        }
        // Positions between runs, and of a run that is not listed any more.
        let ids = runs.map(\.id).sorted()
        for id in [ids[0], ids[11], ids[22], RunID(stringLiteral: "0"), RunID(stringLiteral: "zz")] {
            for time in [base, base + .microseconds(1), base + .microseconds(-1)] {
                let query = RunStatusQuery(
                    agent: context.agent, after: .init(changedAt: time, run: id), limit: 5)
                try await expect(runs, query, context)
            }
        }
        try await context.storage.deleteRun(ids[11])
        let query = RunStatusQuery(agent: context.agent, after: .init(changedAt: base, run: ids[11]), limit: 5)
        try await expect(runs.filter { $0.id != ids[11] }, query, context)
    }

    static func continuing(_ context: CheckContext) async throws {
        var writers: [RunWriter] = []
        for number in 0..<4 {
            writers.append(try await create(.inProgress, at: base + .seconds(number), context))
        }
        try await writers[1].write(context.parts(0..<3))
        try await expectListed(writers.map(\.run), context)
        try await writers[2].write(context.parts(0..<3), snapshot: true)
        try await expectListed(writers.map(\.run), context)
        let owner = RunOwner(process: ProcessID())
        let claimed = try await context.storage.claim(writers[0].run.id, for: owner, from: writers[0].owner)
        try context.expect("the claim", claimed, is: true)
        try await expectListed(writers.map(\.run), context)
        // The new owner, which may be another process, changes the status.
        writers[0].owner = owner
        try await writers[0].become(.awaiting, at: base + .seconds(10))
        try await expectListed(writers.map(\.run), context)
        let commit = try writers[0].next(
            [writers[0].run.becoming(.inProgress, at: base + .seconds(11))], snapshot: true)
        for _ in 0..<2 { try await context.storage.commit(commit) }
        try await expectListed(writers.map(\.run), context)
        // The same status again, at a later time.
        try await writers[3].become(.inProgress, at: base + .seconds(12))
        try await expectListed(writers.map(\.run), context)
    }

    static func changing(_ context: CheckContext) async throws {
        var writers: [RunWriter] = []
        for number in 0..<24 {
            writers.append(try await create(.inProgress, at: base + .seconds(number), context))
        }
        for statuses in [[], [.inProgress]] as [Set<DetailedRunStatus>] {
            let still = Set(writers.enumerated().filter { $0.offset % 3 == 1 }.map(\.element.run.id))
            let found = try await pages(
                RunStatusQuery(agent: context.agent, statuses: statuses, limit: 3), context
            ) { number in
                // Runs on earlier pages, on this one and on later ones.
                for index in [23 - number, number].filter({ $0 % 3 != 1 && (0..<24).contains($0) }) {
                    try await writers[index].become(.awaiting, at: base + .seconds(100 + number))
                    try await writers[index].become(.inProgress, at: base + .seconds(200 + number))
                }
            }
            let unchanged = found.map(\.id).filter(still.contains)
            try context.expect("the number of runs that did not change", unchanged.count, is: still.count)
            try context.expect("the runs that did not change", Set(unchanged), is: still)
            try await expectListed(writers.map(\.run), context)
        }
    }

    static func detailed(_ context: CheckContext) async throws {
        var writers: [RunWriter] = []
        for status in [.failed, .rejected, .awaiting, .awaitingAuthentication] as [DetailedRunStatus] {
            writers.append(try await create(status, at: base + .seconds(writers.count), context))
        }
        try await expectListed(writers.map(\.run), context)
        // The status of ACP does not change here, but the detailed one does.
        try await writers[2].become(.awaitingAuthentication, at: base + .seconds(10))
        try await expectListed(writers.map(\.run), context)
        try await writers[2].become(.awaiting, at: base + .seconds(10))
        try await expectListed(writers.map(\.run), context)
        // A run that is rejected at once.
        let rejected = Run(agentName: context.agent, createdAt: base).becoming(.rejected, at: base + .seconds(11))
        if case .runFailed(let run) = rejected {
            writers.append(try await RunWriter.create(run, on: context.storage))
        }
        try await expectListed(writers.map(\.run), context)
    }

    static func saved(_ context: CheckContext) async throws {
        let storage = context.storage
        let agents = [context.agent, AgentName(stringLiteral: "other-\(RunID())")]
        var run = Run(agentName: agents[0], sessionID: context.session, status: .inProgress, createdAt: base)
        try await storage.save(run)
        try await expectListed([run], context)
        try await storage.append(.generic(1), to: run.id)
        try await expectListed([run], context)
        run.agentName = agents[1]
        run.sessionID = nil
        try await storage.save(run)
        try await expectListed([run], context)
        try await expect([run], RunStatusQuery(agent: agents[0], session: context.session), context)
        run.status = .failed
        run.error = ACPError(.rejected, "no")
        run.finishedAt = base + .seconds(3)
        try await storage.save(run)
        try await expectListed([run], context)
        run.agentName = agents[0]
        run.error = ACPError(.serverError, "the pen broke")
        run.finishedAt = base + .seconds(90_000)
        try await storage.save(run)
        try await expectListed([run], context)
        // Of a run with an owner, who continues it.
        var writer = try await create(.inProgress, at: base + .seconds(1), context)
        var changed = writer.run
        changed.statusChangedAt = base + .seconds(7)
        try await storage.save(changed)
        try await expectListed([run, changed], context)
        try await writer.become(.completed, at: base + .seconds(8))
        try await expectListed([run, writer.run], context)
        for id in [run.id, writer.run.id] { try await storage.deleteRun(id) }
        for agent in agents { try await expect([], RunStatusQuery(agent: agent), context) }
    }

    static func deletion(_ context: CheckContext) async throws {
        var runs: [Run] = []
        for status in DetailedRunStatus.allCases {
            for number in 0..<2 {
                let time = base + .seconds(number * 100 + runs.count)
                runs.append(try await create(status, at: time, session: context.session, context).run)
            }
        }
        while !runs.isEmpty {
            let run = runs.remove(at: runs.count * 2 / 3)
            try await context.storage.deleteRun(run.id)
            let all = RunStatusQuery(agent: context.agent, changedSince: base + .seconds(3), limit: 100)
            var one = all
            one.statuses = [run.detailedStatus]
            var session = one
            session.session = context.session
            for query in [all, one, session] { try await expect(runs, query, context) }
        }
        try await expectListed([], context)
    }

    static func expiry(_ context: CheckContext) async throws {
        guard let short = try await context.openShortLived() else { return }
        for (number, status) in (DetailedRunStatus.allCases + DetailedRunStatus.allCases).enumerated() {
            let session = number.isMultiple(of: 2) ? context.session : nil
            _ = try await create(
                status, at: base + .seconds(number), session: session, context, on: short.storage)
        }
        try await short.expireAll()
        let start = ContinuousClock.now
        var live: [Run] = []
        for (number, status) in ([.inProgress, .completed, .created] as [DetailedRunStatus]).enumerated() {
            let time = base + .seconds(number * 5)
            live.append(
                try await create(status, at: time, session: context.session, context, on: short.storage).run)
        }
        do {
            try await expectListed(live, context, on: short.storage)
            for session in [nil, context.session] {
                let query = RunStatusQuery(
                    agent: context.agent, session: session, changedSince: base + .seconds(1), limit: 100)
                try await expect(live, query, context, on: short.storage)
            }
        } catch  where ContinuousClock.now - start >= short.timeToLive {
            return
        }
    }

    static func concurrent(_ context: CheckContext) async throws {
        let kept = try await concurrently(8) { task -> [Run] in
            var kept: [Run] = []
            for number in 0..<9 {
                let time = base + .seconds(task * 1_000 + number)
                var writer = try await create(.inProgress, at: time, context)
                let path: [DetailedRunStatus] = [.awaiting, .inProgress, .completed]
                for (step, status) in path.prefix(number % 4).enumerated() {
                    try await writer.become(status, at: time + .seconds(100 + step))
                }
                if number.isMultiple(of: 3) {
                    try await context.storage.deleteRun(writer.run.id)
                } else {
                    kept.append(writer.run)
                }
                let page = try await context.storage.runs(
                    RunStatusQuery(agent: context.agent, statuses: [.inProgress, .completed], limit: 3))
                try context.expect(
                    page.total <= 72, "a total of \(page.total), which is more than the number of all runs")
            }
            return kept
        }.flatMap(\.self)
        try await expectListed(kept, context)
    }
}

extension Run {
    /// Returns the event that changes the run to a status at a time.
    func becoming(_ status: DetailedRunStatus, at time: Timestamp) -> Event {
        var run = self
        (run.awaitRequest, run.error, run.finishedAt, run.statusChangedAt) = (nil, nil, nil, time)
        switch status {
        case .created: run.status = .created
        case .inProgress: run.status = .inProgress
        case .awaiting:
            run.status = .awaiting
            run.awaitRequest = .message("Which one?")
        case .awaitingAuthentication:
            run.status = .awaiting
            run.awaitRequest = .authentication("Who are you?")
        case .cancelling: run.status = .cancelling
        case .cancelled: run.status = .cancelled
        case .completed: run.status = .completed
        case .failed:
            run.status = .failed
            run.error = ACPError(.serverError, "the pen broke")
        case .rejected:
            run.status = .failed
            run.error = ACPError(.rejected, "not today")
        }
        if run.status.isTerminal { (run.finishedAt, run.statusChangedAt) = (time, nil) }
        return switch run.status {
        case .created: .runCreated(run)
        case .inProgress, .cancelling: .runInProgress(run)
        case .awaiting: .runAwaiting(run)
        case .completed: .runCompleted(run)
        case .cancelled: .runCancelled(run)
        case .failed: .runFailed(run)
        }
    }
}

extension RunWriter {
    /// Commits a change of status that happened at a time.
    mutating func become(_ status: DetailedRunStatus, at time: Timestamp) async throws {
        try await write([run.becoming(status, at: time)], snapshot: true)
    }
}
