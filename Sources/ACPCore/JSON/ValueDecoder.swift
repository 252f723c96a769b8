// SPDX-License-Identifier: Apache-2.0

import Foundation

/// Decodes `Decodable` types from a JSON value.
struct ValueDecoder: Decoder {
    let value: JSONValue
    let codingPath: [any CodingKey]
    var userInfo: [CodingUserInfoKey: Any] { [:] }

    init(_ value: JSONValue, codingPath: [any CodingKey]) {
        self.value = value
        self.codingPath = codingPath
    }

    func container<Key: CodingKey>(keyedBy type: Key.Type) throws -> KeyedDecodingContainer<Key> {
        guard case .object(let members) = value else { throw mismatch([String: JSONValue].self) }
        return KeyedDecodingContainer(Keyed<Key>(members: members, codingPath: codingPath))
    }

    func unkeyedContainer() throws -> any UnkeyedDecodingContainer {
        guard case .array(let elements) = value else { throw mismatch([JSONValue].self) }
        return Unkeyed(elements: elements, codingPath: codingPath)
    }

    func singleValueContainer() throws -> any SingleValueDecodingContainer { Single(decoder: self) }

    /// Decodes a value of any type. Types with a special form in Foundation's JSON, such as `Data`, have the same form
    /// here.
    func decode<Value: Decodable>(_ type: Value.Type) throws -> Value {
        let special: Any? =
            switch type {
            case is JSONValue.Type: value.rounded()
            case is JSONObject.Type: try object()
            case is Data.Type: try data()
            case is URL.Type: try url()
            case is Decimal.Type: try decimal()
            default: nil
            }
        return try special as? Value ?? Value(from: self)
    }

    func mismatch(_ type: any Any.Type) -> DecodingError {
        if case .null = value {
            return .valueNotFound(type, .init(codingPath: codingPath, debugDescription: "null"))
        }
        return .typeMismatch(type, .init(codingPath: codingPath, debugDescription: "another type"))
    }

    // MARK: Values

    func string() throws -> String {
        guard case .string(let text) = value else { throw mismatch(String.self) }
        return text
    }

    func bool() throws -> Bool {
        guard case .bool(let value) = value else { throw mismatch(Bool.self) }
        return value
    }

    func integer<Value: FixedWidthInteger>(_ type: Value.Type = Value.self) throws -> Value {
        do throws(JSONFault) {
            return try value.integer(type)
        } catch {
            throw error.decodingError(at: codingPath)
        }
    }

    func double() throws -> Double {
        guard let number = value.doubleValue else {
            guard case .largeInteger = value else { throw mismatch(Double.self) }
            throw DecodingError.invalid("the number is out of range", at: codingPath)
        }
        return number
    }

    func float() throws -> Float {
        let number = Float(try double())
        guard number.isFinite else { throw DecodingError.invalid("the number is out of range", at: codingPath) }
        return number
    }

    private func object() throws -> JSONObject {
        guard case .object(let members) = value.rounded() else { throw mismatch([String: JSONValue].self) }
        return members
    }

    private func data() throws -> Data {
        guard let data = Data(base64Encoded: try string()) else {
            throw DecodingError.invalid("this is not base64", at: codingPath)
        }
        return data
    }

    private func url() throws -> URL {
        guard let url = URL(string: try string()) else {
            throw DecodingError.invalid("this is not a URL", at: codingPath)
        }
        return url
    }

    private func decimal() throws -> Decimal {
        let text =
            switch value {
            case .integer(let value): "\(value)"
            case .unsigned(let value): "\(value)"
            case .largeInteger(let value): value.description
            case .number(let value): "\(value)"
            default: throw mismatch(Decimal.self)
            }
        let isZero = value.doubleValue == 0
        guard let number = Decimal(string: text, locale: Locale(identifier: "en_US_POSIX")) ?? (isZero ? 0 : nil) else {
            throw DecodingError.invalid("the number is out of range", at: codingPath)
        }
        return number
    }

    // MARK: Containers

    private struct Keyed<Key: CodingKey>: KeyedDecodingContainerProtocol {
        let members: JSONObject
        let codingPath: [any CodingKey]

