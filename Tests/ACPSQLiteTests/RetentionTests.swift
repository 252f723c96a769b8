// SPDX-License-Identifier: Apache-2.0

import ACPCore
import ACPStorage
import Testing

@testable import ACPSQLite

@Suite("Time to live in SQLite")
struct RetentionTests {
    private let day = Duration.seconds(86_400)

    /// Runs a step with a storage on a manual clock, and a retention of a day that is executed by the test.
    private func withRetention(
        _ body: (SQLiteStorage, Retention, ManualTime) async throws -> Void
    ) async throws {
        let folder = try TemporaryFolder()
        let time = ManualTime()
        let storage = try SQLiteStorage(SQLiteStorage.Configuration(path: folder.path()), now: time.now)
        let retention = Retention(
            database: storage.database, coordination: storage.sqliteCoordination, age: day, now: time.now)
        do {
            try await body(storage, retention, time)
        } catch {
            try? await storage.close()
            throw error
        }
        try await storage.close()
    }

    @Test("Ended runs are deleted with all their data after their time to live, and unfinished ones are kept")
    func runs() async throws {
        try await withRetention { storage, retention, time in
            var ended = try await Writer.create(on: storage)
            try await ended.become(.completed)
            var awaiting = try await Writer.create(on: storage)
            try await awaiting.become(.awaiting)
            time.advance(by: day * 0.9)
            var later = try await Writer.create(on: storage)
            try await later.become(.completed)
            _ = try await retention.step()
            #expect(try await storage.runs(RunQuery()).total == 3)
            let changes = try await storage.coordination.changes(of: ended.run.id)
            time.advance(by: day * 0.2)
            while try await retention.step() {}
            #expect(try await storage.run(ended.run.id) == nil)
            #expect(try await storage.events(of: ended.run.id, from: 0, limit: nil) == [])
            let left = try await storage.runs(RunQuery())
            #expect(Set(left.items.map(\.id)) == [awaiting.run.id, later.run.id])
            #expect(left.total == 2)
            // A watcher of the run is notified.
            var iterator = changes.makeAsyncIterator()
            await iterator.next()
        }
    }

    @Test("That a run was deleted for good is forgotten after some minutes, by the next deletion or by a step")
    func deletions() async throws {
        try await withRetention { storage, retention, time in
            var runs: [Writer] = []
            func creation(_ writer: Writer) throws -> RunCommit {
                RunCommit(
                    run: writer.run.id, expecting: 0, events: [try EncodedEvent(.runCreated(writer.run))],
                    snapshot: try RunSnapshot(writer.run, eventCount: 1), owner: RunOwner(process: ProcessID()))
            }
            func remembered() async throws -> Int? {
                try await storage.statistics().tables.first { $0.name == "acp_deleted_runs" }?.rows
            }
            for _ in 0..<3 { runs.append(try await Writer.create(on: storage)) }
            #expect(try await storage.deleteRun(runs[0].run.id, forGood: true))
            time.advance(by: RunCommit.deletionPeriod * 0.9)
            await #expect(throws: StorageError.self) { try await storage.commit(try creation(runs[0])) }
            #expect(try await remembered() == 1)
            time.advance(by: RunCommit.deletionPeriod * 0.2)
            #expect(try await storage.deleteRun(runs[1].run.id, forGood: true))
            #expect(try await remembered() == 1)
            try await storage.commit(try creation(runs[0]))
            time.advance(by: RunCommit.deletionPeriod * 1.1)
            #expect(try await retention.step() == false)
            #expect(try await remembered() == 0)
        }
    }

    @Test("Sessions are deleted after their last use, but not before their runs")
    func sessions() async throws {
        try await withRetention { storage, retention, time in
            let sessions: [SessionID] = ["unused", "used", "with-run"]
            for session in sessions {
                try await storage.save(SessionRecord(id: session), expecting: 0)
                try await storage.append([HistoryBlock(key: "one", entries: [.link("a")])], to: session)
            }
            var writer = try await Writer.create(Run(agentName: "writer", sessionID: "with-run"), on: storage)
            try await writer.become(.awaiting)
            time.advance(by: day * 0.9)
            try await storage.append([], to: "used")
            time.advance(by: day * 0.2)
            while try await retention.step() {}
            #expect(try await storage.session("unused") == nil)
            #expect(try await storage.history(of: "unused", from: 0, limit: nil).total == 0)
            for session in sessions.dropFirst() { #expect(try await storage.session(session) != nil) }
            try await writer.become(.completed)
            time.advance(by: day * 1.1)
            while try await retention.step() {}
            #expect(try await storage.statistics().tables.allSatisfy { $0.rows == 0 || $0.name == "acp_run_counts" })
        }
    }

    @Test("One step deletes a bounded number of runs")
    func steps() async throws {
        try await withRetention { storage, retention, time in
            for _ in 0..<150 { try await storage.save(Run(agentName: "writer", status: .completed)) }
            time.advance(by: day * 1.1)
            #expect(try await retention.step())
            #expect(try await storage.runs(RunQuery()).total == 50)
            #expect(try await retention.step())
            #expect(try await storage.runs(RunQuery()).total == 0)
            #expect(try await retention.step() == false)
        }
    }

    @Test("A storage with a time to live deletes runs in the background until it is closed")
    func byItself() async throws {
        let folder = try TemporaryFolder()
        try await withStorage(folder.path()) { storage in
            try await storage.save(Run(agentName: "writer", status: .completed))
        }
        let configuration = SQLiteStorage.Configuration(path: folder.path(), timeToLive: .milliseconds(1))
        try await withStorage(configuration) { storage in
            let deadline = ContinuousClock.now + .seconds(30)
            while try await storage.runs(RunQuery()).total > 0 {
                try #require(ContinuousClock.now < deadline, "the run was never deleted")
                try await Task.sleep(for: .milliseconds(5))
            }
        }
    }
}
