// SPDX-License-Identifier: Apache-2.0

import ACPCore
import AsyncHTTPClient
import NIOCore

/// One connection's events. Reads no further ahead than its buffer, so that a slow consumer slows the server down.
///
/// A class, so that the parser's buffers are not copied as the connection is handed around; one iterator owns it.
final class EventConnection {
    /// An event with the number that the server gave it.
    struct Arrival {
        var id: Int?
        var event: Event
    }

    private var chunks: HTTPClientResponse.Body.AsyncIterator
    private var parser: ServerSentEventParser
    private let maximumBytes: Int

    init(_ response: HTTPClientResponse, maximumBytes: Int) {
        chunks = response.body.makeAsyncIterator()
        parser = ServerSentEventParser(maximumEventBytes: maximumBytes)
        self.maximumBytes = maximumBytes
    }

    /// The delay before a reconnection that the server asked for.
    var retryDelay: Duration? { parser.retryMilliseconds.map { .milliseconds(min($0, 3_600_000)) } }

    /// The next event, or nil at the end of the connection.
    ///
    /// - Throws: ``ACPClientError`` with code `invalidResponse` if what comes is not ACP, and what the layers below throw.
    func next() async throws -> Arrival? {
        while true {
            if let event = try parse() {
                return Arrival(
                    id: event.id.flatMap { Int($0) }.flatMap { $0 >= 0 ? $0 : nil }, event: try decode(event))
            }
            guard let chunk = try await chunks.next() else {
                try Task.checkCancellation()
                return nil
            }
            parser.append(chunk.readableBytesView)
        }
    }

    private func parse() throws(ACPClientError) -> ServerSentEvent? {
        do {
            return try parser.next()
        } catch {
            throw ACPClientError(
                .invalidResponse,
                "the stream holds an event of more than \(maximumBytes) bytes: raise maximumResponseBytes", cause: error
            )
        }
    }

    private func decode(_ event: ServerSentEvent) throws(ACPClientError) -> Event {
        do {
            return try ACPJSON.decode(Event.self, from: event.data)
        } catch {
            let start = String(decoding: event.data.prefix(120), as: UTF8.self)
            throw ACPClientError(
                .invalidResponse, "the stream holds \"\(start)\", which is no ACP event: \(error.message)", cause: error
            )
        }
    }
}
