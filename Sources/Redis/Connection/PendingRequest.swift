// SPDX-License-Identifier: Apache-2.0

import NIOConcurrencyHelpers
import NIOCore

/// A command, or several that are sent together, until the reply arrives.
///
/// It is resolved exactly once, by the first of these events: the reply, the deadline, the loss of the connection or
/// the cancellation of the calling task. In any case the request keeps its place in the order of replies; the reply to
/// a resolved request is dropped.
final class PendingRequest: Sendable {
    typealias Single = UnsafeContinuation<RESPValue, any Error>
    typealias Batch = UnsafeContinuation<[Result<RESPValue, RedisError>], any Error>

    enum Payload: Sendable {
        case single(RedisCommand)
        case batch([RedisCommand])
    }

    /// The caller. Unsafe continuations save an allocation per command; `State` ensures that each is resumed once.
    private enum Waiter {
        case single(Single)
        case batch(Batch)
        case callback(@Sendable (Result<RESPValue, RedisError>) -> Void)
    }

    private struct State {
        var waiter: Waiter?
        var isResolved = false
        var isSent = false
        var results: [Result<RESPValue, RedisError>] = []
    }

    let payload: Payload
    let deadline: NIODeadline
    private let state: NIOLockedValueBox<State>

    init(_ payload: Payload, deadline: NIODeadline) {
        self.payload = payload
        self.deadline = deadline
        state = NIOLockedValueBox(State())
    }

    /// Creates a request of the connection itself, such as a health check.
    init(
        _ command: RedisCommand,
        deadline: NIODeadline,
        then body: @escaping @Sendable (Result<RESPValue, RedisError>) -> Void
    ) {
        payload = .single(command)
        self.deadline = deadline
        state = NIOLockedValueBox(State(waiter: .callback(body)))
    }

    /// The number of expected replies.
    var replyCount: Int {
        switch payload {
        case .single: 1
        case .batch(let commands): commands.count
        }
    }

    // MARK: Caller

    /// Registers the caller. Returns `false` if the request was already cancelled; the caller is resumed in that case.
    func install(_ continuation: Single) -> Bool {
        install(.single(continuation))
    }

    /// Registers the caller of several commands.
    func install(_ continuation: Batch) -> Bool {
        install(.batch(continuation))
    }

    private func install(_ waiter: Waiter) -> Bool {
        let isInstalled = self.state.withLockedValue { state in
            if state.isResolved { return false }
            state.waiter = waiter
            return true
        }
        if !isInstalled { resume(waiter, with: Self.cancellation(isSent: false)) }
        return isInstalled
    }

    /// Resumes the calling task with a cancellation error.
    func cancel() {
        let (waiter, isSent) = self.state.withLockedValue { state -> (Waiter?, Bool) in
            state.isResolved = true
            return (state.waiter.take(), state.isSent)
        }
        if let waiter { resume(waiter, with: Self.cancellation(isSent: isSent)) }
    }

    private static func cancellation(isSent: Bool) -> RedisError {
        RedisError(.cancelled, "The calling task was cancelled.", mayHaveExecuted: isSent)
    }

    // MARK: Connection

    /// Marks the request as sent, before its bytes are written. Returns `false` if it is already resolved and must not
    /// be written.
    func beginSending() -> Bool {
        self.state.withLockedValue { state in
            if state.isResolved { return false }
            state.isSent = true
            return true
        }
    }

    /// Processes a reply. `isLast` indicates the last reply of the request.
    func receive(_ value: RESPValue, isLast: Bool) {
        let done = self.state.withLockedValue { state -> (Waiter, [Result<RESPValue, RedisError>])? in
            if state.isResolved { return nil }
            guard case .batch = payload else {
                state.isResolved = true
                return state.waiter.take().map { ($0, []) }
            }
            state.results.append(Self.result(value))
            guard isLast else { return nil }
            state.isResolved = true
            return state.waiter.take().map { ($0, state.results) }
        }
        guard let (waiter, results) = done else { return }
        switch waiter {
        case .single(let continuation):
            if let error = value.error {
                continuation.resume(throwing: RedisError(reply: error))
            } else {
                continuation.resume(returning: value)
            }
        case .batch(let continuation): continuation.resume(returning: results)
        case .callback(let body): body(Self.result(value))
        }
    }

    /// Fails the request. The commands of a batch that have replies keep them.
    func fail(_ error: RedisError) {
        let done = self.state.withLockedValue { state -> (Waiter, [Result<RESPValue, RedisError>])? in
            if state.isResolved { return nil }
            state.isResolved = true
            return state.waiter.take().map { ($0, state.results) }
        }
        guard case let (waiter, results)? = done else { return }
        if case .batch(let continuation) = waiter, !results.isEmpty || error.mayHaveExecuted {
            let missing = replyCount - results.count
            continuation.resume(returning: results + Array(repeating: .failure(error), count: missing))
        } else {
            resume(waiter, with: error)
        }
    }

    /// Fails the request because its deadline has passed.
    func timeOut() {
        let isIdempotent =
            switch payload {
            case .single(let command): command.isIdempotent
            case .batch(let commands): commands.allSatisfy(\.isIdempotent)
            }
        fail(isIdempotent ? .timedOutIdempotent : .timedOut)
    }

    private func resume(_ waiter: Waiter, with error: RedisError) {
        switch waiter {
        case .single(let continuation): continuation.resume(throwing: error)
        case .batch(let continuation): continuation.resume(throwing: error)
        case .callback(let body): body(.failure(error))
        }
    }

    private static func result(_ value: RESPValue) -> Result<RESPValue, RedisError> {
        if let error = value.error { .failure(RedisError(reply: error)) } else { .success(value) }
    }
}
