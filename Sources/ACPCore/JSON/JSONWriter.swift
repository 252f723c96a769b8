// SPDX-License-Identifier: Apache-2.0

/// Writes JSON directly into bytes: the types of this package themselves (``JSONWritable``), other types through a
/// ``JSONValue`` (see ``ACPJSON``).
///
/// Members are in the order in which they are written. Members without a value are left out, except with ``null(_:)``.
package struct JSONWriter {
    private var bytes = ByteBuilder()
    private let limit: Int
    private var depth = 0
    private var needsComma = false

    package init(depth limit: Int) { self.limit = limit }

    /// Hands over what was written.
    package mutating func takeBytes() -> [UInt8] { bytes.takeBytes() }

    // MARK: Structure

    /// Begins an object. Write its members next, then call ``endObject()``.
    package mutating func beginObject() throws(JSONFault) { try begin("{") }

    /// Ends an object.
    package mutating func endObject() { end("}") }

    package mutating func array(_ elements: [some JSONWritable]) throws(JSONFault) {
        try beginArray()
        for index in elements.indices {
            beginElement()
            do throws(JSONFault) {
                try elements[index].write(to: &self)
            } catch {
                throw error.under(index)
            }
        }
        endArray()
    }

    /// Begins an array. Call ``beginElement()`` before each element, and ``endArray()`` behind the last one.
    package mutating func beginArray() throws(JSONFault) { try begin("[") }

    /// Begins an element of an array. Write its value next.
    package mutating func beginElement() { separate() }

    /// Ends an array.
    package mutating func endArray() { end("]") }

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

    /// Writes a member, or nothing if there is no value.
    package mutating func member(_ field: some JSONField, _ value: (some JSONWritable)?) throws(JSONFault) {
        if let value { try member(field, value) }
    }

    /// Writes a member that is null.
    package mutating func null(_ field: some JSONField) {
        key(field.rawValue)
        null()
    }

    /// Writes all members of an object.
    package mutating func members(_ members: JSONObject) throws(JSONFault) {
        for (name, value) in members { try member(named: name, value) }
    }

    /// Writes those members of an object that a type does not define.
    mutating func members<Field: JSONField>(_ members: JSONObject, except fields: Field.Type) throws(JSONFault) {
        for (name, value) in members where Field(named: name) == nil { try member(named: name, value) }
    }

    /// Writes a member of a name that no type knows.
    package mutating func member(named name: String, _ value: some JSONWritable) throws(JSONFault) {
        separate()
        string(name)
        bytes.append(UInt8(ascii: ":"))
        do throws(JSONFault) {
            try value.write(to: &self)
        } catch {
            throw error.under(name)
        }
    }

    /// Writes the name of a member. Write its value next.
    package mutating func key(_ name: JSONName) {
        let separates = needsComma
        needsComma = true
        let name = name.bytes
        bytes.write(atMost: name.count + 4) { room in
            var writer = PieceWriter(room: room)
            if separates { writer.append(UInt8(ascii: ",")) }
            writer.append(UInt8(ascii: "\""))
            writer.append(name)
            writer.append(UInt8(ascii: "\""))
            writer.append(UInt8(ascii: ":"))
            return writer.count
        }
    }

    // MARK: Scalars

    package mutating func null() { bytes.append("null") }

    package mutating func bool(_ value: Bool) { bytes.append(value ? "true" : "false") }

    package mutating func integer(_ value: some BinaryInteger) { bytes.append(String(value)) }

    /// Writes a number from its text.
    mutating func digits(_ text: String) { bytes.append(text) }

    mutating func number(_ value: Double) throws(JSONFault) {
        guard value.isFinite else { throw JSONFault(.notFinite(value)) }
        number(finite: value)
    }

    /// Writes a number.
    ///
    /// - Precondition: It is finite.
    package mutating func number(finite value: Double) {
        // Without ".0" if there is no fraction, as Foundation writes it.
        var text = value.description
        if text.hasSuffix(".0") { text.removeLast(2) }
        bytes.append(text)
    }

    package mutating func string(_ text: String) {
        var text = text
        text.withUTF8 { string(UnsafeRawBufferPointer($0)) }
    }

    /// Writes a string that is composed in place and requires no escaping.
    ///
    /// - Parameters:
    ///   - limit: How many bytes it has at most.
    ///   - body: Gets the room for it, and returns how many bytes it has written.
    package mutating func plainString(atMost limit: Int, _ body: (UnsafeMutableBufferPointer<UInt8>) -> Int) {
        bytes.write(atMost: limit + 2) { room in
            room[0] = UInt8(ascii: "\"")
            let count = body(UnsafeMutableBufferPointer(rebasing: room[1...]))
            room[count + 1] = UInt8(ascii: "\"")
            return count + 2
        }
    }

    /// Writes a string whose characters need no escapes.
    ///
    /// - Parameters:
    ///   - count: How many bytes the characters are.
    ///   - fill: Writes that many bytes.
    package mutating func plainString(count: Int, _ fill: (UnsafeMutableRawBufferPointer) -> Void) {
        plainString(atMost: count) { room in
            fill(UnsafeMutableRawBufferPointer(UnsafeMutableBufferPointer(rebasing: room[..<count])))
            return count
        }
    }

    /// Writes a value that is JSON already. Whether it is valid is not checked.
    package mutating func json(_ json: some Sequence<UInt8>) {
        let isWritten: Void? = json.withContiguousStorageIfAvailable { bytes.append(UnsafeRawBufferPointer($0)) }
        if isWritten == nil { for byte in json { bytes.append(byte) } }
    }

    /// Writes a value, or a piece of one, that is JSON already.
    package mutating func json(_ json: [UInt8]) { json.withUnsafeBytes { bytes.append($0) } }

    /// Writes a value, or a piece of one, that is JSON already.
    package mutating func json(_ json: StaticString) { bytes.append(JSONName(stringLiteral: json).bytes) }

    /// Writes a string. Text that requires no escaping, which mostly is all of it, is copied in one piece.
    private mutating func string(_ text: UnsafeRawBufferPointer) {
        var end = text.firstToEscape(from: 0)
        if end == text.count {
            return plainString(atMost: end) { room in
                UnsafeMutableRawBufferPointer(room).copyMemory(from: text)
                return text.count
            }
        }
        bytes.append(UInt8(ascii: "\""))
        var start = 0
        while end < text.count {
            bytes.append(UnsafeRawBufferPointer(rebasing: text[start..<end]))
            escape(text[end])
            start = end + 1
            end = text.firstToEscape(from: start)
        }
        bytes.append(UnsafeRawBufferPointer(rebasing: text[start...]))
        bytes.append(UInt8(ascii: "\""))
    }

    private mutating func escape(_ byte: UInt8) {
        bytes.append(UInt8(ascii: "\\"))
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"): bytes.append(byte)
        case UInt8(ascii: "\n"): bytes.append(UInt8(ascii: "n"))
        case UInt8(ascii: "\r"): bytes.append(UInt8(ascii: "r"))
        case UInt8(ascii: "\t"): bytes.append(UInt8(ascii: "t"))
        default:
            bytes.append("u00")
            bytes.append(hexadecimalDigit(byte >> 4))
            bytes.append(hexadecimalDigit(byte & 15))
        }
    }
}

