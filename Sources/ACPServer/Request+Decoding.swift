// SPDX-License-Identifier: Apache-2.0

import Foundation
import HTTPTypes
import Hummingbird
import NIOCore

extension Request {
    /// Decodes the body. The content type is ignored, because some clients do not send one.
    ///
    /// - Parameters:
    ///   - type: The type to decode.
    ///   - limit: The maximum size of the body, in bytes.
    ///   - values: The maximum number of keys and values.
    /// - Throws: ``ErrorResponse``: 413 if the body is larger than allowed, 415 if it is compressed, 408 if it arrives
    ///   too slowly, 422 if it is not the expected JSON, 400 if it is not valid HTTP.
    func decode<Value: JSONReadable>(_ type: Value.Type, upTo limit: Int, values: Int) async throws -> Value {
        try ACPJSON.decode(type, from: try await json(upTo: limit, values: values).readableBytesView)
    }

    /// Reads a body of JSON, without decoding it. The content type is ignored.
    ///
    /// - Parameters:
    ///   - limit: The maximum size of the body, in bytes.
    ///   - values: The maximum number of keys and values.
    /// - Throws: ``ErrorResponse``: as ``decode(_:upTo:values:)``, without 422 for other reasons than the number of
    ///   values.
    package func json(upTo limit: Int, values: Int) async throws -> ByteBuffer {
        try requireIdentity()
        if let length = headers.value(of: .contentLength).flatMap(Int.init), length > limit {
            throw ErrorResponse.tooLarge(limit)
        }
        let buffer: ByteBuffer
        do {
            buffer = try await body.collect(upTo: limit)
        } catch is NIOTooManyBytesError {
            throw ErrorResponse.tooLarge(limit)
        } catch let error as CancellationError {
            throw error
        } catch is SlowBodyError {
            throw ErrorResponse(
                .requestTimeout, .invalidInput, "the request's body arrived too slowly: try again",
                headers: [.connection: "close"])
        } catch {
            // It is unknown where the next request on this connection would begin.
            throw ErrorResponse(
                .badRequest, .invalidInput, "the request's body cannot be read: it is not valid HTTP",
                headers: [.connection: "close"])
        }
        guard !JSONCensus.exceeds(values, in: buffer.readableBytesView) else {
            throw ErrorResponse(
                .unprocessableContent, .invalidInput,
                "the request's body has more than \(values) keys and values, the limit of this server (ServerLimits.maximumValues)"
            )
        }
        return buffer
    }

    /// Requires a body that is not compressed or encoded in another way.
    ///
    /// - Throws: ``ErrorResponse``: 415.
    private func requireIdentity() throws {
        guard let encodings = headers.value(of: .contentEncoding) else { return }
        for encoding in encodings.split(separator: ",") {
            guard encoding.filter({ $0 != " " && $0 != "\t" }).lowercased() != "identity" else { continue }
            throw ErrorResponse(
                .unsupportedMediaType, .invalidInput,
                "Content-Encoding is \"\(encodings.prefix(40))\", but only identity is accepted: send the body without compression",
                headers: [.acceptEncoding: "identity"])
        }
    }

    /// Returns a whole number from the query, or `nil` if the query does not have the parameter.
    ///
    /// - Throws: ``ErrorResponse``: 422 if the value is not a whole number or is outside the range.
    func integer(_ name: String, in range: ClosedRange<Int>) throws -> Int? {
        guard let text = uri.queryParameters[Substring(name)] else { return nil }
        guard let value = Int(text), range.contains(value) else {
            let expected =
                range.upperBound == .max ? "\(range.lowerBound) or more" : "\(range.lowerBound) to \(range.upperBound)"
            throw ErrorResponse(
                .unprocessableContent, .invalidInput,
                "\(name)=\(text.prefix(40)) is not valid: expected a whole number, \(expected)")
        }
        return value
    }

    /// Returns an identifier from the query, or `nil` if the query does not have the parameter.
    func identifier<ID: ACPIdentifier>(_ name: String, as type: ID.Type) throws -> ID? {
        guard let text = uri.queryParameters[Substring(name)] else { return nil }
        return try ID(validating: String(text))
    }

    /// Whether the client asks for a stream of events.
    var acceptsEventStream: Bool {
        headers[values: .accept].contains { $0.lowercased().contains("text/event-stream") }
    }
}

extension RequestContext {
    /// Returns an identifier from the path.
    ///
    /// - Throws: ``ErrorResponse``: 404 if the text is not a valid identifier, since nothing can exist under it.
    func identifier<ID: ACPIdentifier>(_ name: String, as type: ID.Type) throws -> ID {
        let raw = try parameters.require(name)
        let text = raw.removingPercentEncoding ?? raw
        guard let id = ID(rawValue: text) else {
            throw ErrorResponse(.notFound, .notFound, "\"\(text.prefix(140))\" is not a valid \(ID.rule)")
        }
        return id
    }
}

extension ErrorResponse {
    /// The response to a request whose body exceeds a number of bytes.
    static func tooLarge(_ limit: Int) -> ErrorResponse {
        ErrorResponse(
            .contentTooLarge, .invalidInput,
            "the request's body is larger than the \(limit) bytes that this server accepts")
    }
}
