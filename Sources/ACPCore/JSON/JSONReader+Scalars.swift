// SPDX-License-Identifier: Apache-2.0

// Texts and numbers: the values that hold no others.

extension JSONReader {
    /// Where a string's characters stand, between the quotes.
    struct Text {
        let range: Range<Int>
        let isASCII: Bool
        let hasEscapes: Bool
    }

    enum Number {
        case integer(Int64)
        /// With digits behind the point, and no whole number.
        case fraction(Double)
    }

    // MARK: Strings

    package mutating func string() throws(Refusal) -> String {
        let text = try text()
        if text.hasEscapes { return try unescaped(text.range) }
        guard let string = String(validating: self[text.range], as: UTF8.self) else { throw Refusal() }
        return string
    }

    /// A string that is neither copied nor escaped. What is not ASCII is refused.
    mutating func plainText() throws(Refusal) -> Slice<UnsafeRawBufferPointer> {
        let text = try text()
        guard text.isASCII, !text.hasEscapes else { throw Refusal() }
        return self[text.range]
    }

    /// Finds a string's end. Whether its escapes and what is not ASCII are valid is not checked.
    mutating func text() throws(Refusal) -> Text {
        _ = try token()
        try take("\"")
        let start = position
        var isASCII = true
        var hasEscapes = false
        while true {
            if !skipPlainCharacters() { isASCII = false }
            // One of the next eight is special, or the document ends soon.
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
                case ..<0x20: throw Refusal()
                case 0x80...: isASCII = false
                default: break
                }
            }
        }
    }

    private func unescaped(_ range: Range<Int>) throws(Refusal) -> String {
        var output: [UInt8] = []
        output.reserveCapacity(range.count)
        var rest = self[range]
        while let backslash = rest.firstIndex(of: UInt8(ascii: "\\")) {
            output.append(contentsOf: rest[..<backslash])
            rest = rest[(backslash + 1)...]
            guard let escape = rest.popFirst() else { throw Refusal() }
            switch escape {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): output.append(escape)
            case UInt8(ascii: "b"): output.append(0x08)
            case UInt8(ascii: "f"): output.append(0x0c)
            case UInt8(ascii: "n"): output.append(UInt8(ascii: "\n"))
            case UInt8(ascii: "r"): output.append(UInt8(ascii: "\r"))
            case UInt8(ascii: "t"): output.append(UInt8(ascii: "\t"))
            case UInt8(ascii: "u"): output.append(contentsOf: UTF8.encode(try Self.scalar(&rest)) ?? .init())
            default: throw Refusal()
            }
        }
        output.append(contentsOf: rest)
        // An escape gives a whole character, so the text is valid only if what stands between the escapes is.
        guard let string = String(validating: output, as: UTF8.self) else { throw Refusal() }
        return string
    }

    /// The character of `\uXXXX`, or of two of them if the first is half of a pair. The first `\u` is read already.
    private static func scalar(_ text: inout Slice<UnsafeRawBufferPointer>) throws(Refusal) -> Unicode.Scalar {
        let unit = try codeUnit(&text)
        if let scalar = Unicode.Scalar(unit) { return scalar }
        guard UTF16.isLeadSurrogate(unit), text.popFirst() == UInt8(ascii: "\\"), text.popFirst() == UInt8(ascii: "u")
        else { throw Refusal() }
        let trail = try codeUnit(&text)
        guard UTF16.isTrailSurrogate(trail) else { throw Refusal() }
        let offset = (UInt32(unit) - 0xd800) << 10 + (UInt32(trail) - 0xdc00)
        guard let scalar = Unicode.Scalar(0x1_0000 + offset) else { throw Refusal() }
        return scalar
    }

    private static func codeUnit(_ text: inout Slice<UnsafeRawBufferPointer>) throws(Refusal) -> UInt16 {
        var unit: UInt16 = 0
        for _ in 0..<4 {
            guard let byte = text.popFirst() else { throw Refusal() }
            let digit: UInt8
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9"): digit = byte - UInt8(ascii: "0")
            case UInt8(ascii: "a")...UInt8(ascii: "f"): digit = byte - UInt8(ascii: "a") + 10
            case UInt8(ascii: "A")...UInt8(ascii: "F"): digit = byte - UInt8(ascii: "A") + 10
            default: throw Refusal()
            }
            unit = unit << 4 | UInt16(digit)
        }
        return unit
    }

    // MARK: Numbers

    /// A number, if it is certain how Foundation reads it: no exponent, no negative zero, no fraction that is none (`1.0`), and
    /// nothing that a `Double` cannot be exact about.
    mutating func number() throws(Refusal) -> Number {
        let isNegative = try token() == UInt8(ascii: "-")
        if isNegative { advance() }
        var digits: Int64 = 0
        let start = position
        while let digit = nextDigit() { digits = try Self.append(digit, to: digits) }
        let count = position - start
        guard count > 0, count == 1 || self[start..<position].first != UInt8(ascii: "0") else { throw Refusal() }
        let next = try? peek()
        guard next != UInt8(ascii: "e"), next != UInt8(ascii: "E") else { throw Refusal() }
        guard next == UInt8(ascii: ".") else {
            guard digits != 0 || !isNegative else { throw Refusal() }
            return .integer(isNegative ? -digits : digits)
        }
        let value = try fraction(behind: digits)
        return .fraction(isNegative ? -value : value)
    }

    /// Reads on from the point.
    private mutating func fraction(behind whole: Int64) throws(Refusal) -> Double {
        advance()
        var digits = whole
        let start = position
        while let digit = nextDigit() { digits = try Self.append(digit, to: digits) }
        let places = position - start
        let next = try? peek()
        guard next != UInt8(ascii: "e"), next != UInt8(ascii: "E"), places > 0 else { throw Refusal() }
        // Both numbers are exact as a Double, so the quotient is the Double that is nearest to the text.
        guard digits < 1 << 53, places < Self.powersOfTen.count else { throw Refusal() }
        let value = Double(digits) / Self.powersOfTen[places]
        guard value.rounded(.towardZero) != value else { throw Refusal() }
        return value
    }

    /// Those that a `Double` holds exactly, and that are needed for no more digits than an `Int64` holds.
    private static let powersOfTen: [Double] = [
        1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18,
    ]

    private mutating func nextDigit() -> UInt8? {
        guard let byte = try? peek(), byte.isDigit else { return nil }
        advance()
        return byte - UInt8(ascii: "0")
    }

    private static func append(_ digit: UInt8, to digits: Int64) throws(Refusal) -> Int64 {
        let (tens, overflow) = digits.multipliedReportingOverflow(by: 10)
        let (sum, sumOverflow) = tens.addingReportingOverflow(Int64(digit))
        guard !overflow, !sumOverflow else { throw Refusal() }
        return sum
    }
}
