// SPDX-License-Identifier: Apache-2.0

import ACPCore
import Testing

@testable import ACPStorage

@Suite("Coordination within one process")
struct LocalCoordinationTests {
    @Test("Streams are removed when their readers end")
    func streams() async {
        let coordination = LocalCoordination()
        do {
            let streams = (0..<10).map { _ in coordination.changes(of: "run") }
            let announcements = coordination.announcements(to: ProcessID())
            #expect(coordination.footprint["watchers"] == 1)
            #expect(coordination.footprint["listeners"] == 1)
            let reader = Task { for await _ in streams[0] {} }
            reader.cancel()
            await reader.value
            withExtendedLifetime((streams, announcements)) {}
        }
        #expect(coordination.footprint["watchers"] == 0)
        #expect(coordination.footprint["listeners"] == 0)
    }

    @Test("Wakes that arrive while the reader is busy are merged into one")
    func merging() async {
        let coordination = LocalCoordination()
        let changes = coordination.changes(of: "run")
        for _ in 0..<100 { coordination.runDidChange("run") }
        // A cancelled reader still receives what was buffered.
        let wakes = Task {
            var wakes = 0
            for await _ in changes { wakes += 1 }
            return wakes
        }
        wakes.cancel()
        #expect(await wakes.value == 1)
    }

    @Test("A listener that does not read receives a gap, and its memory is bounded")
    func gap() async throws {
        let coordination = LocalCoordination()
        let process = ProcessID()
        var announcements = coordination.announcements(to: process).makeAsyncIterator()
        let signal = try EncodedSignal(.cancel)
        for number in 0..<10_001 {
            coordination.send(signal, to: RunID(stringLiteral: "run-\(number)"))
        }
        var last: SignalAnnouncement?
        for _ in 0..<10_000 { last = await announcements.next() }
        #expect(last == .gap)
    }

    @Test("Signals that were removed do not displace those of other runs")
    func forgotten() throws {
        let coordination = LocalCoordination()
        let signal = try EncodedSignal(.cancel)
        coordination.send(signal, to: "waiting")
        for number in 0..<100_001 {
            let run = RunID(stringLiteral: "run-\(number)")
            coordination.send(signal, to: run)
            coordination.forgetSignals(to: run)
        }
        #expect(coordination.signals(to: "waiting") == [.cancel])
        #expect(coordination.footprint["signal order"] == 1)
    }

    @Test("The number of runs with signals is limited, and the oldest signals are removed first")
    func signalLimit() throws {
        let coordination = LocalCoordination()
        let signal = try EncodedSignal(.cancel)
        for number in 0..<100_001 {
            coordination.send(signal, to: RunID(stringLiteral: "run-\(number)"))
        }
        #expect(coordination.footprint["signals"] == 100_000)
        #expect(coordination.signals(to: "run-0").isEmpty)
        #expect(coordination.signals(to: "run-1") == [.cancel])
    }

    @Test("Every listener of the process receives the announcement of a signal")
    func listeners() async throws {
        let coordination = LocalCoordination()
        var first = coordination.announcements(to: ProcessID()).makeAsyncIterator()
        var second = coordination.announcements(to: ProcessID()).makeAsyncIterator()
        coordination.send(try EncodedSignal(.cancel), to: "run")
        #expect(await first.next() == .signal("run"))
        #expect(await second.next() == .signal("run"))
    }

    @Test("Empty queues are removed")
    func queues() {
        let coordination = LocalCoordination()
        for number in 0..<10 { _ = coordination.enqueue(RunID(stringLiteral: "run-\(number)"), in: "session") }
        for number in 0..<10 { coordination.dequeue(RunID(stringLiteral: "run-\(number)"), from: "session") }
        #expect(coordination.footprint["queues"] == 0)
    }

}
