// SPDX-License-Identifier: Apache-2.0

import ACPRuntime
import ACPStorage
import Testing

@testable import ACPServer

@Suite("The pulse of streams", .timeLimit(.minutes(5)))
struct StreamPulseTests {
    /// A run that says nothing, and how to wait for its next nudge.
    private func following(_ pulse: StreamPulse, _ body: (inout RunEvents.Iterator) async throws -> Void) async throws {
        let engine = RunEngine(storage: MemoryStorage())
        try engine.agents.addAgent("waits") { context in _ = try await context.awaitMessage("?") }
        let run = try await engine.execute(RunRequest(agent: "waits", input: ["x"]))
        let stream = pulse.join()
        var events = engine.follow(run.id, wake: stream.nudge).makeAsyncIterator()
        #expect(try await events.next()?.events.count == 3)
        try await body(&events)
        pulse.leave(stream)
        await engine.shutdown()
    }

    private func expectNudge(_ events: inout RunEvents.Iterator) async throws {
        let batch = try await events.next()
        #expect(batch?.events.isEmpty == true)
    }

    @Test("nudges a stream again and again, as long as it is there")
    func beats() async throws {
        let pulse = StreamPulse(interval: .milliseconds(5))
        try await following(pulse) { events in
            for _ in 0..<3 { try await expectNudge(&events) }
            #expect(pulse.count == 1)
        }
        #expect(pulse.count == 0)
    }

    @Test("goes on with those that come after all others have left")
    func comesBack() async throws {
        let pulse = StreamPulse(interval: .milliseconds(5))
        for _ in 0..<2 {
            try await following(pulse) { events in try await expectNudge(&events) }
        }
    }

    @Test("lets no stream be silent for longer than its interval, and bothers none that speaks")
    func isInTime() {
        let pulse = StreamPulse(interval: .seconds(86_400))
        let ticks = pulse.ticksPerInterval
        let (silent, speaking) = (pulse.join(), pulse.join())
        for tick in 1..<ticks {
            pulse.tick()
            #expect(!pulse.isDue(silent) && !pulse.isDue(speaking), "tick \(tick)")
        }
        pulse.wrote(speaking)
        pulse.tick()
        #expect(pulse.isDue(silent), "at the next tick it would be silent for longer than the interval")
        #expect(!pulse.isDue(speaking))
        pulse.wrote(silent)
        #expect(!pulse.isDue(silent))
        let late = pulse.join()
        for _ in 1..<ticks { pulse.tick() }
        #expect(pulse.isDue(speaking) && !pulse.isDue(silent) && !pulse.isDue(late))
        for stream in [silent, speaking, late] { pulse.leave(stream) }
        #expect(pulse.count == 0)
    }

    @Test("nudges a stream that is due, and not one that is not")
    func nudgesTheDue() async throws {
        let pulse = StreamPulse(interval: .seconds(86_400))
        try await following(pulse) { events in
            for _ in 0..<pulse.ticksPerInterval { pulse.tick() }
            try await expectNudge(&events)
        }
    }

    @Test("does not wait for its interval any more when the server shuts down", arguments: [true, false])
    func closes(before: Bool) async throws {
        let pulse = StreamPulse(interval: .seconds(86_400))
        if before { pulse.close() }
        try await following(pulse) { events in
            if !before { pulse.close() }
            #expect(pulse.isClosing)
            for _ in 0..<2 { try await expectNudge(&events) }
        }
    }
}