        var allKeys: [Key] { members.compactMap { Key(stringValue: $0.key) } }

        func contains(_ key: Key) -> Bool { members[key.stringValue] != nil }

        private func member(_ key: any CodingKey) throws -> ValueDecoder {
            guard let value = members[key.stringValue] else {
                throw DecodingError.keyNotFound(key, .init(codingPath: codingPath, debugDescription: "missing"))
            }
            return ValueDecoder(value, codingPath: codingPath + [key])
        }

        func decodeNil(forKey key: Key) throws -> Bool { try member(key).value == .null }
        func decode(_ type: Bool.Type, forKey key: Key) throws -> Bool { try member(key).bool() }
        func decode(_ type: String.Type, forKey key: Key) throws -> String { try member(key).string() }
        func decode(_ type: Double.Type, forKey key: Key) throws -> Double { try member(key).double() }
        func decode(_ type: Float.Type, forKey key: Key) throws -> Float { try member(key).float() }
        func decode(_ type: Int.Type, forKey key: Key) throws -> Int { try member(key).integer() }
        func decode(_ type: Int8.Type, forKey key: Key) throws -> Int8 { try member(key).integer() }
        func decode(_ type: Int16.Type, forKey key: Key) throws -> Int16 { try member(key).integer() }
        func decode(_ type: Int32.Type, forKey key: Key) throws -> Int32 { try member(key).integer() }
        func decode(_ type: Int64.Type, forKey key: Key) throws -> Int64 { try member(key).integer() }
        func decode(_ type: Int128.Type, forKey key: Key) throws -> Int128 { try member(key).integer() }
        func decode(_ type: UInt.Type, forKey key: Key) throws -> UInt { try member(key).integer() }
        func decode(_ type: UInt8.Type, forKey key: Key) throws -> UInt8 { try member(key).integer() }
        func decode(_ type: UInt16.Type, forKey key: Key) throws -> UInt16 { try member(key).integer() }
        func decode(_ type: UInt32.Type, forKey key: Key) throws -> UInt32 { try member(key).integer() }
        func decode(_ type: UInt64.Type, forKey key: Key) throws -> UInt64 { try member(key).integer() }
        func decode(_ type: UInt128.Type, forKey key: Key) throws -> UInt128 { try member(key).integer() }
        func decode<Value: Decodable>(_ type: Value.Type, forKey key: Key) throws -> Value {
            try member(key).decode(type)
        }

        func nestedContainer<Other: CodingKey>(
            keyedBy type: Other.Type, forKey key: Key
        ) throws -> KeyedDecodingContainer<Other> { try member(key).container(keyedBy: type) }

        func nestedUnkeyedContainer(forKey key: Key) throws -> any UnkeyedDecodingContainer {
            try member(key).unkeyedContainer()
        }

        func superDecoder() throws -> any Decoder {
            ValueDecoder(members["super"] ?? .null, codingPath: codingPath + [AnyCodingKey("super")])
        }

        func superDecoder(forKey key: Key) throws -> any Decoder {
            ValueDecoder(members[key.stringValue] ?? .null, codingPath: codingPath + [key])
        }
    }

    private struct Unkeyed: UnkeyedDecodingContainer {
        let elements: [JSONValue]
        let codingPath: [any CodingKey]
        private(set) var currentIndex = 0

        init(elements: [JSONValue], codingPath: [any CodingKey]) {
            self.elements = elements
            self.codingPath = codingPath
        }

        var count: Int? { elements.count }
        var isAtEnd: Bool { currentIndex >= elements.count }

        /// Decodes the next element, and moves past it if that succeeds.
        private mutating func element<Value>(
            _ type: Value.Type = Value.self, _ read: (ValueDecoder) throws -> Value
        ) throws -> Value {
            let path = codingPath + [IndexKey(currentIndex)]
            guard !isAtEnd else {
                throw DecodingError.valueNotFound(
                    type, .init(codingPath: path, debugDescription: "the array ends here"))
            }
            let value = try read(ValueDecoder(elements[currentIndex], codingPath: path))
            currentIndex += 1
            return value
        }

