// SPDX-License-Identifier: Apache-2.0

import ACPCore
import Testing

@Suite("Applying events to a run")
struct RunApplyTests {
    /// The events of a run as its server sends them, with the run as the server keeps it.
    struct Script {
        var run = Fixture.run()
        var events: [Event] = []
        /// The run after each event.
        var states: [Run] = []
        private var clock = Fixture.start

        init() { emit(.runCreated(run)) }

        private mutating func emit(_ event: Event) {
            events.append(event)
            states.append(run)
        }

        private mutating func tick() -> Timestamp {
            clock = clock + .milliseconds(1)
            return clock
        }

        mutating func become(_ status: RunStatus) {
            run.status = status
            run.awaitRequest = status == .awaiting ? .message(Fixture.openMessage) : nil
            run.error = status == .failed ? Fixture.error : nil
            if status.isTerminal { run.finishedAt = tick() }
            switch status {
            case .inProgress: emit(.runInProgress(run))
            case .awaiting: emit(.runAwaiting(run))
            case .completed: emit(.runCompleted(run))
            case .cancelled: emit(.runCancelled(run))
            case .failed: emit(.runFailed(run))
            case .created, .cancelling: break
            }
        }

        mutating func begin() {
            let message = Message(role: .agent("echo"), parts: [], createdAt: tick(), completedAt: nil)
            run.output.append(message)
            emit(.messageCreated(message))
        }

        mutating func part(_ part: MessagePart) {
            run.output[run.output.count - 1].parts.append(part)
            emit(.messagePart(part))
        }

        mutating func complete() {
            run.output[run.output.count - 1].completedAt = tick()
            emit(.messageCompleted(run.output[run.output.count - 1]))
        }

        mutating func other(_ event: Event) { emit(event) }

        /// A whole message as the reference server sends it: the first event already has its parts and its end.
        mutating func whole(_ parts: [MessagePart]) {
            let now = tick()
            let message = Message(role: .agent("echo"), parts: parts, createdAt: now, completedAt: now)
            var open = message
            open.parts = []
            open.completedAt = nil
            run.output.append(open)
            emit(.messageCreated(message))
            for each in parts { part(each) }
            run.output[run.output.count - 1] = message
            emit(.messageCompleted(message))
        }
    }

    static func script(ending: RunStatus) -> Script {
        var script = Script()
        script.become(.inProgress)
        script.begin()
        script.part(.text("one"))
        script.other(.generic(["step": 1]))
        script.part(Fixture.part)
        script.complete()
        script.whole([.text("two"), .text("three")])
        script.whole([])
        // The reference server leaves a message open when the agent asks a question.
        script.begin()
        script.part(.text("before"))
        script.become(.awaiting)
        script.become(.inProgress)
        script.part(.text("after"))
        script.complete()
        script.other(.unknown(["type": "new.kind"]))
        if ending != .completed {
            script.begin()
            script.part(.text("not finished"))
            script.other(.error(Fixture.error))
        }
        script.become(ending)
        return script
    }

    static let endings: [RunStatus] = [.completed, .failed, .cancelled]

    @Test("Applying all events of a run yields the run at every step", arguments: endings)
    func everyStep(ending: RunStatus) {
        let script = RunApplyTests.script(ending: ending)
        var run = Run(id: "other", agentName: "other")
        for (event, state) in zip(script.events, script.states) {
            run.apply(event)
            #expect(run == state, "after \(event.kind.rawValue)")
        }
        #expect(run == script.run && run.status == ending)
    }

    @Test("Applying the events after a snapshot yields the same run for every snapshot", arguments: endings)
    func snapshots(ending: RunStatus) throws {
        let script = RunApplyTests.script(ending: ending)
        for index in script.events.indices {
            var run = try roundTrip(script.states[index])
            for event in script.events[(index + 1)...] { run.apply(try roundTrip(event)) }
            #expect(run == script.run, "from \(index)")
        }
    }

    @Test("Applying events up to any event from any earlier snapshot yields the run at that event")
    func windows() {
        let script = RunApplyTests.script(ending: .cancelled)
        for first in script.events.indices {
            var run = script.states[first]
            for index in script.events.indices.dropFirst(first + 1) {
                run.apply(script.events[index])
                #expect(run == script.states[index], "from \(first) to \(index)")
            }
        }
    }

    @Test("Applying the events of random runs yields the server's runs")
    func randomRuns() {
        var random = SeededGenerator(seed: 21)
        for _ in 0..<200 {
            var script = Script()
            script.become(.inProgress)
            var isOpen = false
            for _ in 0..<Int.random(in: 0...20, using: &random) {
                switch (Int.random(in: 0..<4, using: &random), isOpen) {
                case (0, false): script.begin(); isOpen = true
                case (0, true): script.complete(); isOpen = false
                case (1, false): script.whole([.text("w")])
                case (2, _): script.become(.awaiting); script.become(.inProgress)
                case (_, true): script.part(.text("p"))
                default: script.other(.generic(1))
                }
            }
            script.become(RunApplyTests.endings.randomElement(using: &random)!)
            let snapshot = Int.random(in: script.events.indices, using: &random)
            var run = script.states[snapshot]
            for event in script.events[(snapshot + 1)...] { run.apply(event) }
            #expect(run == script.run)
        }
    }

    @Suite("Servers that omit events")
    struct Incomplete {
        static let whole = Message(
            role: .agent("echo"), parts: [.text("all")], createdAt: Fixture.start, completedAt: Fixture.end)

        @Test("A completed message that was not begun is added")
        func completedOnly() {
            var run = Fixture.run(.inProgress)
            run.apply(.messageCompleted(Incomplete.whole))
            #expect(run.output == [Incomplete.whole])
        }

        @Test("A completed message that was not begun does not replace an earlier one")
        func completedTwice() {
            var run = Fixture.run(.inProgress, output: [Fixture.message])
            run.apply(.messageCompleted(Incomplete.whole))
            #expect(run.output == [Fixture.message, Incomplete.whole])
        }

        @Test("A part without an open message begins a message of the agent, also after a complete one")
        func partOnly() {
            for earlier in [[], [Fixture.message]] as [[Message]] {
                var run = Fixture.run(.inProgress, output: earlier)
                run.apply(.messagePart(.text("a")))
                run.apply(.messagePart(.text("b")))
                #expect(run.output.count == earlier.count + 1 && run.output.dropLast() == earlier[...])
                #expect(run.output.last?.parts == [.text("a"), .text("b")])
                #expect(run.output.last?.role == .agent("echo") && run.output.last?.isOpen == true)
            }
        }

        @Test("Parts that are sent in message.created and again by themselves count once")
        func partsTwice() {
            var run = Fixture.run(.inProgress)
            run.apply(.messageCreated(Incomplete.whole))
            #expect(run.output.last?.parts == [] && run.output.last?.isOpen == true)
            run.apply(.messagePart(.text("all")))
            run.apply(.messageCompleted(Incomplete.whole))
            #expect(run.output == [Incomplete.whole])
        }

        @Test("Generic, error and unknown events change nothing")
        func ignored() {
            for event in [.generic(1), .error(Fixture.error), .unknown(["type": "x"])] as [Event] {
                var run = Fixture.run(.inProgress, output: [Fixture.message])
                run.apply(event)
                #expect(run == Fixture.run(.inProgress, output: [Fixture.message]))
            }
        }
    }
}
