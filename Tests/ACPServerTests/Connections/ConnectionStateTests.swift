// SPDX-License-Identifier: Apache-2.0

import NIOCore
import NIOHTTP1
import Testing

@testable import ACPServer

@Suite("State machine of a connection")
struct ConnectionStateTests {
    private static let limits = ConnectionState.Limits(
        head: .seconds(10), bodyGrace: .seconds(5), bodyRate: 100, body: .seconds(60), idle: .seconds(30),
        drain: .seconds(2), drainBytes: 1_000)

    private func time(_ seconds: Int64) -> NIODeadline { .uptimeNanoseconds(1_000_000_000_000) + .seconds(seconds) }

    private func state() -> ConnectionState { ConnectionState(limits: Self.limits, at: time(0)) }

    private func requestHead(
        _ body: RequestHead.Body = .none, isKeepAlive: Bool = true, isHTTP10: Bool = false, expects: Bool = false
    ) -> RequestHead {
        var requestHead = RequestHead()
        requestHead.body = body
        requestHead.isKeepAlive = isKeepAlive
        requestHead.isHTTP10 = isHTTP10
        requestHead.expectsContinue = expects
        return requestHead
    }

    @Test("The timeout of the first head starts at the opening, that of later heads at their first byte")
    func headTimes() {
        var state = state()
        #expect(state.deadline == time(10))
        #expect(state.received(1, at: time(8)) == .forward)
        #expect(state.deadline == time(10), "further bytes do not extend the deadline")
        #expect(state.receivedHead(requestHead(), at: time(9)) == true)
        #expect(state.receivedEnd(at: time(9)) == true)
        #expect(state.deadline == nil, "there is no deadline while the server works")
        #expect(state.respond(isDelimited: true, closesConnection: false) == .init(isHTTP10: false, closes: false))
        #expect(state.responded(at: time(100)) == nil)
        #expect(state.deadline == time(130))
        #expect(state.received(1, at: time(120)) == .forward)
        #expect(state.deadline == time(130))
        #expect(state.timeout(at: time(129), isReadPaused: false) == nil)
        #expect(state.timeout(at: time(130), isReadPaused: false) == .reject(.slowHead))
    }

    @Test("A silent connection is closed without a response, at the opening and between requests")
    func silence() {
        var state = state()
        #expect(state.timeout(at: time(10), isReadPaused: false) == .close)
        state = self.state()
        _ = state.received(10, at: time(0))
        _ = state.receivedHead(requestHead(), at: time(0))
        _ = state.receivedEnd(at: time(0))
        _ = state.respond(isDelimited: true, closesConnection: false)
        _ = state.responded(at: time(1))
        #expect(state.timeout(at: time(31), isReadPaused: false) == .close)
    }

    @Test(
        "The deadline of a body is extended with every byte, up to the total timeout",
        arguments: [(0, 5), (100, 6), (1_000, 15), (9_000, 60)])
    func bodies(bytes: Int, seconds: Int64) {
        var state = state()
        _ = state.receivedHead(requestHead(.bytes(100_000)), at: time(0))
        if bytes > 0 { _ = state.received(bytes, at: time(1)) }
        #expect(state.deadline == time(seconds))
        #expect(state.timeout(at: time(seconds), isReadPaused: true) == nil, "the server itself does not read")
        #expect(state.deadline == time(seconds + 5))
        #expect(state.timeout(at: time(seconds + 5), isReadPaused: false) == .failBody)
        #expect(state.respond(isDelimited: true, closesConnection: false)?.closes == true)
        #expect(state.responded(at: time(seconds + 6)) == .finish)
    }

    @Test("A body that waits for 100 has no timeout")
    func expected() {
        var state = state()
        _ = state.receivedHead(requestHead(.bytes(10), expects: true), at: time(0))
        #expect(state.deadline == nil)
        #expect(state.bodyReadStarted(at: time(50)) == true)
        #expect(state.bodyReadStarted(at: time(50)) == false, "100 is sent once")
        #expect(state.deadline == time(55))
    }

    @Test("A body that is sent without waiting for 100 needs none")
    func unexpected() {
        var state = state()
        _ = state.receivedHead(requestHead(.bytes(10), expects: true), at: time(0))
        #expect(state.receivedBody(5, at: time(1)) == true)
        #expect(state.bodyReadStarted(at: time(2)) == false)
        #expect(state.respond(isDelimited: true, closesConnection: false)?.closes == false)
    }

    @Test(
        "An early response closes the connection if the rest of the request is too large",
        arguments: [
            (RequestHead.Body.bytes(1_000), false, false), (.bytes(1_001), false, true), (.bytes(10), true, true),
            (.unknown, false, false),
        ])
    func early(body: RequestHead.Body, expects: Bool, closes: Bool) {
        var state = state()
        _ = state.receivedHead(requestHead(body, expects: expects), at: time(0))
        #expect(state.respond(isDelimited: true, closesConnection: false)?.closes == closes)
        #expect(state.responded(at: time(1)) == (closes ? .finish : nil))
        if closes { state.beginDiscarding(at: time(1)) }
        #expect(state.deadline == time(3))
        #expect(state.received(1_000, at: time(2)) == (closes ? .discard : .forward))
        #expect(state.received(1, at: time(2)) == .close)
        #expect(state.timeout(at: time(3), isReadPaused: false) == .close)
    }

