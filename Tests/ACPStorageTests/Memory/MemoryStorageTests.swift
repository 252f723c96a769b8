// SPDX-License-Identifier: Apache-2.0

import ACPCore
import Testing

@testable import ACPStorage

@Suite("Limits of memory storage")
struct MemoryStorageTests {
    @Test("A new run evicts the run that ended first, as a whole")
    func eviction() throws {
        let storage = try MemoryStorage(.init(runLimit: 3))
        let runs = (0..<5).map { Run(agentName: "agent", sessionID: "session-\($0)".id) }
        let open = try RunCommit.creating(runs[0])
        try storage.commit(open)
        try storage.createEndedRun(runs[2])
        try storage.createEndedRun(runs[1])
        storage.localCoordination.send(.cancel, to: runs[2].id)

        try storage.commit(.creating(runs[3]))

        // Run 2 ended before run 1, though it is the newer one.
        #expect(try storage.record(of: runs[2].id) == nil)
        #expect(try storage.events(of: runs[2].id, from: 0, limit: nil).isEmpty)
        #expect(try storage.runs(RunQuery(.session("session-2"))).total == 0)
        #expect(try storage.runs(RunQuery()).total == 3)
        #expect(storage.localCoordination.signals(to: runs[2].id).isEmpty)
        try storage.save(runs[4])
        #expect(try Set(storage.runs(RunQuery()).items.map(\.id)) == Set([0, 3, 4].map { runs[$0].id }))
        #expect(try storage.eventCount(of: runs[0].id) == 1)
    }

    @Test("A new run is refused while no run has ended")
    func full() throws {
        let storage = try MemoryStorage(.init(runLimit: 2))
        let owner = RunOwner(process: ProcessID())
        let first = Run(agentName: "agent")
        try storage.commit(.creating(first, owner: owner))
        try storage.commit(.creating(Run(agentName: "agent")))
        let late = Run(agentName: "agent")
        for _ in 0..<2 {
            let refused = #expect(throws: StorageError.self) { try storage.commit(.creating(late)) }
            #expect(refused?.code == .full)
            #expect(#expect(throws: StorageError.self) { try storage.save(late) }?.code == .full)
        }
        #expect(try storage.record(of: late.id) == nil)
        #expect(try storage.runs(RunQuery()).total == 2)
        // Stored runs continue, and one that ends makes room.
        let ended = first.with(.completed)
        try storage.commit(
            RunCommit(
                run: first.id, expecting: 1, events: [try EncodedEvent(.runCompleted(ended))],
                snapshot: try RunSnapshot(ended, eventCount: 2), owner: owner))
        try storage.commit(.creating(late))
        #expect(try storage.record(of: first.id) == nil)
    }

    @Test("A run that ended and was saved as unfinished afterwards is not evicted")
    func reopened() throws {
        let storage = try MemoryStorage(.init(runLimit: 2))
        let run = Run(agentName: "agent")
        try storage.save(run.with(.completed))
        try storage.save(run.with(.inProgress))
        try storage.createEndedRun(Run(agentName: "agent"))
        try storage.save(Run(agentName: "agent"))
        #expect(try storage.record(of: run.id) != nil)
    }

    @Test("Creating, ending and deleting many runs beside an old ended run leaves nothing behind")
    func noTrail() throws {
        let storage = MemoryStorage()
        try storage.createEndedRun(Run(agentName: "agent"))
        let before = storage.footprint
        for _ in 0..<500 {
            let run = Run(agentName: "agent", sessionID: SessionID())
            try storage.createEndedRun(run)
            try storage.deleteRun(run.id)
        }
        #expect(storage.footprint == before)
    }

    @Test("A new session evicts the least recently used one, with its history")
    func sessions() throws {
        let storage = try MemoryStorage(.init(sessionLimit: 3))
        let block = try HistoryBlock(key: "block", entries: [.link("https://example.com")])
        for session in ["one", "two", "three"] as [SessionID] {
            try storage.save(SessionRecord(id: session), expecting: nil)
            try storage.append([block], to: session)
        }
        try storage.append([block], to: "one")
        try storage.save(SessionRecord(id: "two"), expecting: 1)
        try storage.append([], to: "five")
        #expect(try storage.session("three") != nil)
        try storage.append([block], to: "four")
        #expect(try storage.session("three") == nil)
        #expect(try storage.storedHistory(of: "three", from: 0, limit: nil).total == 0)
        #expect(try storage.session("one") != nil)
        try storage.save(SessionRecord(id: "five"), expecting: 0)
        #expect(try storage.session("one") == nil)
        #expect(try storage.session("two")?.version == 2)
        #expect(try storage.storedHistory(of: "four", from: 0, limit: nil).total == 1)
    }

