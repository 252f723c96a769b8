// SPDX-License-Identifier: Apache-2.0

import ACPCore
import ACPStorage
import ACPStorageTesting
import Foundation
import GRDB
import Testing

@testable import ACPSQLite

@Suite("Data of earlier versions")
struct StoredDataTests {
    /// A dump that an earlier version wrote.
    static let file = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .appendingPathComponent("StoredData/sqlite-1.sql")

    /// Creates a database from the dump.
    private func load(_ path: String) throws {
        let queue = try DatabaseQueue(path: path)
        try queue.writeWithoutTransaction { try $0.execute(sql: String(contentsOf: Self.file, encoding: .utf8)) }
        try queue.close()
    }

    @Test("All data can be read, and every run continued")
    func continued() async throws {
        let folder = try TemporaryFolder()
        try load(folder.path())
        try await withStorage(folder.path()) { storage in
            let fixture = StoredFixture(storage)
            try await fixture.check()
            let lost = try await storage.coordination.lostProcesses()
            #expect(lost.count == 1, "the process that owned the runs has ended")
            try await fixture.continueRuns()
        }
    }

    @Test("The same data is written in the same bytes as by the earlier version")
    func sameBytes() async throws {
        let folder = try TemporaryFolder()
        try load(folder.path("old.sqlite"))
        try await withStorage(folder.path("new.sqlite")) { try await StoredFixture($0).write() }
        let columns = try columns(folder.path("old.sqlite"))
        let old = try rows(folder.path("old.sqlite"), columns)
        let new = try rows(folder.path("new.sqlite"), columns)
        #expect(old.count > 60)
        #expect(old == new)
    }

    /// Returns the columns of all tables of a file, without those that hold the time of writing.
    private func columns(_ path: String) throws -> [(table: String, names: [String])] {
        let queue = try DatabaseQueue(path: path)
        defer { try? queue.close() }
        return try queue.read { db in
            try Schema.tables.filter { try db.tableExists($0) }.map { table in
                (table, try db.columns(in: table).map(\.name).filter { $0 != "used_at" && $0 != "ended_at" })
            }
        }
    }

    /// Returns all rows as text.
    private func rows(_ path: String, _ columns: [(table: String, names: [String])]) throws -> [String] {
        let queue = try DatabaseQueue(path: path)
        defer { try? queue.close() }
        return try queue.read { db in
            try columns.flatMap { table, names -> [String] in
                let values = names.map { "quote(\($0))" }.joined(separator: " || ',' || ")
                return try String.fetchAll(db, sql: "SELECT '\(table) ' || \(values) FROM \(table) ORDER BY 1")
            }
        }
    }

    @Test("An earlier version's runs are listed by their status and the time of its change")
    func statuses() async throws {
        let folder = try TemporaryFolder()
        try load(folder.path())
        try await withStorage(folder.path()) { try await StoredFixture($0).checkStatuses() }
        // Again with a file that has been migrated.
        try await withStorage(folder.path()) { try await StoredFixture($0).checkStatuses() }
    }

    /// Not a test: writes the file again.
    @Test(.enabled(if: ProcessInfo.processInfo.environment["ACP_WRITE_STORED_DATA"] != nil))
    func write() async throws {
        let folder = try TemporaryFolder()
        try await withStorage(folder.path()) { try await StoredFixture($0).write() }
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = ["sqlite3", folder.path(), ".dump"]
        try Data().write(to: Self.file)
        process.standardOutput = try FileHandle(forWritingTo: Self.file)
        try process.run()
        process.waitUntilExit()
        #expect(process.terminationStatus == 0)
    }
}
