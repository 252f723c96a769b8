// SPDX-License-Identifier: Apache-2.0

import NIOCore

/// The flow control window of an HTTP/2 connection for what the server sends, without I/O: it tells a client that does not
/// read one stream from a client that blocks all of them.
///
/// All streams share the window, in addition to a window of their own. A client that leaves responses unread, and neither
/// resets their streams nor extends the window of the connection, uses it up. Then nothing can be sent on any stream, and
/// no reset of a stream by the server can change that.
struct ConnectionWindow {
    /// Why a stream has sent nothing for the whole timeout.
    enum Stall: Equatable {
        /// The client does not read the stream.
        case stream
        /// The client does not read anything from the connection.
        case connection
        /// The connection has been blocked for a shorter time than the timeout: the stream must be checked again.
        case undecided
    }

    /// The initial size, which only the client can extend.
    static let initialSize = 65_535

    private var available = initialSize
    private var exhaustedSince: NIODeadline?

    /// Handles bytes of responses that have been sent.
    mutating func sent(_ count: Int, now: () -> NIODeadline) {
        available -= count
        if available <= 0, exhaustedSince == nil { exhaustedSince = now() }
    }

    /// Handles the permission to send more.
    mutating func extended(by count: Int) {
        available += count
        if available > 0 { exhaustedSince = nil }
    }

    /// Returns the reason why a stream has sent nothing for the timeout.
    func stall(at now: NIODeadline, timeout: TimeAmount) -> Stall {
        guard let exhaustedSince else { return .stream }
        return now >= exhaustedSince + timeout ? .connection : .undecided
    }
}
