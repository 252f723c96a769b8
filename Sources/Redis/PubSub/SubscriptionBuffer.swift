// SPDX-License-Identifier: Apache-2.0

import DequeModule
import NIOConcurrencyHelpers

/// A bounded buffer of events between the event loop that receives them and the task that reads them.
final class SubscriptionBuffer: Sendable {
    private typealias Reader = CheckedContinuation<RedisSubscriptionEvent?, any Error>

    private struct State {
        var events: Deque<RedisSubscriptionEvent> = []
        /// Whether messages before the oldest buffered one were dropped.
        var hasDropped = false
        var readers: Deque<Reader> = []
        var isFinished = false
        var error: RedisError?
    }

    private let limit: Int
    private let state = NIOLockedValueBox(State())

    init(limit: Int) {
        self.limit = limit
    }

    /// Adds an event. If the buffer is full, the oldest event is dropped.
    func add(_ event: RedisSubscriptionEvent) {
        let reader = self.state.withLockedValue { state -> Reader? in
            if state.isFinished { return nil }
            if let reader = state.readers.popFirst() { return reader }
            // Consecutive gaps are merged.
            if event == .gap, state.events.last == .gap || (state.events.isEmpty && state.hasDropped) { return nil }
            state.events.append(event)
            if state.events.count > limit {
                state.events.removeFirst()
                state.hasDropped = true
            }
            return nil
        }
        reader?.resume(returning: event)
    }

    /// Ends the buffer. Buffered events can still be read.
    func finish(_ error: RedisError?) {
        let readers = self.state.withLockedValue { state -> Deque<Reader> in
            guard !state.isFinished else { return [] }
            state.isFinished = true
            // If no reader is waiting, the next one receives the error.
            if state.readers.isEmpty { state.error = error }
            defer { state.readers = [] }
            return state.readers
        }
        for (index, reader) in readers.enumerated() {
            if index == 0, let error {
                reader.resume(throwing: error)
            } else {
                reader.resume(returning: nil)
            }
        }
    }

    /// Returns the next event, or `nil` at the end and if the task is cancelled.
    func next(onCancel: @Sendable () -> Void) async throws -> RedisSubscriptionEvent? {
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { (reader: Reader) in
                let result = self.state.withLockedValue { state -> Result<RedisSubscriptionEvent?, any Error>? in
                    if Task.isCancelled { return .success(nil) }
                    if state.hasDropped {
                        state.hasDropped = false
                        return .success(.gap)
                    }
                    if let event = state.events.popFirst() { return .success(event) }
                    if let error = state.error.take() { return .failure(error) }
                    if state.isFinished { return .success(nil) }
                    state.readers.append(reader)
                    return nil
                }
                if let result { reader.resume(with: result) }
            }
        } onCancel: {
            // Ends all readers, including this one.
            onCancel()
        }
    }
}
