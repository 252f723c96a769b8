// SPDX-License-Identifier: Apache-2.0

import A2ACore
import ACPServer
import HTTPTypes
import Hummingbird
import NIOCore

extension Operations {
    /// Returns a response that streams the events of a task.
    func response(
        of stream: TaskService.Stream, _ encoder: some StreamEncoder, to request: Request,
        _ context: some RequestContext
    ) -> Response {
        let logger = context.logger
        return EventStream.response(
            of: stream.run, in: environment.engine, from: stream.offset, until: stream.end,
            keepAlive: environment.keepAlive, format: TaskStreamFormat(stream, encoder), headers: [:],
            maximumBytes: environment.configuration.callers.maximumStreamBytes
        ) { [failureLogger = environment.failureLogger] in
            failureLogger.log($0, request, to: logger)
        }
    }
}

/// Encodes the elements of a stream, in the form of a binding.
protocol StreamEncoder: Sendable {
    /// Returns an element as JSON. If `nil`, the binding does not have such an element.
    func encode(_ response: A2A.StreamResponse) throws(A2AError) -> [UInt8]?

    /// Returns the error after which a stream ends as JSON.
    func encode(_ error: A2AError) -> [UInt8]
}

struct PlainStreamEncoder: StreamEncoder {
    func encode(_ response: A2A.StreamResponse) throws(A2AError) -> [UInt8]? { try A2AJSON.write(response) }
    func encode(_ error: A2AError) -> [UInt8] { error.httpBody() }
}

struct JSONRPCStreamEncoder: StreamEncoder {
    let id: A2A.JSONRPC.ID
    private let envelope: A2A.JSONRPC.ResponseEnvelope

    init(id: A2A.JSONRPC.ID) {
        self.id = id
        envelope = A2A.JSONRPC.ResponseEnvelope(id: id)
    }

    func encode(_ response: A2A.StreamResponse) throws(A2AError) -> [UInt8]? { try envelope.response(response) }
    func encode(_ error: A2AError) -> [UInt8] { A2A.JSONRPC.response(to: id, error: error) }
}

/// Streams the events of a run as the elements that A2A makes of them.
///
/// An event that has several elements gives only the last of them its number as the id, so that a client which has
/// received a part of them gets all again.
struct TaskStreamFormat<Encoder: StreamEncoder>: EventStreamFormat {
    private let first: (eventID: Int, response: A2A.StreamResponse)?
    private var events: TaskEvents
    private let encoder: Encoder

    init(_ stream: TaskService.Stream, _ encoder: Encoder) {
        first = stream.first
        events = stream.events
        self.encoder = encoder
    }

    func begin(to writer: any ResponseBodyWriter) async throws {
        guard let first, let json = try encoder.encode(first.response) else { return }
        var buffer = ByteBuffer()
        buffer.reserveCapacity(json.count + 32)
        buffer.write(json, id: first.eventID < 0 ? nil : first.eventID)
        var writer = PieceWriter(base: writer)
        try await writer.write(buffer)
    }

    mutating func write(_ batch: RunEvents.Batch, to writer: any ResponseBodyWriter) async throws -> Bool {
        var writer = PieceWriter(base: writer)
        var buffer = ByteBuffer()
        var hasWritten = false
        for (index, event) in zip(batch.offset..., batch.events) {
            let elements = try events.responses(to: event, at: index)
            for (position, element) in elements.enumerated() {
                guard let json = try encoder.encode(element) else { continue }
                buffer.write(json, id: position == elements.count - 1 ? index : nil)
                hasWritten = true
            }
            guard buffer.readableBytes >= PieceWriter.size else { continue }
            try await writer.write(buffer)
            buffer.clear()
        }
        if buffer.readableBytes > 0 { try await writer.write(buffer) }
        return hasWritten
    }

    func failure(for error: any Error) -> ErrorResponse? {
        switch error {
        case is RunEngineError, is ACPError: ErrorResponse(error)
        case let error as A2AError:
            ErrorResponse(.internalServerError, ACPError(.serverError, error.message), cause: error)
        default: nil
        }
    }

    func encode(_ failure: ErrorResponse) -> ByteBuffer {
        var buffer = ByteBuffer(string: "event: error\n")
        buffer.write(encoder.encode((failure.cause as? A2AError) ?? A2AFailure(converting: failure).error), id: nil)
        return buffer
    }
}

extension ByteBuffer {
    /// Writes an event of a stream.
    fileprivate mutating func write(_ json: [UInt8], id: Int?) {
        if let id {
            writeStaticString("id: ")
            writeString(String(id))
            writeStaticString("\n")
        }
        writeStaticString("data: ")
        writeBytes(json)
        writeStaticString("\n\n")
    }
}
