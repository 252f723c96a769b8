// SPDX-License-Identifier: Apache-2.0

import NIOCore

extension Duration {
    /// The duration as NIO's type, clamped to its range of 64-bit nanoseconds (292 years).
    var timeAmount: TimeAmount { .nanoseconds(nanoseconds) }

    /// The duration in nanoseconds, clamped to the range of `Int64`.
    var nanoseconds: Int64 {
        let (seconds, attoseconds) = components
        let (scaled, overflowed) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
        let (sum, carried) = scaled.addingReportingOverflow(attoseconds / 1_000_000_000)
        return overflowed || carried ? (seconds < 0 ? .min : .max) : sum
    }

    /// The duration as text for messages: `5 seconds`, `0.25 seconds`.
    var secondsText: String {
        let seconds = Double(nanoseconds) / 1e9
        return seconds == seconds.rounded() ? "\(Int(seconds)) seconds" : "\(seconds) seconds"
    }
}

extension NIODeadline {
    /// Returns the deadline after a duration, clamped to the latest representable one.
    static func after(_ duration: Duration, from now: NIODeadline = .now()) -> NIODeadline {
        let nanoseconds = min(max(duration.nanoseconds, 0), Int64.max / 2)
        return now + .nanoseconds(nanoseconds)
    }
}
