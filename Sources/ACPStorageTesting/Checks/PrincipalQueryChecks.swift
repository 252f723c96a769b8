// SPDX-License-Identifier: Apache-2.0

import ACPCore
import ACPStorage

/// Listing a principal's runs by the last change of their status.
enum PrincipalQueryChecks {
    static let all = [
        StorageCheck("A principal's runs are selected by status, session and time of the change", filters),
        StorageCheck("Pages of a principal's runs by the change of their status have each run once", pages),
        StorageCheck("A principal's totals stay exact while many tasks create, change and delete runs", concurrent),
    ]

    private static let base = Timestamp(microseconds: 1_790_000_000_000_000)

    /// Creates a run and leads it to a status, which it enters at a time.
    private static func create(
        _ status: DetailedRunStatus, at time: Timestamp, of principal: PrincipalID?, session: SessionID? = nil,
        _ context: CheckContext
    ) async throws -> RunWriter {
        let run = Run(
            agentName: context.agent, sessionID: session, createdAt: status == .created ? time : base,
            principal: principal)
        var writer = try await RunWriter.create(run, on: context.storage)
        if status != .created { try await writer.become(status, at: time) }
        return writer
    }

    static func filters(_ context: CheckContext) async throws {
        let principals = [PrincipalChecks.newPrincipal("own"), PrincipalChecks.newPrincipal("other")]
        // A session that several principals share, one of another principal alone, and none.
        let other = SessionID()
        var runs: [Run] = []
        for (round, principal) in [principals[0], principals[1], nil, principals[0]].enumerated() {
            for (number, status) in DetailedRunStatus.allCases.enumerated() {
                let sessions = principal == principals[0] ? [context.session, nil] : [context.session, nil, other]
                // Some of the times are minutes, hours or days apart, and some are equal.
                let seconds = [0, 1, 1, 59, 61, 3_600, 90_000, 90_000, 90_001][(number * 5 + round) % 9]
                let session = sessions[(number + round) % sessions.count]
                runs.append(
                    try await create(status, at: base + .seconds(seconds), of: principal, session: session, context)
                        .run)
            }
        }
        let statuses: [Set<DetailedRunStatus>] = [
            [], [.completed], [.inProgress], [.failed, .rejected, .cancelled], [.created, .awaiting, .completed],
        ]
        let sessions = [nil, context.session, other, SessionID()]
        let times = [nil, 1, 60, 90_001].map { $0.map { base + .seconds($0) } }
        let middle = runs.map { RunStatusQuery.Position($0) }.sorted()[runs.count / 2]
        for principal in principals + [PrincipalChecks.newPrincipal("unknown"), nil] {
            for statuses in statuses {
                for session in sessions {
                    for time in times {
                        for (after, limit) in [(nil, 100), (middle, 3)] {
                            let query = RunStatusQuery(
                                agent: context.agent, statuses: statuses, session: session, principal: principal,
                                changedSince: time, after: after, limit: limit)
                            try await StatusQueryChecks.expect(runs, query, context)
                        }
                    }
                }
            }
        }
        let agent = AgentName(stringLiteral: "other-\(RunID())")
        for session in [nil, context.session] {
            let query = RunStatusQuery(agent: agent, session: session, principal: principals[0])
            try await StatusQueryChecks.expect(runs, query, context)
        }
    }

    static func pages(_ context: CheckContext) async throws {
        let principals = [PrincipalChecks.newPrincipal(), PrincipalChecks.newPrincipal()]
        let runs = try await concurrently(30) { number in
            // The same time for runs of different principals, and for several runs of each.
            try await create(
                number % 2 == 0 ? .completed : .inProgress, at: base + .seconds(number / 12),
                of: (principals + [nil])[number % 3], context
            ).run
        }
        for principal in principals {
            for size in [1, 3, 10] {
                var query = RunStatusQuery(agent: context.agent, principal: principal, limit: size)
                let expected = runs.filter(query.includes).sorted { RunStatusQuery.Position($0) > .init($1) }
                var found: [Run] = []
                while found.count <= expected.count {
                    let page = try await context.storage.runs(query)
                    try context.expect("the total beside \(page.items.count) runs", page.total, is: expected.count)
                    guard let last = page.items.last else { break }
                    found += page.items
                    query.after = .init(last)
                }
                try context.expect("the runs on all pages of \(size)", found.map(\.id), is: expected.map(\.id))
            }
            // Positions of other principals' runs.
            for run in runs {
                try await StatusQueryChecks.expect(
                    runs, RunStatusQuery(agent: context.agent, principal: principal, after: .init(run), limit: 2),
                    context)
            }
        }
    }

    static func concurrent(_ context: CheckContext) async throws {
        let principals = [PrincipalChecks.newPrincipal(), PrincipalChecks.newPrincipal()]
        let kept = try await concurrently(8) { task -> [Run] in
            var kept: [Run] = []
            for number in 0..<9 {
                let time = base + .seconds(task * 1_000 + number)
                let principal = (principals + [nil])[(task + number) % 3]
                let run = Run(
                    agentName: context.agent, sessionID: context.session, createdAt: time, principal: principal)
                var writer = try await RunWriter.create(run, on: context.storage)
                let path: [DetailedRunStatus] = [.inProgress, .awaiting, .completed]
                for (step, status) in path.prefix(number % 4).enumerated() {
                    try await writer.become(status, at: time + .seconds(100 + step))
                }
                if number.isMultiple(of: 4) {
                    try await context.storage.deleteRun(writer.run.id)
                } else {
                    kept.append(writer.run)
                }
            }
            return kept
        }.flatMap(\.self)
        try await PrincipalChecks.expectListed(kept, of: principals, context)
    }
}
