// SPDX-License-Identifier: Apache-2.0

import Foundation

/// Encodes `Encodable` types as a JSON value. Members are in the order in which the type writes them; those of
/// dictionaries, which have no order, are sorted by name.
struct ValueEncoder: Encoder {
    /// A value that is being created. It is an object because containers share it with the encoder that created them.
    /// It does not leave ``encode(_:)``.
    fileprivate final class Node {
        enum Content {
            case value(JSONValue)
            case array([Node])
            case object(OrderedMembers<Node>)
        }
        /// If `nil`, nothing has been written yet.
        var content: Content?

        var value: JSONValue? {
            switch content {
            case nil: nil
            case .value(let value): value
            case .array(let elements): .array(elements.map { $0.value ?? .object([:]) })
            case .object(let nodes):
                .object(JSONObject(nodes.members.map { ($0.name, $0.value.value ?? .object([:])) }) { _, last in last })
            }
        }

        func member(_ name: String) -> Node {
            var members = if case .object(let members) = content { members } else { OrderedMembers<Node>() }
            // Avoids a second reference to the members while they change.
            content = nil
            let node = Node()
            members.set(name, node)
            content = .object(members)
            return node
        }

        /// Returns the node of a name, which may exist already.
        func sharedMember(_ name: String) -> Node {
            if case .object(let members) = content, let position = members.position(of: name) {
                return members.members[position].value
            }
            return member(name)
        }

        func element() -> Node {
            var elements: [Node] = if case .array(let elements) = content { elements } else { [] }
            content = nil
            let node = Node()
            elements.append(node)
            content = .array(elements)
            return node
        }

        func begin(_ empty: Content) { if content == nil { content = empty } }
    }

    fileprivate let node: Node
    let codingPath: [any CodingKey]
    var userInfo: [CodingUserInfoKey: Any] { [:] }

    /// Returns the JSON value of a value.
    static func encode(_ value: some Encodable) throws -> JSONValue {
        let encoder = ValueEncoder(node: Node(), codingPath: [])
        try encoder.encode(value)
        guard let tree = encoder.node.value else {
            throw EncodingError.invalidValue(value, .init(codingPath: [], debugDescription: "it encodes nothing"))
        }
        return tree
    }

    func container<Key: CodingKey>(keyedBy type: Key.Type) -> KeyedEncodingContainer<Key> {
        node.begin(.object(OrderedMembers()))
        return KeyedEncodingContainer(Keyed<Key>(encoder: self))
    }

    func unkeyedContainer() -> any UnkeyedEncodingContainer {
        node.begin(.array([]))
        return Unkeyed(encoder: self)
    }

    func singleValueContainer() -> any SingleValueEncodingContainer { Single(encoder: self) }

    /// Encodes a value of any type. Types with a special form in Foundation's JSON, such as `Data`, have the same form
    /// here.
    fileprivate func encode(_ value: some Encodable) throws {
        switch value {
        case let value as JSONValue: put(value)
        case let value as JSONObject: put(.object(value))
        case let value as Data: put(.string(value.base64EncodedString()))
        case let value as URL: put(.string(value.absoluteString))
        case let value as Decimal: try decimal(value)
        default:
            try value.encode(to: self)
            if value is any StringDictionary, case .object(let members) = node.content {
                var sorted = OrderedMembers<Node>()
                for member in members.members.sorted(by: { $0.name < $1.name }) {
                    sorted.set(member.name, member.value)
                }
                node.content = .object(sorted)
            }
        }
    }

    fileprivate func put(_ value: JSONValue) { node.content = .value(value) }

    fileprivate func integer(_ value: some FixedWidthInteger) {
        if let value = Int64(exactly: value) {
            put(.integer(value))
        } else if let value = UInt64(exactly: value) {
            put(.unsigned(value))
        } else {
            put(.largeInteger(JSONValue.LargeInteger(number: "\(value)")))
        }
    }

    fileprivate func float(_ value: Float) {
        // The shortest decimal number: the number converted to a Double would have more digits.
        put(.number(value.isFinite ? Double("\(value)") ?? Double(value) : Double(value)))
    }

    private func decimal(_ value: Decimal) throws {
        guard value.isFinite else {
            throw EncodingError.invalidValue(
                value, .init(codingPath: codingPath, debugDescription: "JSON has finite numbers only"))
        }
        let text = "\(value)"
        if let value = Int64(text) {
            put(.integer(value))
        } else {
            put(.largeInteger(JSONValue.LargeInteger(number: text)))
        }
    }

    fileprivate func member(_ key: any CodingKey) -> ValueEncoder {
        ValueEncoder(node: node.member(key.stringValue), codingPath: codingPath + [key])
    }

    fileprivate func sharedMember(_ key: any CodingKey) -> ValueEncoder {
        ValueEncoder(node: node.sharedMember(key.stringValue), codingPath: codingPath + [key])
    }

    fileprivate var count: Int { if case .array(let elements) = node.content { elements.count } else { 0 } }

    fileprivate func element() -> ValueEncoder {
        let path = codingPath + [IndexKey(count)]
        return ValueEncoder(node: node.element(), codingPath: path)
    }
}

// MARK: - Containers

