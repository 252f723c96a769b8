// SPDX-License-Identifier: Apache-2.0

/// A value that ``JSONReader`` reads.
///
/// The initializer must give what `init(from:)` gives for the same JSON, or refuse. What `init(from:)` does not look at, it
/// skips.
package protocol JSONReadable: Decodable {
    init(json reader: inout JSONReader) throws(JSONReader.Refusal)
}

/// A member of an object that is being read. There is one for each key that a type knows, before the first key is read.
///
/// Of members with the same name, the last counts.
package struct JSONMember<Value: JSONReadable> {
    /// Whether the object has it, perhaps as null.
    private(set) var isPresent = false
    /// Its value. Nil if it is missing or null.
    package private(set) var value: Value?

    package init() {}

    package mutating func read(from reader: inout JSONReader) throws(JSONReader.Refusal) {
        isPresent = true
        value = try reader.skipNull() ? nil : try Value(json: &reader)
    }

    /// Its value, which must be there.
    package func required() throws(JSONReader.Refusal) -> Value {
        guard let value else { throw JSONReader.Refusal() }
        return value
    }
}

// MARK: - Values

extension String: JSONReadable {
    package init(json reader: inout JSONReader) throws(JSONReader.Refusal) { self = try reader.string() }
}

extension Int: JSONReadable {
    package init(json reader: inout JSONReader) throws(JSONReader.Refusal) {
        guard case .integer(let number) = try reader.number(), let value = Int(exactly: number)
        else { throw JSONReader.Refusal() }
        self = value
    }
}

extension Array: JSONReadable where Element: JSONReadable {
    package init(json reader: inout JSONReader) throws(JSONReader.Refusal) {
        self = []
        try reader.beginArray()
        while try reader.nextElement() { append(try Element(json: &reader)) }
    }
}

extension JSONObject: JSONReadable {
    package init(json reader: inout JSONReader) throws(JSONReader.Refusal) {
        self.init()
        try reader.beginObject()
        while let name = try reader.nextName() { self[name] = try JSONValue(json: &reader) }
    }
}

extension JSONValue: JSONReadable {
    package init(json reader: inout JSONReader) throws(JSONReader.Refusal) {
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
}

extension Timestamp: JSONReadable {
    package init(json reader: inout JSONReader) throws(JSONReader.Refusal) {
        guard let value = Timestamp(utf8: try reader.plainText()) else { throw JSONReader.Refusal() }
        self = value
    }
}

extension JSONReadable where Self: RawRepresentable, RawValue == String {
    package init(json reader: inout JSONReader) throws(JSONReader.Refusal) {
        guard let value = Self(rawValue: try reader.string()) else { throw JSONReader.Refusal() }
        self = value
    }
}

extension RunID: JSONReadable {}
extension SessionID: JSONReadable {}
extension AgentName: JSONReadable {}
extension RunStatus: JSONReadable {}
extension RunMode: JSONReadable {}
extension ACPError.Code: JSONReadable {}
extension MessagePart.ContentEncoding: JSONReadable {}
extension Message.Role: JSONReadable {}
