// SPDX-License-Identifier: Apache-2.0

import Hummingbird
import NIOCore

/// The event that a route starts to read the body of its request. The connection then sends 100 (Continue).
struct BodyReadStarted: Sendable {}

/// A request's body whose sender waits for 100 (Continue), which is sent when the body is first read.
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
                channel.triggerUserOutboundEvent(BodyReadStarted(), promise: nil)
            }
            return try await body.next()
        }
    }
}
