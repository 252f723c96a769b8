// SPDX-License-Identifier: Apache-2.0

/// Writes JSON straight into bytes: the types of this package directly (``JSONWritable``), others by way of a ``JSONValue`` (see
/// ``ACPJSON``).
///
/// Members stand in the order in which they are written, null ones are left out unless they are asked for.
package struct JSONWriter {
    private(set) var bytes: [UInt8] = []
    private let limit: Int
    private var depth = 0
    private var needsComma = false

    init(depth limit: Int) {
        self.limit = limit
        bytes.reserveCapacity(256)
    }

    // MARK: Structure

    /// Begins an object. Its members follow, then ``endObject()``.
    package mutating func beginObject() throws(JSONFault) { try begin("{") }

    package mutating func endObject() { end("}") }

    mutating func array(_ elements: [some JSONWritable]) throws(JSONFault) {
        try begin("[")
        for index in elements.indices {
            separate()
            do throws(JSONFault) {
                try elements[index].write(to: &self)
            } catch {
                throw error.under(index)
            }
        }
        end("]")
    }

    private mutating func begin(_ bracket: Unicode.Scalar) throws(JSONFault) {
        depth += 1
        guard depth <= limit else { throw JSONFault(.tooDeep) }
        bytes.append(UInt8(ascii: bracket))
        needsComma = false
    }

    private mutating func end(_ bracket: Unicode.Scalar) {
        bytes.append(UInt8(ascii: bracket))
        needsComma = true
        depth -= 1
    }

    private mutating func separate() {
        if needsComma { bytes.append(UInt8(ascii: ",")) }
        needsComma = true
    }

    // MARK: Members

    /// Writes a member.
    package mutating func member(_ field: some JSONField, _ value: some JSONWritable) throws(JSONFault) {
        key(field.rawValue)
        do throws(JSONFault) {
            try value.write(to: &self)
        } catch {
            throw error.under(field.rawValue)
        }
    }

    /// Writes a member that is left out if there is no value.
    package mutating func member(_ field: some JSONField, _ value: (some JSONWritable)?) throws(JSONFault) {
        if let value { try member(field, value) }
    }

    /// Writes a member that is null.
    mutating func null(_ field: some JSONField) {
        key(field.rawValue)
        null()
    }

    /// Writes the members of an object that no type knows.
    mutating func members(_ members: JSONObject) throws(JSONFault) {
        for (name, value) in members { try member(named: name, value) }
    }

    /// Writes those members of an object that a type does not know.
    mutating func members<Field: JSONField>(_ members: JSONObject, except fields: Field.Type) throws(JSONFault) {
        for (name, value) in members where Field(named: name) == nil { try member(named: name, value) }
    }

    private mutating func member(named name: String, _ value: JSONValue) throws(JSONFault) {
        separate()
        string(name)
        bytes.append(UInt8(ascii: ":"))
        do throws(JSONFault) {
            try value.write(to: &self)
        } catch {
            throw error.under(name)
        }
    }

    private mutating func key(_ name: JSONName) {
        separate()
        bytes.append(UInt8(ascii: "\""))
        bytes.append(contentsOf: name.bytes)
        bytes.append(UInt8(ascii: "\""))
        bytes.append(UInt8(ascii: ":"))
    }

    // MARK: Scalars

    mutating func null() { bytes.append(contentsOf: "null".utf8) }

    mutating func bool(_ value: Bool) { bytes.append(contentsOf: (value ? "true" : "false").utf8) }

    mutating func integer(_ value: some BinaryInteger) { bytes.append(contentsOf: String(value).utf8) }

    /// A number as it is written.
    mutating func digits(_ text: String) { bytes.append(contentsOf: text.utf8) }

    mutating func number(_ value: Double) throws(JSONFault) {
        guard value.isFinite else { throw JSONFault(.notFinite(value)) }
        // Without a fraction where there is none, as Foundation writes it.
        var text = value.description
        if text.hasSuffix(".0") { text.removeLast(2) }
        bytes.append(contentsOf: text.utf8)
    }

    mutating func string(_ text: String) {
        var text = text
        text.withUTF8 { string($0) }
    }

    /// What need not be escaped is copied in one piece, and mostly that is everything.
    private mutating func string(_ text: UnsafeBufferPointer<UInt8>) {
        bytes.append(UInt8(ascii: "\""))
        var start = 0
        for index in text.indices where Self.mustEscape(text[index]) {
            bytes.append(contentsOf: text[start..<index])
            escape(text[index])
            start = index + 1
        }
        bytes.append(contentsOf: text[start...])
        bytes.append(UInt8(ascii: "\""))
    }

    private static func mustEscape(_ byte: UInt8) -> Bool {
        byte < 0x20 || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\")
    }

    private mutating func escape(_ byte: UInt8) {
        bytes.append(UInt8(ascii: "\\"))
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"): bytes.append(byte)
        case UInt8(ascii: "\n"): bytes.append(UInt8(ascii: "n"))
        case UInt8(ascii: "\r"): bytes.append(UInt8(ascii: "r"))
        case UInt8(ascii: "\t"): bytes.append(UInt8(ascii: "t"))
        default:
            bytes.append(contentsOf: "u00".utf8)
            bytes.append(hexadecimalDigit(byte >> 4))
            bytes.append(hexadecimalDigit(byte & 15))
        }
    }
}