        mutating func decodeNil() throws -> Bool {
            guard !isAtEnd, elements[currentIndex] == .null else { return false }
            currentIndex += 1
            return true
        }

        mutating func decode(_ type: Bool.Type) throws -> Bool { try element { try $0.bool() } }
        mutating func decode(_ type: String.Type) throws -> String { try element { try $0.string() } }
        mutating func decode(_ type: Double.Type) throws -> Double { try element { try $0.double() } }
        mutating func decode(_ type: Float.Type) throws -> Float { try element { try $0.float() } }
        mutating func decode(_ type: Int.Type) throws -> Int { try element { try $0.integer() } }
        mutating func decode(_ type: Int8.Type) throws -> Int8 { try element { try $0.integer() } }
        mutating func decode(_ type: Int16.Type) throws -> Int16 { try element { try $0.integer() } }
        mutating func decode(_ type: Int32.Type) throws -> Int32 { try element { try $0.integer() } }
        mutating func decode(_ type: Int64.Type) throws -> Int64 { try element { try $0.integer() } }
        mutating func decode(_ type: Int128.Type) throws -> Int128 { try element { try $0.integer() } }
        mutating func decode(_ type: UInt.Type) throws -> UInt { try element { try $0.integer() } }
        mutating func decode(_ type: UInt8.Type) throws -> UInt8 { try element { try $0.integer() } }
        mutating func decode(_ type: UInt16.Type) throws -> UInt16 { try element { try $0.integer() } }
        mutating func decode(_ type: UInt32.Type) throws -> UInt32 { try element { try $0.integer() } }
        mutating func decode(_ type: UInt64.Type) throws -> UInt64 { try element { try $0.integer() } }
        mutating func decode(_ type: UInt128.Type) throws -> UInt128 { try element { try $0.integer() } }
        mutating func decode<Value: Decodable>(_ type: Value.Type) throws -> Value {
            try element { try $0.decode(type) }
        }

        mutating func nestedContainer<Key: CodingKey>(keyedBy type: Key.Type) throws -> KeyedDecodingContainer<Key> {
            try element { try $0.container(keyedBy: type) }
        }

        mutating func nestedUnkeyedContainer() throws -> any UnkeyedDecodingContainer {
            try element { try $0.unkeyedContainer() }
        }

        mutating func superDecoder() throws -> any Decoder { try element { $0 as any Decoder } }
    }

    private struct Single: SingleValueDecodingContainer {
        let decoder: ValueDecoder
        var codingPath: [any CodingKey] { decoder.codingPath }

        func decodeNil() -> Bool { decoder.value == .null }
        func decode(_ type: Bool.Type) throws -> Bool { try decoder.bool() }
        func decode(_ type: String.Type) throws -> String { try decoder.string() }
        func decode(_ type: Double.Type) throws -> Double { try decoder.double() }
        func decode(_ type: Float.Type) throws -> Float { try decoder.float() }
        func decode(_ type: Int.Type) throws -> Int { try decoder.integer() }
        func decode(_ type: Int8.Type) throws -> Int8 { try decoder.integer() }
        func decode(_ type: Int16.Type) throws -> Int16 { try decoder.integer() }
        func decode(_ type: Int32.Type) throws -> Int32 { try decoder.integer() }
        func decode(_ type: Int64.Type) throws -> Int64 { try decoder.integer() }
        func decode(_ type: Int128.Type) throws -> Int128 { try decoder.integer() }
        func decode(_ type: UInt.Type) throws -> UInt { try decoder.integer() }
        func decode(_ type: UInt8.Type) throws -> UInt8 { try decoder.integer() }
        func decode(_ type: UInt16.Type) throws -> UInt16 { try decoder.integer() }
        func decode(_ type: UInt32.Type) throws -> UInt32 { try decoder.integer() }
        func decode(_ type: UInt64.Type) throws -> UInt64 { try decoder.integer() }
        func decode(_ type: UInt128.Type) throws -> UInt128 { try decoder.integer() }
        func decode<Value: Decodable>(_ type: Value.Type) throws -> Value { try decoder.decode(type) }
    }
}
