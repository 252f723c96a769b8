// SPDX-License-Identifier: Apache-2.0

import NIOCore

/// The state machine of one request and its response on an HTTP/2 connection: timeouts and the end, without I/O.
///
/// It has the rules of ``ConnectionState`` for a single request. Every event has a time. ``timeout(at:isReadPaused:)``
/// must be called at ``deadline`` at the latest.
struct StreamState {
    enum Reading: Equatable {
        case head
        case body(ConnectionState.Body)
        /// The rest of the body is discarded, after the response.
        case draining(since: NIODeadline, bytes: Int)
        /// The body was too slow: the rest of it is ignored.
        case failed
        /// The request is complete.
        case ended
    }

    enum Action: Equatable {
        /// Reports to the route that the body was too slow.
        case failBody
        /// Ends the stream, of which no more is needed.
        case reset
    }

    private let limits: ConnectionState.Limits
    private(set) var reading = Reading.head
    private var isRejected = false
    private var hasResponseBegun = false

    init(limits: ConnectionState.Limits) { self.limits = limits }

    /// Whether the request is complete.
    var hasEnded: Bool { reading == .ended }

    // MARK: - The request

    /// - Parameter length: The size of the body, in bytes. `nil` if it is unknown.
    mutating func receivedHead(length: Int?, expectsContinue: Bool, at now: NIODeadline) {
        reading = .body(ConnectionState.Body(since: now, rest: length, isExpectingContinue: expectsContinue))
    }

    /// Handles the rejection of the request: none of its body is passed to a route.
    mutating func reject() { isRejected = true }

    /// Handles a piece of the body.
    mutating func receivedBody(_ count: Int, at now: NIODeadline) -> ConnectionState.InboundAction {
        switch reading {
        case .body(var body):
            body.stopExpectingContinue(at: now)
            body.bytes += count
            body.rest = body.rest.map { max(0, $0 - count) }
            reading = .body(body)
        case .draining(let since, let bytes):
            reading = .draining(since: since, bytes: bytes + count)
            if bytes + count > limits.drainBytes { return .close }
        case .head, .failed, .ended: return .discard
        }
        return isRejected ? .discard : .forward
    }

    /// Handles the end of the request.
    ///
    /// - Returns: Whether the end is passed to the route.
    mutating func receivedEnd() -> Bool {
        defer { reading = .ended }
        return switch reading {
        case .body, .draining: !isRejected
        case .head, .failed, .ended: false
        }
    }

    /// Handles a route that starts to read the body.
    ///
    /// - Returns: Whether 100 (Continue) must be sent.
    mutating func bodyReadStarted(at now: NIODeadline) -> Bool {
        guard case .body(var body) = reading, body.isExpectingContinue, !hasResponseBegun else { return false }
        body.stopExpectingContinue(at: now)
        reading = .body(body)
        return true
    }

    // MARK: - The response

    mutating func responseBegan() { hasResponseBegun = true }

    /// Handles the end of the response, when it has been sent.
    mutating func responded(at now: NIODeadline) -> Action? {
        switch reading {
        case .body(let body):
            // Too much is unread, or it may never arrive.
            if body.isExpectingContinue || body.rest.map({ $0 > limits.drainBytes }) ?? false { return .reset }
            reading = .draining(since: now, bytes: 0)
            return nil
        case .failed: return .reset
        case .head, .draining, .ended: return nil
        }
    }

    // MARK: - Timeouts

    /// When the current phase times out. `nil` while the client waits for the server.
    var deadline: NIODeadline? {
        switch reading {
        case .body(let body): body.deadline(limits)
        case .draining(let since, _): since + limits.drain
        case .head, .failed, .ended: nil
        }
    }

    /// Handles the passing of time.
    ///
    /// - Parameter isReadPaused: Whether the server does not read, because the route is slower than the client.
    mutating func timeout(at now: NIODeadline, isReadPaused: Bool) -> Action? {
        guard let deadline, now >= deadline else { return nil }
        switch reading {
        case .body(var body):
            if isReadPaused {
                body.restart(at: now)
                reading = .body(body)
                return nil
            }
            reading = .failed
            return hasResponseBegun ? nil : .failBody
        case .draining: return .reset
        case .head, .failed, .ended: return nil
        }
    }
}
