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
    /// An attempt has left the outcome open. A later one that cannot even be sent does not change that.
    var isAnswerLost = false
    /// Where the next attempt has to go.
    var redirection: Redirection?

    /// How often a request follows a redirection at once. After that there are pauses: servers that disagree need time.
    private static let promptRedirections = 5

    init(isIdempotent: Bool, limit: Duration, start: NIODeadline = .now()) {
        self.isIdempotent = isIdempotent
        self.start = start
        self.deadline = NIODeadline.after(limit, from: start)
    }

    /// The failure as it looks to the caller.
    func final(_ error: any Error) -> RedisError {
        Self.redisError(error).remembering(lostAnswer: self.isAnswerLost)
    }

    static func redisError(_ error: any Error) -> RedisError {
        error as? RedisError ?? RedisError(.outcomeUnknown, "\(error)", cause: error, mayHaveExecuted: true)
    }

    /// The pause before the next attempt, or nil if the failure is the caller's to handle.
    mutating func pause(after error: RedisError, _ lesson: Lesson) -> Duration? {
        defer { self.attempt += 1 }
        self.redirection = nil
        switch lesson {
        case .none:
            return RetryPolicy.pause(after: error, isIdempotent: self.isIdempotent, attempt: self.attempt)
        case .moved:
            return self.isIdempotent && error.code == .outcomeUnknown ? .zero : nil
        case .elsewhere(let redirection):
            // The attempt itself was refused; an earlier one may have been executed.
            if self.isAnswerLost, !self.isIdempotent { return nil }
            self.redirection = redirection
            self.redirections += 1
            return self.redirections <= Self.promptRedirections
                ? .zero : RetryPolicy.backoff(self.redirections - Self.promptRedirections)
        case .later:
            if self.isAnswerLost, !self.isIdempotent { return nil }
            return min(RetryPolicy.backoff(self.attempt), .milliseconds(250))
        }
    }
}
