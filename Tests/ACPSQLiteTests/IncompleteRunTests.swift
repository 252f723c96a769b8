// SPDX-License-Identifier: Apache-2.0

import ACPCore
import ACPSQLite
import ACPStorage
import GRDB
import Testing

@Suite("Runs with missing rows")
struct IncompleteRunTests {
    /// Runs a step with a storage with a run of five events, and the database as opened by hand.
    private func withRun(
        _ body: (_ storage: SQLiteStorage, _ writer: Writer, _ delete: (String) async throws -> Void) async throws ->
            Void
    ) async throws {
        let folder = try TemporaryFolder()
        try await withStorage(folder.path()) { storage in
            var writer = try await Writer.create(on: storage)
            try await writer.write([.generic(1), .generic(2)])
            try await writer.write([.messagePart(.text("x")), .generic(4)], snapshot: true)
            var configuration = Configuration()
            configuration.foreignKeysEnabled = false
            let other = try DatabaseQueue(path: folder.path(), configuration: configuration)
            try await body(storage, writer) { sql in try await other.write { db in try db.execute(sql: sql) } }
            try other.close()
        }
    }

    private func expectIncomplete(_ table: String, _ body: () async throws -> Void) async {
        let error = await storageError(body)
        #expect(error?.code == .incomplete, "\(String(describing: error))")
        #expect(error?.message.contains(table) == true, "\(String(describing: error))")
    }

    private func expectEnd(_ writer: Writer, _ storage: SQLiteStorage) async throws {
        let heir = RunOwner(process: ProcessID())
        #expect(try await storage.claim(writer.run.id, for: heir, from: writer.owner))
        var failed = writer.run
        failed.status = .failed
        try await storage.save(failed)
        #expect(try await storage.run(writer.run.id)?.status == .failed)
        #expect(try await storage.runs(ownedBy: heir.process, limit: 9).isEmpty)
        #expect(try await storage.runs(RunQuery()).items.map(\.status) == [.failed])
        #expect(try await storage.deleteRun(writer.run.id))
        #expect(try await storage.statistics().tables.allSatisfy { $0.rows == 0 || $0.name == "acp_run_counts" })
    }

    @Test(
        "A run without its events is reported as incomplete, and can be ended",
        arguments: ["", " WHERE position >= 3", " WHERE position = 2"])
    func events(_ which: String) async throws {
        try await withRun { storage, writer, delete in
            try await delete("DELETE FROM acp_events" + which)
            var late = writer
            if which.contains("= 2") {
                // The owner continues. A writer that reads the number of events expects another one.
                await expectIncomplete("acp_events") {
                    try await storage.commit(
                        RunCommit(run: writer.run.id, expecting: 4, events: [], snapshot: nil, owner: writer.owner))
                }
            } else {
                await expectIncomplete("acp_events") { try await late.write([.generic(5)]) }
                await expectIncomplete("acp_events") { try await storage.append(.generic(5), to: writer.run.id) }
            }
            #expect(try await storage.record(of: writer.run.id)?.owner == writer.owner)
            #expect(try await storage.run(writer.run.id) == writer.run)
            let left = try await storage.events(of: writer.run.id, from: 0, limit: nil)
            #expect(left.count == (which.isEmpty ? 0 : which.contains("= 2") ? 2 : 3))
            if which.contains("= 2") {
                await expectIncomplete("event 2") {
                    _ = try await storage.events(of: writer.run.id, from: 2, limit: 1)
                }
            }
            try await expectEnd(writer, storage)
        }
    }

    @Test("A run without its snapshot is read from its events")
    func snapshot() async throws {
        try await withRun { storage, writer, delete in
            try await delete("DELETE FROM acp_run_snapshots")
            var late = writer
            await expectIncomplete("acp_run_snapshots") { try await late.write([.generic(5)]) }
            await expectIncomplete("acp_run_snapshots") { try await storage.append(.generic(5), to: writer.run.id) }
            #expect(try await storage.run(writer.run.id) == writer.run)
            #expect(try await storage.runs(RunQuery()).items == [writer.run])
            try await expectEnd(writer, storage)
        }
    }

    @Test("A run without its row does not exist, and a new run contains nothing of what is left")
    func row() async throws {
        try await withRun { storage, writer, delete in
            try await delete("DELETE FROM acp_runs")
            var late = writer
            #expect(await storageError { try await late.write([.generic(5)]) }?.code == .notFound)
            #expect(try await storage.record(of: writer.run.id) == nil)
            #expect(try await storage.deleteRun(writer.run.id) == false)
            let next = try await Writer.create(Run(agentName: "next"), on: storage)
            #expect(try await storage.eventCount(of: next.run.id) == 1)
            #expect(try await storage.input(of: next.run.id)?.count == 1)
            #expect(try await storage.run(next.run.id) == next.run)
        }
    }

    @Test("A run without its input can be read")
    func input() async throws {
        try await withRun { storage, writer, delete in
            try await delete("DELETE FROM acp_run_inputs")
            #expect(try await storage.input(of: writer.run.id) == nil)
            #expect(try await storage.run(writer.run.id) == writer.run)
        }
    }
}
