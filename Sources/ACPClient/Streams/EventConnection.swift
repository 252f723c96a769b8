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
    /// - Parameter onBytes: Called when something has arrived, be it a comment.
    /// - Throws: ``ACPClientError`` with code `invalidResponse` if what comes is not ACP, and what the layers below throw.
    func next(onBytes: () -> Void = {}) async throws -> Arrival? {
        while true {
            if let event = try parse() {
                guard let decoded = try decode(event) else { continue }
                return Arrival(id: event.id.flatMap { Int($0) }.flatMap { $0 >= 0 ? $0 : nil }, event: decoded)
            }
            guard let chunk = try await chunks.next() else {
                try Task.checkCancellation()
                return nil
            }
            onBytes()
            parser.append(chunk.readableBytesView)
        }
    }

    private static let whitespace = Array(" \t\r\n".utf8)

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

    /// The ACP event that an event of the stream holds, or `nil` if it is none and to be ignored.
    ///
    /// Events of ACP have no type of their own in the stream, or that of ACP. Others, such as `event: ping`, are for somebody
    /// else, as are events without data.
    private func decode(_ event: ServerSentEvent) throws(ACPClientError) -> Event? {
        guard event.data.contains(where: { !Self.whitespace.contains($0) }) else { return nil }
        let isOwnType = event.type == "message" || Event.Kind(rawValue: event.type).isKnown
        do {
            let decoded = try ACPJSON.decode(Event.self, from: event.data)
            return isOwnType || decoded.kind.isKnown ? decoded : nil
        } catch {
            guard isOwnType else { return nil }
            let start = String(decoding: event.data.prefix(120), as: UTF8.self)
            throw ACPClientError(
                .invalidResponse, "the stream holds \"\(start)\", which is no ACP event: \(error.message)", cause: error
            )
        }
    }
}

extension Event.Kind {
    /// Whether the protocol, as this version knows it, has such events.
    fileprivate var isKnown: Bool {
        switch self {
        case .runCreated, .runInProgress, .runAwaiting, .runCompleted, .runCancelled, .runFailed, .messageCreated,
            .messagePart, .messageCompleted, .generic, .error:
            true
        default: false
        }
    }
}
