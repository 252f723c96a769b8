// SPDX-License-Identifier: Apache-2.0

import ACPCore
import ACPStorage
import Testing

@testable import ACPPostgres

@Suite("Writes that PostgreSQL refuses")
struct RefusalTests {
    /// A database with the tables, a role with all privileges on them except ownership, and a storage as the owner.
    private func withRole(
        _ body: (_ role: String, _ url: String, _ sql: (String) throws -> String, _ owner: PostgresStorage) async throws
            ->
            Void
    ) async throws {
        let server = try await SharedServer.shared.server
        let database = try await SharedServer.shared.makeDatabase()
        let role = "role_\(database)"
        try await withStorage(PostgresStorage.Configuration(url: server.url(user: "tester", database: database))) {
            owner in
            _ = try await owner.ping()
            func sql(_ text: String) throws -> String { try server.sql(text, database: database) }
            _ = try sql(
                """
                CREATE ROLE \(role) LOGIN;
                REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA public FROM PUBLIC;
                GRANT USAGE ON SCHEMA public TO \(role);
                GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO \(role);
                GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA public TO \(role)
                """)
            try await body(role, server.url(user: role, database: database), sql, owner)
            _ = try sql("DROP OWNED BY \(role); DROP ROLE \(role)")
        }
    }

    private func counts(_ sql: (String) throws -> String) throws -> String {
        let counts = Schema.tables.filter { $0 != "acp_run_counts" }.map { "(SELECT count(*) FROM \($0))" }
        return try sql("SELECT \(counts.joined(separator: ", "))")
    }

    @Test(
        "A missing privilege is named, and nothing of the commit or heartbeat is stored",
        arguments: [
            ("INSERT ON acp_runs", "acp_runs"), ("INSERT ON acp_events", "acp_events"),
            ("INSERT ON acp_run_counts", "acp_run_counts"),
            ("EXECUTE ON FUNCTION acp_notify(text, text)", "acp_notify"),
            (
                "EXECUTE ON FUNCTION acp_append_events(bigint, bigint, bytea[])", "acp_append_events"
            ),
        ])
    func privileges(_ privilege: String, _ name: String) async throws {
        try await withRole { role, url, sql, owner in
            try await withStorage(PostgresStorage.Configuration(url: url)) { storage in
                var writer = try await Writer.create(on: storage)
                try await storage.coordination.heartbeat(of: writer.owner.process, timeToLive: .seconds(60))
                #expect(try await storage.runs(RunQuery()).total == 1)
                let before = try counts(sql)
                _ = try sql("REVOKE \(privilege) FROM \(role)")
                let attempts: [() async throws -> Void] = [
                    { _ = try await Writer.create(on: storage) },
                    { try await storage.coordination.heartbeat(of: ProcessID(), timeToLive: .seconds(60)) },
                ]
                for (index, attempt) in attempts.enumerated() {
                    let error = await storageError(of: attempt)
                    #expect(error?.code == .refused, "\(index): \(String(describing: error))")
                    #expect(error?.message.contains(name) == true, "\(index): \(String(describing: error))")
                    #expect(error?.message.contains("GRANT") == true, "\(index): \(String(describing: error))")
                    #expect(try counts(sql) == before, "\(index)")
                }
                _ = try sql("GRANT \(privilege) TO \(role)")
                try await writer.write("goes on")
                #expect(try await owner.events(of: writer.run.id, from: 0, limit: nil) == writer.events)
            }
        }
    }

    @Test("A role with read privileges only can neither commit nor send heartbeats")
    func readOnly() async throws {
        try await withRole { role, url, sql, _ in
            _ = try sql("ALTER ROLE \(role) SET default_transaction_read_only = on")
            try await withStorage(PostgresStorage.Configuration(url: url)) { storage in
                let before = try counts(sql)
                let attempts: [() async throws -> Void] = [
                    { _ = try await Writer.create(on: storage) },
                    { try await storage.coordination.heartbeat(of: ProcessID(), timeToLive: .seconds(60)) },
                ]
                for attempt in attempts {
                    let error = await storageError(of: attempt)
                    #expect(error?.code == .refused, "\(String(describing: error))")
                    #expect(error?.message.contains("read-only") == true, "\(String(describing: error))")
                }
                #expect(try counts(sql) == before)
            }
        }
    }

