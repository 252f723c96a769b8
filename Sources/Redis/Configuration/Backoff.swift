// SPDX-License-Identifier: Apache-2.0

import NIOCore

/// Pauses that double from failure to failure, up to a limit.
struct Backoff: Equatable, Sendable {
    var initial: TimeAmount
    var limit: TimeAmount

    /// Returns the pause after so many failures in a row, at least one. `random` is between 0 and 1, and shortens the
    /// pause by up to half: it keeps many clients apart.
    func pause(afterFailures failures: Int, random: Double) -> TimeAmount {
        let doubled = Double(initial.nanoseconds) * Double(1 << min(max(failures - 1, 0), 20))
        return Self.shorten(.nanoseconds(Int64(min(doubled, Double(limit.nanoseconds)))), by: random)
    }

    /// Returns a length of time, shorter by up to half.
    static func shorten(_ length: TimeAmount, by random: Double) -> TimeAmount {
        .nanoseconds(Int64(Double(length.nanoseconds) * (1 - 0.5 * random)))
    }
}
