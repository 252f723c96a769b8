// SPDX-License-Identifier: Apache-2.0

public import NIOCore

/// A published message.
public struct RedisMessage: Hashable, Sendable {
    /// The channel that the message was published to.
    public var channel: String
    /// The pattern that matched the channel, for subscriptions to patterns. Otherwise `nil`.
    public var pattern: String?
    /// The content of the message.
    public var payload: ByteBuffer

    /// Creates a message.
    public init(channel: String, pattern: String? = nil, payload: ByteBuffer) {
        self.channel = channel
        self.pattern = pattern
        self.payload = payload
    }

    /// The payload as text, with invalid UTF-8 replaced.
    public var text: String { String(buffer: payload) }
}

/// An event of a subscription.
public enum RedisSubscriptionEvent: Hashable, Sendable {
    /// A published message.
    case message(RedisMessage)
    /// A gap: messages may be missing here, because the connection was lost and reopened, or because the reader was
    /// slow and the oldest messages were dropped.
    ///
    /// The subscription is active again when the gap is delivered: a reader that fetches the current state and then
    /// continues to read misses nothing.
    case gap
}

/// An asynchronous sequence of the messages of channels or patterns, in the order of arrival.
///
/// ```swift
/// let subscription = try await client.subscribe(to: ["orders"])
/// // No message is missed from here on: read the current state, then the messages.
/// for try await event in subscription {
///     switch event {
///     case .message(let message): handle(message)
///     case .gap: catchUp()
///     }
/// }
/// ```
///
/// The subscription survives reconnects. It ends when the client is closed, when the reading task is cancelled, after
/// ``cancel()``, and when neither it nor an iterator is referenced any longer. It supports one reader: two iterators
/// would each receive a part of the messages.
public struct RedisSubscription: AsyncSequence, Sendable {
    /// A message, or a gap.
    public typealias Element = RedisSubscriptionEvent

    private let handle: SubscriptionHandle

    init(handle: SubscriptionHandle) {
        self.handle = handle
    }

    /// Creates an iterator over the events.
    public func makeAsyncIterator() -> AsyncIterator {
        AsyncIterator(handle: handle)
    }

    /// Ends the subscription. A reader receives the buffered events and then the end.
    public func cancel() {
        handle.cancel()
    }

    /// An iterator over the events of a subscription.
    public struct AsyncIterator: AsyncIteratorProtocol {
        fileprivate let handle: SubscriptionHandle

        /// Returns the next event, or `nil` at the end.
        /// - Throws: ``RedisError`` if the server refused the subscription after a reconnect.
        public mutating func next() async throws -> RedisSubscriptionEvent? {
            let handle = self.handle
            return try await handle.buffer.next { handle.cancel() }
        }
    }
}

/// Ends the subscription when it is no longer referenced.
final class SubscriptionHandle: Sendable {
    let buffer: SubscriptionBuffer
    private let onCancel: @Sendable () -> Void

    init(buffer: SubscriptionBuffer, onCancel: @escaping @Sendable () -> Void) {
        self.buffer = buffer
        self.onCancel = onCancel
    }

    func cancel() {
        buffer.finish(nil)
        onCancel()
    }

    deinit {
        cancel()
    }
}
