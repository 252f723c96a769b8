// SPDX-License-Identifier: Apache-2.0

/// Any JSON value, kept exactly enough to be given back as it came.
///
/// ACP lets clients and agents attach keys of their own to message parts, metadata and annotations, and leaves the
/// content of generic events free. `JSONValue` carries all of that without knowing what it means.
///
/// ```swift
/// let progress: JSONValue = ["step": 3, "of": 10, "label": "reading"]
/// progress["step"]?.intValue  // 3
/// ```
public enum JSONValue: Sendable, Hashable {
    case null
    case bool(Bool)
    /// A number without a fraction that fits a signed 64-bit integer.
    case integer(Int64)
    /// A number without a fraction that is too large for `integer`, but fits an unsigned 64-bit integer.
    case unsigned(UInt64)
    /// Any other number.
    case number(Double)
    case string(String)
    case array([JSONValue])
    case object(JSONObject)
}

/// A JSON object: string keys and any values, in no particular order.
public typealias JSONObject = [String: JSONValue]

extension JSONValue {
    /// The string, or nil if this is something else.
    public var stringValue: String? {
        if case .string(let value) = self { value } else { nil }
    }

    /// The number as an `Int`, or nil if this is no number without a fraction, or does not fit.
    public var intValue: Int? {
        switch self {
        case .integer(let value): Int(exactly: value)
        case .unsigned(let value): Int(exactly: value)
        case .number(let value): Int(exactly: value)
        default: nil
        }
    }

    /// The number as a `Double`, or nil if this is no number.
    public var doubleValue: Double? {
        switch self {
        case .integer(let value): Double(value)
        case .unsigned(let value): Double(value)
        case .number(let value): value
        default: nil
        }
    }

    /// The truth value, or nil if this is something else.
    public var boolValue: Bool? {
        if case .bool(let value) = self { value } else { nil }
    }

    /// The elements, or nil if this is no array.
    public var arrayValue: [JSONValue]? {
        if case .array(let value) = self { value } else { nil }
    }

    /// The members, or nil if this is no object.
    public var objectValue: JSONObject? {
        if case .object(let value) = self { value } else { nil }
    }

    /// The member of that name, or nil if this is no object or has none.
    public subscript(key: String) -> JSONValue? {
        objectValue?[key]
    }

    /// Turns any `Encodable` value into JSON.
    ///
    /// - Throws: ``ACPError`` with code ``ACPError/Code-swift.struct/serverError`` if the value cannot be encoded.
    public init(encoding value: some Encodable) throws {
        if let value = value as? JSONValue {
            self = value
        } else {
            self = try ACPJSON.decode(JSONValue.self, from: ACPJSON.encode(value))
        }
    }

    /// Reads this value as a `Decodable` type.
    ///
    /// - Throws: ``ACPError`` with code ``ACPError/Code-swift.struct/invalidInput`` if it does not have that shape.
    public func decode<Value: Decodable>(as type: Value.Type = Value.self) throws -> Value {
        try ACPJSON.decode(type, from: ACPJSON.encode(self))
    }
}

extension JSONValue: Codable {
    public init(from decoder: any Decoder) throws {
        // A keyed or unkeyed container is asked for first: failing there costs less than failing through every scalar.
        if let container = try? decoder.container(keyedBy: AnyCodingKey.self) {
            self = .object(try container.decodeMembers(except: []))
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
            // 9223372036854775807.0 fits both, but is read as unsigned only.
            self = Int64(exactly: value).map(JSONValue.integer) ?? .unsigned(value)
        } else if let value = try? container.decode(Double.self) {
            self = .number(value)
        } else {
            throw DecodingError.invalid(
                "this is a number out of range, or text that is not valid Unicode", at: decoder.codingPath)
        }
    }

    public func encode(to encoder: any Encoder) throws {
        switch self {
        case .object(let members):
            var container = encoder.container(keyedBy: AnyCodingKey.self)
            try container.encodeMembers(members)
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
        case .number(let value):
            var container = encoder.singleValueContainer()
            try container.encode(value)
        case .string(let value):
            var container = encoder.singleValueContainer()
            try container.encode(value)
        }
    }
}

extension JSONValue: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral, ExpressibleByFloatLiteral,
    ExpressibleByBooleanLiteral, ExpressibleByNilLiteral, ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral
{
    public init(stringLiteral value: String) { self = .string(value) }
    public init(integerLiteral value: Int64) { self = .integer(value) }
    public init(floatLiteral value: Double) { self = .number(value) }
    public init(booleanLiteral value: Bool) { self = .bool(value) }
    public init(nilLiteral: ()) { self = .null }
    public init(arrayLiteral elements: JSONValue...) { self = .array(elements) }
    public init(dictionaryLiteral elements: (String, JSONValue)...) {
        self = .object(JSONObject(elements, uniquingKeysWith: { _, last in last }))
    }
}
