// SPDX-License-Identifier: Apache-2.0

import NIOCore

/// The state machine of a connection: its timeouts, rejected requests and closing, without I/O.
///
/// It has the whole state of a connection with HTTP/1. Of one with HTTP/2 it has the handshake and whether any stream is
/// open; each stream has a ``StreamState``.
///
/// Every event has a time. ``timeout(at:isReadPaused:)`` must be called at ``deadline`` at the latest.
struct ConnectionState {
    struct Limits: Equatable {
        var head: TimeAmount
        var bodyGrace: TimeAmount
        /// Bytes per second.
        var bodyRate: Int
        var body: TimeAmount
        var idle: TimeAmount
        var drain: TimeAmount
        /// How many bytes are read and discarded after an early response.
        var drainBytes: Int
    }

    enum Reading: Equatable {
        /// No byte of the next request has arrived.
        case idle(since: NIODeadline)
        case head(since: NIODeadline, hasBegun: Bool)
        case body(Body)
        /// The body of a request that has been responded to, on a connection that is kept.
        case draining(since: NIODeadline, bytes: Int)
        /// The body has failed: the rest of it is ignored.
        case failed
        /// The last response has been sent: everything that still arrives is discarded.
        case discarding(since: NIODeadline, bytes: Int)
        /// The connection has changed to HTTP/2.
        case streams(Streams)
    }

    struct Streams: Equatable {
        /// The time since which no stream is open. `nil` if one is open.
        var idleSince: NIODeadline?
        var hasServed = false
        /// Whether the client has been asked to open no more streams.
        var isEnding = false
    }

    struct Body: Equatable {
        var since: NIODeadline
        var bytes = 0
        /// How many bytes are still expected. `nil` if that is unknown.
        var rest: Int?
        /// Whether the client waits for 100 before it sends anything.
        var isExpectingContinue = false

        /// When the body is too slow. `nil` while the client waits for 100.
        func deadline(_ limits: Limits) -> NIODeadline? {
            guard !isExpectingContinue else { return nil }
            let total = since + limits.body
            guard limits.bodyRate > 0 else { return total }
            let earned = Double(bytes) / Double(limits.bodyRate) * 1e9
            guard earned < 1e15 else { return total }
            return min(total, since + limits.bodyGrace + .nanoseconds(Int64(earned)))
        }

        /// Handles that the client sends the body, or may send it, if it has waited for 100 until now.
        mutating func stopExpectingContinue(at now: NIODeadline) {
            guard isExpectingContinue else { return }
            isExpectingContinue = false
            since = now
        }

        /// Measures the speed of the client anew, since it could not send while the server did not read.
        mutating func restart(at now: NIODeadline) {
            since = now
            bytes = 0
        }
    }

    enum Action: Equatable {
        /// Closes the connection at once.
        case close
        /// Closes the connection as soon as everything that was written is sent, and discards what arrives until then.
        case finish
        /// Sends a response without involving the routes, then finishes.
        case reject(RejectionResponse)
        /// Reports to the route that the body was too slow.
        case failBody
        /// Asks the client of an HTTP/2 connection to open no more streams.
        case endStreams
    }

    private let limits: Limits
    private(set) var reading: Reading
    /// The requests without a complete response.
    private var requests = CircularBuffer<RequestHead>(initialCapacity: 2)
    private var hasResponseBegun = false
    /// Whether the response that has begun ends the connection.
    private var isLastResponse = false
    /// Whether further requests are accepted.
    private var acceptsRequests = true
    /// Whether the connection is closed after the last response.
    private var isClosing = false
    private var isQuiescing = false
    private var pendingRejection: RejectionResponse?

    init(limits: Limits, at now: NIODeadline) {
        self.limits = limits
        reading = .head(since: now, hasBegun: false)
    }

    var hasRequests: Bool { !requests.isEmpty }

    /// Whether everything that arrives is discarded.
    var isDiscarding: Bool { if case .discarding = reading { true } else { false } }

    // MARK: - Requests

    enum InboundAction: Equatable {
        case forward
        case discard
        case close
    }

