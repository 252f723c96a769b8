// SPDX-License-Identifier: Apache-2.0

import ACPCore
import ACPStorage
import Testing

@testable import ACPRuntime

@Suite("Replay, without storage")
struct ReplayTests {
    private let run = Run(agentName: "tester", status: .inProgress)

    /// The log of a handler that sends a word, asks, and sends another word, with its answer.
    private func log(answered: Bool = true, end: Bool = true) throws -> [EncodedEvent] {
        var composer = RunComposer(Run(id: run.id, agentName: run.agentName))
        var events = [try composer.created().event, try composer.begin(now: .now).event]
        events += try composer.add(.text("one"), now: Timestamp(microseconds: 1))
        if let completion = try composer.completeMessage(now: Timestamp(microseconds: 2)) { events.append(completion) }
        events.append(try composer.beginAwaiting(.message(Message("?")), deadline: nil, now: .now).event)
        guard answered else { return events }
        events.append(try composer.resume(with: nil, now: .now).event)
        events += try composer.add(Message("two"), now: Timestamp(microseconds: 3))
        return events
    }

    private func replay(_ events: [EncodedEvent], _ answers: [Int: AwaitResume] = [:]) throws -> Replay {
        try Replay(of: run, traces: events.map(Replay.Trace.init), answers: answers)
    }

    private func say(_ text: String, _ replay: inout Replay) throws {
        try replay.emit { try $0.add(.text(text), now: .now) }
    }

    @Test("A handler that repeats what it did gets its answers, and the replay is over where the log ends")
    func same() throws {
        let answer = AwaitResume.message(Message("!"))
        var replay = try replay(log(), [6: answer])
        #expect(!replay.isOver)
        try say("one", &replay)
        guard case .known(let known) = try replay.ask(.message(Message("?"))), known == answer else {
            Issue.record("the answer is not the recorded one")
            return
        }
        #expect(!replay.isOver)
        try replay.emit { try $0.add(Message("two"), now: .now) }
        #expect(replay.isOver)
        replay.end()
        #expect(replay.isOver && replay.failure == nil)
    }

    @Test("A question at the end of the log is pending, with its answer if there is one")
    func pending() throws {
        for known in [nil, AwaitResume.message(Message("late"))] {
            var replay = try replay(log(answered: false), known.map { [6: $0] } ?? [:])
            try say("one", &replay)
            guard case .pending(let answer) = try replay.ask(.message(Message("?"))) else {
                Issue.record("the question is not pending")
                return
            }
            #expect(answer == known)
            #expect(replay.isOver)
        }
    }

    @Test("A handler that sends something else fails, and stays failed whatever it does next")
    func otherText() throws {
        var replay = try replay(log())
        let error = #expect(throws: ACPError.self) { try say("other", &replay) }
        #expect(error?.message.contains("event 3, message.part, has a different content") == true)
        #expect(throws: ACPError.self) { try say("one", &replay) }
        #expect(throws: ACPError.self) { try replay.ask(.message(Message("?"))) }
        #expect(!replay.isOver && replay.failure != nil)
    }

    @Test(
        "A handler that asks or ends too early, or asks something else, fails with an error that names the difference"
    )
    func otherSteps() throws {
        var asks = try replay(log())
        let asked = #expect(throws: ACPError.self) { try asks.ask(.message(Message("?"))) }
        #expect(asked?.message.contains("event 2 was message.created, and now is run.awaiting") == true)

        var asksOther = try replay(log())
        try say("one", &asksOther)
        #expect(throws: ACPError.self) { try asksOther.ask(.message(Message("another question"))) }

        var ends = try replay(log())
        try say("one", &ends)
        ends.end()
        #expect(ends.failure?.message.contains("it ended after event 4, which run.awaiting had followed") == true)
    }

    @Test("A question that was withdrawn cannot be replayed, and the error names it")
    func withdrawn() throws {
        var replay = try replay(log())
        try say("one", &replay)
        let error = #expect(throws: ACPError.self) { try replay.ask(.message(Message("?"))) }
        #expect(error?.message.contains("without an answer") == true)
    }

    @Test("A log that ends in an open message continues it")
    func openMessage() throws {
        var replay = try replay(Array(log().prefix(4)))
        try say("one", &replay)
        #expect(replay.isOver)
    }

    @Test("The comparison of events depends on everything except times")
    func traces() throws {
        func trace(_ event: Event) throws -> Replay.Trace { try .init(EncodedEvent(event)) }
        let early = Message(parts: [.text("x")], createdAt: Timestamp(microseconds: 1), completedAt: nil)
        let late = Message(parts: [.text("x")])
        #expect(try trace(.messageCompleted(early)) == trace(.messageCompleted(late)))
        #expect(try trace(.messageCompleted(late)) != trace(.messageCreated(late)))
        #expect(try trace(.messagePart(.text("x"))) != trace(.messagePart(.text("y"))))
        #expect(try trace(.generic(["a": 1])) == trace(.generic(["a": 1.0])), "the same number in JSON")
        #expect(try trace(.generic(["a": 1])) != trace(.generic(["a": 2])))
        var first = Run(agentName: "a")
        var second = Run(agentName: "a")
        first.awaitRequest = .message(early)
        second.awaitRequest = .message(late)
        #expect(try trace(.runAwaiting(first)) == trace(.runAwaiting(second)))
        second.awaitRequest = .other(["question": "x"])
        #expect(try trace(.runAwaiting(first)) != trace(.runAwaiting(second)))
    }

    @Test("A log that does not start with a run's creation is refused")
    func beginning() throws {
        #expect(throws: ACPError.self) { try replay([]) }
        #expect(throws: ACPError.self) { try replay(Array(log().dropFirst())) }
    }
}
