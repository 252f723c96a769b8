// SPDX-License-Identifier: Apache-2.0

import ACPCore
import ACPStorage

/// Listing the runs of a principal, and the principals of sessions.
///
/// The principals of each check have new ids. Their listings of all runs and of unfinished runs therefore contain no
/// runs of other checks.
enum PrincipalChecks {
    static let all = [
        StorageCheck("A principal's runs are listed newest first by each filter, by offset and limit", pages),
        StorageCheck("A principal's listings have no runs of others and none without a principal", separate),
        StorageCheck("Principals whose ids differ only in case or in Unicode normalization are different", similar),
        StorageCheck("A principal without runs has empty pages and totals of 0", unknown),
        StorageCheck("A principal's unfinished runs are listed by their status as it changes", statuses),
        StorageCheck("A principal's listings keep runs that have ended and runs that were claimed", kept),
        StorageCheck("A run that is saved again is listed for its new principal only", saved),
        StorageCheck("A deleted run is in no page and in no total of its principal", deletion),
        StorageCheck("Expired runs are in no page and in no total of their principal", expiry),
        StorageCheck("A session keeps the principal with which it was saved", session),
        StorageCheck("Of several principals that create a session at once, one succeeds", creation),
        StorageCheck(
            "Removing all data leaves no run in the listings of principals", isExclusive: true, removeAll),
    ]

    static func newPrincipal(_ name: String = "principal") -> PrincipalID {
        PrincipalID(stringLiteral: "\(name) \(RunID())")
    }

    /// Checks one page and its total.
    private static func expect(
        _ runs: [Run], _ query: RunQuery, _ context: CheckContext, on storage: (any Storage)? = nil,
        file: StaticString = #fileID, line: UInt = #line
    ) async throws {
        let found = try await (storage ?? context.storage).runs(query)
        let selected = runs.filter { query.includes(RunSummary($0)) }.sorted { $0.createdAt > $1.createdAt }
        let expected = page(selected, from: query.offset, limit: query.limit)
        try context.expect(
            "the runs of \(query)", found.items.map(\.id), is: expected.map(\.id), file: file, line: line)
        try context.expect("the runs of \(query)", found.items, is: expected, file: file, line: line)
        try context.expect("the total of \(query)", found.total, is: selected.count, file: file, line: line)
    }

    /// Checks the listings of principals by each filter, also in the order of changes of status.
    static func expectListed(
        _ runs: [Run], of principals: [PrincipalID], _ context: CheckContext, on storage: (any Storage)? = nil,
        file: StaticString = #fileID, line: UInt = #line
    ) async throws {
        let agents = Set(runs.map(\.agentName)).union([context.agent])
        let sessions = Set(runs.compactMap(\.sessionID)).union([context.session])
        var filters: [RunQuery.Filter] = [.all]
        filters += agents.map { .agent($0) }
        filters += sessions.map { .session($0) }
        filters += RunStatus.allCases.map { .unfinished($0) }
        for principal in principals {
            for filter in filters {
                let query = RunQuery(filter, principal: principal, limit: 1_000)
                try await expect(runs, query, context, on: storage, file: file, line: line)
            }
            for agent in agents {
                let query = RunStatusQuery(agent: agent, principal: principal, limit: 1_000)
                try await StatusQueryChecks.expect(runs, query, context, on: storage, file: file, line: line)
            }
        }
    }

    /// Creates runs of some principals, a second apart: in turn with different sessions and statuses, on two agents.
    private static func createRuns(
        _ count: Int, of principals: [PrincipalID?], _ context: CheckContext, on storage: (any Storage)? = nil
    ) async throws -> [RunWriter] {
        let agents = [context.agent, AgentName(stringLiteral: "other-\(RunID())")]
        let sessions = [context.session, nil, SessionID()]
        let path: [RunStatus] = [.inProgress, .awaiting, .inProgress, .completed]
        let now = Timestamp.now
        var writers: [RunWriter] = []
        for principal in principals {
            for number in 0..<count {
                let run = Run(
                    agentName: agents[number / 2 % 2], sessionID: sessions[number % 3],
                    createdAt: now + .seconds(-number) + .microseconds(-writers.count), principal: principal)
                var writer = try await RunWriter.create(run, on: storage ?? context.storage)
                for status in path.prefix(number % 5) { try await writer.become(status) }
                writers.append(writer)
            }
        }
        return writers
    }

