// SPDX-License-Identifier: Apache-2.0

/// Reads JSON straight from its bytes, in one pass: the only parser of the package, as strict as RFC 8259.
///
/// Values that every run reads many times are read directly (``JSONReadable``). All others, and those that a direct reader
/// refuses, are read as a ``JSONValue`` first and then with `Decodable`, which finds the words for what is wrong (see
/// ``ACPJSON``). The two ways must give the same value; the tests compare them. So a direct reader refuses whatever is wrong
/// or doubtful.
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
    /// Why the reader does not read a document.
    package struct Refusal: Error {
        enum Kind {
            /// The value has another shape, or is read in another way. `Decodable` decides.
            case shape
            case syntax(String)
            case tooDeep
            case notUTF8
        }
        let kind: Kind
        /// The byte at which it is, counted from 0.
        let position: Int

        package init() { self.init(.shape, at: 0) }

        init(_ kind: Kind, at position: Int) {
            self.kind = kind
            self.position = position
        }
    }

    private let bytes: UnsafeRawBufferPointer
    /// Where the next byte stands: never behind the end.
    private(set) var position = 0
    private var depth = 0
    /// Whether the object or the array that is read has had no member yet.
    private var isFirst = false

    /// Whether numbers that a `Double` does not hold exactly are kept as they are written.
    let keepsDigits: Bool

    private init(_ bytes: UnsafeRawBufferPointer, keepsDigits: Bool = false) {
        self.bytes = bytes
        self.keepsDigits = keepsDigits
    }

    /// A document's value, or nil if the reader refuses it.
    static func read<Value: JSONReadable>(_ type: Value.Type, from bytes: UnsafeRawBufferPointer) -> Value? {
        var reader = JSONReader(bytes)
        do throws(Refusal) {
            let value = try Value(json: &reader)
            try reader.end()
            return value
        } catch {
            return nil
        }
    }

    /// A document's value, whatever it is.
    ///
    /// - Parameter keepsDigits: Whether numbers that a `Double` does not hold exactly become a ``JSONValue/LargeInteger`` of
    ///   their text, for types that hold more digits.
    static func readTree(_ bytes: UnsafeRawBufferPointer, keepsDigits: Bool) throws(Refusal) -> JSONValue {
        var reader = JSONReader(bytes, keepsDigits: keepsDigits)
        // A byte order mark is allowed, though none is needed.
        if bytes.starts(with: [0xef, 0xbb, 0xbf]) { reader.position = 3 }
        if bytes.starts(with: [0xff, 0xfe]) || bytes.starts(with: [0xfe, 0xff]) { throw Refusal(.notUTF8, at: 0) }
        reader.skipWhitespace()
        guard reader.position < bytes.count else { throw reader.fault("it is empty") }
        let value = try JSONValue(json: &reader)
        try reader.end()
        return value
    }

    /// Checks that the document ends here.
    private mutating func end() throws(Refusal) {
        skipWhitespace()
        guard position < bytes.count else { return }
        throw unexpected("nothing may follow the value")
    }

    // MARK: Faults

    func fault(_ message: String, at position: Int? = nil) -> Refusal {
        Refusal(.syntax(message), at: position ?? self.position)
    }

    /// A fault at the next byte, which is another one than expected.
    func unexpected(_ expectation: String) -> Refusal {
        guard position < bytes.count else { return fault("it ends too early: \(expectation)") }
        if bytes[position] == 0 { return Refusal(.notUTF8, at: position) }
        return fault(expectation)
    }

    /// Where a byte is, for people: line and column, counted from 1.
    static func place(of position: Int, in bytes: UnsafeRawBufferPointer) -> String {
        let before = bytes[..<min(position, bytes.count)]
        let line = before.count { $0 == UInt8(ascii: "\n") } + 1
        let start = before.lastIndex(of: UInt8(ascii: "\n")).map { $0 + 1 } ?? 0
        // A character begins with any byte but those that continue one.
        let column = before[start...].count { $0 & 0xc0 != 0x80 } + 1
        return "line \(line), column \(column)"
    }

    // MARK: Bytes

    /// The byte that comes next.
    func peek() throws(Refusal) -> UInt8 {
        guard position < bytes.count else { throw fault("it ends too early") }
        return bytes[position]
    }

    /// The byte that comes next, or `nil` at the end.
    var next: UInt8? { position < bytes.count ? bytes[position] : nil }

    /// The first byte of the next token.
    mutating func token() throws(Refusal) -> UInt8 {
        skipWhitespace()
        return try peek()
    }

    /// Steps over a byte that ``peek()`` has given.
    mutating func advance() { position += 1 }

    /// Steps over a byte, which must come next.
    mutating func take(_ byte: Unicode.Scalar, else expectation: @autoclosure () -> String) throws(Refusal) {
        guard next == UInt8(ascii: byte) else { throw unexpected(expectation()) }
        position += 1
    }

    /// Steps over a text, which must come next.
    mutating func take(literal: StaticString) throws(Refusal) {
        let start = position
        for index in 0..<literal.utf8CodeUnitCount {
            guard next == literal.utf8Start[index] else {
                position = start
                throw noValue()
            }
            position += 1
        }
    }

    /// The byte at a position, or `nil` behind the end.
    func byte(at position: Int) -> UInt8? { position < bytes.count ? bytes[position] : nil }

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
        // Something else may be right in its place: `Decodable` decides.
        guard next == UInt8(ascii: opening) else { throw Refusal() }
        position += 1
        depth += 1
        guard depth <= ACPJSON.maximumDepth else { throw Refusal(.tooDeep, at: position) }
        isFirst = true
    }

    /// The object's next key, or nil at its end. The member's value must be read or skipped before the next call.
    package mutating func nextKey() throws(Refusal) -> Key? {
        guard try nextMember() else { return nil }
        let text = try text()
        guard text.isASCII, !text.hasEscapes else { throw Refusal() }
        let key = Key(bytes: bytes[text.range])
        try colon()
        return key
    }

    /// The same, for looking ahead: a key that is not ASCII is none of those that a type knows.
    private mutating func nextKeyAhead() throws(Refusal) -> Key? {
        guard try nextMember() else { return nil }
        let text = try text()
        guard !text.hasEscapes else { throw Refusal() }
        try colon()
        return Key(bytes: bytes[text.range])
    }

    /// The same, for objects whose keys anybody may choose.
    mutating func nextName() throws(Refusal) -> String? {
        guard try nextMember() else { return nil }
        let name = try string()
        try colon()
        return name
    }

    /// Whether the array has another element. It must be read or skipped before the next call.
    package mutating func nextElement() throws(Refusal) -> Bool {
        guard try next(before: "]", else: "a comma or ] must follow an element of an array") else { return false }
        if next == UInt8(ascii: "]") { throw fault("a comma in an array must be followed by another element") }
        return true
    }

    private mutating func nextMember() throws(Refusal) -> Bool {
        guard try next(before: "}", else: "a comma or } must follow a member of an object") else { return false }
        if next == UInt8(ascii: "}") { throw fault("a comma in an object must be followed by another member") }
        guard next == UInt8(ascii: "\"") else { throw unexpected("a member's name in double quotes is expected") }
        return true
    }

    /// Steps to what follows, behind the comma, or over the closing bracket.
    private mutating func next(
        before closing: Unicode.Scalar, else expectation: @autoclosure () -> String
    ) throws(Refusal) -> Bool {
        skipWhitespace()
        if next == UInt8(ascii: closing) {
            position += 1
            depth -= 1
            isFirst = false
            return false
        }
        if isFirst {
            isFirst = false
        } else {
            try take(",", else: expectation())
            skipWhitespace()
        }
        return true
    }

    private mutating func colon() throws(Refusal) {
        skipWhitespace()
        try take(":", else: "a colon must follow the name of a member")
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
    /// determines how to read the others. The last member of that name counts. If `nil`, there is none, or it is null.
    func text(of name: StaticString) throws(Refusal) -> String? {
        var ahead = self
        var text: String?
        try ahead.beginObject()
        while let key = try ahead.nextKeyAhead() {
            if name ~= key {
                text = try ahead.skipNull() ? nil : try ahead.string()
            } else {
                try ahead.skip()
            }
        }
        return text
    }

    /// The same, without looking further than the first member of that name: the caller must refuse another one.
    func firstText(of name: StaticString) throws(Refusal) -> String? {
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
