// SPDX-License-Identifier: Apache-2.0

import NIOCore

/// How far a client takes what it is sent.
struct WriteProgress {
    let timeout: TimeAmount
    /// How many bytes have been written, whether the client has taken them or not.
    var written = 0
    /// Whether everything has been sent that ever will.
    var isFinished = false
    private(set) var deadline: NIODeadline?
    private var stall: (accepted: Int, since: NIODeadline)?

    init(timeout: TimeAmount) { self.timeout = timeout }

    var hasWritten: Bool { written > 0 }

    private var interval: TimeAmount { .nanoseconds(timeout.nanoseconds / 4) }

    /// Something has been sent on its way.
    ///
    /// - Returns: Whether ``isStalled(buffered:at:)`` has a new deadline.
    mutating func needsCheck(after now: () -> NIODeadline) -> Bool {
        guard deadline == nil else { return false }
        deadline = now() + interval
        return true
    }

    /// Looks at what the client has taken.
    ///
    /// - Parameter buffered: How many of the bytes the operating system has not taken yet.
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
