// SPDX-License-Identifier: Apache-2.0

import HTTPTypes
import Hummingbird
import NIOCore
import Synchronization

/// The error with which a response is interrupted, so that the connection ends before the response is complete.
public struct Cut: Error {
    /// Creates the error.
    public init() {}
}

/// Returns a response with a text.
public func text(_ text: String, type: String = "text/html", status: HTTPResponse.Status = .ok) -> Response {
    Response(status: status, headers: [.contentType: type], body: .init(byteBuffer: ByteBuffer(string: text)))
}

/// The number of events that a client has read. A lost connection can lose events that its client has not read yet.
public final class Tally: Sendable {
    private let events = Mutex(0)

    /// Creates a count of 0.
    public init() {}

    /// The number so far.
    public var count: Int { events.withLock { $0 } }

    /// Counts an event.
    public func add() { events.withLock { $0 += 1 } }

    /// Waits until a number of events were read.
    public func wait(for count: Int) async throws {
        let deadline = ContinuousClock.now + .seconds(30)
        while events.withLock({ $0 < count }) {
            guard .now < deadline else { throw Overdue(count: count) }
            try await Task.sleep(for: .milliseconds(1))
        }
    }
}

/// The error of a client that has not read enough events in time.
public struct Overdue: Error {
    /// The number of events.
    public let count: Int
}

/// Returns a stream of pieces, which can be interrupted at once or when the client has read a number of events.
public func eventStream(
    _ pieces: [String], headers: HTTPFields = [:], cut: Bool = false, cutAfter: (tally: Tally, count: Int)? = nil
) -> Response {
    var headers = headers
    headers[.contentType] = "text/event-stream; charset=utf-8"
    return Response(
        status: .ok, headers: headers,
        body: ResponseBody { writer in
            for piece in pieces { try await writer.write(ByteBuffer(string: piece)) }
            try await cutAfter?.tally.wait(for: cutAfter?.count ?? 0)
            if cut || cutAfter != nil { throw Cut() }
            try await writer.finish(nil)
        })
}
