// SPDX-License-Identifier: Apache-2.0

import ACPCore
import ACPStorage
import Foundation
import GRDB
import Testing

@testable import ACPSQLite

@Suite("Full disks")
struct FullDiskTests {
    /// Whether a process may mount a disk of its own.
    static let canMount =
        FileManager.default.isExecutableFile(atPath: "/usr/bin/unshare")
        && FileManager.default.isWritableFile(atPath: "/")

    @Test(
        "On a full disk, commits and heartbeats are refused until there is space, and deletion frees space",
        .enabled(if: canMount, "needs the rights of root, to mount a small disk; the other tests here use maximumSize"))
    func fullDisk() async throws {
        let folder = try TemporaryFolder()
        let process = try TestProcess("fill", folder.path(), mounting: folder.url.path)
        let lines = await process.lines(13)
        await process.waitForEnd()
        #expect(
            lines == [
                "commit full", "again full", "heartbeat full", "with room ok 4", "heartbeat ok", "full full",
                "delete ok",
                "left 0", "then ok", "heartbeat ok", "opened ok", "removed ok 0", "commits ok",
            ])
    }

    @Test("In a file of the maximum size, commits and heartbeats are refused, and deletion frees space")
    func largestSize() async throws {
        let folder = try TemporaryFolder()
        try await withStorage(SQLiteStorage.Configuration(path: folder.path(), maximumSize: 1_000_000)) { storage in
            let process = ProcessID()
            func beat() async throws {
                try await storage.coordination.heartbeat(of: process, timeToLive: .seconds(60))
            }
            try await beat()
            #expect(try await storage.coordination.liveProcesses() == [process])
            // A heartbeat leaves nothing visible.
            #expect(try await storage.runs(RunQuery()).total == 0)
            var runs: [RunID] = []
            var error: StorageError?
            for size in [10_000, 100] {
                error = nil
                while error == nil {
                    var writer = Writer(Run(agentName: "writer"), on: storage)
                    let text = String(repeating: "x", count: size)
                    error = await storageError {
                        try await writer.write([.runCreated(writer.run), .messagePart(.text(text))], snapshot: true)
                    }
                    if error == nil { runs.append(writer.run.id) }
                    try #require(runs.count < 10_000, "it never was full")
                }
                #expect(error?.code == .full)
            }
            // A small commit may still find a page with space; one that needs a new page does not.
            var beats = 0
            while await storageError({ try await beat() }) == nil, beats < 10 { beats += 1 }
            for run in runs { #expect(try await storage.deleteRun(run)) }
            #expect(try await storage.runs(RunQuery()).total == 0)
            try await beat()
            _ = try await Writer.create(on: storage)
        }
    }

    @Test("Deletion without space deletes whole runs, sessions and everything, in small transactions")
    func deletion() async throws {
        let folder = try TemporaryFolder()
        try await withStorage(folder.path()) { storage in
            var writer = try await Writer.create(on: storage)
            let count = storage.database.reserve.rowsAtOnce * 2 + 10
            try await writer.write((0..<count).map { .generic(.integer(Int64($0))) })
            let other = try await Writer.create(on: storage)
            let entries = (0..<count).map { HistoryEntry.link("https://example.com/\($0)") }
            try await storage.append([HistoryBlock(key: "all", entries: entries)], to: "session")

            let database = storage.database
            #expect(try await database.deleteWithReserve(.run(writer.run.id, refusedFrom: nil)))
            #expect(try await storage.eventCount(of: writer.run.id) == 0)
            #expect(try await storage.runs(RunQuery()).items.map(\.id) == [other.run.id])
            #expect(try await database.deleteWithReserve(.session("session")))
            #expect(try await storage.history(of: "session").isEmpty)
            try await storage.append([HistoryBlock(key: "all", entries: entries)], to: "session")
            try await database.deleteWithReserve(.all)
            #expect(try await storage.statistics().tables.allSatisfy { $0.rows == 0 })
            #expect(database.reserve.isFilled)
            // No setting of it remains.
            let settings = try await database.read("Reading settings") { db in
                try Int.fetchOne(db, sql: "PRAGMA max_page_count")
            }
            #expect(settings == 1_073_741_823 || settings == 4_294_967_294)
        }
    }

    @Test("The reserve exists while the storage is open, and remains when it is closed")
    func reserve() async throws {
        let folder = try TemporaryFolder()
        try await withStorage(folder.path()) { storage in
            let reserve = storage.database.reserve
            #expect(reserve.isFilled)
            #expect(DatabasePath.size(folder.path("test.sqlite-reserve")) == reserve.size)
            reserve.release()
            #expect(!reserve.isFilled)
            #expect(DatabasePath.size(folder.path("test.sqlite-reserve")) == 0)
            try await storage.coordination.heartbeat(of: ProcessID(), timeToLive: .seconds(60))
            #expect(reserve.isFilled)
        }
        #expect(DatabasePath.size(folder.path("test.sqlite-reserve")) > 0)
        try await withStorage(SQLiteStorage.Configuration(path: folder.path("small.sqlite"), maximumSize: 1_000_000)) {
            _ in
            #expect(DatabasePath.size(folder.path("small.sqlite-reserve")) == 256 * 1_024)
        }
    }
}