    /// Handles the arrival of bytes.
    mutating func received(_ count: Int, at now: NIODeadline) -> InboundAction {
        switch reading {
        case .idle: reading = .head(since: now, hasBegun: true)
        case .head(let since, false): reading = .head(since: since, hasBegun: true)
        case .head, .failed, .streams: break
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

    /// Handles the complete head of a request.
    ///
    /// - Returns: Whether the request is served.
    mutating func receivedHead(_ request: RequestHead, at now: NIODeadline) -> Bool {
        guard acceptsRequests else { return false }
        requests.append(request)
        if !request.isKeepAlive { closeAfterLast() }
        var body = Body(since: now, isExpectingContinue: request.expectsContinue)
        if case .bytes(let count) = request.body { body.rest = count }
        reading = .body(body)
        return true
    }

    /// Handles a piece of a body.
    ///
    /// - Returns: Whether the piece is passed to the route.
    mutating func receivedBody(_ count: Int, at now: NIODeadline) -> Bool {
        switch reading {
        case .body(var body):
            body.stopExpectingContinue(at: now)
            body.rest = body.rest.map { max(0, $0 - count) }
            reading = .body(body)
            return true
        case .draining: return true
        case .idle, .head, .failed, .discarding, .streams: return false
        }
    }

    /// Handles the end of a request.
    ///
    /// - Returns: Whether the end is passed to the route.
    mutating func receivedEnd(at now: NIODeadline) -> Bool {
        switch reading {
        case .body, .draining:
            reading = .idle(since: now)
            return true
        case .idle, .head, .failed, .discarding, .streams: return false
        }
    }

    /// Rejects a request or bytes that cannot be served.
    ///
    /// - Returns: The action to perform. If `nil`, the responses to earlier requests are sent first.
    mutating func reject(_ rejection: RejectionResponse) -> Action? {
        guard acceptsRequests else { return nil }
        closeAfterLast()
        pendingRejection = rejection
        return nextRejection()
    }

    private mutating func closeAfterLast() {
        acceptsRequests = false
        isClosing = true
    }

    private mutating func nextRejection() -> Action? {
        guard requests.isEmpty, let rejection = pendingRejection else { return nil }
        pendingRejection = nil
        return .reject(rejection)
    }

    enum ParserErrorAction: Equatable {
        case ignore
        /// The error is passed to the route that reads the body.
        case forward
        case act(Action)
    }

    /// Handles an error of the parser.
    mutating func failed(_ rejection: RejectionResponse) -> ParserErrorAction {
        switch reading {
        case .idle, .head: return reject(rejection).map { .act($0) } ?? .ignore
        case .body:
            closeAfterLast()
            reading = .failed
            return .forward
        case .draining: return .act(.finish)
        case .failed, .discarding, .streams: return .ignore
        }
    }

    // MARK: - Responses

    struct Framing: Equatable {
        var isHTTP10: Bool
        var closes: Bool
    }

    /// Handles the start of a route's response.
    ///
    /// - Parameters:
    ///   - isDelimited: Whether an HTTP/1.0 client can recognize its end without the end of the connection.
    ///   - closesConnection: Whether the route has set `Connection: close`.
    /// - Returns: How the response is sent, or `nil` if there is no request for it.
    mutating func respond(isDelimited: Bool, closesConnection: Bool) -> Framing? {
        guard let request = requests.first else { return nil }
        hasResponseBegun = true
        let isLast = requests.count == 1
        let closes =
            closesConnection || !request.isKeepAlive || (request.isHTTP10 && !isDelimited)
            || (isLast && pendingRejection == nil && (isClosing || hasTooMuchUnreadBody))
        if closes { closeAfterLast() }
        isLastResponse = closes
        return Framing(isHTTP10: request.isHTTP10, closes: closes)
    }

    /// Whether too much of the body is unread, or it may never arrive, so that the connection cannot be reused.
    private var hasTooMuchUnreadBody: Bool {
        guard case .body(let body) = reading else { return false }
        return body.isExpectingContinue || body.rest.map { $0 > limits.drainBytes } ?? false
    }

    /// Handles the end of a route's response.
    mutating func responded(at now: NIODeadline) -> Action? {
        guard !requests.isEmpty else { return nil }
        requests.removeFirst()
        hasResponseBegun = false
        if isLastResponse { return .finish }
        guard requests.isEmpty else { return nil }
        if let rejection = nextRejection() { return rejection }
        if isClosing { return .finish }
        switch reading {
        case .idle: reading = .idle(since: now)
        case .head(_, let hasBegun): reading = .head(since: now, hasBegun: hasBegun)
        case .body: reading = .draining(since: now, bytes: 0)
        case .draining, .discarding, .streams: break
        case .failed: return .finish
        }
        return nil
    }

    /// Discards everything that arrives from now on, after the last response.
    mutating func beginDiscarding(at now: NIODeadline) {
        closeAfterLast()
        requests.removeAll()
        pendingRejection = nil
        reading = .discarding(since: now, bytes: 0)
    }

    /// Handles a route that starts to read its request's body.
    ///
    /// - Returns: Whether 100 (Continue) must be sent.
    mutating func bodyReadStarted(at now: NIODeadline) -> Bool {
        guard case .body(var body) = reading, body.isExpectingContinue, requests.count == 1, !hasResponseBegun else {
            return false
        }
        body.stopExpectingContinue(at: now)
        reading = .body(body)
        return true
    }

    // MARK: - HTTP/2

    /// Changes to HTTP/2, after the handshake. The first request must arrive in the time for a head.
    mutating func beginStreams(at now: NIODeadline) {
        var since = now
        if case .head(let opened, _) = reading { since = opened }
        reading = .streams(Streams(idleSince: since))
    }

    /// Handles a change of the number of open streams.
    mutating func streamsChanged(to count: Int, at now: NIODeadline) {
        guard case .streams(var streams) = reading else { return }
        streams.hasServed = true
        streams.idleSince = count == 0 ? now : nil
        reading = .streams(streams)
    }

    /// Handles the shutdown of the server, which has asked the client to open no more streams.
    mutating func quiesceStreams(at now: NIODeadline) {
        isQuiescing = true
        guard case .streams(var streams) = reading else { return }
        streams.isEnding = true
        if streams.idleSince != nil { streams.idleSince = now }
        reading = .streams(streams)
    }

    // MARK: - Shutdown and timeouts

    /// Handles the shutdown of the server.
    mutating func quiesce() -> Action? {
        isQuiescing = true
        isClosing = true
        return requests.isEmpty && !isDiscarding ? .close : nil
    }

    /// How long the client may take after the last response.
    private var lastDrain: TimeAmount { isQuiescing ? min(limits.drain, .milliseconds(500)) : limits.drain }

    /// When the current phase of the connection times out. `nil` while it waits for the server.
    var deadline: NIODeadline? {
        switch reading {
        case .idle(let since): requests.isEmpty ? since + limits.idle : nil
        case .head(let since, _): requests.isEmpty ? since + limits.head : nil
        case .body(let body): body.deadline(limits)
        case .draining(let since, _): since + limits.drain
        case .discarding(let since, _): since + lastDrain
        case .failed: nil
        case .streams(let streams):
            streams.idleSince.map {
                $0 + (streams.isEnding ? lastDrain : streams.hasServed ? limits.idle : limits.head)
            }
        }
    }

    /// Handles the passing of time.
    ///
    /// - Parameter isReadPaused: Whether the server does not read, because the route is slower than the client.
    mutating func timeout(at now: NIODeadline, isReadPaused: Bool) -> Action? {
        guard let deadline, now >= deadline else { return nil }
        switch reading {
        case .idle, .draining, .discarding: return .close
        case .head(_, let hasBegun):
            guard hasBegun else { return .close }
            return reject(.slowHead) ?? .close
        case .body(var body):
            if isReadPaused {
                body.restart(at: now)
                reading = .body(body)
                return nil
            }
            closeAfterLast()
            reading = .failed
            return hasResponseBegun ? nil : .failBody
        case .failed: return nil
        case .streams(var streams):
            guard !streams.isEnding else { return .close }
            streams.isEnding = true
            streams.idleSince = now
            reading = .streams(streams)
            return .endStreams
        }
    }
}
