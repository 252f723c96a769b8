// SPDX-License-Identifier: Apache-2.0

/// Any JSON value, precise enough to be written as it was read.
///
/// In ACP, clients and agents may add members of their own to message parts, metadata and annotations, and generic
/// events hold any value. `JSONValue` represents all of these.
///
/// ```swift
/// let progress: JSONValue = ["step": 3, "of": 10, "label": "reading"]
/// progress["step"]?.intValue  // 3
/// ```
public enum JSONValue: Sendable, Hashable {
    /// The value `null`.
    case null
    /// The value `true` or `false`.
    case bool(Bool)
    /// A number without a fraction that fits into a signed 64-bit integer.
    case integer(Int64)
    /// A number without a fraction that is too large for ``integer(_:)``, but fits into an unsigned 64-bit integer.
    case unsigned(UInt64)
    /// A number without a fraction that does not fit into 64 bits.
    case largeInteger(LargeInteger)
    /// Any other number, rounded to the nearest `Double`.
    case number(Double)
    /// A string.
    case string(String)
    /// An array.
    case array([JSONValue])
    /// An object.
    case object(JSONObject)
}

extension JSONValue {
    /// The string. If `nil`, the value is not a string.
    public var stringValue: String? {
        if case .string(let value) = self { value } else { nil }
    }

    /// The number as an `Int`. If `nil`, the value is not a number, has a fraction, or does not fit.
    public var intValue: Int? {
        switch self {
        case .integer(let value): Int(exactly: value)
        case .unsigned(let value): Int(exactly: value)
        case .number(let value): Int(exactly: value)
        default: nil
        }
    }

    /// The number as a `Double`, rounded if necessary. If `nil`, the value is not a number, or is out of range.
    public var doubleValue: Double? {
        switch self {
        case .integer(let value): Double(value)
        case .unsigned(let value): Double(value)
        case .largeInteger(let value): Double(value.description).flatMap { $0.isFinite ? $0 : nil }
        case .number(let value): value
        default: nil
        }
    }

    /// The Boolean value. If `nil`, the value is not a Boolean.
    public var boolValue: Bool? {
        if case .bool(let value) = self { value } else { nil }
    }

    /// The elements. If `nil`, the value is not an array.
    public var arrayValue: [JSONValue]? {
        if case .array(let value) = self { value } else { nil }
    }

    /// The members. If `nil`, the value is not an object.
    public var objectValue: JSONObject? {
        if case .object(let value) = self { value } else { nil }
    }

    /// The value of a member. If `nil`, this value is not an object or has no such member.
    public subscript(key: String) -> JSONValue? {
        objectValue?[key]
    }

    /// Creates a JSON value from any `Encodable` value.
    ///
    /// - Throws: ``ACPError`` with code ``ACPError/Code-swift.struct/serverError`` if the value cannot be encoded.
    public init(encoding value: some Encodable) throws {
        if let value = value as? JSONValue {
            self = value
        } else {
            // Written and read again, so that the result is the same as for a reader of the JSON.
            self = try ACPJSON.decode(JSONValue.self, from: ACPJSON.encode(value))
        }
    }

    /// Returns this value as a `Decodable` type.
    ///
    /// - Throws: ``ACPError`` with code ``ACPError/Code-swift.struct/invalidInput`` if the value does not have the form
    ///   of the type.
    public func decode<Value: Decodable>(as type: Value.Type = Value.self) throws -> Value {
        try ACPJSON.decode(type, from: ACPJSON.encode(self))
    }
}

extension JSONValue: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral, ExpressibleByFloatLiteral,
    ExpressibleByBooleanLiteral, ExpressibleByNilLiteral, ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral
{
    /// Creates a string from a literal.
    public init(stringLiteral value: String) { self = .string(value) }
    /// Creates an integer from a literal.
    public init(integerLiteral value: Int64) { self = .integer(value) }
    /// Creates a number from a literal.
    public init(floatLiteral value: Double) { self = .number(value) }
    /// Creates a Boolean value from a literal.
    public init(booleanLiteral value: Bool) { self = .bool(value) }
    /// Creates the value `null` from the literal `nil`.
    public init(nilLiteral: ()) { self = .null }
    /// Creates an array from a literal.
    public init(arrayLiteral elements: JSONValue...) { self = .array(elements) }
    /// Creates an object from a literal. Of several members with the same name, the last value is used.
    public init(dictionaryLiteral elements: (String, JSONValue)...) {
        self = .object(JSONObject(elements) { _, last in last })
    }
}

extension JSONValue {
    /// Returns the value with all numbers rounded that were kept as text.
    func rounded() -> JSONValue {
        switch self {
        case .largeInteger(let number) where !number.isInteger: .number(Double(number.description) ?? .nan)
        case .array(let elements): .array(elements.map { $0.rounded() })
        case .object(let members): .object(members.mapValues { $0.rounded() })
        default: self
        }
    }
}
