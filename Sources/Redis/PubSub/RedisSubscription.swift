// SPDX-License-Identifier: Apache-2.0

public import NIOCore

/// A published message.
public struct RedisMessage: Hashable, Sendable {
    /// The channel that it was published to.
    public var channel: String
    /// The pattern that matched the channel, for subscriptions to patterns.
    public var pattern: String?
    /// What was published.
    public var payload: ByteBuffer

    /// Makes a message.
    public init(channel: String, pattern: String? = nil, payload: ByteBuffer) {
        self.channel = channel
        self.pattern = pattern
        self.payload = payload
    }

    /// The payload as text, with invalid UTF-8 replaced.
    public var text: String { String(buffer: payload) }
}

/// What a reader of a subscription gets.
public enum RedisSubscriptionEvent: Hashable, Sendable {
    /// A message was published.
    case message(RedisMessage)
    /// Messages may be missing here: the connection was lost and has come back, or the reader was so slow that the
    /// oldest messages were dropped. The subscription is in force again when this comes, so a reader that now looks up
    /// the current state, and goes on reading, misses nothing.
    case gap
}

/// Published messages of some channels or patterns, in the order in which they came.
///
/// ```swift
/// let subscription = try await client.subscribe(to: ["orders"])
/// // From here on nothing is missed: read what is there already, then what comes.
/// for try await event in subscription {
///     switch event {
///     case .message(let message): handle(message)
///     case .gap: catchUp()
///     }
/// }
/// ```
///
/// The subscription survives reconnects. It ends when the client is closed, when the reading task is cancelled, after
/// ``cancel()``, and when neither it nor an iterator is referenced any more. It is for one reader: two iterators would
/// share the messages among them.
public struct RedisSubscription: AsyncSequence, Sendable {
    /// A message, or a gap.
    public typealias Element = RedisSubscriptionEvent

    private let handle: SubscriptionHandle

    init(handle: SubscriptionHandle) {
        self.handle = handle
    }

    /// Reads the events.
    public func makeAsyncIterator() -> AsyncIterator {
        AsyncIterator(handle: handle)
    }

    /// Unsubscribes. A reader gets what is buffered still, and then the end.
    public func cancel() {
        handle.cancel()
    }

    /// Reads the events of a subscription.
    public struct AsyncIterator: AsyncIteratorProtocol {
        fileprivate let handle: SubscriptionHandle

        /// The next event, or nil at the end.
        /// - Throws: ``RedisError`` if the server refused the subscription after a reconnect.
        public mutating func next() async throws -> RedisSubscriptionEvent? {
            let handle = self.handle
            return try await handle.buffer.next { handle.cancel() }
        }
    }
}

/// Ends the subscription when nobody refers to it any more.
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
