// SPDX-License-Identifier: Apache-2.0

import ACPRuntime
import ACPStorage
import Testing

@testable import ACPServer

@Suite("Keep-alive timer of streams", .timeLimit(.minutes(5)))
struct KeepAliveTimerTests {
    /// Follows a run without output.
    private func following(_ keepAlive: KeepAliveTimer, _ body: (inout RunEvents.Iterator) async throws -> Void)
        async throws
    {
        let engine = RunEngine(storage: MemoryStorage())
        try engine.agents.addAgent("waits") { context in _ = try await context.awaitMessage("?") }
        let run = try await engine.execute(RunRequest(agent: "waits", input: ["x"]))
        let stream = keepAlive.add()
        var events = engine.follow(run.id, wake: stream.wake).makeAsyncIterator()
        #expect(try await events.next()?.events.count == 3)
        try await body(&events)
        keepAlive.remove(stream)
        await engine.shutdown()
    }

    private func expectWake(_ events: inout RunEvents.Iterator) async throws {
        let batch = try await events.next()
        #expect(batch?.events.isEmpty == true)
    }

    @Test("A stream is woken repeatedly until it is removed")
    func beats() async throws {
        let keepAlive = KeepAliveTimer(interval: .milliseconds(5))
        try await following(keepAlive) { events in
            for _ in 0..<3 { try await expectWake(&events) }
            #expect(keepAlive.count == 1)
        }
        #expect(keepAlive.count == 0)
    }

    @Test("Streams that are added after all others were removed are woken")
    func comesBack() async throws {
        let keepAlive = KeepAliveTimer(interval: .milliseconds(5))
        for _ in 0..<2 {
            try await following(keepAlive) { events in try await expectWake(&events) }
        }
    }

    @Test("A stream is due before its silence exceeds the interval, and not after a write")
    func isInTime() {
        let keepAlive = KeepAliveTimer(interval: .seconds(86_400))
        let ticks = keepAlive.ticksPerInterval
        let (silent, speaking) = (keepAlive.add(), keepAlive.add())
        for tick in 1..<ticks {
            keepAlive.tick()
            #expect(!keepAlive.isDue(silent) && !keepAlive.isDue(speaking), "tick \(tick)")
        }
        keepAlive.wrote(speaking)
        keepAlive.tick()
        #expect(keepAlive.isDue(silent), "at the next tick its silence would exceed the interval")
        #expect(!keepAlive.isDue(speaking))
        keepAlive.wrote(silent)
        #expect(!keepAlive.isDue(silent))
        let late = keepAlive.add()
        for _ in 1..<ticks { keepAlive.tick() }
        #expect(keepAlive.isDue(speaking) && !keepAlive.isDue(silent) && !keepAlive.isDue(late))
        for stream in [silent, speaking, late] { keepAlive.remove(stream) }
        #expect(keepAlive.count == 0)
    }

    @Test("A stream that is due is woken, and another one is not")
    func wakesTheDue() async throws {
        let keepAlive = KeepAliveTimer(interval: .seconds(86_400))
        try await following(keepAlive) { events in
            for _ in 0..<keepAlive.ticksPerInterval { keepAlive.tick() }
            try await expectWake(&events)
        }
    }

    @Test("Streams are woken at once when the server shuts down", arguments: [true, false])
    func closes(before: Bool) async throws {
        let keepAlive = KeepAliveTimer(interval: .seconds(86_400))
        if before { keepAlive.close() }
        try await following(keepAlive) { events in
            if !before { keepAlive.close() }
            #expect(keepAlive.isClosing)
            for _ in 0..<2 { try await expectWake(&events) }
        }
    }
}
