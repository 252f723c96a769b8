// SPDX-License-Identifier: Apache-2.0

import ACPCore
@testable import ACPRuntime
import Testing

private func next(_ log: inout RunLog) throws -> RunLog.Batch {
    let batch = log.nextBatch()
    return try #require(batch)
}

@Suite("Run log")
struct RunLogTests {
    private func event(_ number: Int, size: Int = 0) throws -> EncodedEvent {
        try EncodedEvent(.messagePart(.text("\(number)" + String(repeating: "x", count: size))))
    }

    private func events(_ numbers: Range<Int>) throws -> [EncodedEvent] { try numbers.map { try event($0) } }

    private func filled(with count: Int, size: Int = 0) throws -> RunLog {
        var log = RunLog()
        log.append(try (0..<count).map { try event($0, size: size) })
        _ = log.nextBatch()
        log.batchCommitted()
        return log
    }

    // MARK: Commits

    @Test("An empty log has nothing to commit")
    func empty() {
        var log = RunLog()
        #expect(log.isIdle)
        let none = log.nextBatch()
        #expect(none == nil)
        #expect(log.eventCount == 0)
        log.batchCommitted()
        #expect(log.committed == 0)
    }

    @Test("Events that are added while a commit is in flight are committed together by the next one")
    func groupCommit() throws {
        var log = RunLog()
        let events = try events(0..<10)
        log.append([events[0]])
        let first = try next(&log)
        #expect(first.expecting == 0 && first.events.count == 1)
        for number in 1..<10 {
            log.append([events[number]])
            let none = log.nextBatch()
            #expect(none == nil, "never two at a time")
        }
        #expect(log.committed == 0)
        #expect(log.eventCount == 10)
        log.batchCommitted()
        #expect(log.committed == 1)
        #expect(!log.isIdle)
        let second = try next(&log)
        #expect(second.expecting == 1)
        #expect(second.events == Array(events[1...]))
        log.batchCommitted()
        #expect(log.isIdle)
        #expect(log.committed == 10)
    }

    @Test("A commit in flight keeps the log busy until it has succeeded, and success counts once")
    func busy() throws {
        var log = RunLog()
        log.append(try events(0..<3))
        _ = log.nextBatch()
        #expect(!log.isIdle)
        log.batchCommitted()
        log.batchCommitted()
        #expect(log.committed == 3)
    }

    @Test("A change of status is stored with the run as it was encoded for the event")
    func statusChange() throws {
        var composer = RunComposer(Run(agentName: "a"))
        var log = RunLog()
        let created = try composer.created()
        log.append(created)
        let batch = try next(&log)
        #expect(batch.needsSnapshot)
        #expect(batch.runJSON == created.runJSON)
    }

    @Test("The encoded run is not used if an event followed it")
    func outdatedJSON() throws {
        var composer = RunComposer(Run(agentName: "a"))
        var log = RunLog()
        log.append(try composer.created())
        log.append(try composer.begin(now: .now))
        log.append(try composer.add(.text("x"), now: .now))
        let batch = try next(&log)
        #expect(batch.needsSnapshot)
        #expect(batch.runJSON == nil)
    }

    @Test("A change without an event is stored by a commit without events, with the run at that moment")
    func snapshotWithoutEvents() throws {
        var composer = RunComposer(Run(agentName: "a"))
        var log = RunLog()
        log.append(try composer.created())
        log.requestSnapshot()
        let first = try next(&log)
        #expect(first.runJSON == nil)
        log.batchCommitted()
        log.requestSnapshot()
        #expect(!log.isIdle)
        let batch = try next(&log)
        #expect(batch.events.isEmpty && batch.needsSnapshot && batch.expecting == 1)
        log.batchCommitted()
        #expect(log.isIdle)
    }

    @Test("A few events alone do not need a snapshot")
    func fewEvents() throws {
        var log = RunLog()
        log.append(try events(0..<(RunLog.snapshotEvents - 1)))
        let small = try next(&log)
        #expect(!small.needsSnapshot)
        log.batchCommitted()
        log.append(try events(0..<1))
        let batch = try next(&log)
        #expect(batch.needsSnapshot)
    }

    // MARK: Suspending the agent

    @Test("The log is full at a number of pending events, and has capacity again when they are in flight")
    func fullByCount() throws {
        var log = RunLog()
        let one = try event(0)
        log.append(Array(repeating: one, count: RunLog.pendingEvents - 1))
        #expect(!log.isFull)
        log.append([one])
        #expect(log.isFull)
        _ = log.nextBatch()
        #expect(!log.isFull)
    }