/// Fills the room for a piece that is known to fit.
private struct PieceWriter {
    let room: UnsafeMutableBufferPointer<UInt8>
    var count = 0

    mutating func append(_ byte: UInt8) {
        room[count] = byte
        count += 1
    }

    mutating func append(_ bytes: UnsafeRawBufferPointer) {
        UnsafeMutableRawBufferPointer(rebasing: UnsafeMutableRawBufferPointer(room)[count...]).copyMemory(from: bytes)
        count += bytes.count
    }
}

extension UnsafeRawBufferPointer {
    /// Returns where the first byte is that cannot be in a JSON string as it is: a control character, a quote or a backslash. The
    /// number of bytes if there is none.
    fileprivate func firstToEscape(from start: Int) -> Int {
        var position = start
        // Eight bytes at a time. The highest bit of a byte is set below where it is one of those, and possibly in those after it.
        while count - position >= 8 {
            let word = loadUnaligned(fromByteOffset: position, as: UInt64.self)
            let control = (word &- Self.each(0x20)) & ~word
            let quote = Self.zeros(in: word ^ Self.each(UInt8(ascii: "\"")))
            let backslash = Self.zeros(in: word ^ Self.each(UInt8(ascii: "\\")))
            guard (control | quote | backslash) & Self.each(0x80) == 0 else { break }
            position += 8
        }
        while position < count, !Self.mustEscape(self[position]) { position += 1 }
        return position
    }

    private static func mustEscape(_ byte: UInt8) -> Bool {
        byte < 0x20 || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\")
    }

    /// A word of eight times the same byte.
    private static func each(_ byte: UInt8) -> UInt64 { UInt64(byte) &* 0x0101_0101_0101_0101 }

    /// Sets the highest bit of each byte that is zero.
    private static func zeros(in word: UInt64) -> UInt64 { (word &- each(1)) & ~word }
}