    /// Deletes runs that other agents may have, since they would remain after the check.
    private static func delete(_ runs: [Run], _ context: CheckContext) async throws {
        for run in runs { try await context.storage.deleteRun(run.id) }
    }

    static func pages(_ context: CheckContext) async throws {
        let (own, other) = (newPrincipal("own"), newPrincipal("other"))
        let runs = try await createRuns(12, of: [own, other, nil], context).map(\.run)
        let filters: [RunQuery.Filter] = [
            .all, .agent(context.agent), .session(context.session), .unfinished(.inProgress),
        ]
        for filter in filters {
            let count = runs.count { RunQuery(filter, principal: own).includes(RunSummary($0)) }
            for offset in [0, 1, count - 1, count, count + 1, Int.max, -1, Int.min] {
                for limit in [10, 0, 1, 3, count, count + 1, Int.max, -1, Int.min] {
                    let query = RunQuery(filter, principal: own, offset: offset, limit: limit)
                    try await expect(runs, query, context)
                }
            }
        }
        try await delete(runs, context)
    }

    static func separate(_ context: CheckContext) async throws {
        // Ids with the same beginning, and with characters that separate the parts of keys.
        let id = newPrincipal("Ada")
        let principals = ["", " ", ":", " Lovelace", "}", "*", "%", "\\", "'", "/ä🦊"].map {
            PrincipalID(stringLiteral: id.rawValue + $0)
        }
        let runs = try await createRuns(5, of: principals + [nil], context).map(\.run)
        try await expectListed(runs, of: principals, context)
        // Without a principal, a query selects the runs of all principals and those without one.
        for filter in [RunQuery.Filter.agent(context.agent), .session(context.session)] {
            try await expect(runs, RunQuery(filter, limit: 1_000), context)
        }
        // A session and an agent with runs of others only.
        for filter in [RunQuery.Filter.agent(context.agent), .session(context.session)] {
            try await expect(runs, RunQuery(filter, principal: newPrincipal()), context)
        }
        try await delete(runs, context)
    }

    static func similar(_ context: CheckContext) async throws {
        let id = RunID().rawValue
        // The last ones are the same characters in different forms.
        let names = ["ada", "Ada", "ADA", "ada ", "jos\u{E9}", "jose\u{301}", "JOS\u{C9}", "\u{212B}", "\u{C5}"]
        let principals = names.map { PrincipalID(stringLiteral: "\(id) \($0)") }
        let runs = try await createRuns(5, of: principals, context).map(\.run)
        try await expectListed(runs, of: principals, context)
        for principal in principals {
            let session = SessionID()
            try await context.storage.save(SessionRecord(id: session, principal: principal), expecting: 0)
            let found = try await context.storage.session(session)
            try context.expect("the session's principal", found?.principal, is: principal)
            try await context.storage.deleteSession(session)
        }
        try await delete(runs, context)
    }

    static func unknown(_ context: CheckContext) async throws {
        let runs = try await createRuns(5, of: [newPrincipal(), nil], context).map(\.run)
        let longest = RunID().rawValue + String(repeating: "x", count: 219)
        for principal in [newPrincipal("unknown"), PrincipalID(stringLiteral: longest)] {
            try await expectListed(runs, of: [principal], context)
            for (offset, limit) in [(3, 10), (0, Int.max), (-1, 1)] {
                try await expect(runs, RunQuery(principal: principal, offset: offset, limit: limit), context)
            }
        }
        try await delete(runs, context)
    }

