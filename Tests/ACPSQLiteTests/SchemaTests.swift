// SPDX-License-Identifier: Apache-2.0

import ACPCore
import ACPSQLite
import ACPStorage
import GRDB
import Testing

@Suite("Tables of the SQLite storage")
struct SchemaTests {
    @Test("Pages and totals are found in indexes, without sorting and without reading rows that are not on the page")
    func plans() async throws {
        let folder = try TemporaryFolder()
        try await withStorage(folder.path()) { _ in }
        let order = "ORDER BY created_at DESC, id DESC LIMIT 10 OFFSET 20"
        let queries = [
            "SELECT id FROM acp_runs WHERE 1 \(order)": "acp_runs_by_time",
            "SELECT id FROM acp_runs WHERE agent_name = 'a' \(order)": "acp_runs_by_agent",
            "SELECT id FROM acp_runs WHERE session_id = 's' \(order)": "acp_runs_by_session",
            "SELECT COUNT(*) FROM acp_runs WHERE session_id = 's'": "acp_runs_by_session",
            "SELECT id FROM acp_runs WHERE status = 'awaiting' AND ended_at IS NULL \(order)": "acp_runs_unfinished",
            "SELECT COUNT(*) FROM acp_runs WHERE status = 'awaiting' AND ended_at IS NULL": "acp_runs_unfinished",
            "SELECT id FROM acp_runs WHERE principal = 'p' \(order)": "acp_runs_of_principal",
            "SELECT id FROM acp_runs WHERE principal = 'p' AND agent_name = 'a' \(order)":
                "acp_runs_of_principal_by_agent",
            "SELECT id FROM acp_runs WHERE principal = 'p' AND session_id = 's' \(order)":
                "acp_runs_of_principal_by_session",
            "SELECT COUNT(*) FROM acp_runs WHERE principal = 'p' AND session_id = 's'":
                "acp_runs_of_principal_by_session",
            "SELECT id FROM acp_runs WHERE principal = 'p' AND status = 'awaiting' AND ended_at IS NULL \(order)":
                "acp_runs_of_principal_unfinished",
            "SELECT COUNT(*) FROM acp_runs WHERE principal = 'p' AND status = 'awaiting' AND ended_at IS NULL":
                "acp_runs_of_principal_unfinished",
            """
            SELECT status_changed_at, id FROM acp_runs
            WHERE principal = 'p' AND agent_name = 'a' AND detailed_status = 'failed' AND status_changed_at >= 1
                AND (status_changed_at, id) < (9, 'b')
            ORDER BY status_changed_at DESC, id DESC LIMIT 10
            """: "acp_runs_of_principal_by_status",
            """
            SELECT status_changed_at, id FROM acp_runs
            WHERE agent_name = 'a' AND detailed_status = 'failed' AND status_changed_at >= 1
                AND (status_changed_at, id) < (9, 'b')
            ORDER BY status_changed_at DESC, id DESC LIMIT 10
            """: "acp_runs_by_status",
            """
            SELECT COUNT(*) FROM acp_runs
            WHERE agent_name = 'a' AND detailed_status = 'failed' AND status_changed_at >= 1 AND status_changed_at < 9
            """: "acp_runs_by_status",
        ]
        let owned =
            "SELECT id FROM acp_runs WHERE owner_process = IFNULL(CAST('p' AS TEXT), '') AND ended_at IS NULL LIMIT 9"
        let ended = "SELECT key, id FROM acp_runs WHERE ended_at <= 1 ORDER BY ended_at LIMIT 9"
        let changed = "SELECT status_changed_at, id, detailed_status FROM acp_runs WHERE"
        let ofAgent = "AND +agent_name = 'a' AND +status_changed_at >= 1"
        let rows = [
            owned: "acp_runs_owned", ended: "acp_runs_ended",
            "\(changed) session_id = 's' \(ofAgent)": "acp_runs_by_session",
            "\(changed) session_id = 's' AND principal = 'p' \(ofAgent)": "acp_runs_of_principal_by_session",
        ]
        try await DatabaseQueue(path: folder.path()).read { db in
            for (query, index) in rows {
                let plan = try Row.fetchAll(db, sql: "EXPLAIN QUERY PLAN " + query).map { row -> String in row["detail"]
                }
                #expect(plan.count == 1 && plan[0].contains("USING INDEX \(index) "), "\(query): \(plan)")
            }
            for (query, index) in queries {
                let plan = try Row.fetchAll(db, sql: "EXPLAIN QUERY PLAN " + query).map { row -> String in row["detail"]
                }
                #expect(plan.count == 1, "\(query): \(plan)")
                #expect(plan.first?.contains("USING COVERING INDEX \(index)") == true, "\(query): \(plan)")
            }
        }
    }

