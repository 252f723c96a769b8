// SPDX-License-Identifier: Apache-2.0

import Hummingbird
import NIOCore

/// A route reads the body of its request: the event that a connection waits for before it sends 100.
struct BodyIsRead: Sendable {}

/// A request's body whose sender waits for 100, which is sent when somebody begins to read.
struct ExpectedBody: AsyncSequence, Sendable {
    let body: RequestBody
    let channel: any Channel

    func makeAsyncIterator() -> Iterator { Iterator(body: body.makeAsyncIterator(), channel: channel) }

    struct Iterator: AsyncIteratorProtocol {
        var body: RequestBody.AsyncIterator
        var channel: (any Channel)?

        mutating func next() async throws -> ByteBuffer? {
            if let channel {
                self.channel = nil
                channel.triggerUserOutboundEvent(BodyIsRead(), promise: nil)
            }
            return try await body.next()
        }
    }
}
