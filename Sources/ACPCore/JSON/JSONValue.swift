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
    /// A number without a fraction that does not fit 64 bits.
    case largeInteger(LargeInteger)
    /// Any other number, rounded to the nearest `Double`.
    case number(Double)
    case string(String)
    case array([JSONValue])
    case object(JSONObject)
}

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

    /// The number as a `Double`, rounded if need be, or nil if this is no number or is out of range.
    public var doubleValue: Double? {
        switch self {
        case .integer(let value): Double(value)
        case .unsigned(let value): Double(value)
        case .largeInteger(let value): Double(value.description).flatMap { $0.isFinite ? $0 : nil }
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
            // Written and read again, so that it is what a reader of the JSON would get.
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
        self = .object(JSONObject(elements) { _, last in last })
    }
}

extension JSONValue {
    /// The value with numbers rounded that were kept as they are written.
    func rounded() -> JSONValue {
        switch self {
        case .largeInteger(let number) where !number.isInteger: .number(Double(number.description) ?? .nan)
        case .array(let elements): .array(elements.map { $0.rounded() })
        case .object(let members): .object(members.mapValues { $0.rounded() })
        default: self
        }
    }
}
