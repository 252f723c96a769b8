// SPDX-License-Identifier: Apache-2.0

// Reading strings and numbers.

extension JSONReader {
    /// The range of a string's characters, between the quotes.
    package struct Text {
        package let range: Range<Int>
        let isASCII: Bool
        let hasEscapes: Bool

        /// Whether the bytes are the characters of the string, and valid.
        package var isPlain: Bool { isASCII && !hasEscapes }
    }

    // MARK: Strings

    package mutating func string() throws(JSONFault) -> String {
        let text = try text()
        return try string(of: text)
    }

    /// Returns the string of a text that the reader has passed.
    package func string(of text: Text) throws(JSONFault) -> String {
        // ASCII is always valid, and requires no check by generic code.
        if text.isPlain { return String(decoding: rebased(text.range), as: UTF8.self) }
        if text.hasEscapes { return try unescaped(text.range) }
        guard let string = String(validating: rebased(text.range), as: UTF8.self) else {
            throw invalidText(text.range)
        }
        return string
    }

    /// Finds the end of a string. Does not check its escapes and its characters outside of ASCII.
    package mutating func text() throws(JSONFault) -> Text {
        guard try token() == UInt8(ascii: "\"") else { throw mismatch(.string) }
        advance()
        let start = position
        var isASCII = true
        var hasEscapes = false
        while true {
            if !skipPlainCharacters() { isASCII = false }
            // One of the next eight bytes is special, or the document ends soon.
            for _ in 0..<8 {
                let byte = try peek()
                advance()
                switch byte {
                case UInt8(ascii: "\""):
                    return Text(range: start..<(position - 1), isASCII: isASCII, hasEscapes: hasEscapes)
                case UInt8(ascii: "\\"):
                    hasEscapes = true
                    _ = try peek()
                    advance()
                case ..<0x20:
                    throw fault("a control character in a string must be written as an escape", at: position - 1)
                case 0x80...: isASCII = false
                default: break
                }
            }
        }
    }