    @Test("An HTTP/1.0 connection is kept only if the client asks for it and the length is known")
    func http10() {
        for (isKeepAlive, isDelimited, closes) in [
            (false, true, true), (false, false, true), (true, false, true), (true, true, false),
        ] {
            var state = state()
            _ = state.receivedHead(requestHead(isKeepAlive: isKeepAlive, isHTTP10: true), at: time(0))
            _ = state.receivedEnd(at: time(0))
            #expect(
                state.respond(isDelimited: isDelimited, closesConnection: false)
                    == .init(isHTTP10: true, closes: closes))
            #expect(state.responded(at: time(0)) == (closes ? .finish : nil))
        }
    }

    @Test("A rejection is sent after the responses to earlier requests, and nothing is served after it")
    func refusals() {
        var state = state()
        _ = state.receivedHead(requestHead(), at: time(0))
        _ = state.receivedEnd(at: time(0))
        #expect(state.reject(.slowHead) == nil)
        #expect(state.receivedHead(requestHead(), at: time(0)) == false)
        #expect(state.reject(.tooManyConnections) == nil)
        #expect(state.respond(isDelimited: true, closesConnection: false)?.closes == false)
        #expect(state.responded(at: time(0)) == .reject(.slowHead))
        #expect(state.respond(isDelimited: true, closesConnection: false) == nil, "there is no request for it")
    }

    @Test("A shutdown closes idle connections at once, and others after their last response")
    func quiescing() {
        var idle = state()
        #expect(idle.quiesce() == .close)
        var busy = state()
        for _ in 0..<2 {
            _ = busy.receivedHead(requestHead(), at: time(0))
            _ = busy.receivedEnd(at: time(0))
        }
        #expect(busy.quiesce() == nil)
        #expect(busy.respond(isDelimited: true, closesConnection: false)?.closes == false)
        #expect(busy.responded(at: time(0)) == nil)
        #expect(busy.respond(isDelimited: true, closesConnection: false)?.closes == true)
        #expect(busy.responded(at: time(0)) == .finish)
    }

    @Test("Invalid HTTP is rejected, or reported to the route that reads the body")
    func faults() {
        let rejection = RejectionResponse(HTTPParserError.invalidMethod)
        var state = state()
        #expect(state.failed(rejection) == .act(.reject(rejection)))
        state = self.state()
        _ = state.receivedHead(requestHead(.unknown), at: time(0))
        #expect(state.failed(rejection) == .forward)
        #expect(state.failed(rejection) == .ignore)
        #expect(state.respond(isDelimited: true, closesConnection: true)?.closes == true)
        #expect(state.responded(at: time(0)) == .finish)
    }

    // MARK: - Writing

    @Test("A client is stalled if it has read nothing for the whole timeout")
    func writing() {
        var progress = WriteProgress(timeout: .seconds(8))
        progress.written = 100
        #expect(progress.needsCheck(after: { time(0) }) == true)
        #expect(progress.deadline == time(2))
        #expect(progress.needsCheck(after: { time(1) }) == false)
        #expect(progress.isStalled(buffered: 50, at: time(2)) == false)
        #expect(progress.isStalled(buffered: 50, at: time(9)) == false)
        #expect(progress.isStalled(buffered: 49, at: time(10)) == false, "one byte is progress")
        #expect(progress.isStalled(buffered: 49, at: time(17)) == false)
        #expect(progress.isStalled(buffered: 49, at: time(18)) == true)
        #expect(progress.isStalled(buffered: 0, at: time(19)) == false)
        #expect(progress.deadline == nil)
    }

    // MARK: - Heads

    @Test("The properties of a head are read")
    func heads() throws {
        func requestHead(_ version: HTTPVersion, _ headers: HTTPHeaders) throws -> RequestHead {
            try RequestHead(HTTPRequestHead(version: version, method: .POST, uri: "/", headers: headers))
        }
        let plain = try requestHead(.http1_1, ["Host": "a:80", "content-LENGTH": "7"])
        #expect(plain == self.requestHead(.bytes(7)))
        #expect(try requestHead(.http1_1, ["Host": "[::1]", "Transfer-Encoding": "chunked"]).body == .unknown)
        #expect(try requestHead(.http1_1, ["Host": "a", "Connection": "x , CLOSE"]).isKeepAlive == false)
        #expect(try requestHead(.http1_0, [:]).isKeepAlive == false)
        #expect(try requestHead(.http1_0, ["Connection": "keep-alive"]).isKeepAlive)
        #expect(
            try requestHead(.http1_0, ["Connection": "keep-alive", "Transfer-Encoding": "chunked"]).isKeepAlive == false
        )
        let expecting = try requestHead(.http1_1, ["Host": "a", "Expect": "100-CONTINUE", "Content-Length": "1"])
        #expect(expecting.expectsContinue)
        #expect(
            try !requestHead(.http1_1, ["Host": "a", "Expect": "100-continue", "Content-Length": "0"]).expectsContinue)
        for (headers, status) in [
            ([:], 400), (["Host": "a", "host": "a"], 400), (["Host": "a@b"], 400), (["Host": "a", "Expect": "x"], 417),
            (["Host": "a", "Transfer-Encoding": "gzip"], 400),
            (["Host": "a", "Transfer-Encoding": "gzip, chunked"], 400),
            (["Host": "a", "Transfer-Encoding": "chunked", "transfer-encoding": "chunked"], 400),
        ] as [(HTTPHeaders, UInt)] {
            #expect(throws: RejectionResponse.self) { try requestHead(.http1_1, headers) }
            do { _ = try requestHead(.http1_1, headers) } catch let rejection as RejectionResponse {
                #expect(rejection.status.code == status)
            }
        }
    }

    @Test("Dates have the format of HTTP")
    func dates() {
        #expect(RejectionResponse.date(784_111_777) == "Sun, 06 Nov 1994 08:49:37 GMT")
    }
}
