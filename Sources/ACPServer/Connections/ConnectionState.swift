// SPDX-License-Identifier: Apache-2.0

import NIOCore

/// What a connection of HTTP/1 is doing, until when it may, and what follows: the rules without the I/O.
///
/// Every event comes with its time. ``deadline`` is when ``timeout(at:isReadPaused:)`` has to be called at the latest.
struct ConnectionState {
    struct Limits: Equatable {
        var head: TimeAmount
        var bodyGrace: TimeAmount
        /// Bytes per second.
        var bodyRate: Int
        var body: TimeAmount
        var idle: TimeAmount
        var drain: TimeAmount
        /// How many bytes are read and discarded behind an early response.
        var drainBytes: Int
    }

    enum Reading: Equatable {
        /// Nothing of the next request has come.
        case idle(since: NIODeadline)
        case head(since: NIODeadline, hasBegun: Bool)
        case body(Body)
        /// The body of a request that has been responded to, on a connection that is kept.
        case draining(since: NIODeadline, bytes: Int)
        /// The body has failed: what still comes of it is not wanted.
        case failed
        /// The last response has been sent: what still comes is discarded.
        case discarding(since: NIODeadline, bytes: Int)
    }

    struct Body: Equatable {
        var since: NIODeadline
        var bytes = 0
        /// How many bytes are to come. Nil if nobody knows.
        var rest: Int?
        /// Whether the client waits for 100 before it sends anything.
        var isExpectingContinue = false
    }

    enum Action: Equatable {
        /// Closes the connection without further ado.
        case close
        /// Closes the connection as soon as everything is sent that has been written, and discards what comes until then.
        case finish
        /// Sends a response of the connection's own, then finishes.
        case refuse(Refusal)
        /// Lets the route hear that the body was too slow.
        case failBody
    }

    private let limits: Limits
    private(set) var reading: Reading
    /// The requests that have not been responded to.
    private var requests = CircularBuffer<RequestFacts>(initialCapacity: 2)
    private var hasResponseBegun = false
    /// Whether the response that has begun ends the connection.
    private var isLastResponse = false
    /// Whether requests are taken that come behind those that are here.
    private var takesRequests = true
    /// Whether the connection is closed when nothing is left to respond to.
    private var isClosing = false
    private var isQuiescing = false
    private var pendingRefusal: Refusal?

    init(limits: Limits, at now: NIODeadline) {
        self.limits = limits
        reading = .head(since: now, hasBegun: false)
    }

    var hasRequests: Bool { !requests.isEmpty }

    /// Whether what arrives is not looked at any more.
    var isDiscarding: Bool { if case .discarding = reading { true } else { false } }

    // MARK: - Arriving

    enum Arrival: Equatable {
        case forward
        case discard
        case close
    }

    /// Bytes of whatever kind have arrived.
    mutating func received(_ count: Int, at now: NIODeadline) -> Arrival {
        switch reading {
        case .idle: reading = .head(since: now, hasBegun: true)
        case .head(let since, false): reading = .head(since: since, hasBegun: true)
        case .head, .failed: break
        case .body(var body):
            body.bytes += count
            reading = .body(body)
        case .draining(let since, let bytes):
            reading = .draining(since: since, bytes: bytes + count)
            if bytes + count > limits.drainBytes { return .close }
        case .discarding(let since, let bytes):
            reading = .discarding(since: since, bytes: bytes + count)
            return bytes + count > limits.drainBytes ? .close : .discard
        }
        return .forward
    }

    /// A request's head is complete.
    ///
    /// - Returns: Whether it is to be served.
    mutating func receivedHead(_ facts: RequestFacts, at now: NIODeadline) -> Bool {
        guard takesRequests else { return false }
        requests.append(facts)
        if !facts.isKeepAlive { closeBehindLast() }
        var body = Body(since: now, isExpectingContinue: facts.expectsContinue)
        if case .bytes(let count) = facts.body { body.rest = count }
        reading = .body(body)
        return true
    }

    /// A piece of a body is there.
    ///
    /// - Returns: Whether the route gets it.
    mutating func receivedBody(_ count: Int, at now: NIODeadline) -> Bool {
        switch reading {
        case .body(var body):
            if body.isExpectingContinue {
                // The client has waited for long enough, or never meant to.
                body.isExpectingContinue = false
                body.since = now
            }
            body.rest = body.rest.map { max(0, $0 - count) }
            reading = .body(body)
            return true
        case .draining: return true
        case .idle, .head, .failed, .discarding: return false
        }
    }

    /// A request is complete.
    ///
    /// - Returns: Whether the route hears of it.
    mutating func receivedEnd(at now: NIODeadline) -> Bool {
        switch reading {
        case .body, .draining:
            reading = .idle(since: now)
            return true
        case .idle, .head, .failed, .discarding: return false
        }
    }

    /// A request, or the bytes of one, cannot be served.
    ///
    /// - Returns: What is to be done now. If `nil`, earlier requests are responded to first.
    mutating func refuse(_ refusal: Refusal) -> Action? {
        guard takesRequests else { return nil }
        closeBehindLast()
        pendingRefusal = refusal
        return nextRefusal()
    }

    private mutating func closeBehindLast() {
        takesRequests = false
        isClosing = true
    }

