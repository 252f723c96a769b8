// SPDX-License-Identifier: Apache-2.0

import ACPCore
import ACPStorage
import Foundation
import OwnBackend
import Testing

/// Tests of the journal, which the suite does not know.
@Suite("Journal files")
struct JournalTests {
    @Test("A line that was being written when the process crashed is removed, and writing continues")
    func tornLine() async throws {
        try await withTemporaryFolder { folder in
            let file = folder.appending(path: "test.journal")
            let runs = (0..<3).map { _ in Run(agentName: "writer") }
            let storage = try JournalStorage(path: file.path)
            for run in runs[..<2] { try await storage.save(run) }
            await storage.close()
            try Data(contentsOf: file).dropLast(10).write(to: file)

            for _ in 0..<2 {
                let storage = try JournalStorage(path: file.path)
                #expect(try await storage.run(runs[0].id) == runs[0])
                #expect(try await storage.run(runs[1].id) == nil)
                try await storage.save(runs[2])
                await storage.close()
            }
            let again = try JournalStorage(path: file.path)
            #expect(try await again.runs(RunQuery()).total == 2)
            await again.close()
        }
    }

    @Test(
        "A run's end and its history block are on one line: after a crash both are stored, or neither is")
    func tornEnd() async throws {
        try await withTemporaryFolder { folder in
            let file = folder.appending(path: "test.journal")
            let session = SessionID()
            let (run, owner) = (
                Run(agentName: "writer", sessionID: session, status: .completed), RunOwner(process: ProcessID())
            )
            let block = try HistoryBlock(run: run.id, input: ["question"], output: ["answer"])
            let commit = RunCommit(
                run: run.id, expecting: 0, events: [try EncodedEvent(.runCompleted(run))],
                snapshot: try RunSnapshot(run, eventCount: 1), owner: owner, history: HistoryAppend(block, to: session))
            let storage = try JournalStorage(path: file.path)
            try await storage.commit(commit)
            await storage.close()
            let whole = try Data(contentsOf: file)
            for size in stride(from: 0, to: whole.count, by: 7) + [whole.count - 1, whole.count] {
                try whole.prefix(size).write(to: file)
                let storage = try JournalStorage(path: file.path)
                let isThere = size == whole.count
                #expect(try await storage.run(run.id) == (isThere ? run : nil))
                #expect(
                    try await storage.storedHistory(of: session, from: 0, limit: nil).items
                        == (isThere ? block.entries : []))
                await storage.close()
            }
        }
    }

    @Test("A damaged line is named in the error, and the file is not changed")
    func damagedLine() async throws {
        try await withTemporaryFolder { folder in
            let file = folder.appending(path: "test.journal")
            let storage = try JournalStorage(path: file.path)
            try await storage.save(Run(agentName: "writer"))
            await storage.close()
            let damaged = try Data(contentsOf: file) + Data("no change\n".utf8)
            try damaged.write(to: file)

            let error = #expect(throws: StorageError.self) { try JournalStorage(path: file.path) }
            #expect(error?.code == .corruptData)
            #expect(error?.message.contains("line 2") == true)
            #expect(try Data(contentsOf: file) == damaged)
        }
    }

    @Test("A second storage on the same journal is refused until the first is closed")
    func secondStorage() async throws {
        try await withTemporaryFolder { folder in
            let path = folder.appending(path: "test.journal").path
            let storage = try JournalStorage(path: path)
            let error = #expect(throws: StorageError.self) { try JournalStorage(path: path) }
            #expect(error?.code == .refused)
            await storage.close()
            await (try JournalStorage(path: path)).close()
        }
    }

    @Test("After a restart, the former owner of unfinished runs is lost, and the session's queue is restored")
    func restart() async throws {
        try await withTemporaryFolder { folder in
            let path = folder.appending(path: "test.journal").path
            let (former, session) = (ProcessID(), SessionID())
            let run = Run(agentName: "writer", sessionID: session)
            let storage = try JournalStorage(path: path)
            try await storage.coordination.heartbeat(of: former, timeToLive: .seconds(3_600))
            try await storage.commit(
                RunCommit(
                    run: run.id, expecting: 0, events: [], snapshot: try RunSnapshot(run, eventCount: 0),
                    owner: RunOwner(process: former)))
            _ = try await storage.coordination.enqueue(run.id, in: session)
            await storage.close()

            let next = try JournalStorage(path: path)
            #expect(try await next.coordination.liveProcesses() == [])
            #expect(try await next.coordination.lostProcesses() == [former])
            #expect(try await next.runs(ownedBy: former, limit: 10) == [run.id])
            #expect(try await next.coordination.enqueue(RunID(), in: session) == run.id)
            await next.close()
        }
    }
}
