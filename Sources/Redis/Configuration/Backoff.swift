// SPDX-License-Identifier: Apache-2.0

import NIOCore

/// Pauses between attempts that double with each failure, up to a limit.
struct Backoff: Equatable, Sendable {
    var initial: TimeAmount
    var limit: TimeAmount

    /// Returns the pause after a number of consecutive failures.
    ///
    /// - Parameters:
    ///   - failures: The number of consecutive failures, at least 1.
    ///   - random: A number between 0 and 1 that shortens the pause by up to half, so that clients do not retry in
    ///     step.
    func pause(afterFailures failures: Int, random: Double) -> TimeAmount {
        let doubled = Double(initial.nanoseconds) * Double(1 << min(max(failures - 1, 0), 20))
        return Self.jittered(.nanoseconds(Int64(min(doubled, Double(limit.nanoseconds)))), by: random)
    }

    /// Returns a duration shortened by up to half, in proportion to `random`.
    static func jittered(_ length: TimeAmount, by random: Double) -> TimeAmount {
        .nanoseconds(Int64(Double(length.nanoseconds) * (1 - 0.5 * random)))
    }
}