    private mutating func nextRefusal() -> Action? {
        guard requests.isEmpty, let refusal = pendingRefusal else { return nil }
        pendingRefusal = nil
        return .refuse(refusal)
    }

    enum Fault: Equatable {
        case ignore
        /// The route that reads the body gets the error.
        case forward
        case act(Action)
    }

    /// The parser does not understand what has arrived.
    mutating func failed(_ refusal: Refusal) -> Fault {
        switch reading {
        case .idle, .head: return refuse(refusal).map { .act($0) } ?? .ignore
        case .body:
            closeBehindLast()
            reading = .failed
            return .forward
        case .draining: return .act(.finish)
        case .failed, .discarding: return .ignore
        }
    }

    // MARK: - Responding

    struct Framing: Equatable {
        var isHTTP10: Bool
        var closes: Bool
    }

    /// A route's response begins.
    ///
    /// - Parameters:
    ///   - isDelimited: Whether its end can be seen without the end of the connection in HTTP/1.0.
    ///   - saysClose: Whether it says itself that the connection is closed behind it.
    /// - Returns: How it is sent. Nil if there is no request for it.
    mutating func respond(isDelimited: Bool, saysClose: Bool) -> Framing? {
        guard let request = requests.first else { return nil }
        hasResponseBegun = true
        let isLast = requests.count == 1
        let closes =
            saysClose || !request.isKeepAlive || (request.isHTTP10 && !isDelimited)
            || (isLast && pendingRefusal == nil && (isClosing || leavesTooMuch))
        if closes { closeBehindLast() }
        isLastResponse = closes
        return Framing(isHTTP10: request.isHTTP10, closes: closes)
    }

    /// Whether the rest of the body cannot be expected, or not be waited for, before the next request.
    private var leavesTooMuch: Bool {
        guard case .body(let body) = reading else { return false }
        return body.isExpectingContinue || body.rest.map { $0 > limits.drainBytes } ?? false
    }

    /// A route's response is complete.
    mutating func responded(at now: NIODeadline) -> Action? {
        guard !requests.isEmpty else { return nil }
        requests.removeFirst()
        hasResponseBegun = false
        if isLastResponse { return .finish }
        guard requests.isEmpty else { return nil }
        if let refusal = nextRefusal() { return refusal }
        if isClosing { return .finish }
        switch reading {
        case .idle: reading = .idle(since: now)
        case .head(_, let hasBegun): reading = .head(since: now, hasBegun: hasBegun)
        case .body: reading = .draining(since: now, bytes: 0)
        case .draining, .discarding: break
        case .failed: return .finish
        }
        return nil
    }

    /// Everything has been said. What still comes is discarded.
    mutating func beginDiscarding(at now: NIODeadline) {
        closeBehindLast()
        requests.removeAll()
        pendingRefusal = nil
        reading = .discarding(since: now, bytes: 0)
    }

    /// A route is about to read its request's body.
    ///
    /// - Returns: Whether the client has to hear that it can send it.
    mutating func readsBody(at now: NIODeadline) -> Bool {
        guard case .body(var body) = reading, body.isExpectingContinue, requests.count == 1, !hasResponseBegun else {
            return false
        }
        body.isExpectingContinue = false
        body.since = now
        reading = .body(body)
        return true
    }

    // MARK: - Ending

    /// The server shuts down.
    mutating func quiesce() -> Action? {
        isQuiescing = true
        isClosing = true
        return requests.isEmpty && !isDiscarding ? .close : nil
    }

    /// When the connection has to do something else than what it does. Nil while it waits for the server.
    var deadline: NIODeadline? {
        switch reading {
        case .idle(let since): requests.isEmpty ? since + limits.idle : nil
        case .head(let since, _): requests.isEmpty ? since + limits.head : nil
        case .body(let body): deadline(of: body)
        case .draining(let since, _): since + limits.drain
        case .discarding(let since, _): since + (isQuiescing ? min(limits.drain, .milliseconds(500)) : limits.drain)
        case .failed: nil
        }
    }

    private func deadline(of body: Body) -> NIODeadline? {
        guard !body.isExpectingContinue else { return nil }
        let total = body.since + limits.body
        guard limits.bodyRate > 0 else { return total }
        let earned = Double(body.bytes) / Double(limits.bodyRate) * 1e9
        guard earned < 1e15 else { return total }
        return min(total, body.since + limits.bodyGrace + .nanoseconds(Int64(earned)))
    }

    /// Time has passed.
    ///
    /// - Parameter isReadPaused: Whether the server does not read, because the route is not as fast as the client.
    mutating func timeout(at now: NIODeadline, isReadPaused: Bool) -> Action? {
        guard let deadline, now >= deadline else { return nil }
        switch reading {
        case .idle, .draining, .discarding: return .close
        case .head(_, let hasBegun):
            guard hasBegun else { return .close }
            return refuse(.slowHead) ?? .close
        case .body(var body):
            if isReadPaused {
                body.since = now
                body.bytes = 0
                reading = .body(body)
                return nil
            }
            closeBehindLast()
            reading = .failed
            return hasResponseBegun ? nil : .failBody
        case .failed: return nil
        }
    }
}
