// SPDX-License-Identifier: Apache-2.0

import NIOCore
import Testing

@testable import ACPServer

@Suite("State machines of HTTP/2")
struct StreamStateTests {
    private static let limits = ConnectionState.Limits(
        head: .seconds(10), bodyGrace: .seconds(5), bodyRate: 100, body: .seconds(60), idle: .seconds(30),
        drain: .seconds(2), drainBytes: 1_000)

    private func time(_ seconds: Int64) -> NIODeadline { .uptimeNanoseconds(1_000_000_000_000) + .seconds(seconds) }

    private func stream(length: Int? = nil, expects: Bool = false) -> StreamState {
        var state = StreamState(limits: Self.limits)
        state.receivedHead(length: length, expectsContinue: expects, at: time(0))
        return state
    }

    @Test("A request without a body has no timeout, and nothing follows its response")
    func noBody() {
        var state = stream()
        #expect(state.receivedEnd() == true)
        #expect(state.hasEnded && state.deadline == nil)
        state.responseBegan()
        #expect(state.responded(at: time(100)) == nil)
        #expect(state.deadline == nil)
    }

    @Test(
        "The deadline of a body is extended with every byte, up to the total timeout",
        arguments: [(0, 5), (100, 6), (1_000, 15), (9_000, 60)])
    func bodies(bytes: Int, seconds: Int64) {
        var state = stream(length: 100_000)
        if bytes > 0 { #expect(state.receivedBody(bytes, at: time(1)) == .forward) }
        #expect(state.deadline == time(seconds))
        #expect(state.timeout(at: time(seconds), isReadPaused: true) == nil, "the server itself does not read")
        #expect(state.deadline == time(seconds + 5))
        #expect(state.timeout(at: time(seconds + 5), isReadPaused: false) == .failBody)
        #expect(state.deadline == nil)
        #expect(state.receivedBody(1, at: time(seconds + 6)) == .discard)
        state.responseBegan()
        #expect(state.responded(at: time(seconds + 6)) == .reset)
    }

    @Test("A body that is too slow after the response has begun fails without a report")
    func slowAfterResponse() {
        var state = stream(length: 100)
        state.responseBegan()
        #expect(state.timeout(at: time(5), isReadPaused: false) == nil)
        #expect(state.responded(at: time(6)) == .reset)
    }

    @Test("A body that waits for 100 has no timeout until a route reads it or the client sends it")
    func expected() {
        var state = stream(length: 10, expects: true)
        #expect(state.deadline == nil)
        #expect(state.bodyReadStarted(at: time(50)) == true)
        #expect(state.bodyReadStarted(at: time(51)) == false)
        #expect(state.deadline == time(55))
        state = stream(length: 10, expects: true)
        #expect(state.receivedBody(1, at: time(50)) == .forward)
        #expect(state.bodyReadStarted(at: time(50)) == false)
        #expect(state.deadline == time(55) + .milliseconds(10), "the byte that has arrived extends it")
        state = stream(length: 10, expects: true)
        state.responseBegan()
        #expect(state.bodyReadStarted(at: time(1)) == false)
        #expect(state.responded(at: time(1)) == .reset, "the body may never arrive")
    }

    @Test("After a response, the rest of a body is read up to the limits of time and size")
    func draining() {
        var state = stream()
        #expect(state.responded(at: time(1)) == nil)
        #expect(state.deadline == time(3))
        #expect(state.receivedBody(1_000, at: time(2)) == .forward)
        #expect(state.receivedBody(1, at: time(2)) == .close)
        #expect(state.timeout(at: time(3), isReadPaused: false) == .reset)
        state = stream()
        _ = state.responded(at: time(1))
        #expect(state.receivedEnd() == true)
        #expect(state.deadline == nil)
        state = stream(length: 1_001)
        #expect(state.responded(at: time(1)) == .reset, "more is announced than would be read")
    }

    @Test("Nothing of a rejected request is passed on")
    func rejected() {
        var state = stream()
        state.reject()
        #expect(state.receivedBody(1, at: time(1)) == .discard)
        #expect(state.responded(at: time(1)) == nil)
        #expect(state.receivedBody(1, at: time(1)) == .discard)
        #expect(state.receivedEnd() == false)
        #expect(state.hasEnded)
    }

    private func connection() -> ConnectionState {
        var state = ConnectionState(limits: Self.limits, at: time(0))
        state.beginStreams(at: time(3))
        return state
    }

    @Test("A connection without streams is ended after the time for the first head, later after the idle timeout")
    func idle() {
        var state = connection()
        #expect(state.received(10, at: time(4)) == .forward)
        #expect(state.deadline == time(10))
        #expect(state.timeout(at: time(9), isReadPaused: false) == nil)
        #expect(state.timeout(at: time(10), isReadPaused: false) == .endStreams)
        #expect(state.deadline == time(12), "the client has this time to close it")
        #expect(state.timeout(at: time(12), isReadPaused: false) == .close)

        state = connection()
        state.streamsChanged(to: 1, at: time(4))
        #expect(state.deadline == nil)
        state.streamsChanged(to: 0, at: time(50))
        #expect(state.deadline == time(80))
        #expect(state.timeout(at: time(80), isReadPaused: false) == .endStreams)
        state.streamsChanged(to: 1, at: time(81))
        #expect(state.deadline == nil, "a stream that was opened before the client was informed is served")
        state.streamsChanged(to: 0, at: time(90))
        #expect(state.timeout(at: time(92), isReadPaused: false) == .close)
    }

    @Test("At a shutdown, open streams end by themselves, and a client has little time to close the connection")
    func quiescing() {
        var state = connection()
        state.quiesceStreams(at: time(5))
        #expect(state.deadline == time(5) + .milliseconds(500))
        #expect(state.timeout(at: time(6), isReadPaused: false) == .close)

        state = connection()
        state.streamsChanged(to: 2, at: time(4))
        state.quiesceStreams(at: time(5))
        #expect(state.deadline == nil)
        state.streamsChanged(to: 1, at: time(100))
        #expect(state.deadline == nil)
        state.streamsChanged(to: 0, at: time(200))
        #expect(state.deadline == time(200) + .milliseconds(500))
    }

    /// What happens to the window of a connection, at a second.
    enum WindowEvent: Sendable {
        case sent(Int, Int64)
        case extended(Int)
    }

    @Test(
        "A connection is blocked when its window has been used up for the whole timeout, and otherwise it is the stream",
        arguments: [
            ([], ConnectionWindow.Stall.stream),
            ([.sent(65_534, 0)], .stream),
            ([.sent(65_535, 0)], .connection),
            ([.sent(65_000, 0), .sent(535, 1)], .undecided),
            ([.sent(65_535, 0), .extended(1)], .stream),
            ([.sent(65_535, 0), .extended(1), .sent(1, 5)], .undecided),
            ([.sent(65_535, 0), .sent(0, 5)], .connection),
            ([.extended(1 << 24), .sent(65_535, 0)], .stream),
            ([.extended(10), .sent(65_545, 0)], .connection),
            ([.sent(65_535, 0), .extended(1 << 30), .sent(1 << 30, 9)], .undecided),
        ] as [([WindowEvent], ConnectionWindow.Stall)])
    func window(events: [WindowEvent], expected: ConnectionWindow.Stall) {
        var window = ConnectionWindow()
        for event in events {
            switch event {
            case .sent(let count, let second): window.sent(count, now: { time(second) })
            case .extended(let count): window.extended(by: count)
            }
        }
        #expect(window.stall(at: time(10), timeout: .seconds(10)) == expected)
    }
}
