// SPDX-License-Identifier: Apache-2.0

import ACPCore
import ACPStorage
import Logging
import Synchronization
import Testing

@testable import ACPRuntime

@Suite("Log limiter")
struct LogLimiterTests {
    private let start = ContinuousClock.now

    @Test("The first line of a kind is written at once, then one per interval with the number of omitted lines")
    func interval() {
        var repetitions = LogRepetitions(interval: .seconds(10))
        #expect(repetitions.occurred("a", at: start) == .write(suppressed: 0))
        for second in 1..<10 {
            #expect(repetitions.occurred("a", at: start + .seconds(second)) == .suppress)
        }
        #expect(repetitions.occurred("a", at: start + .seconds(10)) == .write(suppressed: 9))
        #expect(repetitions.occurred("a", at: start + .seconds(19)) == .suppress)
        #expect(repetitions.occurred("a", at: start + .seconds(25)) == .write(suppressed: 1))
    }

    @Test("Kinds do not suppress each other")
    func kinds() {
        var repetitions = LogRepetitions(interval: .seconds(10))
        #expect(repetitions.occurred("a", at: start) == .write(suppressed: 0))
        #expect(repetitions.occurred("b", at: start + .seconds(1)) == .write(suppressed: 0))
        #expect(repetitions.occurred("a", at: start + .seconds(2)) == .suppress)
    }

    @Test("A kind ends when it has not occurred for two intervals, and starts again after that")
    func end() {
        var repetitions = LogRepetitions(interval: .seconds(10))
        for second in 0..<3 { _ = repetitions.occurred("a", at: start + .seconds(second)) }
        _ = repetitions.occurred("b", at: start + .seconds(15))
        #expect(repetitions.takeEnded(at: start + .seconds(21)) == [])
        let ended = LogRepetitions.Ended(kind: "a", count: 3, duration: .seconds(2))
        #expect(repetitions.takeEnded(at: start + .seconds(22)) == [ended])
        #expect(repetitions.takeEnded(at: start + .seconds(22)) == [])
        #expect(repetitions.occurred("a", at: start + .seconds(23)) == .write(suppressed: 0))
    }

    @Test("Kinds beyond the maximum number are not limited")
    func manyKinds() {
        var repetitions = LogRepetitions(interval: .seconds(10))
        for kind in 0..<LogRepetitions.maximumKinds { _ = repetitions.occurred("\(kind)", at: start) }
        #expect(repetitions.occurred("one more", at: start) == .write(suppressed: 0))
        #expect(repetitions.occurred("one more", at: start) == .write(suppressed: 0))
        #expect(repetitions.occurred("0", at: start) == .suppress)
        #expect(repetitions.occurred("one more", at: start + .seconds(20)) == .write(suppressed: 0))
        #expect(repetitions.occurred("one more", at: start + .seconds(20)) == .suppress)
    }

    @Test("An outage of a minute leaves a line per interval and one at its end")
    func outage() {
        let log = Log()
        let clock = Mutex(start)
        let limiter = LogLimiter(interval: .seconds(10)) { clock.withLock { $0 } }
        for second in 0..<60 {
            clock.withLock { $0 = start + .seconds(second) }
            limiter.log(.warning, "the storage failed", metadata: ["second": "\(second)"], to: log.logger)
            limiter.reportEnded(to: log.logger)
        }
        clock.withLock { $0 = start + .seconds(79) }
        limiter.reportEnded(to: log.logger)
        limiter.reportEnded(to: log.logger)
        #expect(
            log.lines.map(\.text) == Array(repeating: "the storage failed", count: 6) + [
                "no longer occurring: the storage failed"
            ])
        #expect(log.lines.map { $0["second"] } == ["0", "10", "20", "30", "40", "50", nil])
        #expect(log.lines.map { $0["suppressed"] } == [nil, "9", "9", "9", "9", "9", nil])
        #expect(log.lines.last?["count"] == "60" && log.lines.last?["seconds"] == "59")
    }

    @Test("A single occurrence leaves one line")
    func once() {
        let log = Log()
        let clock = Mutex(start)
        let limiter = LogLimiter { clock.withLock { $0 } }
        limiter.log(.warning, "the storage failed", to: log.logger)
        clock.withLock { $0 = start + .seconds(60) }
        limiter.reportEnded(to: log.logger)
        #expect(log.lines.count == 1)
    }

    @Test("An outage that many runs notice repeatedly leaves one line per interval and one at its end")
    func engine() async throws {
        let (clock, storage, log, gate) = (ManualClock(), ScriptedStorage(), Log(), Latch())
        let engine = RunEngine(storage: storage, configuration: configuration(), logger: log.logger) { clock.now }
        try engine.agents.addAgent("waiter") { context in
            await gate.wait()
            return "done"
        }
        var runs: [RunID] = []
        for _ in 0..<10 { runs.append(try await engine.start("waiter")) }
        storage.onEveryCommit { _ in .failure(StorageError(.cannotConnect, "the storage is away")) }
        gate.open()
        let before = storage.record.commits.count
        try await eventually("many attempts") { storage.record.commits.count >= before + 30 }
        #expect(log.lines.map(\.text) == ["the storage failed; trying again"])
        clock.pass(.seconds(10))
        let later = storage.record.commits.count
        try await eventually("a few more") { storage.record.commits.count >= later + 20 }
        storage.onEveryCommit(nil)
        for run in runs { #expect(try await engine.endedRun(run).status == .completed) }
        clock.pass(.seconds(20))
        engine.logLimiter.reportEnded(to: engine.logger)
        #expect(
            log.lines.map(\.text)
                == Array(repeating: "the storage failed; trying again", count: 2) + [
                    "no longer occurring: the storage failed; trying again"
                ])
        #expect(log.lines[1]["suppressed"].flatMap { Int($0) }.map { $0 >= 20 } == true)
    }
}