    @Test("Totals stay exact through creating, saving by hand, renaming and deleting")
    func totals() async throws {
        let folder = try TemporaryFolder()
        try await withStorage(folder.path()) { storage in
            var runs: [Run] = []
            for number in 0..<10 {
                let run = Run(agentName: AgentName(stringLiteral: "agent-\(number % 3)"), sessionID: "session")
                runs.append(run)
                try await storage.save(run)
            }
            runs[0].agentName = "agent-1"
            try await storage.save(runs[0])
            runs[0].status = .failed
            try await storage.save(runs[0])
            for run in runs[7...] { try await storage.deleteRun(run.id) }
            runs.removeSubrange(7...)
            #expect(try await storage.runs(RunQuery(.all)).total == runs.count)
            for number in 0..<3 {
                let agent = AgentName(stringLiteral: "agent-\(number)")
                let page = try await storage.runs(RunQuery(.agent(agent)))
                #expect(page.total == runs.count { $0.agentName == agent })
                #expect(page.items.count == page.total)
            }
            try await storage.removeAll()
            #expect(try await storage.runs(RunQuery(.all)).total == 0)
            #expect(try await storage.runs(RunStatusQuery(agent: "agent-1")).total == 0)
            #expect(try await storage.statistics().tables.allSatisfy { $0.rows == 0 })
        }
    }

    @Test("A file of version 1 is migrated, keeps its data, and accepts contents then")
    func fromVersion1() async throws {
        let folder = try TemporaryFolder()
        let run = try await withStorage(folder.path()) { try await Writer.create(on: $0).run }
        try await DatabaseQueue(path: folder.path()).write { db in
            try db.execute(
                sql: """
                    DROP TABLE acp_run_contents;
                    DROP TABLE acp_session_contents;
                    DELETE FROM grdb_migrations WHERE identifier = 'acp-2'
                    """)
        }
        // A file that an older server has open can be read.
        let tables = try await SQLiteStorage.statistics(ofFile: folder.path()).tables.map(\.name)
        #expect(tables.contains("acp_runs") && !tables.contains("acp_run_contents"))
        try await withStorage(folder.path()) { storage in
            #expect(try await storage.run(run.id) == run)
            let content = StoredContent(digest: ContentDigest(hash: [UInt8](repeating: 7, count: 32)), bytes: [1])
            try await storage.append([HistoryBlock(key: "one", entries: [], contents: [content])], to: "s")
            #expect(try await storage.contents([ContentKey(.session("s"), content.digest)]) == [[1]])
            #expect(try await storage.statistics().tables.first { $0.name == "acp_session_contents" }?.rows == 1)
        }
    }

    @Test("Stored numbers of ended runs are those of the table, and numbers of 0 are not kept")
    func statusCounts() async throws {
        let folder = try TemporaryFolder()
        try await withStorage(folder.path()) { storage in
            var state: UInt64 = 7
            func random(_ bound: Int) -> Int {
                state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                return Int(state >> 24) % bound
            }
            for number in 0..<300 {
                var run = Run(
                    id: RunID(stringLiteral: "run-\(random(40))"),
                    agentName: AgentName(stringLiteral: "agent-\(number % 2)"),
                    createdAt: Timestamp(microseconds: Int64(random(1 << 38) - (1 << 28))))
                run.status = RunStatus.allCases[random(RunStatus.allCases.count)]
                if number % 5 == 0 { try await storage.deleteRun(run.id) } else { try await storage.save(run) }
                let since = Timestamp(microseconds: Int64(random(1 << 38) - (1 << 29)))
                var query = RunStatusQuery(agent: run.agentName, statuses: [.completed, .failed], changedSince: since)
                let all = try await storage.runs(RunQuery(.agent(run.agentName), limit: 100)).items
                for _ in 0..<2 {
                    let expected = all.filter { query.includes($0) }.count
                    #expect(try await storage.runs(query).total == expected)
                    query.changedSince = nil
                }
            }
            try await DatabaseQueue(path: folder.path()).read { db in
                let zeros = try Int.fetchOne(db, sql: "SELECT COUNT(*) FROM acp_status_counts WHERE runs <= 0")
                #expect(zeros == 0)
            }
        }
    }