    private func unescaped(_ range: Range<Int>) throws(JSONFault) -> String {
        var output: [UInt8] = []
        output.reserveCapacity(range.count)
        var rest = range
        while let backslash = backslash(in: rest) {
            output.append(contentsOf: rebased(rest.lowerBound..<backslash))
            rest = (backslash + 1)..<range.upperBound
            guard let escape = popFirst(of: &rest) else {
                throw fault("a backslash in a string must begin an escape that JSON knows", at: backslash)
            }
            switch escape {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): output.append(escape)
            case UInt8(ascii: "b"): output.append(0x08)
            case UInt8(ascii: "f"): output.append(0x0c)
            case UInt8(ascii: "n"): output.append(UInt8(ascii: "\n"))
            case UInt8(ascii: "r"): output.append(UInt8(ascii: "\r"))
            case UInt8(ascii: "t"): output.append(UInt8(ascii: "\t"))
            case UInt8(ascii: "u"): output.append(contentsOf: UTF8.encode(try scalar(&rest)) ?? .init())
            default: throw fault("a backslash in a string must begin an escape that JSON knows", at: backslash)
            }
        }
        output.append(contentsOf: rebased(rest))
        // An escape is a whole character, so the text is valid only if the text between the escapes is.
        guard let string = String(validating: output, as: UTF8.self) else { throw invalidText(range) }
        return string
    }

    /// Returns the first byte of a range, and removes it from the range.
    private func popFirst(of range: inout Range<Int>) -> UInt8? {
        guard !range.isEmpty else { return nil }
        defer { range = (range.lowerBound + 1)..<range.upperBound }
        return byte(at: range.lowerBound)
    }

    private func invalidText(_ range: Range<Int>) -> JSONFault {
        fault("this string is not valid UTF-8", at: range.lowerBound - 1)
    }

    /// Returns the character of `\uXXXX`, or of two of these if the first is half of a surrogate pair. The first `\u`
    /// has been read.
    private func scalar(_ text: inout Range<Int>) throws(JSONFault) -> Unicode.Scalar {
        let start = text.lowerBound - 2
        let unit = try codeUnit(&text)
        if let scalar = Unicode.Scalar(unit) { return scalar }
        guard UTF16.isLeadSurrogate(unit), popFirst(of: &text) == UInt8(ascii: "\\"),
            popFirst(of: &text) == UInt8(ascii: "u")
        else { throw fault("half of a surrogate pair is not a character", at: start) }
        let trail = try codeUnit(&text)
        guard UTF16.isTrailSurrogate(trail) else {
            throw fault("half of a surrogate pair is not a character", at: start)
        }
        let offset = (UInt32(unit) - 0xd800) << 10 + (UInt32(trail) - 0xdc00)
        guard let scalar = Unicode.Scalar(0x1_0000 + offset) else {
            throw fault("half of a surrogate pair is not a character", at: start)
        }
        return scalar
    }

    private func codeUnit(_ text: inout Range<Int>) throws(JSONFault) -> UInt16 {
        var unit: UInt16 = 0
        let start = text.lowerBound - 2
        for _ in 0..<4 {
            guard let byte = popFirst(of: &text) else {
                throw fault("\\u must be followed by four hexadecimal digits", at: start)
            }
            let digit: UInt8
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9"): digit = byte - UInt8(ascii: "0")
            case UInt8(ascii: "a")...UInt8(ascii: "f"): digit = byte - UInt8(ascii: "a") + 10
            case UInt8(ascii: "A")...UInt8(ascii: "F"): digit = byte - UInt8(ascii: "A") + 10
            default: throw fault("\\u must be followed by four hexadecimal digits", at: start)
            }
            unit = unit << 4 | UInt16(digit)
        }
        return unit
    }

    // MARK: Numbers

    /// Reads a number.
    ///
    /// A number without a fraction becomes an integer, whatever its notation. A number with a fraction does not, even
    /// if the nearest `Double` has no fraction.
    package mutating func number() throws(JSONFault) -> JSONValue {
        let first = try token()
        let start = position
        guard first == UInt8(ascii: "-") || first.isDigit else { throw noValue() }
        if first == UInt8(ascii: "-") { advance() }
        let whole = position
        var digits: Int64? = 0
        while let digit = nextDigit() { digits = Self.append(digit, to: digits) }
        let count = position - whole
        guard count > 0 else { throw unexpected("a digit must follow the minus sign") }
        guard count == 1 || byte(at: whole) != UInt8(ascii: "0") else {
            throw fault("a number must not begin with 0", at: start)
        }
        if next == UInt8(ascii: ".") || next == UInt8(ascii: "e") || next == UInt8(ascii: "E") {
            return try fraction(from: start, digits: digits)
        }
        if let digits { return .integer(first == UInt8(ascii: "-") ? -digits : digits) }
        let text = try numberText(from: start)
        if let value = Int64(text) { return .integer(value) }
        if let value = UInt64(text) { return .unsigned(value) }
        return .largeInteger(JSONValue.LargeInteger(number: text))
    }

    /// Reads the fraction and the exponent, after the digits before the decimal point.
    private mutating func fraction(from start: Int, digits whole: Int64?) throws(JSONFault) -> JSONValue {
        var digits = whole
        var places = 0
        if next == UInt8(ascii: ".") {
            advance()
            let first = position
            while let digit = nextDigit() { digits = Self.append(digit, to: digits) }
            places = position - first
            guard places > 0 else { throw unexpected("a digit must follow the decimal point") }
        }
        if next == UInt8(ascii: "e") || next == UInt8(ascii: "E") {
            advance()
            if next == UInt8(ascii: "+") || next == UInt8(ascii: "-") { advance() }
            guard nextDigit() != nil else { throw unexpected("a digit must follow the exponent's sign or letter") }
            while nextDigit() != nil {}
        } else if let digits, digits < 1 << 53, digits > 0, places < Self.powersOfTen.count,
            !keepsDigits || digits < 1_000_000_000_000_000
        {
            // Both numbers are exact as a Double, so the quotient is the Double that is nearest to the text.
            let value = Double(digits) / Self.powersOfTen[places]
            if value.rounded(.towardZero) != value {
                return .number(byte(at: start) == UInt8(ascii: "-") ? -value : value)
            }
        }
        return try exactNumber(from: start)
    }

    /// Returns the number with a fraction or an exponent that has just been read.
    private func exactNumber(from start: Int) throws(JSONFault) -> JSONValue {
        let text = try numberText(from: start)
        if let whole = Self.wholeNumber(text) { return whole }
        guard let value = Double(text), value.isFinite else {
            throw fault(
                "this number is out of range: it is larger than a 64-bit floating-point number can be", at: start)
        }
        // A number too small to be distinguished from zero is not an integer: it has a fraction.
        if keepsDigits, value == 0 || text.utf8.count(where: \.isDigit) > 15 {
            return .largeInteger(JSONValue.LargeInteger(number: text))
        }
        return .number(value)
    }

    private func numberText(from start: Int) throws(JSONFault) -> String {
        let text = rebased(start..<position)
        // A fraction may have any number of digits: it is rounded.
        let limit = JSONValue.LargeInteger.maximumDigits + (text.first == UInt8(ascii: "-") ? 1 : 0)
        if text.count > limit, !text.contains(UInt8(ascii: ".")) {
            throw fault("this number has more than \(JSONValue.LargeInteger.maximumDigits) digits", at: start)
        }
        return String(decoding: text, as: UTF8.self)
    }

    /// Returns the 64-bit integer that equals a text with a fraction or an exponent, or `nil` if there is none.
    private static func wholeNumber(_ text: String) -> JSONValue? {
        var digits: [UInt8] = []
        var scale = 0
        var isFraction = false
        let isNegative = text.utf8.first == UInt8(ascii: "-")
        var rest = text.utf8[...]
        while let byte = rest.popFirst() {
            if byte.isDigit {
                digits.append(byte)
                if isFraction { scale -= 1 }
            } else if byte == UInt8(ascii: ".") {
                isFraction = true
            } else if byte != UInt8(ascii: "-") {
                // An exponent that does not fit into an Int is out of every range: only its sign matters.
                let isDown = rest.first == UInt8(ascii: "-")
                let exponent =
                    Int(Substring(rest.first == UInt8(ascii: "+") ? rest.dropFirst() : rest))
                    ?? (isDown ? -1_000_000_000 : 1_000_000_000)
                scale += max(-1_000_000_000, min(exponent, 1_000_000_000))
                break
            }
        }
        while digits.last == UInt8(ascii: "0") {
            digits.removeLast()
            scale += 1
        }
        if digits.isEmpty { return .integer(0) }
        let significant = digits.drop { $0 == UInt8(ascii: "0") }
        guard scale >= 0, significant.count + scale <= 20 else { return nil }
        let whole =
            (isNegative ? "-" : "") + String(decoding: significant, as: UTF8.self)
            + String(repeating: "0", count: scale)
        return Int64(whole).map(JSONValue.integer) ?? UInt64(whole).map(JSONValue.unsigned)
    }

    /// Returns the fault of text that is not a value.
    func noValue() -> JSONFault {
        switch next {
        case UInt8(ascii: "+"): fault("a number must not begin with +")
        case UInt8(ascii: "."): fault("a number must not begin with a decimal point")
        case UInt8(ascii: "'"): fault("strings must be in double quotes")
        case UInt8(ascii: "/"), UInt8(ascii: "#"): fault("comments are not allowed")
        case UInt8(ascii: "]"), UInt8(ascii: "}"), UInt8(ascii: ","), UInt8(ascii: ":"):
            unexpected("a value is expected")
        default: word.map { fault("\($0) is not a value in JSON") } ?? unexpected("a value is expected")
        }
    }

    /// The next word, such as `NaN`.
    private var word: String? {
        var end = position
        while end < position + 20, let byte = byte(at: end), byte.isAlphanumeric || byte == UInt8(ascii: "-") {
            end += 1
        }
        return end > position ? String(decoding: rebased(position..<end), as: UTF8.self) : nil
    }

    /// The powers of ten that a `Double` represents exactly, as far as the digits of an `Int64` require them.
    private static let powersOfTen: [Double] = [
        1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18,
    ]

    private mutating func nextDigit() -> UInt8? {
        guard let byte = next, byte.isDigit else { return nil }
        advance()
        return byte - UInt8(ascii: "0")
    }

    /// Appends a digit to a number. Returns `nil` if the number would not fit.
    private static func append(_ digit: UInt8, to digits: Int64?) -> Int64? {
        guard let digits else { return nil }
        let (tens, overflow) = digits.multipliedReportingOverflow(by: 10)
        let (sum, sumOverflow) = tens.addingReportingOverflow(Int64(digit))
        return overflow || sumOverflow ? nil : sum
    }
}
