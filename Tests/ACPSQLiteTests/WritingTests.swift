// SPDX-License-Identifier: Apache-2.0

import ACPCore
import ACPSQLite
import ACPStorage
import GRDB
import Testing

@Suite("Commits that share a transaction")
struct WritingTests {
    @Test("Of many concurrent commits, invalid ones fail, each with its own error, and the others are stored")
    func together() async throws {
        let folder = try TemporaryFolder()
        try await withStorage(folder.path()) { storage in
            var writers: [Writer] = []
            for _ in 0..<60 { writers.append(try await Writer.create(on: storage)) }
            let codes = await withTaskGroup(of: (Int, StorageError.Code?).self) { group in
                for (index, writer) in writers.enumerated() {
                    group.addTask {
                        let owner = index % 3 == 1 ? RunOwner(process: ProcessID()) : writer.owner
                        let commit = RunCommit(
                            run: writer.run.id, expecting: index % 3 == 2 ? 7 : 1,
                            events: (try? [EncodedEvent(.generic(.integer(Int64(index))))]) ?? [], snapshot: nil,
                            owner: owner)
                        return (index, await storageError { try await storage.commit(commit) }?.code)
                    }
                }
                return await group.reduce(into: [Int: StorageError.Code?]()) { $0[$1.0] = $1.1 }
            }
            for (index, writer) in writers.enumerated() {
                let expected: [StorageError.Code?] = [nil, .fenced, .conflict]
                #expect(codes[index] == expected[index % 3])
                #expect(try await storage.eventCount(of: writer.run.id) == (index % 3 == 0 ? 2 : 1))
            }
        }
    }

    @Test("Calls of a cancelled task are completed, and return their result")
    func cancelled() async throws {
        let folder = try TemporaryFolder()
        try await withStorage(folder.path()) { storage in
            let run = Run(agentName: "writer")
            let task = Task {
                withUnsafeCurrentTask { $0?.cancel() }
                try await storage.save(run)
                return try await storage.run(run.id)
            }
            let found = try await task.value
            #expect(found == run)
        }
    }

    @Test("Closing waits for running calls, and later ones fail")
    func closing() async throws {
        let folder = try TemporaryFolder()
        let storage = try SQLiteStorage(path: folder.path())
        let stored = await withTaskGroup(of: RunID?.self) { group in
            for number in 0..<200 {
                group.addTask {
                    if number == 100 { try? await storage.close() }
                    let run = Run(agentName: "writer")
                    do {
                        try await storage.save(run)
                        return run.id
                    } catch {
                        #expect((error as? StorageError)?.code == .closed)
                        return nil
                    }
                }
            }
            return await group.reduce(into: Set<RunID>()) { if let run = $1 { $0.insert(run) } }
        }
        try await storage.close()
        try await withStorage(folder.path()) { storage in
            let found = try await storage.runs(RunQuery(.all, limit: 1_000))
            #expect(Set(found.items.map(\.id)) == stored)
        }
    }

    @Test("On a full disk, a commit that does not fit fails, and others are stored")
    func full() async throws {
        let folder = try TemporaryFolder()
        let configuration = SQLiteStorage.Configuration(path: folder.path(), maximumSize: 400_000)
        try await withStorage(configuration) { storage in
            var small = try await Writer.create(on: storage)
            var large = try await Writer.create(on: storage)
            let text = String(repeating: "x", count: 20_000)
            var error: StorageError?
            while error == nil {
                error = await storageError { try await large.write([.messagePart(.text(text))]) }
                try #require(large.count < 1_000, "it never was full")
            }
            #expect(error?.code == .full)
            #expect(
                error?.message.contains("Committing to run \(large.run.id) failed; nothing of it was stored") == true)
            #expect(error?.message.contains(storage.path) == true)
            #expect(try await storage.eventCount(of: large.run.id) == large.count)
            #expect(try await storage.run(large.run.id)?.output == large.run.output)

            // Together with one that does not fit.
            let (giant, events) = (large, [try EncodedEvent(.messagePart(.text(text + text)))])
            async let refused = storageError {
                try await storage.commit(
                    RunCommit(
                        run: giant.run.id, expecting: giant.count, events: events, snapshot: nil, owner: giant.owner))
            }
            try await small.write([.generic(1)])
            #expect(await refused?.code == .full)
            #expect(try await storage.eventCount(of: small.run.id) == 2)

            // There is space again.
            try await storage.deleteRun(large.run.id)
            for _ in 0..<5 { try await small.write([.messagePart(.text(text))]) }
        }
        try await withStorage(folder.path()) { storage in
            let found = try await storage.runs(RunQuery()).items.first
            #expect(found?.output.first?.parts.count == 5)
        }
    }

    @Test("A commit fails as a whole if its block does not fit")
    func fullWithBlock() async throws {
        let folder = try TemporaryFolder()
        try await withStorage(SQLiteStorage.Configuration(path: folder.path(), maximumSize: 400_000)) { storage in
            var writer = try await Writer.create(on: storage)
            func block(_ size: Int) throws -> HistoryAppend {
                let output = [Message(String(repeating: "x", count: size))]
                return HistoryAppend(try HistoryBlock(run: writer.run.id, input: [], output: output), to: "session")
            }
            let run = writer.run
            let error = await storageError { try await writer.complete(history: block(1_000_000)) }
            #expect(error?.code == .full)
            #expect(try await storage.eventCount(of: run.id) == 1)
            #expect(try await storage.run(run.id) == run)
            #expect(try await storage.history(of: "session").isEmpty)
            try await writer.complete(history: block(10))
            #expect(try await storage.run(run.id)?.status == .completed)
            #expect(try await storage.history(of: "session").count == 1)
        }
    }

    @Test("Another program may lock the file for a moment, and sees whole commits")
    func otherReader() async throws {
        let folder = try TemporaryFolder()
        try await withStorage(folder.path()) { storage in
            let other = try DatabaseQueue(path: folder.path())
            var writer = try await Writer.create(on: storage)
            for number in 0..<20 {
                try await writer.write([.generic(.integer(Int64(number))), .generic(.integer(Int64(number)))])
                let seen = try await other.read { db in try Int.fetchOne(db, sql: "SELECT COUNT(*) FROM acp_events") }
                #expect(seen == writer.count)
            }
            try other.close()
        }
    }
}
