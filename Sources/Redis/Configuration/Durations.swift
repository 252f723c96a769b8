// SPDX-License-Identifier: Apache-2.0

import NIOCore

extension Duration {
    /// The same length for NIO, saturated where its 64 bits of nanoseconds do not suffice (292 years).
    var timeAmount: TimeAmount { .nanoseconds(nanoseconds) }

    /// Whole nanoseconds, saturated.
    var nanoseconds: Int64 {
        let (seconds, attoseconds) = components
        let (scaled, overflowed) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
        let (sum, carried) = scaled.addingReportingOverflow(attoseconds / 1_000_000_000)
        return overflowed || carried ? (seconds < 0 ? .min : .max) : sum
    }

    /// For messages: `5 seconds`, `0.25 seconds`.
    var inWords: String {
        let seconds = Double(nanoseconds) / 1e9
        return seconds == seconds.rounded() ? "\(Int(seconds)) seconds" : "\(seconds) seconds"
    }
}

extension NIODeadline {
    /// The point in time after a duration, or the last one there is.
    static func after(_ duration: Duration, from now: NIODeadline = .now()) -> NIODeadline {
        let nanoseconds = min(max(duration.nanoseconds, 0), Int64.max / 2)
        return now + .nanoseconds(nanoseconds)
    }
}
