// SPDX-License-Identifier: Apache-2.0

import ACPCore

extension A2A.JSONRPC {
    /// A request: a method, with its parameters.
    public struct Request: Sendable, Hashable {
        /// The identifier that the response has as well.
        public var id: ID
        /// The name of the method. See ``A2A/Method``.
        public var method: String
        /// The parameters as JSON. If `nil`, there are none.
        public var params: ArraySlice<UInt8>?

        /// Creates a request.
        public init(id: ID, method: String, params: ArraySlice<UInt8>? = nil) {
            self.id = id
            self.method = method
            self.params = params
        }

        /// Creates a request of a method of the protocol.
        ///
        /// - Throws: ``A2AError`` if the parameters cannot be written as JSON.
        public init(id: ID, method: A2A.Method, params: some A2AObject) throws(A2AError) {
            self.init(id: id, method: method.rawValue, params: try A2AJSON.encode(params)[...])
        }

        /// Reads a request. The parameters are checked to be JSON; they are read by ``params(as:)``.
        ///
        /// - Throws: ``A2A/JSONRPC/Rejection`` with code ``A2AError/Code-swift.struct/parseError`` if it is not JSON, and with
        ///   code ``A2AError/Code-swift.struct/invalidRequest`` if it is no request, or a batch of requests.
        public init(json: [UInt8]) throws(Rejection) {
            let envelope: RequestEnvelope
            do throws(A2AError) {
                envelope = try A2AJSON.read(RequestEnvelope.self, from: json)
            } catch {
                // A fault of shape is left for an object only that is none.
                let isSyntax = error.code == .parseError
                throw Rejection(
                    id: .null,
                    error: isSyntax
                        ? error : A2AError(.invalidRequest, "a request of JSON-RPC is expected, which is an object"))
            }
            guard let method = envelope.method, envelope.problem == nil else {
                throw Rejection(
                    id: envelope.id, error: A2AError(.invalidRequest, envelope.problem ?? "method is missing"))
            }
            self.init(id: envelope.id, method: method, params: envelope.params.map { json[$0] })
        }

        /// Reads the parameters.
        ///
        /// - Throws: ``A2AError`` with code ``A2AError/Code-swift.struct/invalidParams`` if a field has a wrong value, or has none
        ///   and is required.
        public func params<Params: A2AObject>(as type: Params.Type = Params.self) throws(A2AError) -> Params {
            try A2AJSON.decode(type, from: params ?? Array("{}".utf8)[...], isComplete: true)
        }

        /// The same for parameters of which it is known here that they are read directly.
        package func params<Params: ProtoObject>(as type: Params.Type = Params.self) throws(A2AError) -> Params {
            let result = (params ?? Array("{}".utf8)[...]).withUnsafeBytes { A2AJSON.result(type, from: $0) }
            let params = try result.get()
            try params.validate()
            return params
        }

        /// The request as JSON.
        public var json: [UInt8] {
            var writer = JSONWriter(depth: ACPJSON.maximumDepth)
            writer.json(#"{"jsonrpc":"2.0","id":"#.utf8)
            id.write(to: &writer)
            writer.json(#","method":"#.utf8)
            writer.string(method)
            if let params {
                writer.json(#","params":"#.utf8)
                writer.json(params)
            }
            writer.json("}".utf8)
            return writer.takeBytes()
        }
    }
}

/// The members of a request, as far as they can be read.
private struct RequestEnvelope: JSONReadable {
    var id = A2A.JSONRPC.ID.null
    var method: String?
    var params: Range<Int>?
    /// Why it is no request.
    var problem: String?

    enum Field: JSONName, JSONField {
        case jsonrpc
        case id
        case method
        case params
    }

    init(json reader: inout JSONReader) throws(JSONFault) {
        if try reader.token() == UInt8(ascii: "[") {
            try reader.skip()
            problem = "batches of requests are not supported: send each request on its own"
            return
        }
        var version = ProtoMember<String>(Field.jsonrpc)
        var id = ProtoMember<A2A.JSONRPC.ID>(Field.id)
        var method = ProtoMember<String>(Field.method)
        var params = ProtoMember<JSONPiece>(Field.params)
        try reader.beginObject()
        while let field = try reader.nextField(exactly: Field.self) {
            switch field {
            case .jsonrpc: try version.read(from: &reader)
            case .id: try id.read(from: &reader)
            case .method: try method.read(from: &reader)
            case .params: try params.read(from: &reader)
            }
        }
        self.params = params.uncheckedValue?.range
        self.method = method.uncheckedValue
        if let value = id.uncheckedValue { self.id = value }
        if version.uncheckedValue != "2.0" {
            problem = "jsonrpc must be \"2.0\""
        } else if id.isPresent && id.uncheckedValue == nil && !id.isMissing {
            problem = "id must be a string, a number without a fraction, or null"
        } else if method.uncheckedValue == nil {
            problem = method.isMissing ? "method is missing" : "method must be a string"
        }
    }

    init(from decoder: any Decoder) throws {
        throw DecodingError.dataCorrupted(
            .init(codingPath: decoder.codingPath, debugDescription: "only documents have places"))
    }
}
