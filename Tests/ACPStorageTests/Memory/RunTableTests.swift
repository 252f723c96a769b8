// SPDX-License-Identifier: Apache-2.0

import ACPCore
import Testing

@testable import ACPStorage

@Suite("Run table of memory storage")
struct RunTableTests {
    @Test(
        "Runs, listings and owners agree after random operations",
        arguments: RandomCases.some(of: 1...8 as ClosedRange<UInt64>))
    func randomOperations(seed: UInt64) throws {
        var trial = Trial(seed: seed)
        for number in 0..<1_000 {
            try trial.step()
            if number.isMultiple(of: 4) { trial.compare() }
        }
        trial.removeAll()
        #expect(trial.table.footprint.values.allSatisfy { $0 == 0 }, "\(trial.table.footprint)")
    }

    @Test("Appending never copies the stored events")
    func appendingCopiesNothing() throws {
        var table = RunTable(timeToLive: .seconds(60), limit: 10)
        let run = Run(agentName: "agent")
        let owner = RunOwner(process: ProcessID())
        let event = try EncodedEvent(.generic(1))
        try table.commit(.creating(run, owner: owner), now: .now)
        var moves = 0
        var address: UnsafeRawPointer?
        for count in 1..<100_000 {
            try table.commit(
                RunCommit(run: run.id, expecting: count, events: [event], snapshot: nil, owner: owner), now: .now)
            let current = table[run.id]?.events.withUnsafeBytes(\.baseAddress)
            if current != address { moves += 1 }
            address = current
        }
        // An array that doubles is moved about log2(100,000) times; one that is copied at each step is moved each time.
        #expect(table[run.id]?.events.count == 100_000)
        #expect(moves < 40)
    }

    @Test("A snapshot cannot cover more events than the run has", arguments: [-1, 2, 100])
    func coveredEvents(covered: Int) throws {
        var table = RunTable(timeToLive: .seconds(60), limit: 10)
        var commit = try RunCommit.creating(Run(agentName: "agent"))
        commit.snapshot?.eventCount = covered
        let error = #expect(throws: StorageError.self) { try table.commit(commit, now: .now) }
        #expect(error?.code == .conflict)
        #expect(table.footprint["runs"] == 0)
    }

    @Test("A run that is saved with another agent, session or time moves in the listings")
    func moving() throws {
        var table = RunTable(timeToLive: .seconds(60), limit: 10)
        var run = Run(agentName: "first", sessionID: "one", status: .inProgress)
        try table.save(run, now: .now)
        run.agentName = "second"
        run.sessionID = nil
        run.createdAt = run.createdAt + .seconds(5)
        try table.save(run, now: .now)
        #expect(table.page(RunQuery(.agent("first"))).total == 0)
        #expect(table.page(RunQuery(.session("one"))).total == 0)
        #expect(table.page(RunQuery(.agent("second"))).total == 1)
        try table.save(run.with(.awaiting), now: .now)
        #expect(table.page(RunQuery(.unfinished(.inProgress))).total == 0)
        #expect(table.page(RunQuery(.unfinished(.awaiting))).total == 1)
        table.remove(run.id)
        #expect(table.footprint["listings"] == 0)
    }
}

/// Random operations on a table of runs, and a simple model of their results.
private struct Trial: ~Copyable {
    struct Model {
        var run: Run
        var events: Int
        var owner: RunOwner?
        var deadline: ContinuousClock.Instant
    }

    static let timeToLive = Duration.seconds(100)
    static let limit = 25
    static let processes = (0..<3).map { ProcessID(rawValue: "process-\($0)") }

    var random: SeededGenerator
    var table = RunTable(timeToLive: timeToLive, limit: limit)
    var now = ContinuousClock.now
    var runs: [RunID: Model] = [:]
    /// The ended runs in the order in which they ended.
    var ended: [RunID] = []
    /// Snapshots that were decoded already, to decode each once although it is in many listings.
    private var decoded: [RunID: (snapshot: Encoded<Run>, run: Run)] = [:]

    init(seed: UInt64) { random = SeededGenerator(seed: seed) }

    mutating func number(_ range: Range<Int>) -> Int { Int.random(in: range, using: &random) }

    mutating func step() throws {
        let id = try RunID(validating: "run-\(number(0..<40))")
        switch number(0..<12) {
        case 0..<4: try create(id)
        case 4..<8: try commit(id)
        case 8: try save(id)
        case 9: claim(id)
        case 10:
            #expect(table.remove(id) == (runs[id] != nil))
            forget(id)
        default:
            now += .seconds(number(0..<30))
            table.removeExpired(now: now)
            for (id, model) in runs where model.deadline <= now { forget(id) }
        }
    }

    private mutating func forget(_ id: RunID) {
        runs[id] = nil
        ended.removeAll { $0 == id }
    }

    private mutating func note(_ run: Run, events: Int, owner: RunOwner?) {
        let before = runs[run.id]?.run
        runs[run.id] = Model(run: run, events: events, owner: owner, deadline: now + Self.timeToLive)
        if before?.status != run.status || before?.createdAt != run.createdAt { ended.removeAll { $0 == run.id } }
        if run.status.isTerminal, !ended.contains(run.id) { ended.append(run.id) }
    }

