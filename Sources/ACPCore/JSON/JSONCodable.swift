// SPDX-License-Identifier: Apache-2.0

/// A value that ``JSONReader`` reads.
package protocol JSONReadable: Decodable {
    /// What a null that is a value of the type becomes. If `nil`, which is the default, null is no value of the type.
    static var valueOfNull: Self? { get }

    /// Reads the value that comes next.
    ///
    /// - Throws: ``JSONFault``. If it is one of shape, the reader has passed the value.
    init(json reader: inout JSONReader) throws(JSONFault)
}

extension JSONReadable {
    package static var valueOfNull: Self? { nil }
}

/// A value that ``JSONWriter`` writes.
package protocol JSONWritable: Encodable {
    func write(to writer: inout JSONWriter) throws(JSONFault)
}

extension JSONWritable {
    /// The value's JSON.
    ///
    /// - Parameter depth: How deeply arrays and objects may be nested in it.
    package func written(depth: Int) throws(JSONFault) -> [UInt8] {
        var writer = JSONWriter(depth: depth)
        try write(to: &writer)
        return writer.takeBytes()
    }
}

/// A value that is an object in JSON.
///
/// Its reader and its writer are its `Codable` conformance as well: with any encoder and decoder whose format says what kind of
/// value comes next, as JSON and property lists do. Types of an application can so hold values of this package.
package protocol JSONCodable: JSONReadable, JSONWritable {}

extension JSONCodable {
    /// Reads the value from any decoder whose format is self-describing.
    ///
    /// - Throws: `DecodingError`, with the path to what is wrong.
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

    /// Writes the value to any encoder.
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
        // Not as a single value: a type may write members of its own into the same object.
        try value.encode(to: encoder)
    }
}

/// A value that is an object in JSON whose members are fields of the type.
package protocol JSONDocument: JSONCodable {
    associatedtype Field: JSONField

    /// Writes one member. One that has no value is left out.
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
    /// Why a text is no value of the type, for errors. Shows the beginning of the text only.
    static func refusal(of text: String) -> String
}

extension JSONText {
    package init(json reader: inout JSONReader) throws(JSONFault) {
        let text = try reader.string()
        guard let value = Self(rawValue: text) else { throw JSONFault(.invalid(Self.refusal(of: text))) }
        self = value
    }

    package func write(to writer: inout JSONWriter) { writer.string(rawValue) }

    /// Reads the text from any decoder.
    ///
    /// - Throws: `DecodingError`, also if the text is no value of the type.
    public init(from decoder: any Decoder) throws {
        let text = try decoder.singleValueContainer().decode(String.self)
        guard let value = Self(rawValue: text) else {
            throw DecodingError.invalid(Self.refusal(of: text), at: decoder.codingPath)
        }
        self = value
    }

    /// Writes the text to any encoder.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(rawValue)
    }

    package static func refusal(of text: String) -> String { "\"\(text.prefix(40))\" is not allowed here" }
}
