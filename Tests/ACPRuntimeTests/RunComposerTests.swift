// SPDX-License-Identifier: Apache-2.0

import ACPCore
@testable import ACPRuntime
import Testing

@Suite("Run composer")
struct RunComposerTests {
    private let now = Timestamp(microseconds: 1_700_000_000_000_001)
    private let later = Timestamp(microseconds: 1_700_000_000_000_002)

    private func running() throws -> RunComposer {
        var composer = RunComposer(Run(agentName: "writer"))
        _ = try composer.created()
        _ = try composer.begin(now: .now)
        return composer
    }

    private func kinds(_ events: [EncodedEvent]) -> [String] { events.map(\.kind.rawValue) }

    // MARK: Output

    @Test("Parts are collected in one open message")
    func parts() throws {
        var composer = try running()
        let first = try composer.add(.text("a"), now: now)
        let second = try composer.add(.text("b"), now: later)
        #expect(kinds(first) == ["message.created", "message.part"])
        #expect(kinds(second) == ["message.part"])
        #expect(composer.run.output.count == 1)
        #expect(composer.run.output[0].isOpen)
        #expect(composer.run.output[0].createdAt == now)
        #expect(composer.run.output[0].role == .agent("writer"))
        guard case .messageCreated(let opened) = try first[0].decode() else { throw NeverHappened() }
        #expect(opened.parts.isEmpty && opened.isOpen)
    }

    @Test("The completed message is sent whole, once")
    func completion() throws {
        var composer = try running()
        let none = try composer.completeMessage(now: now)
        #expect(none == nil)
        _ = try composer.add(.text("a"), now: now)
        _ = try composer.add(.text("b"), now: now)
        let found = try composer.completeMessage(now: later)
        let completion = try #require(found)
        guard case .messageCompleted(let message) = try completion.decode() else { throw NeverHappened() }
        #expect(message.text == "ab")
        #expect(message.completedAt == later)
        let noMore = try composer.completeMessage(now: later)
        #expect(noMore == nil)
        let next = try composer.add(.text("c"), now: later)
        #expect(kinds(next) == ["message.created", "message.part"])
    }

    @Test("A whole message completes the open one first, gets the agent's role, and keeps its own times")
    func wholeMessage() throws {
        var composer = try running()
        _ = try composer.add(.text("open"), now: now)
        let events = try composer.add(
            Message(role: .user, parts: [.text("a"), .text("b")], createdAt: nil, completedAt: nil), now: later)
        #expect(
            kinds(events) == [
                "message.completed", "message.created", "message.part", "message.part", "message.completed",
            ])
        #expect(composer.run.output.map(\.role) == [.agent("writer"), .agent("writer")])
        #expect(composer.run.output.map(\.completedAt) == [later, later])
        #expect(composer.run.output[1].createdAt == later)

        let own = Message(role: .user, parts: [], createdAt: now, completedAt: now)
        let ownEvents = try composer.add(own, now: later)
        #expect(kinds(ownEvents) == ["message.created", "message.completed"])
        #expect(composer.run.output[2].createdAt == now && composer.run.output[2].completedAt == now)
    }

    @Test("A value that JSON cannot hold throws and has no effect", arguments: [0, 1])
    func noTrace(openParts: Int) throws {
        var composer = try running()
        for _ in 0..<openParts { _ = try composer.add(.text("open"), now: now) }
        let before = composer.run
        let bad = MessagePart(content: "x", extra: ["number": .number(.infinity)])
        #expect(throws: ACPError.self) { try composer.add(bad, now: now) }
        #expect(throws: ACPError.self) { try composer.add(Message(parts: [.text("good"), bad]), now: now) }
        #expect(throws: ACPError.self) {
            try composer.beginAwaiting(.other(["number": .number(.nan)]), deadline: nil, now: .now)
        }
        #expect(throws: ACPError.self) {
            try composer.end(.failed(ACPError(.serverError, "x", data: ["number": .number(.infinity)])), now: now)
        }
        #expect(composer.run == before)
        let next = try composer.add(.text("next"), now: now)
        #expect(kinds(next).count == (openParts == 0 ? 2 : 1))
    }

    // MARK: Status

    @Test("A question and its answer change the status to awaiting and back")
    func question() throws {
        var composer = try running()
        let asked = try composer.beginAwaiting(.message(Message("?")), deadline: nil, now: .now)
        #expect(asked.event.kind == .runAwaiting)
        #expect(composer.run.status == .awaiting && composer.run.awaitRequest != nil)
        let resumed = try composer.resume(with: nil, now: .now)
        #expect(resumed.event.kind == .runInProgress)
        #expect(composer.run.status == .inProgress && composer.run.awaitRequest == nil)
        guard case .runInProgress(let run) = try resumed.event.decode() else { throw NeverHappened() }
        #expect(run == composer.run)
        #expect(try ACPJSON.decode(Run.self, from: resumed.runJSON) == run)
    }

    @Test("Each end has its status, its event and its time")
    func ends() throws {
        let failure = ACPError("own_code", "because")
        for (outcome, kind, status) in [
            (RunOutcome.completed, Event.Kind.runCompleted, RunStatus.completed),
            (.cancelled, .runCancelled, .cancelled), (.failed(failure), .runFailed, .failed),
        ] {
            var composer = try running()
            let end = try composer.end(outcome, now: later)
            #expect(end.event.kind == kind)
            #expect(composer.run.status == status)
            #expect(composer.run.finishedAt == later)
            #expect(composer.run.error == (status == .failed ? failure : nil))
            let isNew = composer.requestCancel()
            #expect(!isNew, "an end is final")
        }
    }

    @Test("A run that fails while it awaits an answer awaits nothing any more")
    func failsAwaiting() throws {
        var composer = try running()
        _ = try composer.beginAwaiting(.message(Message("?")), deadline: nil, now: .now)
        _ = try composer.end(.failed(ACPError(.serverError, "x")), now: now)
        #expect(composer.run.awaitRequest == nil)
    }

    @Test("A run that was being cancelled ends as cancelled, however its handler ends")
    func cancelling() throws {
        for outcome in [RunOutcome.completed, .cancelled, .failed(ACPError(.serverError, "x"))] {
            for awaits in [false, true] {
                var composer = try running()
                if awaits { _ = try composer.beginAwaiting(.message(Message("?")), deadline: nil, now: .now) }
                let isNew = composer.requestCancel()
                #expect(isNew)
                let isNewAgain = composer.requestCancel()
                #expect(!isNewAgain)
                #expect(composer.run.status == .cancelling)
                let end = try composer.end(outcome, now: now)
                #expect(end.event.kind == .runCancelled)
                #expect(composer.run.status == .cancelled && composer.run.error == nil)
                #expect(composer.run.awaitRequest == nil)
            }
        }
    }
}