    @Test("Nothing is left in memory after everything has expired")
    func expiry() throws {
        let clock = ManualClock()
        let storage = MemoryStorage(.init(timeToLive: .seconds(10)), now: clock.now)
        for number in 0..<200 {
            let run = Run(agentName: "agent", sessionID: SessionID())
            if number.isMultiple(of: 2) { try storage.commit(.creating(run)) } else { try storage.createEndedRun(run) }
            storage.localCoordination.send(.cancel, to: run.id)
            let block = try HistoryBlock(run: run.id, input: ["hello"], output: [])
            try storage.append([block], to: SessionID())
            clock.advance(by: .milliseconds(100))
        }
        #expect(try storage.runs(RunQuery()).total < 200)
        clock.advance(by: .seconds(10))
        _ = try storage.ping()
        #expect(storage.footprint.values.allSatisfy { $0 == 0 }, "\(storage.footprint)")
    }

    @Test("Nothing is left in memory after removing all data")
    func removal() throws {
        let storage = MemoryStorage()
        for _ in 0..<50 {
            let run = Run(agentName: "agent", sessionID: SessionID())
            try storage.commit(.creating(run))
            storage.localCoordination.send(.cancel, to: run.id)
            storage.localCoordination.send(.cancel, to: RunID())
            try storage.append([HistoryBlock(run: run.id, input: ["hello"], output: [])], to: SessionID())
        }
        try storage.removeAll()
        #expect(storage.footprint.values.allSatisfy { $0 == 0 }, "\(storage.footprint)")
    }

    @Test("A hundred thousand runs and sessions are removed at once", arguments: Departure.allCases)
    fileprivate func massRemoval(_ departure: Departure) throws {
        let clock = ManualClock()
        let count = 100_000
        let configuration = MemoryStorage.Configuration(
            timeToLive: .seconds(10), runLimit: count, sessionLimit: count)
        let storage = MemoryStorage(configuration, now: clock.now)
        let owner = RunOwner(process: ProcessID())
        let event = try EncodedEvent(.generic(1))
        for number in 0..<count {
            let run = Run(
                id: RunID(stringLiteral: "run-\(number)"), agentName: "agent", sessionID: "session",
                status: number.isMultiple(of: 2) ? .inProgress : .completed,
                createdAt: Timestamp(microseconds: Int64(number)))
            try storage.commit(
                RunCommit(
                    run: run.id, expecting: 0, events: [event],
                    snapshot: RunSnapshot(run, json: [], eventCount: 1), owner: owner))
            try storage.save(SessionRecord(id: "session-\(number)".id), expecting: nil)
        }
        #expect(storage.footprint["runs"] == count)
        #expect(storage.footprint["sessions"] == count)
        switch departure {
        case .removal: try storage.removeAll()
        case .expiry: clock.advance(by: .seconds(10))
        // Here the full storage itself is freed.
        case .release: return
        }
        _ = try storage.ping()
        #expect(storage.footprint.values.allSatisfy { $0 == 0 }, "\(storage.footprint)")
        // The storage can be used afterwards.
        try storage.createEndedRun(Run(agentName: "agent"))
        #expect(try storage.runs(RunQuery()).total == 1)
    }

    @Test("Removing all data wakes the watchers of runs")
    func removalWakes() async throws {
        let storage = MemoryStorage()
        let run = Run(agentName: "agent")
        try await storage.save(run)
        var changes = storage.localCoordination.changes(of: run.id).makeAsyncIterator()
        try storage.removeAll()
        #expect(await changes.next() != nil)
    }

    @Test("Removing a run wakes its watchers")
    func wakes() async throws {
        let clock = ManualClock()
        let storage = MemoryStorage(.init(timeToLive: .seconds(10)), now: clock.now)
        let run = Run(agentName: "agent")
        for deletes in [true, false] {
            try await storage.save(run)
            var changes = storage.localCoordination.changes(of: run.id).makeAsyncIterator()
            if deletes { try storage.deleteRun(run.id, forGood: false) } else { clock.advance(by: .seconds(10)) }
            #expect(try await storage.record(of: run.id) == nil)
            #expect(await changes.next() != nil)
        }
    }

    @Test(
        "Limits out of their range are refused with an error that names the ranges",
        arguments: [
            MemoryStorage.Configuration(runLimit: 0), .init(sessionLimit: -5), .init(byteLimit: 65_535),
            .init(timeToLive: .zero),
        ])
    func limits(configuration: MemoryStorage.Configuration) throws {
        let error = #expect(throws: StorageError.self) { try MemoryStorage(configuration) }
        #expect(error?.code == .invalidConfiguration && error?.message.contains("runLimit") == true)
        _ = try MemoryStorage(.init(timeToLive: .nanoseconds(1), runLimit: 1, sessionLimit: 1, byteLimit: 65_536))
    }
}

private enum Departure: CaseIterable { case removal, expiry, release }

extension String {
    fileprivate var id: SessionID { SessionID(stringLiteral: self) }
}