    @Test("Stored numbers of a principal's runs are those of the table, and numbers of 0 are not kept")
    func principalCounts() async throws {
        let folder = try TemporaryFolder()
        try await withStorage(folder.path()) { storage in
            var state: UInt64 = 9
            func random(_ bound: Int) -> Int {
                state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                return Int(state >> 24) % bound
            }
            let principals: [PrincipalID] = ["Ada", "Ada Lovelace"]
            for number in 0..<300 {
                var run = Run(
                    id: RunID(stringLiteral: "run-\(random(40))"),
                    agentName: AgentName(stringLiteral: "agent-\(number % 2)"),
                    createdAt: Timestamp(microseconds: Int64(random(1 << 38))))
                run.status = RunStatus.allCases[random(RunStatus.allCases.count)]
                run.principal = (principals + [nil])[random(3)]
                if number % 5 == 0 { try await storage.deleteRun(run.id) } else { try await storage.save(run) }
                for principal in principals {
                    let all = try await storage.runs(RunQuery(.agent(run.agentName), limit: 100)).items
                    let own = try await storage.runs(RunQuery(.agent(run.agentName), principal: principal)).total
                    #expect(own == all.count { $0.principal == principal })
                    let query = RunStatusQuery(
                        agent: run.agentName, statuses: [.completed, .failed], principal: principal)
                    #expect(try await storage.runs(query).total == all.count { query.includes($0) })
                }
            }
            for run in try await storage.runs(RunQuery(limit: 100)).items { try await storage.deleteRun(run.id) }
            try await DatabaseQueue(path: folder.path()).read { db in
                let statuses = try Int.fetchOne(db, sql: "SELECT COUNT(*) FROM acp_status_counts")
                let listings = try String.fetchAll(db, sql: "SELECT listing FROM acp_run_counts")
                #expect(statuses == 0)
                #expect(listings == ["all"])
            }
        }
    }

    @Test("The example queries of the guide return what it describes")
    func byHand() async throws {
        let folder = try TemporaryFolder()
        try await withStorage(folder.path()) { storage in
            var writer = try await Writer.create(on: storage)
            try await writer.write([.messagePart(.text("Hello"))])
            try await writer.become(.completed)
            try await storage.append([HistoryBlock(key: "one", entries: [.link("https://example.com")])], to: "session")
            let run = writer.run.id.rawValue
            try await DatabaseQueue(path: folder.path()).read { db in
                let byStatus = try Row.fetchOne(
                    db, sql: "SELECT agent_name, status, COUNT(*) FROM acp_runs GROUP BY agent_name, status")
                #expect(byStatus?[1] == "completed")
                let text = try String.fetchOne(
                    db,
                    sql: """
                        SELECT CAST(event AS TEXT) ->> '$.part.content' FROM acp_events JOIN acp_runs ON key = run
                        WHERE id = ? AND CAST(event AS TEXT) ->> '$.type' = 'message.part'
                        """, arguments: [run])
                #expect(text == "Hello")
                let finished = try String.fetchOne(
                    db, sql: "SELECT document ->> '$.finished_at' FROM acp_run_snapshots")
                #expect(finished == nil)
                let link = try String.fetchOne(db, sql: "SELECT entry ->> '$.link' FROM acp_history")
                #expect(link == "https://example.com")
                #expect(
                    try String.fetchOne(db, sql: "SELECT datetime(created_at / 1000000, 'unixepoch') FROM acp_runs")
                        != nil)
            }
        }
    }
}
