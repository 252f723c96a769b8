// SPDX-License-Identifier: Apache-2.0

import ACPCore

extension A2A.JSONRPC {
    /// A response as a client receives it.
    public struct Response: Sendable, Hashable {
        /// What a response tells.
        public enum Outcome: Sendable, Hashable {
            /// The request has succeeded, with a result as JSON.
            case result(ArraySlice<UInt8>)
            /// The request has failed.
            case error(A2AError)
        }

        /// The identifier of the request.
        public var id: ID
        /// What the response tells.
        public var outcome: Outcome

        /// Creates a response.
        public init(id: ID, outcome: Outcome) {
            self.id = id
            self.outcome = outcome
        }

        /// Reads a response.
        ///
        /// - Throws: ``A2AError`` with code ``A2AError/Code-swift.struct/invalidAgentResponse`` if it is not JSON, or is no
        ///   response.
        public init(json: [UInt8]) throws(A2AError) {
            let envelope: ResponseMembers
            do throws(A2AError) {
                envelope = try A2AJSON.read(ResponseMembers.self, from: json)
            } catch {
                throw A2AError(.invalidAgentResponse, "a response of JSON-RPC is expected: \(error.message)")
            }
            if let error = envelope.error {
                let object = error.objectValue ?? ["message": error]
                self.init(id: envelope.id, outcome: .error(A2AError(jsonRPC: object)))
            } else if let result = envelope.result {
                self.init(id: envelope.id, outcome: .result(json[result]))
            } else {
                throw A2AError(
                    .invalidAgentResponse, "a response of JSON-RPC is expected, which has a result or an error")
            }
        }

        /// Reads the result.
        ///
        /// - Throws: The error of the response, or ``A2AError`` with code
        ///   ``A2AError/Code-swift.struct/invalidAgentResponse`` if the result has another form.
        public func result<Value: A2AObject>(as type: Value.Type = Value.self) throws(A2AError) -> Value {
            switch outcome {
            case .error(let error): throw error
            case .result(let json):
                do throws(A2AError) {
                    return try A2AJSON.decode(type, from: json)
                } catch {
                    throw A2AError(.invalidAgentResponse, "the result cannot be read: \(error.message)")
                }
            }
        }
    }
}

/// The members of a response.
private struct ResponseMembers: JSONReadable {
    var id: A2A.JSONRPC.ID
    var result: Range<Int>?
    var error: JSONValue?

    enum Field: JSONName, JSONField {
        case id
        case result
        case error
    }

    init(json reader: inout JSONReader) throws(JSONFault) {
        var id = ProtoMember<A2A.JSONRPC.ID>(Field.id)
        var result: JSONPiece?
        var error = ProtoMember<JSONValue>(Field.error)
        try reader.beginObject()
        while let field = try reader.nextField(exactly: Field.self) {
            switch field {
            case .id: try id.read(from: &reader)
            // Not as a member: null is a result.
            case .result: result = try JSONPiece(json: &reader)
            case .error: try error.read(from: &reader)
            }
        }
        self.id = id.uncheckedValue ?? .null
        self.result = result?.range
        self.error = error.uncheckedValue
    }

    init(from decoder: any Decoder) throws {
        throw DecodingError.dataCorrupted(
            .init(codingPath: decoder.codingPath, debugDescription: "only documents have places"))
    }
}