extension ValueEncoder {
    fileprivate struct Keyed<Key: CodingKey>: KeyedEncodingContainerProtocol {
        let encoder: ValueEncoder
        var codingPath: [any CodingKey] { encoder.codingPath }

        func encodeNil(forKey key: Key) { encoder.member(key).put(.null) }
        func encode(_ value: Bool, forKey key: Key) { encoder.member(key).put(.bool(value)) }
        func encode(_ value: String, forKey key: Key) { encoder.member(key).put(.string(value)) }
        func encode(_ value: Double, forKey key: Key) { encoder.member(key).put(.number(value)) }
        func encode(_ value: Float, forKey key: Key) { encoder.member(key).float(value) }
        func encode(_ value: Int, forKey key: Key) { encoder.member(key).integer(value) }
        func encode(_ value: Int8, forKey key: Key) { encoder.member(key).integer(value) }
        func encode(_ value: Int16, forKey key: Key) { encoder.member(key).integer(value) }
        func encode(_ value: Int32, forKey key: Key) { encoder.member(key).integer(value) }
        func encode(_ value: Int64, forKey key: Key) { encoder.member(key).integer(value) }
        func encode(_ value: Int128, forKey key: Key) { encoder.member(key).integer(value) }
        func encode(_ value: UInt, forKey key: Key) { encoder.member(key).integer(value) }
        func encode(_ value: UInt8, forKey key: Key) { encoder.member(key).integer(value) }
        func encode(_ value: UInt16, forKey key: Key) { encoder.member(key).integer(value) }
        func encode(_ value: UInt32, forKey key: Key) { encoder.member(key).integer(value) }
        func encode(_ value: UInt64, forKey key: Key) { encoder.member(key).integer(value) }
        func encode(_ value: UInt128, forKey key: Key) { encoder.member(key).integer(value) }
        func encode(_ value: some Encodable, forKey key: Key) throws { try encoder.member(key).encode(value) }

        func nestedContainer<Other: CodingKey>(
            keyedBy type: Other.Type, forKey key: Key
        ) -> KeyedEncodingContainer<Other> { encoder.sharedMember(key).container(keyedBy: type) }

        func nestedUnkeyedContainer(forKey key: Key) -> any UnkeyedEncodingContainer {
            encoder.sharedMember(key).unkeyedContainer()
        }

        func superEncoder() -> any Encoder { encoder.member(AnyCodingKey("super")) }
        func superEncoder(forKey key: Key) -> any Encoder { encoder.member(key) }
    }

    fileprivate struct Unkeyed: UnkeyedEncodingContainer {
        let encoder: ValueEncoder
        var codingPath: [any CodingKey] { encoder.codingPath }
        var count: Int { encoder.count }

        func encodeNil() { encoder.element().put(.null) }
        func encode(_ value: Bool) { encoder.element().put(.bool(value)) }
        func encode(_ value: String) { encoder.element().put(.string(value)) }
        func encode(_ value: Double) { encoder.element().put(.number(value)) }
        func encode(_ value: Float) { encoder.element().float(value) }
        func encode(_ value: Int) { encoder.element().integer(value) }
        func encode(_ value: Int8) { encoder.element().integer(value) }
        func encode(_ value: Int16) { encoder.element().integer(value) }
        func encode(_ value: Int32) { encoder.element().integer(value) }
        func encode(_ value: Int64) { encoder.element().integer(value) }
        func encode(_ value: Int128) { encoder.element().integer(value) }
        func encode(_ value: UInt) { encoder.element().integer(value) }
        func encode(_ value: UInt8) { encoder.element().integer(value) }
        func encode(_ value: UInt16) { encoder.element().integer(value) }
        func encode(_ value: UInt32) { encoder.element().integer(value) }
        func encode(_ value: UInt64) { encoder.element().integer(value) }
        func encode(_ value: UInt128) { encoder.element().integer(value) }
        func encode(_ value: some Encodable) throws { try encoder.element().encode(value) }

        func nestedContainer<Key: CodingKey>(keyedBy type: Key.Type) -> KeyedEncodingContainer<Key> {
            encoder.element().container(keyedBy: type)
        }

        func nestedUnkeyedContainer() -> any UnkeyedEncodingContainer { encoder.element().unkeyedContainer() }
        func superEncoder() -> any Encoder { encoder.element() }
    }

    fileprivate struct Single: SingleValueEncodingContainer {
        let encoder: ValueEncoder
        var codingPath: [any CodingKey] { encoder.codingPath }

        func encodeNil() { encoder.put(.null) }
        func encode(_ value: Bool) { encoder.put(.bool(value)) }
        func encode(_ value: String) { encoder.put(.string(value)) }
        func encode(_ value: Double) { encoder.put(.number(value)) }
        func encode(_ value: Float) { encoder.float(value) }
        func encode(_ value: Int) { encoder.integer(value) }
        func encode(_ value: Int8) { encoder.integer(value) }
        func encode(_ value: Int16) { encoder.integer(value) }
        func encode(_ value: Int32) { encoder.integer(value) }
        func encode(_ value: Int64) { encoder.integer(value) }
        func encode(_ value: Int128) { encoder.integer(value) }
        func encode(_ value: UInt) { encoder.integer(value) }
        func encode(_ value: UInt8) { encoder.integer(value) }
        func encode(_ value: UInt16) { encoder.integer(value) }
        func encode(_ value: UInt32) { encoder.integer(value) }
        func encode(_ value: UInt64) { encoder.integer(value) }
        func encode(_ value: UInt128) { encoder.integer(value) }
        func encode(_ value: some Encodable) throws { try encoder.encode(value) }
    }
}

/// Dictionaries, whose members have no order.
private protocol StringDictionary {}
extension Dictionary: StringDictionary where Key == String {}
