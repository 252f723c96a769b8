// SPDX-License-Identifier: Apache-2.0

/// Decides whether a failed attempt is followed by another one.
///
/// Only what certainly was not executed is repeated, and what its caller declared safe to repeat.
enum RetryPolicy {
    /// The pause before the next attempt, or nil if the failure is the caller's to handle.
    /// - Parameters:
    ///   - error: How the attempt failed.
    ///   - isIdempotent: The caller declared the commands safe to repeat.
    ///   - attempt: The number of attempts that failed before this one.
    static func pause(after error: RedisError, isIdempotent: Bool, attempt: Int) -> Duration? {
        switch error.code {
        case .neverSent:
            // The pool paces connecting; a fresh connection may be used at once.
            return attempt == 0 ? .zero : backoff(attempt)
        case .outcomeUnknown:
            return isIdempotent ? backoff(attempt) : nil
        case .readOnly where error.isRejectionBeforeExecution:
            // After a failover a new connection leads to the new master. A replica that stays one is an error, and
            // nothing is won by letting the caller wait for it.
            return attempt < 2 ? backoff(attempt) : nil
        default:
            if error.isRejectionBeforeExecution { return backoff(attempt) }
            // The server lost the script: the connection knows it now and will send the source.
            return error.serverReply?.prefix == "NOSCRIPT" && attempt == 0 ? .zero : nil
        }
    }

    static func backoff(_ attempt: Int) -> Duration {
        .milliseconds(min(20 << min(attempt, 6), 1000))
    }
}

extension RedisError {
    /// Returns the failure as it looks to a caller whose command was sent before, without a reply: what that attempt
    /// did is still unknown. Also if the server has refused the command since, which says nothing of the first attempt.
    func keepingDoubt(_ isInDoubt: Bool) -> RedisError {
        guard isInDoubt, !mayHaveExecuted else { return self }
        return RedisError(
            code, "\(message) An earlier attempt was sent, and its reply was lost.", cause: cause,
            mayHaveExecuted: true)
    }
}
