// SPDX-License-Identifier: Apache-2.0

import HTTPTypes
import Hummingbird
import NIOCore
import ServiceLifecycle

/// Streams a run's events as server-sent events.
package enum EventStream {
    /// Returns a response that streams a run's events as they are committed.
    ///
    /// A client that reads slowly delays only its own stream: further events are read when it has accepted the previous
    /// ones. A client that disconnects ends its stream, not the run.
    ///
    /// - Parameters:
    ///   - offset: The index of the first event.
    ///   - format: Writes the events.
    ///   - headers: Headers of the response beside those of all streams.
    ///   - maximumBytes: The size of the events after which the stream ends, so that its client reconnects for the rest.
    ///     Defaults to no limit.
    ///   - onFailure: Called when the stream ends with an error.
    package static func response(
        of run: RunID, in engine: RunEngine, from offset: Int, until end: RunEvents.StopCondition,
        keepAlive: KeepAliveTimer, format: some EventStreamFormat, headers: HTTPFields, maximumBytes: Int? = nil,
        onFailure: @escaping @Sendable (ErrorResponse) -> Void
    ) -> Response {
        var headers = headers
        headers[.contentType] = "text/event-stream"
        headers[.cacheControl] = "no-store"
        // Some proxies would otherwise buffer events.
        headers[.accelBuffering] = "no"
        let body = ResponseBody { writer in
            let stream = keepAlive.add()
            defer { keepAlive.remove(stream) }
            var format = format
            do {
                try await withGracefulShutdownHandler {
                    try await format.begin(to: writer)
                    var events = engine.follow(run, from: offset, until: end, wake: stream.wake).makeAsyncIterator()
                    var closingWakes = 0
                    var remaining = maximumBytes ?? .max
                    while let batch = try await events.next() {
                        if !batch.events.isEmpty {
                            closingWakes = 0
                            if try await format.write(batch, to: writer) { keepAlive.wrote(stream) }
                            remaining -= batch.events.reduce(0) { $0 + $1.json.count }
                            if remaining <= 0 { break }
                        } else if !keepAlive.isClosing {
                            guard keepAlive.isDue(stream) else { continue }
                            try await writer.write(ByteBuffer(string: ": keep-alive\n\n"))
                            keepAlive.wrote(stream)
                        } else {
                            closingWakes += 1
                            // Runs of this process have ended by now, and their streams end by themselves. This run
                            // waits for another process or for an answer: its client reconnects to another process for
                            // the rest.
                            if closingWakes > 1, try await !engine.fetchRun(run).status.isTerminal { break }
                        }
                    }
                } onGracefulShutdown: {
                    keepAlive.close()
                }
            } catch {
                guard let failure = format.failure(for: error) else { throw error }
                onFailure(failure)
                try await writer.write(format.encode(failure))
            }
            try await writer.finish(nil)
        }
        return Response(status: .ok, headers: headers, body: body)
    }
}

/// How a stream writes the events of a run.
package protocol EventStreamFormat: Sendable {
    /// Writes what precedes the events.
    mutating func begin(to writer: any ResponseBodyWriter) async throws

    /// Writes consecutive events, of which there is at least one.
    ///
    /// - Returns: Whether anything was written. A format may leave events out.
    mutating func write(_ batch: RunEvents.Batch, to writer: any ResponseBodyWriter) async throws -> Bool

    /// Returns the failure with which a stream ends after an error. If `nil`, the connection is closed, because nothing
    /// can be written to it any more.
    func failure(for error: any Error) -> ErrorResponse?

    /// Returns the last event of a stream that cannot continue.
    func encode(_ failure: ErrorResponse) -> ByteBuffer
}

/// Streams events as ACP defines them: each in its stored form.
struct ACPEventFormat: EventStreamFormat {
    func begin(to writer: any ResponseBodyWriter) async throws {}

    /// Writes events in pieces, each when the client has accepted the previous ones. Only one piece of a large event is
    /// copied for a client: the rest is shared with all others that read it.
    func write(_ batch: RunEvents.Batch, to writer: any ResponseBodyWriter) async throws -> Bool {
        var writer = PieceWriter(base: writer)
        var first = 0
        var size = 0
        for (position, event) in batch.events.enumerated() {
            if event.json.count >= PieceWriter.size || size >= PieceWriter.size {
                if first < position { try await writer.write(encode(batch, first..<position)) }
                (first, size) = (position, 0)
            }
            guard event.json.count >= PieceWriter.size else {
                size += event.json.count
                continue
            }
            try await writer.write(ByteBuffer(string: "id: \(batch.offset + position)\ndata: "))
            try await writer.write(bytes: event.json)
            try await writer.write(ByteBuffer(string: "\n\n"))
            first = position + 1
        }
        if first < batch.events.count { try await writer.write(encode(batch, first..<batch.events.count)) }
        return true
    }

    /// Encodes events, each with its index as the id, which a client sends back as `Last-Event-ID` when it reconnects.
    private func encode(_ batch: RunEvents.Batch, _ positions: Range<Int>) -> ByteBuffer {
        let events = batch.events[positions]
        var buffer = ByteBuffer()
        buffer.reserveCapacity(events.reduce(0) { $0 + $1.json.count + 24 })
        for (position, event) in zip(positions, events) {
            buffer.writeStaticString("id: ")
            buffer.writeString(String(batch.offset + position))
            buffer.writeStaticString("\ndata: ")
            buffer.writeBytes(event.json)
            buffer.writeStaticString("\n\n")
        }
        return buffer
    }

    func failure(for error: any Error) -> ErrorResponse? { (error as? RunEngineError).map { ErrorResponse($0) } }

    /// Encodes the failure as an event. It has no id, because it is not an event of the run.
    func encode(_ failure: ErrorResponse) -> ByteBuffer {
        var buffer = ByteBuffer(string: "data: ")
        buffer.writeBytes((try? ACPJSON.encode(Event.error(failure.error))) ?? [])
        buffer.writeStaticString("\n\n")
        return buffer
    }
}
