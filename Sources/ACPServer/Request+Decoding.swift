// SPDX-License-Identifier: Apache-2.0

import Foundation
import HTTPTypes
import Hummingbird
import NIOCore

extension Request {
    /// Reads the body as a type. The content type is not looked at: some clients send none.
    ///
    /// - Parameters:
    ///   - type: What the body holds.
    ///   - limit: How many bytes it may have.
    ///   - values: How many keys and values it may hold.
    /// - Throws: ``ErrorAnswer``: 413 if it is larger than allowed, 415 if it is compressed, 408 if it comes too slowly, 422
    ///   if it is not the JSON that is expected, 400 if it is not even HTTP.
    func decode<Value: JSONReadable>(_ type: Value.Type, upTo limit: Int, values: Int) async throws -> Value {
        try requireIdentity()
        if let length = headers[.contentLength].flatMap(Int.init), length > limit { throw ErrorAnswer.tooLarge(limit) }
        let buffer: ByteBuffer
        do {
            buffer = try await body.collect(upTo: limit)
        } catch is NIOTooManyBytesError {
            throw ErrorAnswer.tooLarge(limit)
        } catch let error as CancellationError {
            throw error
        } catch is SlowBody {
            throw ErrorAnswer(
                .requestTimeout, .invalidInput, "the request's body came too slowly: try again",
                headers: [.connection: "close"])
        } catch {
            // Where the next request on this connection would begin, nobody knows.
            throw ErrorAnswer(
                .badRequest, .invalidInput, "the request's body cannot be read: it is not valid HTTP",
                headers: [.connection: "close"])
        }
        guard !JSONCensus.exceeds(values, in: buffer.readableBytesView) else {
            throw ErrorAnswer(
                .unprocessableContent, .invalidInput,
                "the request's body holds more than \(values) keys and values: no more are accepted (ServerLimits.maximumValues)"
            )
        }
        return try ACPJSON.decode(type, from: buffer.readableBytesView)
    }

    /// Requires a body that is not compressed or encoded in another way.
    ///
    /// - Throws: ``ErrorAnswer``: 415.
    private func requireIdentity() throws {
        guard let encodings = headers[.contentEncoding] else { return }
        for encoding in encodings.split(separator: ",") {
            guard encoding.filter({ $0 != " " && $0 != "\t" }).lowercased() != "identity" else { continue }
            throw ErrorAnswer(
                .unsupportedMediaType, .invalidInput,
                "Content-Encoding is \"\(encodings.prefix(40))\": only identity is accepted, send the body as it is",
                headers: [.acceptEncoding: "identity"])
        }
    }

    /// A whole number from the query.
    ///
    /// - Throws: ``ErrorAnswer``: 422 if it is something else, or outside the range.
    func integer(_ name: String, in range: ClosedRange<Int>) throws -> Int? {
        guard let text = uri.queryParameters[Substring(name)] else { return nil }
        guard let value = Int(text), range.contains(value) else {
            let expected =
                range.upperBound == .max ? "\(range.lowerBound) or more" : "\(range.lowerBound) to \(range.upperBound)"
            throw ErrorAnswer(
                .unprocessableContent, .invalidInput,
                "\(name)=\(text.prefix(40)) is not valid: a whole number, \(expected), is expected")
        }
        return value
    }

    /// An identifier from the query.
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
    /// An identifier from the path. One that cannot exist is one that is not there.
    func identifier<ID: ACPIdentifier>(_ name: String, as type: ID.Type) throws -> ID {
        let raw = try parameters.require(name)
        let text = raw.removingPercentEncoding ?? raw
        guard let id = ID(rawValue: text) else {
            throw ErrorAnswer(.notFound, .notFound, "\"\(text.prefix(140))\" is not a valid \(ID.rule)")
        }
        return id
    }
}

extension ErrorAnswer {
    static func tooLarge(_ limit: Int) -> ErrorAnswer {
        ErrorAnswer(
            .contentTooLarge, .invalidInput,
            "the request's body is larger than the \(limit) bytes that this server accepts")
    }
}