    static func statuses(_ context: CheckContext) async throws {
        let principals = [newPrincipal(), newPrincipal()]
        var writers: [RunWriter] = []
        for number in 0..<6 {
            var run = context.newRun(createdAt: .now + .seconds(-number))
            run.principal = (principals + [nil])[number % 3]
            writers.append(try await RunWriter.create(run, on: context.storage))
        }
        try await expectListed(writers.map(\.run), of: principals, context)
        let steps: [(Int, RunStatus)] = [
            (0, .inProgress), (3, .inProgress), (1, .inProgress), (3, .awaiting), (2, .inProgress), (0, .cancelling),
            (3, .inProgress), (0, .cancelled), (1, .completed), (4, .failed), (3, .awaiting), (2, .completed),
        ]
        for (index, status) in steps {
            try await writers[index].become(status)
            try await expectListed(writers.map(\.run), of: principals, context)
        }
        // Other events do not move a run.
        try await writers[3].write(context.parts(0..<3))
        try await writers[3].write(context.parts(3..<6), snapshot: true)
        try await expectListed(writers.map(\.run), of: principals, context)
    }

    static func kept(_ context: CheckContext) async throws {
        let principals = [newPrincipal(), newPrincipal()]
        var writers = try await createRuns(3, of: principals + [nil], context)
        for index in writers.indices {
            let owner = RunOwner(process: ProcessID())
            let isClaimed = try await context.storage.claim(
                writers[index].run.id, for: owner, from: writers[index].owner)
            try context.expect("the claim", isClaimed, is: true)
            writers[index].owner = owner
            try await expectListed(writers.map(\.run), of: principals, context)
            // The new owner continues the run, and ends it.
            try await writers[index].write(context.parts(0..<2))
            let ends: [RunStatus] = [.completed, .failed, .cancelled]
            for status in [.awaiting, ends[index % 3]] { try await writers[index].become(status) }
            try await expectListed(writers.map(\.run), of: principals, context)
        }
        try await delete(writers.map(\.run), context)
    }

    static func saved(_ context: CheckContext) async throws {
        let storage = context.storage
        let id = newPrincipal("jos").rawValue
        let similar = ["\u{E9}", "e\u{301}"].map { PrincipalID(stringLiteral: id + $0) }
        let principals = [newPrincipal()] + similar
        var run = context.newRun(.inProgress)
        for principal in [nil, principals[0], principals[1], principals[2], nil, principals[0]] {
            run.principal = principal
            try await storage.save(run)
            try await expectListed([run], of: principals, context)
        }
        try await storage.append(.generic(1), to: run.id)
        run.status = .completed
        run.finishedAt = run.createdAt + .seconds(1)
        try await storage.save(run)
        try await expectListed([run], of: principals, context)
        for principal in [principals[1], principals[2], nil] {
            run.principal = principal
            try await storage.save(run)
            try await expectListed([run], of: principals, context)
        }
        // A run with an owner, who continues it.
        var writer = try await createRuns(1, of: [principals[1]], context)[0]
        try await storage.save(writer.run)
        try await writer.become(.completed)
        try await expectListed([run, writer.run], of: principals, context)
    }

    static func deletion(_ context: CheckContext) async throws {
        let principals = [newPrincipal(), newPrincipal()]
        var runs = try await createRuns(5, of: principals + [nil], context).map(\.run)
        while !runs.isEmpty {
            let run = runs.remove(at: runs.count * 2 / 3)
            try await context.storage.deleteRun(run.id)
            try await expectListed(runs, of: principals, context)
            let session = run.sessionID ?? context.session
            for filter in [.agent(run.agentName), .session(session), .unfinished(run.status)] as [RunQuery.Filter] {
                for principal in principals { try await expect(runs, RunQuery(filter, principal: principal), context) }
            }
        }
    }

    static func expiry(_ context: CheckContext) async throws {
        guard let short = try await context.openShortLived() else { return }
        let principals = [newPrincipal(), newPrincipal()]
        _ = try await createRuns(8, of: principals + [nil], context, on: short.storage)
        try await short.expireAll()
        let start = ContinuousClock.now
        do {
            let live = try await createRuns(3, of: [principals[0], nil], context, on: short.storage).map(\.run)
            try await expectListed(live, of: principals, context, on: short.storage)
        } catch  where ContinuousClock.now - start >= short.timeToLive {
            return
        }
    }