    @Test("The log is full at a number of pending bytes")
    func fullByBytes() throws {
        var log = RunLog()
        log.append([try event(0, size: RunLog.pendingBytes / 2)])
        #expect(!log.isFull)
        log.append([try event(1, size: RunLog.pendingBytes / 2)])
        #expect(log.isFull)
    }

    // MARK: Reading

    @Test("Every index returns events from there on, or refers to storage, or has nothing yet")
    func readingEveryIndex() throws {
        let count = RunLog.recentEvents + 100
        let all = try events(0..<(count + 5))
        var log = RunLog()
        log.append(Array(all[..<count]))
        _ = log.nextBatch()
        log.batchCommitted()
        log.append(Array(all[count...]))
        for index in 0..<100 { #expect(kind(log.read(from: index)) == "stored", "index \(index)") }
        for index in 100..<count {
            guard case .events(let events) = log.read(from: index) else {
                Issue.record("index \(index) is not there")
                continue
            }
            #expect(events.count == count - index)
            #expect(events.first == all[index])
        }
        for index in [count, count + 1, count + 5, count + 500] {
            #expect(kind(log.read(from: index)) == "notYet", "index \(index)")
        }
        _ = log.nextBatch()
        #expect(kind(log.read(from: count)) == "notYet", "an event in flight is not committed")
        log.batchCommitted()
        #expect(kind(log.read(from: count)) == "events 5")
    }

    @Test("A limited number of bytes of events is kept, down to none if one event is larger")
    func recentBytes() throws {
        let size = RunLog.recentBytes / 8
        let log = try filled(with: 100, size: size)
        guard case .events(let kept) = log.read(from: 95) else {
            Issue.record("the newest events are not there")
            return
        }
        #expect(kept.count == 5)
        #expect(kind(log.read(from: 92)) == "stored")

        var large = try filled(with: 1, size: RunLog.recentBytes)
        #expect(kind(large.read(from: 0)) == "stored")
        large.append(try events(1..<2))
        _ = large.nextBatch()
        large.batchCommitted()
        #expect(kind(large.read(from: 0)) == "stored")
        #expect(kind(large.read(from: 1)) == "events 1")
    }

    private func kind(_ reading: RunLog.Reading) -> String {
        switch reading {
        case .events(let events): "events \(events.count)"
        case .stored: "stored"
        case .notYet: "notYet"
        }
    }
}

@Suite("Snapshots")
struct SnapshotPolicyTests {
    /// The cost of a long run with a commit after each step of the agent: the slowest agent and the fastest storage.
    private struct Cost {
        var events = 0
        var logBytes = 0
        var snapshots = 0
        var coveredEvents = 0
        var snapshotBytes = 0
        var longestTail = 0
    }

    private func cost(of steps: Int, _ step: (inout RunComposer, Int) throws -> [EncodedEvent]) throws -> Cost {
        var composer = RunComposer(Run(agentName: "writer"))
        var log = RunLog()
        var cost = Cost()
        var covered = 0
        log.append(try composer.created())
        log.append(try composer.begin(now: .now))
        for number in 0...steps {
            if number > 0 { log.append(try step(&composer, number)) }
            let batch = try next(&log)
            let count = batch.expecting + batch.events.count
            cost.logBytes += batch.events.reduce(0) { $0 + $1.json.count }
            if batch.needsSnapshot {
                covered = count
                cost.snapshots += 1
                cost.coveredEvents += count
                cost.snapshotBytes += try (batch.runJSON ?? ACPJSON.encode(composer.run)).count
            }
            cost.longestTail = max(cost.longestTail, (count - covered) * 100 / max(count, RunLog.snapshotEvents * 3))
            log.batchCommitted()
        }
        cost.events = log.committed
        return cost
    }

    @Test("Snapshots of a run of 10,000 parts cost no more than a small multiple of its log")
    func parts() throws {
        let cost = try cost(of: 10_000) { composer, number in
            try composer.add(.text("part number \(number) of a long message"), now: .now)
        }
        #expect(cost.events == 10_003)
        expectProportion(cost)
    }

    @Test("Snapshots of a run of 10,000 messages cost no more than a small multiple of its log")
    func messages() throws {
        let cost = try cost(of: 10_000) { composer, number in
            try composer.add(Message("message number \(number) of many"), now: .now)
        }
        #expect(cost.events == 30_002)
        expectProportion(cost)
    }

    private func expectProportion(_ cost: Cost) {
        #expect(cost.coveredEvents <= 2 * cost.events, "\(cost)")
        #expect(cost.snapshotBytes <= 2 * cost.logBytes, "\(cost)")
        #expect(cost.snapshots <= 10, "\(cost)")
        #expect(cost.longestTail <= 50, "a reader of the run applies at most half of its events: \(cost)")
    }
}
