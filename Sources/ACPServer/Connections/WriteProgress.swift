// SPDX-License-Identifier: Apache-2.0

import NIOCore

/// Detects clients that do not read what the server sends.
struct WriteProgress {
    let timeout: TimeAmount
    /// The number of bytes that have been written, whether the client has read them or not.
    var written = 0
    /// Whether everything has been sent.
    var isFinished = false
    private(set) var deadline: NIODeadline?
    private var stall: (accepted: Int, since: NIODeadline)?

    init(timeout: TimeAmount) { self.timeout = timeout }

    private var interval: TimeAmount { .nanoseconds(timeout.nanoseconds / 4) }

    /// Handles a flush.
    ///
    /// - Returns: Whether there is a new deadline for calling ``isStalled(buffered:at:)``.
    mutating func needsCheck(after now: () -> NIODeadline) -> Bool {
        guard deadline == nil else { return false }
        deadline = now() + interval
        return true
    }

    /// Returns whether the client has read nothing for the whole timeout.
    ///
    /// - Parameter buffered: How many of the bytes the operating system has not accepted yet.
    mutating func isStalled(buffered: Int, at now: NIODeadline) -> Bool {
        guard buffered > 0 else {
            deadline = nil
            stall = nil
            return false
        }
        deadline = now + interval
        let accepted = written - buffered
        if let stall, stall.accepted == accepted { return now >= stall.since + timeout }
        stall = (accepted, now)
        return false
    }
}
