// SPDX-License-Identifier: Apache-2.0

import ACPCore
import ACPSQLite
import ACPStorage
import GRDB
import Testing

@Suite("Crashes of the process of a SQLite storage")
struct CrashTests {
    @Test("Killed a hundred times in the middle of commits, the database has every acknowledged commit, and none twice")
    func killed() async throws {
        let folder = try TemporaryFolder()
        let path = folder.path()
        var acknowledged: [RunID: Int] = [:]
        var histories: Set<RunID> = []
        var generator = SystemRandomNumberGenerator()
        for _ in 0..<100 {
            let process = try TestProcess("write", path)
            let lines = await process.lines(Int.random(in: 1...40, using: &generator))
            process.kill()
            let rest = await process.lines(.max)
            await process.waitForEnd()
            try #require(!lines.isEmpty, "the process wrote nothing")
            var round: [RunID: Int] = [:]
            for line in lines + rest {
                let words = line.split(separator: " ")
                let run = try #require(words.first.flatMap { RunID(rawValue: String($0)) })
                if words.last == "history" {
                    histories.insert(run)
                } else {
                    let count = try #require(Int(words.last ?? ""))
                    round[run] = count
                }
            }
            try await withStorage(path) { storage in
                for (run, count) in round { try await expectWhole(run, atLeast: count, storage) }
            }
            acknowledged.merge(round) { _, new in new }
        }
        try await withStorage(path) { storage in
            for (run, count) in acknowledged { try await expectWhole(run, atLeast: count, storage) }
            let page = try await storage.runs(RunQuery(.agent("writer"), limit: .max))
            #expect(page.items.count == page.total)
            #expect(Set(page.items.map(\.id)).isSuperset(of: acknowledged.keys))
            let entries: [HistoryEntry] = try await storage.history(of: "session")
            let told = entries.map { entry in if case .message(let message) = entry { message.text } else { "" } }
            #expect(Set(told).count == told.count, "a block is in the history twice")
            #expect(Set(told).isSuperset(of: histories.map(\.rawValue)))
            // Blocks were committed with the last commits of their runs: both exist, or neither does.
            let ended = try await withEnds(page.items.map(\.id), storage)
            #expect(Set(told) == Set(ended.map(\.rawValue)))
            #expect(!ended.isEmpty, "no process lived long enough to end a run")
        }
        let faults = try await DatabaseQueue(path: path).read { db in
            try String.fetchAll(db, sql: "PRAGMA integrity_check")
                + String.fetchAll(db, sql: "PRAGMA foreign_key_check")
        }
        #expect(faults == ["ok"])
    }

    /// Returns the runs whose last commit is stored.
    private func withEnds(_ runs: [RunID], _ storage: SQLiteStorage) async throws -> [RunID] {
        var ended: [RunID] = []
        for run in runs {
            // Eight commits of one, two or three events.
            if try await storage.eventCount(of: run) == 15 { ended.append(run) }
        }
        return ended
    }

    /// Expects the events of a run as they were written, without gaps and duplicates.
    private func expectWhole(_ run: RunID, atLeast count: Int, _ storage: SQLiteStorage) async throws {
        let events: [Event] = try await storage.events(of: run)
        #expect(events.count >= count, "acknowledged events of run \(run) are missing")
        #expect(events == events.indices.map { .messagePart(.text("\(run) \($0)")) })
        #expect(try await storage.eventCount(of: run) == events.count)
        #expect(try await storage.input(of: run)?.map(\.text) == ["input of \(run)"])
        #expect(try await storage.run(run)?.output.first?.parts.count == events.count)
    }
}
