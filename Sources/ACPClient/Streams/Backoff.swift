// SPDX-License-Identifier: Apache-2.0

/// Computes the delay before the next reconnection attempt, with exponential backoff, up to a maximum number of
/// attempts.
package struct Backoff {
    private let policy: ACPClient.ReconnectionPolicy
    /// The initial delay that the server has requested.
    package var initialDelay: Duration?
    package private(set) var failures = 0

    package init(_ policy: ACPClient.ReconnectionPolicy) { self.policy = policy }

    package mutating func reset() { failures = 0 }

    /// Returns the delay before the next attempt, or `nil` if the maximum number of attempts is reached.
    package mutating func nextDelay(
        retryAfter: Duration? = nil, using generator: inout some RandomNumberGenerator
    ) -> Duration? {
        guard failures < policy.maximumAttempts else { return nil }
        let initial = min(max(initialDelay ?? policy.initialDelay, .zero), policy.maximumDelay)
        // The exponent is limited only to prevent an overflow.
        let full = min(initial * (1 << min(failures, 20)), policy.maximumDelay)
        failures += 1
        let delay = full * Double.random(in: 0.5...1, using: &generator)
        return max(delay, min(retryAfter ?? .zero, .seconds(300)))
    }
}
