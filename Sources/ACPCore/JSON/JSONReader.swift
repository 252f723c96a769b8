// SPDX-License-Identifier: Apache-2.0

/// Reads JSON straight from its bytes, in one pass, for the values that every run reads many times. `Decodable` says the
/// same of them and is what everything else uses: the tests compare the two.
///
/// The reader gives exactly the value that Foundation's decoder gives, or it refuses; then Foundation decides, and
/// finds the words for what is wrong. So it refuses whatever is wrong, rare or doubtful: equal keys, numbers with an
/// exponent, keys with escapes, deep nesting.
///
/// It steps through a document by being asked:
///
/// ```swift
/// try reader.beginObject()
/// while let key = try reader.nextKey() {
///     switch key {
///     case "name": try name.read(from: &reader)
///     default: try reader.skip()
///     }
/// }
/// ```
///
/// - Important: It borrows the bytes, and so do its keys: neither may outlive the closure of ``read(_:from:)`` that lends
///   them. Values are copied out of the bytes, and so may.
package struct JSONReader {
    /// What the reader does not read: the caller turns to `Decodable`.
    package struct Refusal: Error {}

    /// How deeply arrays and objects may stand in each other. What is nested deeper is rare.
    static let maximumDepth = 64

    private let bytes: UnsafeRawBufferPointer
    /// Where the next byte stands: never behind the end.
    private(set) var position = 0
    private var depth = 0
    /// Whether the object or the array that is read has had no member yet.
    private var isFirst = false

    private init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

    /// A document's value, or nil if the reader refuses it.
    static func read<Value: JSONReadable>(_ type: Value.Type, from bytes: UnsafeRawBufferPointer) -> Value? {
        var reader = JSONReader(bytes)
        do throws(Refusal) {
            let value = try Value(json: &reader)
            reader.skipWhitespace()
            return reader.position == bytes.count ? value : nil
        } catch {
            return nil
        }
    }

    // MARK: Bytes

    /// The byte that comes next.
    func peek() throws(Refusal) -> UInt8 {
        guard position < bytes.count else { throw Refusal() }
        return bytes[position]
    }

    /// The first byte of the next token.
    mutating func token() throws(Refusal) -> UInt8 {
        skipWhitespace()
        return try peek()
    }

    /// Steps over a byte that ``peek()`` has given.
    mutating func advance() { position += 1 }

    mutating func take(_ byte: Unicode.Scalar) throws(Refusal) {
        guard try peek() == UInt8(ascii: byte) else { throw Refusal() }
        position += 1
    }

    /// Steps over a text, if it comes next.
    mutating func take(literal: StaticString) throws(Refusal) {
        for index in 0..<literal.utf8CodeUnitCount {
            guard try peek() == literal.utf8Start[index] else { throw Refusal() }
            position += 1
        }
    }

    /// Bytes that the reader has passed.
    subscript(range: Range<Int>) -> Slice<UnsafeRawBufferPointer> { bytes[range] }

    private mutating func skipWhitespace() {
        while position < bytes.count {
            switch bytes[position] {
            case UInt8(ascii: " "), UInt8(ascii: "\n"), UInt8(ascii: "\r"), UInt8(ascii: "\t"): position += 1
            default: return
            }
        }
    }

    /// Steps over characters of a string that mean themselves, eight at a time.
    ///
    /// - Returns: Whether all of them are ASCII.
    mutating func skipPlainCharacters() -> Bool {
        let ones: UInt64 = 0x0101_0101_0101_0101
        let highBits: UInt64 = 0x8080_8080_8080_8080
        var high: UInt64 = 0
        while bytes.count - position >= 8 {
            // The eight bytes are there: the loop's condition says so. They need no alignment.
            let word = bytes.loadUnaligned(fromByteOffset: position, as: UInt64.self)
            let quotes = word ^ (ones &* UInt64(UInt8(ascii: "\"")))
            let backslashes = word ^ (ones &* UInt64(UInt8(ascii: "\\")))
            // The high bit of a byte is set if it is below 0x20, a quote or a backslash; of a later byte perhaps as well.
            let control = (word &- ones &* 0x20) & ~word
            let special = control | ((quotes &- ones) & ~quotes) | ((backslashes &- ones) & ~backslashes)
            if special & highBits != 0 { break }
            high |= word
            position += 8
        }
        return high & highBits == 0
    }

    // MARK: Structure

    package mutating func beginObject() throws(Refusal) { try begin("{") }

    package mutating func beginArray() throws(Refusal) { try begin("[") }

    private mutating func begin(_ opening: Unicode.Scalar) throws(Refusal) {
        skipWhitespace()
        try take(opening)
        depth += 1
        guard depth <= Self.maximumDepth else { throw Refusal() }
        isFirst = true
    }

    /// The object's next key, or nil at its end. The member's value must be read or skipped before the next call.
    package mutating func nextKey() throws(Refusal) -> Key? {
        guard try next(before: "}") else { return nil }
        let text = try text()
        guard text.isASCII, !text.hasEscapes else { throw Refusal() }
        let key = Key(bytes: bytes[text.range])
        try colon()
        return key
    }

    /// The same, for objects whose keys anybody may choose.
    mutating func nextName() throws(Refusal) -> String? {
        guard try next(before: "}") else { return nil }
        let name = try string()
        try colon()
        return name
    }

    /// Whether the array has another element. It must be read or skipped before the next call.
    package mutating func nextElement() throws(Refusal) -> Bool { try next(before: "]") }

    private mutating func next(before closing: Unicode.Scalar) throws(Refusal) -> Bool {
        if try token() == UInt8(ascii: closing) {
            position += 1
            depth -= 1
            isFirst = false
            return false
        }
        if isFirst {
            isFirst = false
        } else {
            try take(",")
            // Here the end must not stand: what comes next is read as a key or a value, and the bracket is none.
            skipWhitespace()
        }
        return true
    }

    private mutating func colon() throws(Refusal) {
        skipWhitespace()
        try take(":")
    }

    /// Steps over any value. It is checked as if it were read.
    package mutating func skip() throws(Refusal) {
        switch try token() {
        case UInt8(ascii: "{"):
            try beginObject()
            while try nextName() != nil { try skip() }
        case UInt8(ascii: "["):
            try beginArray()
            while try nextElement() { try skip() }
        case UInt8(ascii: "\""): _ = try string()
        case UInt8(ascii: "t"): try take(literal: "true")
        case UInt8(ascii: "f"): try take(literal: "false")
        case UInt8(ascii: "n"): try take(literal: "null")
        default: _ = try number()
        }
    }

    /// Steps over a null, if one comes next.
    mutating func skipNull() throws(Refusal) -> Bool {
        guard try token() == UInt8(ascii: "n") else { return false }
        try take(literal: "null")
        return true
    }

    /// The text of a member of the object that comes next, which is not stepped over: for objects of which one member
    /// says how to read the others. Nil if there is none or if it is null.
    ///
    /// Whoever reads the object then sees the member again, and must refuse a second one.
    func text(of name: StaticString) throws(Refusal) -> String? {
        var ahead = self
        try ahead.beginObject()
        while let key = try ahead.nextKey() {
            guard name ~= key else {
                try ahead.skip()
                continue
            }
            return try ahead.skipNull() ? nil : try ahead.string()
        }
        return nil
    }
}

extension JSONReader {
    /// A key as it stands in the document: ASCII without escapes. It borrows the document's bytes.
    package struct Key {
        fileprivate let bytes: Slice<UnsafeRawBufferPointer>

        var name: String { String(decoding: bytes, as: UTF8.self) }

        package static func ~= (name: StaticString, key: Key) -> Bool {
            name.utf8CodeUnitCount == key.bytes.count
                && key.bytes.elementsEqual(UnsafeBufferPointer(start: name.utf8Start, count: name.utf8CodeUnitCount))
        }
    }
}
