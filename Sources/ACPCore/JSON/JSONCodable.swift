// SPDX-License-Identifier: Apache-2.0

/// A value that ``JSONReader`` reads.
package protocol JSONReadable: Decodable {
    /// The value of the type for null. If `nil`, which is the default, null is not a value of the type.
    static var valueOfNull: Self? { get }

    /// Reads the next value.
    ///
    /// - Throws: ``JSONFault``. If it is a fault of shape, the reader has passed the value.
    init(json reader: inout JSONReader) throws(JSONFault)
}

extension JSONReadable {
    package static var valueOfNull: Self? { nil }
}

/// A value that ``JSONWriter`` writes.
package protocol JSONWritable: Encodable {
    /// Writes the value.
    func write(to writer: inout JSONWriter) throws(JSONFault)
}

extension JSONWritable {
    /// Returns the value's JSON.
    ///
    /// - Parameter depth: The maximum depth to which arrays and objects may be nested.
    package func written(depth: Int) throws(JSONFault) -> [UInt8] {
        var writer = JSONWriter(depth: depth)
        try write(to: &writer)
        return writer.takeBytes()
    }
}

/// A value that is an object in JSON.
///
/// Its reader and its writer also implement its `Codable` conformance, for all encoders and decoders with a
/// self-describing format such as JSON and property lists. So an application's own types can hold values of this
/// package.
package protocol JSONCodable: JSONReadable, JSONWritable {}

extension JSONCodable {
    /// Creates the value from any decoder with a self-describing format.
    ///
    /// - Throws: `DecodingError`, with the path to the member that is invalid.
    public init(from decoder: any Decoder) throws {
        let value: JSONValue
        if let decoder = decoder as? ValueDecoder {
            value = decoder.value
        } else {
            value = try JSONValue(from: decoder)
        }
        do throws(JSONFault) {
            let json = try value.written(depth: ACPJSON.maximumDepth)
            self = try JSONReader.read(Self.self, from: json)
        } catch {
            throw error.decodingError(at: decoder.codingPath)
        }
    }

    /// Encodes the value to any encoder.
    ///
    /// - Throws: `EncodingError` if the value holds an infinite number, or is nested too deep.
    public func encode(to encoder: any Encoder) throws {
        let value: JSONValue
        do throws(JSONFault) {
            let json = try written(depth: ACPJSON.maximumDepth)
            value = try JSONReader.read(JSONValue.self, from: json)
        } catch {
            throw error.encodingError(self, at: encoder.codingPath)
        }
        // Not as a single value: another type may write further members into the same object.
        try value.encode(to: encoder)
    }
}

/// A value that is an object in JSON with the members that the type's fields name.
package protocol JSONDocument: JSONCodable {
    associatedtype Field: JSONField

    /// Writes one member. A member without a value is left out.
    func write(_ field: Field, to writer: inout JSONWriter) throws(JSONFault)
}

extension JSONDocument {
    package func write(to writer: inout JSONWriter) throws(JSONFault) {
        try writer.beginObject()
        try writeFields(to: &writer)
        writer.endObject()
    }

    /// Writes all members, without the braces around them.
    package func writeFields(to writer: inout JSONWriter) throws(JSONFault) {
        for field in Field.allCases { try write(field, to: &writer) }
    }
}

/// A value that is a string in JSON: its raw value.
package protocol JSONText: JSONReadable, JSONWritable, RawRepresentable where RawValue == String {
    /// Returns why a text is not a value of the type, for error messages. Contains the beginning of the text only.
    static func refusal(of text: String) -> String
}

extension JSONText {
    package init(json reader: inout JSONReader) throws(JSONFault) {
        let text = try reader.string()
        guard let value = Self(rawValue: text) else { throw JSONFault(.invalid(Self.refusal(of: text))) }
        self = value
    }

    package func write(to writer: inout JSONWriter) { writer.string(rawValue) }

    /// Creates the value from the text in any decoder.
    ///
    /// - Throws: `DecodingError`, also if the text is not a value of the type.
    public init(from decoder: any Decoder) throws {
        let text = try decoder.singleValueContainer().decode(String.self)
        guard let value = Self(rawValue: text) else {
            throw DecodingError.invalid(Self.refusal(of: text), at: decoder.codingPath)
        }
        self = value
    }

    /// Encodes the text to any encoder.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(rawValue)
    }

    package static func refusal(of text: String) -> String { "\"\(text.prefix(40))\" is not allowed here" }
}
