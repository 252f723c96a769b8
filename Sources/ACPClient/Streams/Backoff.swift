// SPDX-License-Identifier: Apache-2.0

/// How long to wait before the next attempt, and when to give up. Progress resets it.
struct Backoff {
    private let policy: ACPClient.ReconnectionPolicy
    /// The server's wish for the initial delay.
    var initialDelay: Duration?
    private(set) var failures = 0

    init(_ policy: ACPClient.ReconnectionPolicy) { self.policy = policy }

    mutating func reset() { failures = 0 }

    /// The delay before the next attempt, or nil if there were enough of them.
    mutating func nextDelay(
        retryAfter: Duration? = nil, using generator: inout some RandomNumberGenerator
    ) -> Duration? {
        guard failures < policy.maximumAttempts else { return nil }
        let initial = min(max(initialDelay ?? policy.initialDelay, .zero), policy.maximumDelay)
        // The exponent is bounded only so that the factor stays a number.
        let full = min(initial * (1 << min(failures, 20)), policy.maximumDelay)
        failures += 1
        let delay = full * Double.random(in: 0.5...1, using: &generator)
        return max(delay, min(retryAfter ?? .zero, .seconds(300)))
    }
}
