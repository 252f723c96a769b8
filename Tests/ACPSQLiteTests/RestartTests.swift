// SPDX-License-Identifier: Apache-2.0

import ACPCore
import ACPSQLite
import ACPStorage
import Testing

@Suite("Recovery after a restart")
struct RestartTests {
    @Test("Former processes are not alive, and their unfinished runs can be found and claimed, with input and signals")
    func takeOver() async throws {
        let folder = try TemporaryFolder()
        let former = ProcessID()
        let answer = RunSignal.resume(.message(Message("yes")), eventCount: 2)
        let (awaiting, ended) = try await withStorage(folder.path()) { storage in
            try await storage.coordination.heartbeat(of: former, timeToLive: .seconds(3_600))
            var awaiting = try await Writer.create(on: storage, owner: RunOwner(process: former))
            try await awaiting.become(.awaiting)
            var ended = try await Writer.create(on: storage, owner: RunOwner(process: former))
            try await ended.become(.completed)
            try await storage.coordination.send(answer, to: awaiting.run.id)
            return (awaiting, ended)
        }
        try await withStorage(folder.path()) { storage in
            #expect(try await storage.coordination.liveProcesses() == [])
            #expect(try await storage.runs(ownedBy: former, limit: 10) == [awaiting.run.id])
            #expect(try await storage.runs(RunQuery(.unfinished(.awaiting))).items.map(\.id) == [awaiting.run.id])
            #expect(try await storage.coordination.signals(to: awaiting.run.id) == [answer])
            #expect(try await storage.coordination.send(answer, to: awaiting.run.id) == false)
            #expect(try await storage.input(of: awaiting.run.id)?.map(\.text) == ["hello"])
            #expect(try await storage.run(ended.run.id)?.status == .completed)

            let owner = RunOwner(process: ProcessID())
            #expect(try await storage.record(of: awaiting.run.id)?.owner == awaiting.owner)
            #expect(try await storage.claim(awaiting.run.id, for: owner, from: awaiting.owner))
            let late = RunCommit(
                run: awaiting.run.id, expecting: awaiting.count, events: [try EncodedEvent(.generic(1))], snapshot: nil,
                owner: awaiting.owner)
            #expect(await storageError { try await storage.commit(late) }?.code == .fenced)
            var next = late
            next.owner = owner
            try await storage.commit(next)
            #expect(try await storage.eventCount(of: awaiting.run.id) == awaiting.count + 1)
        }
    }

    @Test("Names of processes may contain any character")
    func processNames() async throws {
        let folder = try TemporaryFolder()
        let names = ["a", "a\0", "a\0b", "a\0c", "", "é", "e\u{301}", "'; DROP TABLE acp_runs; --"]
        let processes = names.map { ProcessID(rawValue: $0) }
        try await withStorage(folder.path()) { storage in
            var runs: [RunID] = []
            for process in processes {
                let owner = RunOwner(process: process, token: "t\0\(runs.count)")
                runs.append(try await Writer.create(on: storage, owner: owner).run.id)
            }
            for (index, process) in processes.enumerated() {
                let found = try await storage.runs(ownedBy: process, limit: 10)
                #expect(found == [runs[index]])
                let owner = try await storage.record(of: runs[index])?.owner
                #expect(owner.map { Array($0.process.rawValue.utf8) } == Array(process.rawValue.utf8))
                #expect(owner?.token == "t\0\(index)")
                let other = RunOwner(process: process, token: "t\0")
                #expect(try await storage.claim(runs[index], for: other, from: other) == false)
            }
        }
    }

    @Test("A signal to a run that does not exist is refused, so that none is left")
    func signalToMissingRun() async throws {
        let folder = try TemporaryFolder()
        try await withStorage(folder.path()) { storage in
            let error = await storageError {
                try await storage.coordination.send(.cancel, to: RunID())
            }
            #expect(error?.code == .notFound)
        }
    }
}
