// SPDX-License-Identifier: Apache-2.0

import NIOCore
import Testing

@testable import Redis

@Suite("Refresh state machine")
struct RefreshStateMachineTests {
    private static func time(_ milliseconds: Int64) -> NIODeadline {
        .uptimeNanoseconds(1_000_000_000_000) + .milliseconds(milliseconds)
    }

    private var machine = RefreshStateMachine(
        .init(interval: .seconds(30), initialPause: .milliseconds(100), maxPause: .milliseconds(400)))

    private mutating func lookUp(at time: Int64, _ outcome: RefreshStateMachine.Outcome) -> Bool {
        guard machine.poll(now: Self.time(time)) else { return false }
        machine.finished(outcome, now: Self.time(time), random: 0)
        return true
    }

    @Test("The first lookup begins when the client is first used")
    mutating func start() {
        let early = machine.poll(now: Self.time(0))
        #expect(!early && machine.next == nil)
        machine.start()
        let begins = machine.poll(now: Self.time(0))
        #expect(begins)
    }

    @Test("Fault 5, storms: Repeated evidence causes one lookup at a time, with a pause before the next")
    mutating func oneAtATime() {
        machine.start()
        let begins = machine.poll(now: Self.time(0))
        #expect(begins)
        for _ in 0..<1000 { machine.noteEvidence() }
        let second = machine.poll(now: Self.time(1))
        #expect(!second && machine.next == nil)
        machine.finished(.settled, now: Self.time(10), random: 0)
        #expect(machine.next == Self.time(110))
        for _ in 0..<1000 { machine.noteEvidence() }
        let early = lookUp(at: 109, .settled)
        let inTime = lookUp(at: 110, .settled)
        #expect(!early && inTime)
        #expect(machine.next == Self.time(30_110))
    }

    @Test("Unsettled lookups are repeated with pauses that double up to a limit")
    mutating func backoff() {
        machine.start()
        var now: Int64 = 0
        for pause: Int64 in [100, 200, 400, 400] {
            let began = lookUp(at: now, .unsettled)
            #expect(began)
            #expect(machine.next == Self.time(now + pause))
            now += pause
        }
        let settled = lookUp(at: now, .settled)
        #expect(settled)
        #expect(machine.next == Self.time(now + 30_000))
    }

    @Test("An announcement ends a pause")
    mutating func urgent() {
        machine.start()
        _ = lookUp(at: 0, .unsettled)
        machine.noteUrgentEvidence()
        let began = lookUp(at: 1, .settled)
        #expect(began)
    }

    @Test("Fault 5, storms: Every pause is randomly shortened by up to half")
    mutating func jitter() {
        machine.start()
        _ = machine.poll(now: Self.time(0))
        machine.finished(.settled, now: Self.time(0), random: 1)
        #expect(machine.next == Self.time(15_000))
    }
}

@Suite("Attempt state")
struct AttemptStateTests {
    private static let refused = RedisError(reply: RESPError("READONLY You can't write against a read only replica."))
    private static let lost = RedisError(.outcomeUnknown, "lost", mayHaveExecuted: true)

    private func state(idempotent: Bool) -> AttemptState { AttemptState(isIdempotent: idempotent, limit: .seconds(5)) }

    @Test("A redirection is followed immediately, and with pauses after several in a row")
    func redirections() {
        var state = self.state(idempotent: false)
        let ask = Redirection.ask(.tcp(host: "h", port: 1))
        for _ in 0..<5 {
            #expect(state.pause(after: Self.refused, .redirect(ask)) == .zero)
            #expect(state.redirection == ask)
        }
        let later = state.pause(after: Self.refused, .redirect(nil))
        #expect(later ?? .zero > .zero)
        #expect(state.redirection == nil)
    }

    @Test("Fault 1, READONLY forever: Behind Sentinel, attempts continue until the new master is found")
    func readOnly() {
        var state = self.state(idempotent: false)
        for _ in 0..<20 { #expect(state.pause(after: Self.refused, .later) != nil) }
    }

    @Test(
        "Fault 6, double execution: A command that may have been executed is not sent again, whatever the topology advises"
    )
    func doubleExecution() {
        var state = self.state(idempotent: false)
        #expect(state.pause(after: Self.lost, .otherNode) == nil)
        #expect(state.pause(after: Self.lost, .standard) == nil)
        _ = state.noteFailure(Self.lost)
        #expect(state.pause(after: Self.refused, .redirect(nil)) == nil)
        #expect(state.pause(after: Self.refused, .later) == nil)
        var safe = self.state(idempotent: true)
        #expect(safe.pause(after: Self.lost, .otherNode) == .zero)
        _ = safe.noteFailure(Self.lost)
        #expect(safe.pause(after: Self.refused, .redirect(nil)) == .zero)
        #expect(safe.final(RedisError.neverSent).mayHaveExecuted)
    }
}
