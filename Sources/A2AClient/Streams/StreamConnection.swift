// SPDX-License-Identifier: Apache-2.0

import A2ACore
import ACPClient
import ACPCore
import AsyncHTTPClient
import NIOCore

/// The elements of one connection. It reads no further ahead than its buffer, so that a slow consumer slows the server
/// down.
///
/// It is a class so that the parser's buffers are not copied. It is not used concurrently: a call that opens it passes
/// it to a stream, whose single iterator owns it.
final class StreamConnection: @unchecked Sendable {
    enum Frame: Equatable {
        case element(A2A.StreamResponse, id: String?)
        /// The server reports why it ends the stream.
        case error(A2AError)
    }

    let reader: ResponseReader
    let openedAt = ContinuousClock.now
    private var chunks: HTTPClientResponse.Body.AsyncIterator
    private var parser: ServerSentEventParser

    init(_ response: HTTPClientResponse, reader: ResponseReader) {
        self.reader = reader
        chunks = response.body.makeAsyncIterator()
        parser = ServerSentEventParser(maximumEventBytes: reader.configuration.maximumResponseBytes)
    }

    /// The delay before a reconnection that the server has requested.
    var retryDelay: Duration? { parser.retryMilliseconds.map { .milliseconds(min($0, 3_600_000)) } }

    /// Returns the next frame, or `nil` at the end of the connection.
    ///
    /// - Parameter onBytes: Called when bytes have arrived, even those of a comment.
    /// - Throws: ``A2AClientError`` with code `invalidResponse` for data that is not A2A, and errors of the HTTP
    ///   client.
    func next(onBytes: () -> Void) async throws -> Frame? {
        while true {
            if let event = try parse() {
                guard let frame = try StreamFrames.frame(of: event, isJSONRPC: reader.isJSONRPC) else { continue }
                return frame
            }
            guard let chunk = try await chunks.next() else {
                try Task.checkCancellation()
                return nil
            }
            onBytes()
            parser.append(chunk.readableBytesView)
        }
    }

    private func parse() throws(A2AClientError) -> ServerSentEvent? {
        do {
            return try parser.next()
        } catch {
            throw A2AClientError(
                .invalidResponse,
                "the stream contains an event of more than \(error.limit) bytes: raise maximumResponseBytes",
                cause: error)
        }
    }
}

/// Reads the events of a stream. It does no I/O.
enum StreamFrames {
    /// Returns the frame in an event, or `nil` for events that are not part of A2A, which are ignored.
    static func frame(
        of event: ServerSentEvent, isJSONRPC: Bool
    ) throws(A2AClientError) -> StreamConnection.Frame? {
        guard event.data.contains(where: { !whitespace.contains($0) }) else { return nil }
        if event.type == "error" { return .error(error(in: event.data)) }
        do throws(A2AError) {
            var json = event.data[...]
            if isJSONRPC {
                switch try A2A.JSONRPC.Response(json: event.data).outcome {
                case .error(let error): return .error(error)
                case .result(let result): json = result
                }
            }
            let element = try A2AJSON.decode(A2A.StreamResponse.self, from: json)
            if case .unknown(let members) = element, members["error"] != nil { return .error(error(in: event.data)) }
            return .element(element, id: event.id)
        } catch {
            guard event.type == "message" else { return nil }
            let start = String(decoding: event.data.prefix(120), as: UTF8.self)
            throw A2AClientError(
                .invalidResponse, "the stream contains \"\(start)\", which is not A2A: \(error.message)", cause: error)
        }
    }

    private static let whitespace = Array(" \t\r\n".utf8)

    /// Reads an error in any of the forms that servers use.
    private static func error(in data: [UInt8]) -> A2AError {
        do throws(A2AError) {
            let response = try A2A.JSONRPC.Response(json: data)
            if case .error(let error) = response.outcome, error.code.reason != "UNKNOWN" { return error }
        } catch {
            // The data have another form.
        }
        return A2AError(httpStatus: 500, body: data)
    }
}