    static func session(_ context: CheckContext) async throws {
        let storage = context.storage
        let principals = [newPrincipal("own"), newPrincipal("other")]
        var session = SessionRecord(id: context.session, principal: principals[0])
        for version in 0..<4 {
            session.state = version == 2 ? nil : SessionState(bytes: [UInt8(version)])
            session.metadata = version == 0 ? [:] : ["principal": "x", "save": .integer(Int64(version))]
            session.version = try await storage.save(session, expecting: version == 3 ? nil : version)
            try context.expect("the session", try await storage.session(session.id), is: session)
            let stored = try await storage.storedSession(session.id)
            try context.expect("the stored session's principal", stored?.principal, is: session.principal)
            // A save that expects another version does not change the principal.
            try await context.expectError(.conflict, "another principal's save") {
                try await storage.save(
                    SessionRecord(id: session.id, principal: principals[1]), expecting: version % 2 == 0 ? 0 : version)
            }
            try context.expect("the session", try await storage.session(session.id), is: session)
        }
        // The history of a session is appended without its principal.
        try await storage.append([.known(key: "one", entries: [.link("https://example.com/1")])], to: session.id)
        _ = try await RunWriter.create(
            context.newRun(), on: storage,
            history: HistoryAppend(.known(key: "two", entries: [.link("https://example.com/2")]), to: session.id))
        try context.expect("the session", try await storage.session(session.id), is: session)
        // A session with a history alone has no principal, and neither has a deleted one that is created again.
        try await storage.deleteSession(session.id)
        session.version = 0
        try await storage.append([.known(key: "one", entries: [.link("https://example.com/1")])], to: session.id)
        let similar = ["\u{E9}", "e\u{301}"].map { PrincipalID(stringLiteral: "\(principals[1])\($0)") }
        for principal in [nil, principals[1], similar[0], similar[1], nil] {
            session.principal = principal
            session.version = try await storage.save(session, expecting: session.version == 0 ? 0 : nil)
            try context.expect("the session", try await storage.session(session.id), is: session)
        }
    }

    static func creation(_ context: CheckContext) async throws {
        let storage = context.storage
        for _ in 0..<5 {
            let session = SessionID()
            let winners = try await concurrently(16) { number -> PrincipalID? in
                // Some of the callers have no principal, and some have the same one.
                let principal = number % 4 == 0 ? nil : PrincipalID(stringLiteral: "\(session) \(number / 2)")
                let record = SessionRecord(
                    id: session, metadata: ["number": .integer(Int64(number))], principal: principal)
                let won = try await context.attempt(orFailWith: .conflict) {
                    try await storage.save(record, expecting: 0)
                }
                guard won else { return nil }
                let found = try await storage.session(session)
                try context.expect("the winner's session", found?.principal, is: principal)
                try context.expect("the winner's metadata", found?.metadata, is: record.metadata)
                return principal ?? "nobody"
            }.compactMap(\.self)
            try context.expect("the number of principals that created the session", winners.count, is: 1)
            let found = try await storage.session(session)
            try context.expect("the session's principal", found?.principal ?? "nobody", is: winners[0])
            try context.expect("its version", found?.version, is: 1)
            try await storage.deleteSession(session)
        }
    }

    static func removeAll(_ context: CheckContext) async throws {
        let principals = [newPrincipal(), newPrincipal()]
        let runs = try await createRuns(5, of: principals + [nil], context).map(\.run)
        try await context.storage.save(SessionRecord(id: context.session, principal: principals[0]), expecting: 0)
        try await context.storage.removeAll()
        for agent in Set(runs.map(\.agentName)) {
            for principal in principals {
                let listed = try await context.storage.runs(RunQuery(.agent(agent), principal: principal))
                try context.expect("the total of \(agent)", listed.total, is: 0)
            }
        }
        try await expectListed([], of: principals, context)
        try context.expect("the session", try await context.storage.session(context.session), is: nil)
        // The same runs are listed when they are created again.
        let writer = try await RunWriter.create(runs[0], on: context.storage)
        try await expectListed([writer.run], of: principals, context)
    }
}
