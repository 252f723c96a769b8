// SPDX-License-Identifier: Apache-2.0

import ACPCore
import AsyncHTTPClient
import NIOCore

/// The events of one connection. It reads no further ahead than its buffer, so that a slow consumer slows the server
/// down.
///
/// It is a class so that the parser's buffers are not copied; a single iterator owns it.
final class EventConnection {
    /// An event with the index that the server has sent as its id.
    struct ReceivedEvent {
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

    /// The delay before a reconnection that the server has requested.
    var retryDelay: Duration? { parser.retryMilliseconds.map { .milliseconds(min($0, 3_600_000)) } }

    /// Returns the next event, or `nil` at the end of the connection.
    ///
    /// - Parameter onBytes: Called when bytes have arrived, even those of a comment.
    /// - Throws: ``ACPClientError`` with code `invalidResponse` for data that is not ACP, and errors of the HTTP
    ///   client.
    func next(onBytes: () -> Void = {}) async throws -> ReceivedEvent? {
        while true {
            if let event = try parse() {
                guard let decoded = try decode(event) else { continue }
                return ReceivedEvent(id: event.id.flatMap { Int($0) }.flatMap { $0 >= 0 ? $0 : nil }, event: decoded)
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
                "the stream contains an event of more than \(maximumBytes) bytes: raise maximumResponseBytes",
                cause: error
            )
        }
    }

    /// Decodes the ACP event in an event of the stream. Returns `nil` for other events, which are ignored.
    ///
    /// ACP events have no type in the stream, or the type of the ACP event. Events with other types, such as `event:
    /// ping`, and events without data are not part of ACP.
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
                .invalidResponse, "the stream contains \"\(start)\", which is not an ACP event: \(error.message)",
                cause: error
            )
        }
    }
}

extension Event.Kind {
    /// Whether this version of the package knows the kind.
    fileprivate var isKnown: Bool {
        switch self {
        case .runCreated, .runInProgress, .runAwaiting, .runCompleted, .runCancelled, .runFailed, .messageCreated,
            .messagePart, .messageCompleted, .generic, .error:
            true
        default: false
        }
    }
}
