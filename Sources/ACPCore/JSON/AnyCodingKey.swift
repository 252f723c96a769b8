// SPDX-License-Identifier: Apache-2.0

/// A coding key that can be any string: how keys that the specification does not name are read and written.
struct AnyCodingKey: CodingKey {
    let stringValue: String
    var intValue: Int? { nil }

    init(_ string: String) { stringValue = string }
    init?(stringValue: String) { self.stringValue = stringValue }
    init?(intValue: Int) { nil }
}

/// The coding key of an element of an array.
struct IndexKey: CodingKey {
    let index: Int
    var stringValue: String { "\(index)" }
    var intValue: Int? { index }

    init(_ index: Int) { self.index = index }
    init?(stringValue: String) { nil }
    init?(intValue: Int) { index = intValue }
}

extension KeyedDecodingContainer where Key == AnyCodingKey {
    /// All members but those that a type has read by name.
    func decodeMembers(except known: Set<String>) throws -> JSONObject {
        var members = JSONObject()
        for key in allKeys where !known.contains(key.stringValue) {
            members[key.stringValue] = try decode(JSONValue.self, forKey: key)
        }
        return members
    }
}

extension KeyedEncodingContainer where Key == AnyCodingKey {
    mutating func encodeMembers(_ members: JSONObject) throws {
        for (name, value) in members { try encode(value, forKey: AnyCodingKey(name)) }
    }
}

extension CodingKey where Self: CaseIterable {
    static var names: Set<String> { Set(allCases.map(\.stringValue)) }
}

extension KeyedDecodingContainer {
    /// A value for a key that may be missing or null, with what stands in for it.
    func decode<Value: Decodable>(_ key: Key, default fallback: @autoclosure () -> Value) throws -> Value {
        try decodeIfPresent(Value.self, forKey: key) ?? fallback()
    }
}
