// SPDX-License-Identifier: Apache-2.0

import ACPCore

extension A2A {
    /// The messages of JSON-RPC 2.0 that the protocol uses. There are no batches.
    public enum JSONRPC {
        /// The identifier by which a response belongs to its request.
        public enum ID: Sendable, Hashable {
            /// A text.
            case string(String)
            /// A number without a fraction.
            case integer(Int64)
            /// None. Requests that have none are responded to as if they had `null`.
            case null
        }

        /// A request that is refused before its method is called, with what the response needs.
        public struct Rejection: Error, Sendable, Hashable {
            /// The identifier of the request, as far as it could be read.
            public var id: ID
            /// Why it is refused.
            public var error: A2AError

            /// Creates a rejection.
            public init(id: ID, error: A2AError) {
                self.id = id
                self.error = error
            }

            /// The response as JSON.
            public var response: [UInt8] { JSONRPC.response(to: id, error: error) }
        }

        /// Returns the response to a request that has succeeded, as JSON.
        ///
        /// - Parameters:
        ///   - id: The identifier of the request.
        ///   - result: The result as JSON. It is not checked.
        public static func response(to id: ID, result: some Collection<UInt8>) -> [UInt8] {
            ResponseEnvelope(id: id).wrap(result)
        }

        /// Returns the response to a request that has failed, as JSON.
        ///
        /// - Parameters:
        ///   - id: The identifier of the request.
        ///   - error: Why it has failed.
        public static func response(to id: ID, error: A2AError) -> [UInt8] {
            var json = Array(#"{"jsonrpc":"2.0","id":"#.utf8)
            json += id.json
            json += Array(#","error":"#.utf8)
            json += error.json(\.jsonRPCObject)
            json.append(UInt8(ascii: "}"))
            return json
        }

        /// What stands around the results of one request. A stream has many of them.
        public struct ResponseEnvelope: Sendable {
            private let id: ID

            /// Creates the envelope of the responses to a request.
            public init(id: ID) { self.id = id }

            /// Returns a response as JSON.
            ///
            /// - Parameter result: The result as JSON. It is not checked.
            public func wrap(_ result: some Collection<UInt8>) -> [UInt8] {
                var writer = JSONWriter(depth: 1)
                writeStart(to: &writer)
                writer.json(result)
                writer.json("}")
                return writer.takeBytes()
            }

            /// Returns a response as JSON, with a result that is written directly into it.
            ///
            /// - Throws: ``A2AError`` if the result cannot be written as JSON.
            package func response(_ result: some JSONWritable) throws(A2AError) -> [UInt8] {
                try A2AJSON.write { (writer) throws(JSONFault) in
                    writeStart(to: &writer)
                    try result.write(to: &writer)
                    writer.json("}")
                }
            }

            private func writeStart(to writer: inout JSONWriter) {
                writer.json(#"{"jsonrpc":"2.0","id":"#)
                id.write(to: &writer)
                writer.json(#","result":"#)
            }
        }
    }
}

extension A2A.JSONRPC.ID: JSONReadable, JSONWritable {
    package init(json reader: inout JSONReader) throws(JSONFault) {
        switch try reader.token() {
        case UInt8(ascii: "\""): self = .string(try reader.string())
        case UInt8(ascii: "n"):
            guard try reader.skipNull() else { throw Self.refusal }
            self = .null
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"):
            guard case .integer(let number) = try reader.number() else { throw Self.refusal }
            self = .integer(number)
        default:
            try reader.skip()
            throw Self.refusal
        }
    }

    private static var refusal: JSONFault {
        JSONFault(.invalid("a string, a number without a fraction, or null is expected"))
    }

    package func write(to writer: inout JSONWriter) {
        switch self {
        case .string(let text): writer.string(text)
        case .integer(let number): writer.integer(number)
        case .null: writer.null()
        }
    }

    /// The identifier as JSON.
    var json: [UInt8] {
        var writer = JSONWriter(depth: 1)
        write(to: &writer)
        return writer.takeBytes()
    }

    /// Reads an identifier from any decoder.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if container.decodeNil() {
            self = .null
        } else if let number = try? container.decode(Int64.self) {
            self = .integer(number)
        } else {
            self = .string(try container.decode(String.self))
        }
    }

    /// Writes the identifier to any encoder.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        switch self {
        case .string(let text): try container.encode(text)
        case .integer(let number): try container.encode(number)
        case .null: try container.encodeNil()
        }
    }
}
