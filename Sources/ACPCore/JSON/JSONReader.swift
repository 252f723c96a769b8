// SPDX-License-Identifier: Apache-2.0

/// Reads JSON directly from its bytes, in one pass: the only parser of the package, as strict as RFC 8259.
///
/// It reads the types of this package directly (``JSONReadable``); for other `Decodable` types it reads a ``JSONValue``
/// (see ``ACPJSON``). A value of another kind than expected is a fault of shape, which is thrown after the value has
/// been passed. The rest of the document is then read as well, so that a document that is not JSON is rejected as such,
/// and the last of several members with the same name is used.
///
/// Callers step through a document:
///
/// ```swift
/// try reader.beginObject()
/// while let field = try reader.nextField(Field.self) {
///     switch field {
///     case .name: try name.read(from: &reader)
///     case .size: try size.read(from: &reader)
///     }
/// }
/// ```
///
/// - Important: It borrows the bytes, and must not outlive the call of ``read(_:from:keepsDigits:)`` that provides
///   them. Values are copied out of the bytes.
package struct JSONReader {
    private let bytes: UnsafeRawBufferPointer
    /// The index of the next byte. Never beyond the end.
    package private(set) var position = 0
    private var depth = 0
    /// Whether no member of the current object or array has been read yet.
    private var isFirst = false

    /// Whether numbers that a `Double` does not represent exactly are kept as text.
    let keepsDigits: Bool

    private init(_ bytes: UnsafeRawBufferPointer, keepsDigits: Bool = false) {
        self.bytes = bytes
        self.keepsDigits = keepsDigits
    }

    /// Reads a document.
    ///
    /// - Parameter keepsDigits: Whether numbers that a `Double` does not represent exactly become a
    ///   ``JSONValue/LargeInteger`` with their text, for types with more digits.
    package static func read<Value: JSONReadable>(
        _ type: Value.Type, from bytes: UnsafeRawBufferPointer, keepsDigits: Bool = false
    ) throws(JSONFault) -> Value {
        var reader = JSONReader(bytes, keepsDigits: keepsDigits)
        try reader.begin()
        let value: Value
        do throws(JSONFault) {
            value = try Value(json: &reader)
        } catch {
            // A document that is not JSON is rejected as such.
            if error.isOfShape { try reader.end() }
            throw error
        }
        try reader.end()
        return value
    }

    /// Reads a document from the bytes of an array.
    package static func read<Value: JSONReadable>(_ type: Value.Type, from bytes: [UInt8]) throws(JSONFault) -> Value {
        try bytes.withUnsafeBytes { bytes in
            Result { () throws(JSONFault) in try read(type, from: bytes) }
        }.get()
    }

    /// Checks the beginning of the document.
    private mutating func begin() throws(JSONFault) {
        if let first = bytes.first, first >= 0xef {
            // A byte order mark is allowed, but not required.
            if bytes.starts(with: [0xef, 0xbb, 0xbf]) { position = 3 }
            if bytes.starts(with: [0xff, 0xfe]) || bytes.starts(with: [0xfe, 0xff]) { throw JSONFault(.notUTF8) }
        }
        skipWhitespace()
        guard position < bytes.count else { throw fault("it is empty") }
    }

    /// Checks that the document ends here.
    private mutating func end() throws(JSONFault) {
        skipWhitespace()
        guard position < bytes.count else { return }
        throw unexpected("nothing may follow the value")
    }

    // MARK: Faults

    func fault(_ message: String, at position: Int? = nil) -> JSONFault {
        JSONFault(.syntax(message), at: position ?? self.position)
    }

    /// Returns the fault of the next value, which is of another kind than expected. The reader passes the value, and so
    /// finds out whether it is a value at all.
    package mutating func mismatch(_ expected: JSONFault.Kind) -> JSONFault {
        do throws(JSONFault) {
            let isNull = try token() == UInt8(ascii: "n")
            try skip()
            return JSONFault(isNull ? .null(expected) : .mismatch(expected))
        } catch {
            return error
        }
    }

    /// Returns the fault of the next byte, which is another one than expected.
    func unexpected(_ expectation: String) -> JSONFault {
        guard position < bytes.count else { return fault("it ends too early: \(expectation)") }
        if bytes[position] == 0 { return JSONFault(.notUTF8, at: position) }
        return fault(expectation)
    }

    /// Returns the line and the column of a byte, counted from 1, for error messages.
    static func place(of position: Int, in bytes: UnsafeRawBufferPointer) -> String {
        let lineFeed = UInt8(ascii: "\n")
        let end = min(position, bytes.count)
        var (line, column, index) = (1, 1, 0)
        while index < end {
            let byte = bytes[index]
            if byte == lineFeed {
                line += 1
                column = 1
            } else if byte & 0xc0 != 0x80 {
                // A character begins with any byte but those that continue one.
                column += 1
            }
            index += 1
        }
        return "line \(line), column \(column)"
    }

    // MARK: Bytes

    /// Returns the next byte.
    func peek() throws(JSONFault) -> UInt8 {
        guard position < bytes.count else { throw fault("it ends too early") }
        return bytes[position]
    }

    /// The next byte, or `nil` at the end.
    var next: UInt8? { position < bytes.count ? bytes[position] : nil }

    /// Returns the first byte of the next token.
    package mutating func token() throws(JSONFault) -> UInt8 {
        skipWhitespace()
        return try peek()
    }

    /// Passes the byte that ``peek()`` returned.
    mutating func advance() { position += 1 }

    /// Passes a byte that must be the next one.
    mutating func take(_ byte: Unicode.Scalar, else expectation: @autoclosure () -> String) throws(JSONFault) {
        guard next == UInt8(ascii: byte) else { throw unexpected(expectation()) }
        position += 1
    }

    /// Passes a text that must be the next one.
    mutating func take(literal: StaticString) throws(JSONFault) {
        let start = position
        for index in 0..<literal.utf8CodeUnitCount {
            guard next == literal.utf8Start[index] else {
                position = start
                throw noValue()
            }
            position += 1
        }
    }

    /// Returns the byte at a position, or `nil` beyond the end.
    func byte(at position: Int) -> UInt8? { position < bytes.count ? bytes[position] : nil }

    /// Returns bytes that the reader has passed, without the cost of a slice in generic code.
    package func rebased(_ range: Range<Int>) -> UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(rebasing: bytes[range])
    }

    /// Returns the position of the first backslash in a range that the reader has passed, or `nil` if there is none.
    func backslash(in range: Range<Int>) -> Int? { bytes.firstIndex(of: UInt8(ascii: "\\"), in: range) }

    private mutating func skipWhitespace() {
        while position < bytes.count {
            switch bytes[position] {
            case UInt8(ascii: " "), UInt8(ascii: "\n"), UInt8(ascii: "\r"), UInt8(ascii: "\t"): position += 1
            default: return
            }
        }
    }

    /// Passes plain characters of a string, eight at a time.
    ///
    /// - Returns: Whether all of them are ASCII.
    mutating func skipPlainCharacters() -> Bool {
        let ones: UInt64 = 0x0101_0101_0101_0101
        let highBits: UInt64 = 0x8080_8080_8080_8080
        var high: UInt64 = 0
        while bytes.count - position >= 8 {
            // The condition of the loop ensures that there are eight bytes. They need not be aligned.
            let word = bytes.loadUnaligned(fromByteOffset: position, as: UInt64.self)
            let quotes = word ^ (ones &* UInt64(UInt8(ascii: "\"")))
            let backslashes = word ^ (ones &* UInt64(UInt8(ascii: "\\")))
            // The high bit of a byte is set if the byte is below 0x20, a quote or a backslash. After such a byte, the
            // high bits of others may be set as well.
            let control = (word &- ones &* 0x20) & ~word
            let special = control | ((quotes &- ones) & ~quotes) | ((backslashes &- ones) & ~backslashes)
            if special & highBits != 0 { break }
            high |= word
            position += 8
        }
        return high & highBits == 0
    }

    // MARK: Structure

    package mutating func beginObject() throws(JSONFault) { try begin("{", .object) }

    package mutating func beginArray() throws(JSONFault) { try begin("[", .array) }

    private mutating func begin(_ opening: Unicode.Scalar, _ kind: JSONFault.Kind) throws(JSONFault) {
        skipWhitespace()
        guard next == UInt8(ascii: opening) else { throw mismatch(kind) }
        position += 1
        depth += 1
        guard depth <= ACPJSON.maximumDepth else { throw JSONFault(.tooDeep, at: position) }
        isFirst = true
    }

    /// Returns the object's next member that the type defines, or `nil` at the end of the object. Other members are
    /// skipped.
    ///
    /// The caller must read or skip the member's value before the next call.
    package mutating func nextField<Field: JSONField>(_ type: Field.Type) throws(JSONFault) -> Field? {
        while try nextMember() {
            let text = try text()
            let field: Field? =
                text.isPlain ? Field(rawValue: name(text)) : Field(named: try string(of: text))
            try colon()
            if let field { return field }
            try skip()
        }
        return nil
    }

    /// Returns the object's next member that the type defines, or `nil` at the end of the object, and keeps other
    /// members.
    package mutating func nextField<Field: JSONField>(
        _ type: Field.Type, othersIn others: inout JSONObject
    ) throws(JSONFault) -> Field? {
        while try nextMember() {
            let text = try text()
            let known: Field? =
                text.isPlain ? Field(rawValue: name(text)) : Field(named: try string(of: text))
            let other = known == nil ? try string(of: text) : ""
            try colon()
            if let known { return known }
            others[other] = try JSONValue(json: &self)
        }
        return nil
    }

    /// The name that a text is, which must be plain. It borrows the bytes of the document.
    package func name(_ text: Text) -> JSONName {
        JSONName(borrowing: rebased(text.range))
    }

    /// Returns the name of the object's next member, or `nil` at the end of the object.
    package mutating func nextName() throws(JSONFault) -> String? {
        guard try nextMember() else { return nil }
        let name = try string()
        try colon()
        return name
    }

    /// Returns whether the array has another element, which the caller must read or skip before the next call.
    package mutating func nextElement() throws(JSONFault) -> Bool {
        guard try next(before: "]", else: "a comma or ] must follow an element of an array") else { return false }
        if next == UInt8(ascii: "]") { throw fault("a comma in an array must be followed by another element") }
        return true
    }

    /// Moves to the name of the object's next member, which the caller must read, then the colon. Returns `false` after passing the
    /// end of the object.
    package mutating func nextMember() throws(JSONFault) -> Bool {
        guard try next(before: "}", else: "a comma or } must follow a member of an object") else { return false }
        if next == UInt8(ascii: "}") { throw fault("a comma in an object must be followed by another member") }
        guard next == UInt8(ascii: "\"") else { throw unexpected("a member's name in double quotes is expected") }
        return true
    }

    /// Moves to the next member or element, after the comma. Returns `false` after passing the closing bracket.
    private mutating func next(
        before closing: Unicode.Scalar, else expectation: @autoclosure () -> String
    ) throws(JSONFault) -> Bool {
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

    /// Passes the colon between the name of a member and its value.
    package mutating func colon() throws(JSONFault) {
        skipWhitespace()
        try take(":", else: "a colon must follow the name of a member")
    }

    /// Passes a value of any kind, with the same checks as for reading it.
    package mutating func skip() throws(JSONFault) {
        switch try token() {
        case UInt8(ascii: "{"):
            try beginObject()
            while try nextMember() {
                try skipString()
                try colon()
                try skip()
            }
        case UInt8(ascii: "["):
            try beginArray()
            while try nextElement() { try skip() }
        case UInt8(ascii: "\""): try skipString()
        case UInt8(ascii: "t"): try take(literal: "true")
        case UInt8(ascii: "f"): try take(literal: "false")
        case UInt8(ascii: "n"): try take(literal: "null")
        default: _ = try number()
        }
    }

    /// Passes a string, with the same checks as for reading it. Plain text requires no further ones.
    private mutating func skipString() throws(JSONFault) {
        let text = try text()
        if !text.isPlain { _ = try string(of: text) }
    }

    /// Passes the next value if it is null. Returns whether it is.
    package mutating func skipNull() throws(JSONFault) -> Bool {
        guard try token() == UInt8(ascii: "n") else { return false }
        try take(literal: "null")
        return true
    }

    /// Returns the text of a member of the next object before the object is read, for objects in which one member
    /// determines how the others are read.
    ///
    /// - Parameter stopsAtFirst: Whether the search ends at the first member with the name. Otherwise the last one is
    ///   used.
    mutating func lookAhead(
        at field: some JSONField, stopsAtFirst: Bool = false
    ) throws(JSONFault) -> JSONMember<String> {
        guard try token() == UInt8(ascii: "{") else { throw mismatch(.object) }
        var member = JSONMember<String>(field)
        var ahead = self
        try ahead.beginObject()
        while try ahead.nextMember() {
            let text = try ahead.text()
            let isMatch =
                text.isPlain ? name(text) == field.rawValue : try ahead.string(of: text) == field.name
            try ahead.colon()
            guard isMatch else {
                try ahead.skip()
                continue
            }
            try member.read(from: &ahead)
            if stopsAtFirst { break }
        }
        return member
    }
}
