// SPDX-License-Identifier: Apache-2.0

import ACPCore
import ACPPostgres
import ACPStorage
import ACPStorageTesting
import Foundation
import Testing

@Suite("Data of earlier versions")
struct StoredDataTests {
    /// A dump that an earlier version wrote.
    static let file = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .appendingPathComponent("StoredData/postgres-1.sql")

    private func configuration(_ database: String) async throws -> PostgresStorage.Configuration {
        PostgresStorage.Configuration(url: try await SharedServer.shared.server.url(user: "tester", database: database))
    }

    /// Returns the name of a database that is created from the dump.
    private func load() async throws -> String {
        let database = try await SharedServer.shared.makeDatabase()
        let server = try await SharedServer.shared.server
        try server.sql("DROP SCHEMA public", database: database)
        try server.script(String(contentsOf: Self.file, encoding: .utf8), database: database)
        return database
    }

    @Test("All data can be read, and every run continued")
    func continued() async throws {
        try await withStorage(try await configuration(load())) { storage in
            let fixture = StoredFixture(storage)
            try await fixture.check()
            let lost = try await storage.coordination.lostProcesses()
            #expect(lost.count == 1, "the process that owned the runs has ended")
            try await fixture.continueRuns()
        }
    }

    @Test("An earlier version's runs are listed by their status and the time of its change")
    func statuses() async throws {
        try await withStorage(try await configuration(load())) { try await StoredFixture($0).checkStatuses() }
    }

    @Test("The same data is written in the same bytes as by the earlier version")
    func sameBytes() async throws {
        let loaded = try await load()
        let written = try await SharedServer.shared.makeDatabase()
        try await withStorage(try await configuration(written)) { try await StoredFixture($0).write() }
        let (old, new) = (try await rows(loaded), try await rows(written))
        #expect(old.count > 50)
        #expect(old == new)
    }

    /// Returns all rows as text, without the columns that hold the time of writing or the number of a connection.
    private func rows(_ database: String) async throws -> [String] {
        let columns = [
            "acp_runs": """
            key, id, agent_name, session_id, status, created_at, ended_at IS NULL, owner_process, owner_token,
                covered_events, snapshot, input
            """,
            "acp_events": "run, position, event", "acp_signals": "run, key, signal",
            "acp_sessions": "key, id, history_count, version, metadata, state_content_type, state",
            "acp_history": "session, position, entry", "acp_history_blocks": "session, key",
            "acp_turns": "session, position, run", "acp_run_contents": "run, digest, content",
            "acp_session_contents": "session, digest, content", "acp_processes": "id",
        ]
        let server = try await SharedServer.shared.server
        return try columns.sorted { $0.key < $1.key }.flatMap { table, columns in
            let rows = try server.sql("SELECT '\(table)', \(columns) FROM \(table)", database: database)
            return rows.split(separator: "\n").map(String.init).sorted()
        }
    }

    /// Not a test: writes the file again.
    @Test(.enabled(if: ProcessInfo.processInfo.environment["ACP_WRITE_STORED_DATA"] != nil))
    func write() async throws {
        let database = try await SharedServer.shared.makeDatabase()
        try await withStorage(try await configuration(database)) { try await StoredFixture($0).write() }
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = [
            "pg_dump", "--schema=public", "--no-owner", "--file", Self.file.path,
            try await SharedServer.shared.server.url(user: "tester", database: database),
        ]
        try process.run()
        process.waitUntilExit()
        #expect(process.terminationStatus == 0)
    }
}
