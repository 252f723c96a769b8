// SPDX-License-Identifier: Apache-2.0

/// The rules that decide whether a failed attempt is followed by another.
///
/// A command is sent again only if it was certainly not executed, or if its caller declared it idempotent.
enum RetryPolicy {
    /// Returns the pause before the next attempt, or `nil` if the caller must handle the failure.
    /// - Parameters:
    ///   - error: The failure of the attempt.
    ///   - isIdempotent: Whether the caller declared the commands idempotent.
    ///   - attempt: The number of earlier failed attempts.
    static func pause(after error: RedisError, isIdempotent: Bool, attempt: Int) -> Duration? {
        switch error.code {
        case .neverSent:
            // The pool limits the rate of attempts to connect; a new connection can be used immediately.
            return attempt == 0 ? .zero : backoff(attempt)
        case .outcomeUnknown:
            return isIdempotent ? backoff(attempt) : nil
        case .readOnly where error.isRejectionBeforeExecution:
            // After a failover, a new connection leads to the new master. A server that stays a replica is an error,
            // and waiting longer does not help the caller.
            return attempt < 2 ? backoff(attempt) : nil
        default:
            if error.isRejectionBeforeExecution { return backoff(attempt) }
            // The server has lost the script. The connection knows that now and sends the source.
            return error.serverReply?.prefix == "NOSCRIPT" && attempt == 0 ? .zero : nil
        }
    }

    static func backoff(_ attempt: Int) -> Duration {
        .milliseconds(min(20 << min(attempt, 6), 1000))
    }
}

extension RedisError {
    /// Returns the failure for a caller whose command was sent earlier without a reply: the effect of that attempt is
    /// still unknown, even if the server has refused a later one.
    func markingInDoubt(_ isInDoubt: Bool) -> RedisError {
        guard isInDoubt, !mayHaveExecuted else { return self }
        return RedisError(
            code, "\(message) An earlier attempt was sent, and its reply was lost.", cause: cause,
            mayHaveExecuted: true)
    }
}
