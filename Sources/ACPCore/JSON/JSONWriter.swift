// SPDX-License-Identifier: Apache-2.0

/// Writes JSON straight into bytes, for the values that every run writes many times. `Encodable` says the same of them and
/// is what everything else uses: the tests compare the two.
///
/// Members stand in the order in which they are written, null ones are left out unless they are asked for.
package struct JSONWriter {
    /// What the writer cannot write: the caller turns to `Encodable`, which says where it stands.
    package struct Refusal: Error {}

    private(set) var bytes: [UInt8] = []
    private let limit: Int
    private var depth = 0
    private var needsComma = false

    init(depth limit: Int) {
        self.limit = limit
        bytes.reserveCapacity(256)
    }

    // MARK: Structure

    package mutating func object(_ body: (inout JSONWriter) throws(Refusal) -> Void) throws(Refusal) {
        try nested("{", "}", body)
    }

    mutating func array(_ elements: some Sequence<some JSONWritable>) throws(Refusal) {
        try nested("[", "]") { writer throws(Refusal) in
            for element in elements {
                writer.separate()
                try element.write(to: &writer)
            }
        }
    }

    private mutating func nested(
        _ open: Unicode.Scalar, _ close: Unicode.Scalar, _ body: (inout JSONWriter) throws(Refusal) -> Void
    ) throws(Refusal) {
        depth += 1
        guard depth <= limit else { throw Refusal() }
        bytes.append(UInt8(ascii: open))
        needsComma = false
        try body(&self)
        bytes.append(UInt8(ascii: close))
        needsComma = true
        depth -= 1
    }

    private mutating func separate() {
        if needsComma { bytes.append(UInt8(ascii: ",")) }
        needsComma = true
    }

    // MARK: Members

    /// A member whose name needs no escaping.
    package mutating func member(_ name: StaticString, _ value: some JSONWritable) throws(Refusal) {
        key(name)
        try value.write(to: &self)
    }

    /// The same, left out if there is no value.
    mutating func member(_ name: StaticString, _ value: (some JSONWritable)?) throws(Refusal) {
        if let value { try member(name, value) }
    }

    mutating func member(_ name: StaticString, _ elements: [some JSONWritable]) throws(Refusal) {
        key(name)
        try array(elements)
    }

    mutating func null(_ name: StaticString) {
        key(name)
        null()
    }

    /// Members that somebody else named.
    mutating func members(_ members: JSONObject, except known: Set<String> = []) throws(Refusal) {
        for (name, value) in members where !known.contains(name) {
            separate()
            string(name)
            bytes.append(UInt8(ascii: ":"))
            try value.write(to: &self)
        }
    }

    private mutating func key(_ name: StaticString) {
        separate()
        bytes.append(UInt8(ascii: "\""))
        bytes.append(contentsOf: UnsafeBufferPointer(start: name.utf8Start, count: name.utf8CodeUnitCount))
        bytes.append(UInt8(ascii: "\""))
        bytes.append(UInt8(ascii: ":"))
    }

    // MARK: Scalars

    mutating func null() { bytes.append(contentsOf: "null".utf8) }

    mutating func bool(_ value: Bool) { bytes.append(contentsOf: (value ? "true" : "false").utf8) }

    mutating func integer(_ value: some BinaryInteger) { bytes.append(contentsOf: String(value).utf8) }

    /// A number as it is written.
    mutating func digits(_ text: String) { bytes.append(contentsOf: text.utf8) }

    mutating func number(_ value: Double) throws(Refusal) {
        guard value.isFinite else { throw Refusal() }
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

/// A value that ``JSONWriter`` writes.
package protocol JSONWritable: Encodable {
    func write(to writer: inout JSONWriter) throws(JSONWriter.Refusal)
}

extension JSONWritable {
    /// The value's JSON, or nil if the writer cannot write it.
    func written(depth: Int) -> [UInt8]? {
        var writer = JSONWriter(depth: depth)
        do {
            try write(to: &writer)
            return writer.bytes
        } catch {
            return nil
        }
    }
}
