// SPDX-License-Identifier: Apache-2.0

import ACPCore
import ACPPostgres
import ACPStorage
import Dispatch
import Testing

@Suite("Tables and their versions")
struct MigrationTests {
    private func configuration(_ database: String) async throws -> PostgresStorage.Configuration {
        PostgresStorage.Configuration(url: try await SharedServer.shared.server.url(user: "tester", database: database))
    }

    @Test("Of many storages that open an empty database at once, one creates the tables and all work")
    func race() async throws {
        let database = try await SharedServer.shared.makeDatabase()
        let configuration = try await configuration(database)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<8 {
                group.addTask {
                    try await withStorage(configuration) { storage in
                        try await storage.save(Run(agentName: "racer", sessionID: SessionID()))
                    }
                }
            }
            // Two more processes, as started by operators.
            let server = try await SharedServer.shared.server
            for _ in 0..<2 { group.addTask { try server.script(PostgresStorage.schemaSQL, database: database) } }
            try await group.waitForAll()
        }
        let total = try await withStorage(configuration) { try await $0.runs(RunQuery()).total }
        #expect(total == 8)
        let versions = try await SharedServer.shared.server.sql("SELECT version FROM acp_schema", database: database)
        #expect(versions == "1\n2\n3\n4\n5\n6")
    }

    @Test("A migration may take longer than other statements")
    func slowMigration() async throws {
        let database = try await SharedServer.shared.makeDatabase()
        let server = try await SharedServer.shared.server
        var configuration = try await configuration(database)
        configuration.statementTimeout = .milliseconds(200)
        // Another process migrates the tables for three seconds.
        async let other: Void = onThread {
            try server.script(
                "BEGIN; SELECT pg_advisory_xact_lock(4710020260); SELECT pg_sleep(3)", database: database)
        }
        try await hasLock("locktype = 'advisory' AND granted", server, database)
        try await withStorage(configuration) { _ = try await $0.ping() }
        try await other
    }

    @Test("A migration that has to wait for a lock lets others work, and is tried again")
    func lockedTables() async throws {
        let database = try await SharedServer.shared.makeDatabase()
        let server = try await SharedServer.shared.server
        let configuration = try await configuration(database)
        let run = try await withStorage(configuration) { try await Writer.create(on: $0).run }
        let current = try server.sql("SELECT max(version) FROM acp_schema", database: database)
        // The last migration that changes columns of the table, and therefore needs the lock.
        try server.sql("DELETE FROM acp_schema WHERE version >= 5", database: database)
        try server.sql("CREATE TABLE test_end ()", database: database)
        // A backup reads the table until it is told to end.
        async let backup: Void = onThread {
            try server.script(
                """
                BEGIN; LOCK TABLE acp_runs IN ACCESS SHARE MODE;
                DO $$ BEGIN WHILE NOT EXISTS (SELECT FROM test_end) LOOP PERFORM pg_sleep(0.05); END LOOP; END $$
                """, database: database)
        }
        try await hasLock("relation = 'acp_runs'::regclass AND mode = 'AccessShareLock' AND granted", server, database)
        async let migrated: Void = withStorage(configuration) { _ = try await $0.ping() }
        try await hasLock("relation = 'acp_runs'::regclass AND NOT granted", server, database)
        try await onThread {
            try server.sql(
                "SET lock_timeout = '60s'; UPDATE acp_runs SET owner_token = 'x' WHERE id = '\(run.id)'",
                database: database)
        }
        try server.sql("INSERT INTO test_end DEFAULT VALUES", database: database)
        try await backup
        try await migrated
        #expect(try server.sql("SELECT max(version) FROM acp_schema", database: database) == current)
    }

    /// Waits until the database has a lock.
    private func hasLock(_ condition: String, _ server: PostgresTestServer, _ database: String) async throws {
        let sql = """
            SELECT count(*) > 0 FROM pg_locks
            WHERE database = (SELECT oid FROM pg_database WHERE datname = current_database()) AND \(condition)
            """
        while try await onThread({ try server.sql(sql, database: database) }) != "t" {}
    }

    /// Performs what blocks on a thread of its own, so that storages have theirs.
    @discardableResult
    private func onThread<Value: Sendable>(_ body: @escaping @Sendable () throws -> Value) async throws -> Value {
        try await withCheckedThrowingContinuation { continuation in
            DispatchQueue.global().async { continuation.resume(with: Result { try body() }) }
        }
    }

    @Test("Without migrations, an empty database is reported with the remedy, and stays empty")
    func skipped() async throws {
        let database = try await SharedServer.shared.makeDatabase()
        var configuration = try await configuration(database)
        configuration.skipsMigrations = true
        let error = await storageError { try await withStorage(configuration) { _ = try await $0.ping() } }
        #expect(error?.code == .refused)
        #expect(
            error?.message.contains("acp storage schema") == true && error?.message.contains("skipsMigrations") == true)
        let server = try await SharedServer.shared.server
        #expect(try server.sql("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'", database: database) == "0")
    }

    @Test("Old tables are an error without migrations, and newer tables are one in any case")
    func versions() async throws {
        let database = try await SharedServer.shared.makeDatabase()
        let server = try await SharedServer.shared.server
        var configuration = try await configuration(database)
        try await withStorage(configuration) { _ = try await $0.ping() }
        try server.sql("UPDATE acp_schema SET version = 99, usable_from = 98 WHERE version = 6", database: database)
        let newer = await storageError { try await withStorage(configuration) { _ = try await $0.ping() } }
        #expect(newer?.code == .refused)
        #expect(newer?.message.contains("version 99") == true)
        try server.sql("DELETE FROM acp_schema WHERE version = 99", database: database)
        configuration.skipsMigrations = true
        let older = await storageError { try await withStorage(configuration) { _ = try await $0.ping() } }
        #expect(older?.code == .refused)
        #expect(older?.message.contains("requires version 6") == true)
    }

    @Test("Newer tables can be used if they support this version")
    func newerTables() async throws {
        let database = try await SharedServer.shared.makeDatabase()
        let server = try await SharedServer.shared.server
        var configuration = try await configuration(database)
        try await withStorage(configuration) { _ = try await $0.ping() }
        for usableFrom in ["3", "4"] {
            try server.sql(
                "INSERT INTO acp_schema (version, usable_from) VALUES (9\(usableFrom), \(usableFrom))",
                database: database)
            for skips in [true, false] {
                configuration.skipsMigrations = skips
                try await withStorage(configuration) { storage in
                    var writer = try await Writer.create(on: storage)
                    try await writer.write("one")
                }
            }
        }
        // Tables of versions that did not store which others they support.
        for change in ["UPDATE acp_schema SET usable_from = NULL", "ALTER TABLE acp_schema DROP COLUMN usable_from"] {
            try server.sql(change, database: database)
            let error = await storageError { try await withStorage(configuration) { _ = try await $0.ping() } }
            #expect(error?.code == .refused)
            #expect(error?.message.contains("version 94") == true)
        }
    }

    @Test("Tables of version 1 are migrated, keep their data, and accept contents then")
    func fromVersion1() async throws {
        let database = try await SharedServer.shared.makeDatabase()
        let server = try await SharedServer.shared.server
        let configuration = try await configuration(database)
        let run = try await withStorage(configuration) { try await Writer.create(on: $0).run }
        try server.sql(
            """
            DROP TABLE acp_run_contents, acp_session_contents;
            DROP FUNCTION acp_commit_with_contents, acp_append_history_with_contents, acp_commit_end;
            DELETE FROM acp_schema WHERE version >= 2
            """, database: database)
        try await withStorage(configuration) { storage in
            #expect(try await storage.run(run.id) == run)
            var writer = Writer(on: storage)
            var commit = try writer.next([.runCreated(writer.run)], snapshot: true)
            let content = StoredContent(digest: ContentDigest(hash: [UInt8](repeating: 7, count: 32)), bytes: [1])
            commit.contents = [content]
            try await storage.commit(commit)
            #expect(try await storage.contents([ContentKey(.run(writer.run.id), content.digest)]) == [[1]])
        }
    }

    @Test("The printed SQL creates the tables, can be repeated, and suffices for a storage without migrations")
    func script() async throws {
        let database = try await SharedServer.shared.makeDatabase()
        let server = try await SharedServer.shared.server
        for _ in 0..<2 { try server.script(PostgresStorage.schemaSQL, database: database) }
        var configuration = try await configuration(database)
        configuration.skipsMigrations = true
        try await withStorage(configuration) { storage in
            var writer = try await Writer.create(on: storage)
            try await writer.write("one")
            #expect(try await storage.events(of: writer.run.id, from: 0, limit: nil) == writer.events)
        }
    }

    @Test("Two schemas of one database are separate storages, also for notifications")
    func schemas() async throws {
        let database = try await SharedServer.shared.makeDatabase()
        let server = try await SharedServer.shared.server
        try server.sql("CREATE SCHEMA one; CREATE SCHEMA two", database: database)
        let configurations = ["one", "two"].map {
            PostgresStorage.Configuration(
                url: server.url(user: "tester", database: database, parameters: "options=-csearch_path%3D\($0)"))
        }
        try await withStorage(configurations[0]) { first in
            try await withStorage(configurations[1]) { second in
                let writer = try await Writer.create(on: first)
                #expect(try await second.record(of: writer.run.id) == nil)
                #expect(try await second.runs(RunQuery()).total == 0)
                try await second.removeAll()
                #expect(try await first.runs(RunQuery()).total == 1)
            }
        }
    }

    @Test("Documents can be queried as JSONB and times as timestamps, and listings use their indexes")
    func queries() async throws {
        let database = try await SharedServer.shared.makeDatabase()
        let server = try await SharedServer.shared.server
        try await withStorage(try await configuration(database)) { storage in
            var writer = try await Writer.create(on: storage)
            try await writer.write("said")
            try await writer.complete()
            let status = try server.sql("SELECT document ->> 'status' FROM acp_runs", database: database)
            #expect(status == "completed")
            let said = try server.sql(
                "SELECT acp_jsonb(event) #>> '{part,content}' FROM acp_events WHERE position = 1", database: database)
            #expect(said == "said")
            let isTime = try server.sql(
                "SELECT created_at < now() AND ended_at <= now() AND now() - created_at < interval '1 hour' FROM acp_runs",
                database: database)
            #expect(isTime == "t")
            // A NUL character, which JSONB does not support, makes the JSONB NULL and affects nothing else.
            var strange = Run(agentName: "strange")
            strange.output = [Message("a\0b")]
            try await storage.save(strange)
            #expect(try await storage.run(strange.id) == strange)
            let isNull = try server.sql(
                "SELECT document IS NULL FROM acp_runs WHERE agent_name = 'strange'", database: database)
            #expect(isNull == "t")
        }
        for (condition, index) in [
            ("agent_name = 'a'", "acp_runs_by_agent"), ("session_id = 'a'", "acp_runs_by_session"),
            ("true", "acp_runs_by_time"),
            ("status = 'awaiting' AND ended_at IS NULL", "acp_runs_unfinished"),
            ("principal = 'p'", "acp_runs_of_principal"),
            ("principal = 'p' AND agent_name = 'a'", "acp_runs_of_principal_by_agent"),
            ("principal = 'p' AND session_id = 'a'", "acp_runs_of_principal_by_session"),
            ("principal = 'p' AND status = 'awaiting' AND ended_at IS NULL", "acp_runs_of_principal_unfinished"),
        ] {
            let plan = try server.sql(
                """
                SET enable_seqscan = off; SET enable_sort = off; SET enable_bitmapscan = off;
                EXPLAIN SELECT key FROM acp_runs WHERE \(condition) ORDER BY created_at DESC, id DESC LIMIT 10
                """, database: database)
            #expect(plan.contains("\(index) on"), "\(plan)")
        }
        for (condition, index) in [
            ("", "acp_runs_by_status"), ("principal = 'p' AND", "acp_runs_of_principal_by_status"),
        ] {
            let plan = try server.sql(
                """
                SET enable_seqscan = off; SET enable_sort = off; SET enable_bitmapscan = off;
                EXPLAIN SELECT key FROM acp_runs WHERE \(condition) agent_name = 'a' AND detailed_status = 'failed'
                    AND (status_changed_at, id) < (now(), 'b') ORDER BY status_changed_at DESC, id DESC LIMIT 10
                """, database: database)
            #expect(plan.contains("Backward using \(index) on") && !plan.contains("Filter"), "\(plan)")
        }
    }

    @Test("Tables of version 3 are migrated, and a process of that version may continue to write them")
    func fromVersion3() async throws {
        let database = try await SharedServer.shared.makeDatabase()
        let server = try await SharedServer.shared.server
        let configuration = try await configuration(database)
        try await withStorage(configuration) { storage in
            var writer = try await Writer.create(on: storage)
            try await writer.complete()
            let query = RunStatusQuery(agent: writer.run.agentName)
            #expect(try await storage.runs(query).items == [writer.run])
            // The functions that a process of version 3 calls.
            var rejected = Run(agentName: writer.run.agentName, status: .failed, createdAt: writer.run.createdAt)
            rejected.error = ACPError(.rejected, "a\0b")
            rejected.finishedAt = rejected.createdAt + .seconds(5)
            let json = try String(decoding: ACPJSON.encode(rejected), as: UTF8.self)
            try server.sql(
                """
                SELECT acp_save_run('\(rejected.id)', convert_to($json$\(json)$json$, 'UTF8'), '\(rejected.agentName)',
                    NULL, 'failed', '\(rejected.createdAt)', true);
                SELECT acp_commit('old', 0, ARRAY[]::bytea[], 'p', 't', '{"run_id": "old"}', 0,
                    '\(rejected.agentName)', NULL, 'in-progress', '\(rejected.createdAt)', false, NULL)
                """, database: database)
            #expect(try await storage.storedRuns(query).total == 3)
            let listed = try await storage.storedRuns(
                RunStatusQuery(agent: writer.run.agentName, statuses: [.rejected], changedSince: rejected.finishedAt))
            #expect(listed.items.map(\.id) == [rejected.id])
            #expect(listed.total == 1)
        }
    }

    @Test("Tables of version 4 are migrated, and a process of that version may continue to write them")
    func fromVersion4() async throws {
        let database = try await SharedServer.shared.makeDatabase()
        let server = try await SharedServer.shared.server
        try await withStorage(try await configuration(database)) { storage in
            let run = Run(agentName: "writer", principal: "Ada")
            let writer = try await Writer.create(run, on: storage)
            try await storage.save(SessionRecord(id: "talk", principal: "Ada"), expecting: 0)
            // The functions that a process of version 4 calls leave the principal as it is.
            try server.sql(
                """
                SELECT acp_commit_run_end('\(run.id)', 1, ARRAY[]::bytea[], '\(writer.owner.process)',
                    '\(writer.owner.token)', '{"run_id": "\(run.id)"}', 1, 'writer', NULL, 'completed', '\(run.createdAt)',
                    true, NULL, 'completed', '\(run.createdAt)', ARRAY[]::text[], ARRAY[]::bytea[]);
                SELECT acp_store_run('old', '{"run_id": "old"}', 'writer', NULL, 'completed', '\(run.createdAt)', true,
                    'completed', '\(run.createdAt)');
                SELECT acp_save_session('talk', 1, '{}', NULL, NULL)
                """, database: database)
            let query = RunStatusQuery(agent: "writer", statuses: [.completed], principal: "Ada")
            #expect(try await storage.storedRuns(query).items.map(\.id) == [run.id])
            #expect(try await storage.storedRuns(query).total == 1)
            #expect(try await storage.storedRuns(RunQuery(principal: "Ada")).items.map(\.id) == [run.id])
            #expect(try await storage.storedRuns(RunQuery(.agent("writer"))).total == 2)
            #expect(try await storage.session("talk")?.principal == "Ada")
        }
    }

    @Test("A process of version 5 does not create a run that was deleted for good either")
    func fromVersion5() async throws {
        let database = try await SharedServer.shared.makeDatabase()
        let server = try await SharedServer.shared.server
        try await withStorage(try await configuration(database)) { storage in
            let writer = try await Writer.create(on: storage)
            let id = writer.run.id
            #expect(try await storage.deleteRun(id, forGood: true))
            let creation = """
                SELECT outcome FROM acp_write_run('\(id)', 0, ARRAY[]::bytea[], 'old', 'token', '{"run_id": "\(id)"}', 0,
                    'writer', NULL, 'created', '\(writer.run.createdAt)', false, NULL, 'created',
                    '\(writer.run.createdAt)', NULL)
                """
            #expect(throws: (any Error).self) { try server.sql(creation, database: database) }
            #expect(try await storage.run(id) == nil)
            // It can be created when that is forgotten, which the next deletion for good does as well.
            try server.sql("UPDATE acp_deleted_runs SET until = now()", database: database)
            #expect(try server.sql(creation, database: database) == "done")
            let other = try await Writer.create(on: storage)
            #expect(try await storage.deleteRun(other.run.id, forGood: true))
            let left = try server.sql("SELECT id FROM acp_deleted_runs", database: database)
            #expect(left == other.run.id.rawValue)
            try server.sql("UPDATE acp_deleted_runs SET until = now()", database: database)
            _ = try await storage.prune(olderThan: .seconds(86_400))
            #expect(try server.sql("SELECT count(*) FROM acp_deleted_runs", database: database) == "0")
        }
    }

    @Test("Numbers of runs of principals that have become 0 are deleted by pruning")
    func pruneCounts() async throws {
        let database = try await SharedServer.shared.makeDatabase()
        let server = try await SharedServer.shared.server
        try await withStorage(try await configuration(database)) { storage in
            for number in 0..<10 {
                let principal: PrincipalID = number < 5 ? "Ada" : "Grace"
                try await storage.save(
                    Run(agentName: "writer", status: number < 7 ? .completed : .created, principal: principal))
            }
            #expect(try await storage.prune(olderThan: .zero) == PostgresPruneResult(7, 0))
            let counts = try server.sql(
                "SELECT DISTINCT name FROM acp_run_counts WHERE listing <> 'all' ORDER BY 1", database: database)
            #expect(counts == "Grace\nwriter\nwriter Grace")
            #expect(try await storage.runs(RunQuery(principal: "Grace")).total == 3)
        }
    }

    @Test("Pruning deletes old ended runs and unused sessions only")
    func prune() async throws {
        let database = try await SharedServer.shared.makeDatabase()
        let server = try await SharedServer.shared.server
        try await withStorage(try await configuration(database)) { storage in
            for number in 0..<250 {
                var run = Run(agentName: "pruned", sessionID: "old")
                run.status = number < 240 ? .completed : .awaiting
                try await storage.save(run)
            }
            try await storage.append([HistoryBlock(link: "https://example.com")], to: "old")
            try await storage.append([HistoryBlock(link: "https://example.com")], to: "unused")
            #expect(try await storage.prune(olderThan: .seconds(86_400)) == PostgresPruneResult(0, 0))
            try server.sql(
                """
                UPDATE acp_runs SET ended_at = ended_at - interval '2 days' WHERE ended_at IS NOT NULL;
                UPDATE acp_sessions SET used_at = used_at - interval '2 days'
                """, database: database)
            var fresh = Run(agentName: "pruned")
            fresh.status = .completed
            try await storage.save(fresh)
            #expect(try await storage.prune(olderThan: .seconds(86_400)) == PostgresPruneResult(240, 1))
            #expect(try await storage.runs(RunQuery(.agent("pruned"))).total == 11)
            #expect(try await storage.history(of: "old").count == 1)
            #expect(try await storage.history(of: "unused").isEmpty)
            let rows = try await storage.statistics().tables.first { $0.name == "acp_runs" }?.rows
            #expect(rows == 11)
            let query = RunStatusQuery(agent: "pruned", statuses: [.completed])
            #expect(try await storage.runs(query).total == 1)
            let zeros = try server.sql(
                """
                SELECT count(*) FROM (
                    SELECT 1 FROM acp_status_counts GROUP BY agent_name, status, level, period HAVING sum(runs) <= 0) AS z
                """, database: database)
            #expect(zeros == "0")
        }
    }
}

extension PostgresPruneResult {
    fileprivate init(_ runs: Int, _ sessions: Int) {
        self.init(runs: runs, sessions: sessions)
    }
}
