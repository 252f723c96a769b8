// SPDX-License-Identifier: Apache-2.0

import NIOCore

/// How far a request has come through its attempts. Decides whether a failed one is followed by another; does no I/O.
struct AttemptState {
    let isIdempotent: Bool
    let start: NIODeadline
    let deadline: NIODeadline
    /// How many attempts have failed.
    var attempt = 0
    /// How many times the request was sent on to another server.
    private var redirections = 0
    /// An attempt may have been executed, without a reply. No failure of a later attempt changes that: neither that it
    /// could not be sent, nor that the server refused it.
    private(set) var isInDoubt = false
    /// Where the next attempt has to go.
    var redirection: Redirection?

    /// How often a request follows a redirection at once. After that there are pauses: servers that disagree need time.
    private static let promptRedirections = 5

    init(isIdempotent: Bool, limit: Duration, start: NIODeadline = .now()) {
        self.isIdempotent = isIdempotent
        self.start = start
        deadline = NIODeadline.after(limit, from: start)
    }

    /// Returns the failure as it looks to the caller, who has to know what all attempts may have done.
    func final(_ error: any Error) -> RedisError { Self.redisError(error).keepingDoubt(isInDoubt) }

    /// Notes that an attempt failed, and returns the failure as it looks to the caller.
    mutating func noteFailure(_ error: RedisError) -> RedisError {
        let failure = final(error)
        isInDoubt = failure.mayHaveExecuted
        return failure
    }

    static func redisError(_ error: any Error) -> RedisError {
        error as? RedisError ?? RedisError(.outcomeUnknown, "\(error)", cause: error, mayHaveExecuted: true)
    }

    /// The pause before the next attempt, or nil if the failure is the caller's to handle.
    mutating func pause(after error: RedisError, _ advice: RetryAdvice) -> Duration? {
        defer { attempt += 1 }
        self.redirection = nil
        switch advice {
        case .standard:
            return RetryPolicy.pause(after: error, isIdempotent: isIdempotent, attempt: attempt)
        case .otherNode:
            return isIdempotent && error.code == .outcomeUnknown ? .zero : nil
        case .redirect(let redirection):
            // The attempt itself was refused; an earlier one may have been executed.
            if isInDoubt, !isIdempotent { return nil }
            self.redirection = redirection
            redirections += 1
            return redirections <= Self.promptRedirections
                ? .zero : RetryPolicy.backoff(redirections - Self.promptRedirections)
        case .later:
            if isInDoubt, !isIdempotent { return nil }
            return min(RetryPolicy.backoff(attempt), .milliseconds(250))
        }
    }
}
