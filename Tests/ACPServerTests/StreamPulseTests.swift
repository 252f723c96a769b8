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
        engine.agents.agent("waits") { context in _ = try await context.awaitMessage("?") }
        let run = try await engine.run(RunRequest(agent: "waits", input: ["x"]))
        let nudge = RunEvents.Nudge()
        pulse.add(nudge)
        var events = engine.follow(run.id, nudge: nudge).makeAsyncIterator()
        #expect(try await events.next()?.events.count == 3)
        try await body(&events)
        pulse.remove(nudge)
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