    /// Makes room in the model. Returns whether there is room.
    private mutating func makeRoom() -> Bool {
        guard runs.count >= Self.limit else { return true }
        guard let oldest = ended.first else { return false }
        forget(oldest)
        return true
    }

    private mutating func newRun(_ id: RunID) -> Run {
        Run(
            id: id, agentName: AgentName(stringLiteral: "agent-\(number(0..<3))"),
            sessionID: number(0..<3) == 0 ? nil : SessionID(rawValue: "session-\(number(0..<4))"),
            status: RunStatus.allCases[number(0..<RunStatus.allCases.count)],
            createdAt: Timestamp(microseconds: Int64(number(0..<50))))
    }

    private mutating func create(_ id: RunID) throws {
        guard runs[id] == nil else { return }
        let run = newRun(id)
        let owner = RunOwner(process: Self.processes[number(0..<3)])
        let commit = try RunCommit.creating(run, owner: owner)
        if makeRoom() {
            try table.commit(commit, now: now)
            note(run, events: 1, owner: owner)
        } else {
            let error = #expect(throws: StorageError.self) { try table.commit(commit, now: now) }
            #expect(error?.code == .full)
        }
    }

    private mutating func commit(_ id: RunID) throws {
        guard let model = runs[id], let owner = model.owner else { return }
        let status = RunStatus.allCases[number(0..<RunStatus.allCases.count)]
        let run = number(0..<2) == 0 ? model.run : model.run.with(status)
        let event = try EncodedEvent(.generic(1))
        let count = model.events + 1
        let commit = RunCommit(
            run: id, expecting: model.events, events: [event],
            snapshot: run == model.run ? nil : try RunSnapshot(run, eventCount: count), owner: owner)
        try table.commit(commit, now: now)
        if number(0..<4) == 0 { try table.commit(commit, now: now) }
        note(run, events: count, owner: owner)
    }

    private mutating func save(_ id: RunID) throws {
        let run = newRun(id)
        if let model = runs[id] {
            try table.save(run, now: now)
            note(run, events: model.events, owner: model.owner)
        } else if makeRoom() {
            try table.save(run, now: now)
            note(run, events: 0, owner: nil)
        }
    }

    private mutating func claim(_ id: RunID) {
        let owner = RunOwner(process: Self.processes[number(0..<3)])
        let model = runs[id]
        #expect(table.claim(id, for: owner, from: model?.owner, now: now) == (model != nil))
        if let model { note(model.run, events: model.events, owner: owner) }
    }

    mutating func removeAll() {
        table.removeAll()
        _ = table.takeRemoved()
        runs = [:]
        ended = []
        compare()
    }

    mutating func compare() {
        let all = runs.values.map(\.run).sorted { ($0.createdAt, $0.id) > ($1.createdAt, $1.id) }
        expect(.all, all)
        for agent in ["agent-0", "agent-1", "agent-2"] as [AgentName] {
            expect(.agent(agent), all.filter { $0.agentName == agent })
        }
        for session in ["session-0", "session-1", "session-2", "session-3"] as [SessionID] {
            expect(.session(session), all.filter { $0.sessionID == session })
        }
        for status in RunStatus.allCases {
            expect(.unfinished(status), status.isTerminal ? [] : all.filter { $0.status == status })
        }
        let byChange = all.sorted { RunStatusQuery.Position($0) > .init($1) }
        for agent in ["agent-0", "agent-1"] as [AgentName] {
            for statuses in [[], [.completed, .awaiting]] as [Set<DetailedRunStatus>] {
                for session in [nil, "session-1"] as [SessionID?] {
                    let query = RunStatusQuery(agent: agent, statuses: statuses, session: session, limit: 100)
                    let page = table.page(query)
                    let expected = byChange.filter(query.includes)
                    let found = snapshots(page.items)
                    #expect(found == expected)
                    #expect(page.total == expected.count)
                }
            }
        }
        for process in Self.processes {
            let owned = runs.values.filter { $0.owner?.process == process && !$0.run.status.isTerminal }
            #expect(Set(table.unfinished(ownedBy: process, limit: 100)) == Set(owned.map(\.run.id)))
        }
        for (id, model) in runs {
            #expect(table[id]?.events.count == model.events)
            #expect(table[id]?.owner == model.owner)
        }
        #expect(table.footprint["ended runs"] == ended.count)
        #expect(table.footprint["expiring runs"] == runs.count)
        _ = table.takeRemoved()
    }

    private mutating func expect(_ filter: RunQuery.Filter, _ expected: [Run]) {
        let page = table.page(RunQuery(filter, limit: 100))
        let found = snapshots(page.items)
        #expect(found == expected)
        #expect(page.total == expected.count)
    }

    /// Returns the runs of a page, `nil` in place of one that cannot be decoded.
    private mutating func snapshots(_ items: [StoredRun]) -> [Run?] {
        items.map { item in
            if let known = decoded[item.id], known.snapshot == item.snapshot { return known.run }
            guard let run = try? item.record().snapshot else { return nil }
            decoded[item.id] = (item.snapshot, run)
            return run
        }
    }
}
