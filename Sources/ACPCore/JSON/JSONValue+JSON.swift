// SPDX-License-Identifier: Apache-2.0

import Foundation

extension JSONValue: JSONReadable, JSONWritable {
    package static var valueOfNull: JSONValue? { .some(.null) }

    package init(json reader: inout JSONReader) throws(JSONFault) {
        switch try reader.token() {
        case UInt8(ascii: "{"): self = .object(try JSONObject(json: &reader))
        case UInt8(ascii: "["): self = .array(try [JSONValue](json: &reader))
        case UInt8(ascii: "\""): self = .string(try reader.string())
        case UInt8(ascii: "t"):
            try reader.take(literal: "true")
            self = .bool(true)
        case UInt8(ascii: "f"):
            try reader.take(literal: "false")
            self = .bool(false)
        case UInt8(ascii: "n"):
            try reader.take(literal: "null")
            self = .null
        default: self = try reader.number()
        }
    }

    package func write(to writer: inout JSONWriter) throws(JSONFault) {
        switch self {
        case .null: writer.null()
        case .bool(let value): writer.bool(value)
        case .integer(let value): writer.integer(value)
        case .unsigned(let value): writer.integer(value)
        case .largeInteger(let value): writer.digits(value.description)
        case .number(let value): try writer.number(value)
        case .string(let value): writer.string(value)
        case .array(let elements): try writer.array(elements)
        case .object(let members): try members.write(to: &writer)
        }
    }
}

extension JSONObject: JSONReadable, JSONWritable {
    package init(json reader: inout JSONReader) throws(JSONFault) {
        self.init()
        try reader.beginObject()
        while let name = try reader.nextName() { self[name] = try JSONValue(json: &reader) }
    }

    package func write(to writer: inout JSONWriter) throws(JSONFault) {
        try writer.beginObject()
        try writer.members(self)
        writer.endObject()
    }
}

// MARK: - Codable

extension JSONValue: Codable {
    /// Creates a value from any decoder.
    ///
    /// Decoders other than ``ACPJSON`` may round integers that do not fit into 64 bits, and may change the order of
    /// members.
    ///
    /// - Throws: `DecodingError`.
    public init(from decoder: any Decoder) throws {
        // Containers come first: one failed attempt costs less than a failed attempt for each type of scalar.
        if (try? decoder.container(keyedBy: AnyCodingKey.self)) != nil {
            self = .object(try JSONObject(from: decoder))
            return
        }
        if var container = try? decoder.unkeyedContainer() {
            var elements: [JSONValue] = []
            while !container.isAtEnd { elements.append(try container.decode(JSONValue.self)) }
            self = .array(elements)
            return
        }
        let container = try decoder.singleValueContainer()
        if container.decodeNil() {
            self = .null
        } else if let value = try? container.decode(String.self) {
            self = .string(value)
        } else if let value = try? container.decode(Bool.self) {
            self = .bool(value)
        } else if let value = try? container.decode(Int64.self) {
            self = .integer(value)
        } else if let value = try? container.decode(UInt64.self) {
            // 9223372036854775807.0 fits into both types, but is decoded as unsigned only.
            self = Int64(exactly: value).map(JSONValue.integer) ?? .unsigned(value)
        } else if let value = try? container.decode(Double.self) {
            self = .number(value)
        } else {
            throw DecodingError.invalid(
                "this is not a JSON value, or a number out of range", at: decoder.codingPath)
        }
    }

    /// Encodes the value to any encoder.
    ///
    /// - Throws: `EncodingError` if the value is a large integer with more digits than the encoder supports.
    public func encode(to encoder: any Encoder) throws {
        switch self {
        case .object(let members): try members.encode(to: encoder)
        case .array(let elements):
            var container = encoder.unkeyedContainer()
            for element in elements { try container.encode(element) }
        case .null:
            var container = encoder.singleValueContainer()
            try container.encodeNil()
        case .bool(let value):
            var container = encoder.singleValueContainer()
            try container.encode(value)
        case .integer(let value):
            var container = encoder.singleValueContainer()
            try container.encode(value)
        case .unsigned(let value):
            var container = encoder.singleValueContainer()
            try container.encode(value)
        case .largeInteger(let value):
            // Only ACPJSON supports any number of digits.
            guard let number = Decimal(string: value.description, locale: nil), "\(number)" == value.description else {
                throw EncodingError.invalidValue(
                    value, .init(codingPath: encoder.codingPath, debugDescription: "the integer has too many digits"))
            }
            var container = encoder.singleValueContainer()
            try container.encode(number)
        case .number(let value):
            var container = encoder.singleValueContainer()
            try container.encode(value)
        case .string(let value):
            var container = encoder.singleValueContainer()
            try container.encode(value)
        }
    }
}

extension JSONObject: Codable {
    /// Creates an object from any decoder. Decoders other than ``ACPJSON`` may change the order of members.
    ///
    /// - Throws: `DecodingError` if the value is not an object.
    public init(from decoder: any Decoder) throws {
        self.init()
        let container = try decoder.container(keyedBy: AnyCodingKey.self)
        for key in container.allKeys { self[key.stringValue] = try container.decode(JSONValue.self, forKey: key) }
    }

    /// Encodes the members to any encoder.
    ///
    /// - Throws: `EncodingError` if a value has more digits than the encoder supports.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: AnyCodingKey.self)
        for (name, value) in self { try container.encode(value, forKey: AnyCodingKey(name)) }
    }
}
