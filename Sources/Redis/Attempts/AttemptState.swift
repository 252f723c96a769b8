// SPDX-License-Identifier: Apache-2.0

import NIOCore

/// The state of a request across its attempts. Decides whether a failed attempt is followed by another; does no I/O.
struct AttemptState {
    let isIdempotent: Bool
    let start: NIODeadline
    let deadline: NIODeadline
    /// The number of failed attempts.
    var attempt = 0
    /// The number of redirections to another server.
    private var redirections = 0
    /// Whether an attempt may have been executed without a reply. Failures of later attempts do not change that,
    /// whether they could not be sent or were refused.
    private(set) var isInDoubt = false
    /// The destination of the next attempt.
    var redirection: Redirection?

    /// The number of redirections that are followed immediately. Further ones are followed after a pause, so that
    /// inconsistent servers can converge.
    private static let immediateRedirections = 5

    init(isIdempotent: Bool, limit: Duration, start: NIODeadline = .now()) {
        self.isIdempotent = isIdempotent
        self.start = start
        deadline = NIODeadline.after(limit, from: start)
    }

    /// Returns the failure for the caller, which covers the possible effects of all attempts.
    func final(_ error: any Error) -> RedisError { Self.redisError(error).markingInDoubt(isInDoubt) }

    /// Registers a failed attempt and returns the failure for the caller.
    mutating func noteFailure(_ error: RedisError) -> RedisError {
        let failure = final(error)
        isInDoubt = failure.mayHaveExecuted
        return failure
    }

    static func redisError(_ error: any Error) -> RedisError {
        error as? RedisError ?? RedisError(.outcomeUnknown, "\(error)", cause: error, mayHaveExecuted: true)
    }

    /// Returns the pause before the next attempt, or `nil` if the caller must handle the failure.
    mutating func pause(after error: RedisError, _ advice: RetryAdvice) -> Duration? {
        defer { attempt += 1 }
        self.redirection = nil
        switch advice {
        case .standard:
            return RetryPolicy.pause(after: error, isIdempotent: isIdempotent, attempt: attempt)
        case .otherNode:
            return isIdempotent && error.code == .outcomeUnknown ? .zero : nil
        case .redirect(let redirection):
            // This attempt was refused, but an earlier one may have been executed.
            if isInDoubt, !isIdempotent { return nil }
            self.redirection = redirection
            redirections += 1
            return redirections <= Self.immediateRedirections
                ? .zero : RetryPolicy.backoff(redirections - Self.immediateRedirections)
        case .later:
            if isInDoubt, !isIdempotent { return nil }
            return min(RetryPolicy.backoff(attempt), .milliseconds(250))
        }
    }
}