    @Test("The run that a heartbeat creates for its check is never visible")
    func rehearsal() async throws {
        try await withRole { _, url, sql, owner in
            try await withStorage(PostgresStorage.Configuration(url: url)) { storage in
                let process = ProcessID()
                for _ in 0..<5 { try await storage.coordination.heartbeat(of: process, timeToLive: .seconds(60)) }
                #expect(try await owner.coordination.liveProcesses() == [process])
                #expect(try await owner.runs(RunQuery()).total == 0)
                #expect(try sql("SELECT (SELECT count(*) FROM acp_runs), (SELECT count(*) FROM acp_events)") == "0|0")
            }
        }
    }
}

@Suite("Runs with missing rows")
struct IncompleteRunTests {
    private func withRun(
        _ body: (_ storage: PostgresStorage, _ writer: Writer, _ sql: (String) throws -> Void) async throws -> Void
    ) async throws {
        let server = try await SharedServer.shared.server
        let database = try await SharedServer.shared.makeDatabase()
        try await withStorage(PostgresStorage.Configuration(url: server.url(user: "tester", database: database))) {
            storage in
            var writer = try await Writer.create(on: storage)
            for number in 1...3 { try await writer.write("\(number)") }
            try await storage.commit(try writer.next([.generic(4)], snapshot: true))
            try await body(storage, writer) { text in _ = try server.sql(text, database: database) }
        }
    }

    @Test(
        "A run without its events is reported as incomplete, and can be ended",
        arguments: ["", " WHERE position >= 3", " WHERE position = 2"])
    func events(_ which: String) async throws {
        try await withRun { storage, writer, sql in
            try sql("DELETE FROM acp_events" + which)
            let id = writer.run.id
            let hasGap = which.contains("= 2")
            var late = writer
            func expectIncomplete(_ name: String, _ body: () async throws -> Void) async {
                let error = await storageError(of: body)
                #expect(error?.code == .incomplete, "\(String(describing: error))")
                #expect(error?.message.contains(name) == true, "\(String(describing: error))")
            }
            if hasGap {
                await expectIncomplete("acp_events") {
                    try await storage.commit(
                        RunCommit(run: id, expecting: 4, events: [], snapshot: nil, owner: writer.owner))
                }
                await expectIncomplete("event 2") { _ = try await storage.events(of: id, from: 2, limit: 1) }
            } else {
                await expectIncomplete("acp_events") { try await late.write("5") }
                await expectIncomplete("acp_events") { try await storage.append(.generic(5), to: id) }
            }
            #expect(try await storage.record(of: id)?.owner == writer.owner)
            #expect(try await storage.run(id) == writer.run)
            let left = try await storage.events(of: id, from: 0, limit: nil)
            #expect(left == Array(writer.events.prefix(which.isEmpty ? 0 : hasGap ? 2 : 3)))
            let heir = RunOwner(process: ProcessID())
            #expect(try await storage.claim(id, for: heir, from: writer.owner))
            var failed = writer.run
            failed.status = .failed
            try await storage.save(failed)
            #expect(try await storage.run(id)?.status == .failed)
            #expect(try await storage.runs(ownedBy: heir.process, limit: 9).isEmpty)
            #expect(try await storage.deleteRun(id))
            #expect(try await storage.runs(RunQuery()).total == 0)
        }
    }

    @Test("A run without its row does not exist, and neither does its data")
    func row() async throws {
        try await withRun { storage, writer, sql in
            try sql("DELETE FROM acp_runs")
            var late = writer
            #expect(await storageError(of: { try await late.write("5") })?.code == .notFound)
            #expect(try await storage.record(of: writer.run.id) == nil)
            #expect(try await storage.statistics().tables.allSatisfy { $0.rows == 0 || $0.name == "acp_run_counts" })
        }
    }

    @Test("A run without its owner can be claimed without a current owner")
    func owner() async throws {
        try await withRun { storage, writer, sql in
            try sql("UPDATE acp_runs SET owner_process = NULL, owner_token = NULL")
            #expect(try await storage.record(of: writer.run.id)?.owner == nil)
            #expect(try await storage.claim(writer.run.id, for: RunOwner(process: ProcessID()), from: nil))
        }
    }
}
