// SPDX-License-Identifier: Apache-2.0

public import NIOCore

extension RESPValue {
    /// A Boolean value that indicates whether the reply is null.
    public var isNull: Bool {
        if case .null = self { true } else { false }
    }

    /// The error, or `nil` if the reply is not an error.
    public var error: RESPError? {
        switch self {
        case .simpleError(let error), .bulkError(let error): error
        default: nil
        }
    }

    /// The bytes of a string. Those of bulk and verbatim strings are not copied. `nil` for other types.
    public var buffer: ByteBuffer? {
        switch self {
        case .bulkString(let buffer), .verbatimString(_, let buffer): buffer
        case .simpleString(let text): ByteBuffer(string: text)
        default: nil
        }
    }

    /// A copy of the bytes of a string. `nil` for other types.
    public var bytes: [UInt8]? {
        buffer.map { Array($0.readableBytesView) }
    }

    /// The text of a string or number. Invalid UTF-8 is replaced. `nil` for other types.
    public var string: String? {
        switch self {
        case .simpleString(let text), .bigNumber(let text): text
        case .bulkString(let buffer), .verbatimString(_, let buffer): String(buffer: buffer)
        case .integer(let number): String(number)
        case .double(let number): number.respText
        default: nil
        }
    }

    /// The value of an integer, a string with a decimal integer, or a boolean as 0 or 1. `nil` for other values.
    public var int: Int? {
        switch self {
        case .integer(let number): number
        case .boolean(let flag): flag ? 1 : 0
        case .bulkString(let buffer): RESPNumber.integer(buffer.readableBytesView)
        case .simpleString(let text), .bigNumber(let text): Int(text)
        default: nil
        }
    }

    /// The value of a double, an integer, or a string with a number. `nil` for other values.
    public var double: Double? {
        switch self {
        case .double(let number): number
        case .integer(let number): Double(number)
        case .bulkString, .simpleString, .verbatimString: string.flatMap { RESPNumber.double($0) }
        default: nil
        }
    }

    /// The value of a boolean, or of an integer 0 or 1, as RESP2 servers send. `nil` for other values.
    public var bool: Bool? {
        switch self {
        case .boolean(let flag): flag
        case .integer(0): false
        case .integer(1): true
        default: nil
        }
    }

    /// The elements of an array or set. `nil` for other types.
    public var array: [RESPValue]? {
        switch self {
        case .array(let elements), .set(let elements): elements
        default: nil
        }
    }

    /// The entries of a map, or of an array that alternates keys and values, as RESP2 servers send. `nil` for other
    /// values.
    public var pairs: [RESPPair]? {
        switch self {
        case .map(let entries):
            return entries
        case .array(let elements) where elements.count.isMultiple(of: 2):
            return stride(from: 0, to: elements.count, by: 2).map {
                RESPPair(key: elements[$0], value: elements[$0 + 1])
            }
        default:
            return nil
        }
    }

    /// Returns the value of a text key of a map, in either form that ``pairs`` accepts, or `nil` if there is none.
    public subscript(key: String) -> RESPValue? {
        pairs?.first { $0.key.string == key }?.value
    }
}

extension Double {
    /// The text that Redis accepts: `inf` and `-inf`, otherwise the shortest form that reads back as the same number.
    var respText: String {
        if isInfinite { return self < 0 ? "-inf" : "inf" }
        return isNaN ? "nan" : "\(self)"
    }
}

/// Parsing of numbers.
enum RESPNumber {
    /// Parses a decimal 64-bit integer with an optional sign. Returns `nil` if it is empty, malformed or out of range.
    @inline(__always)
    static func integer<Bytes: Collection>(_ bytes: Bytes) -> Int? where Bytes.Element == UInt8 {
        var index = bytes.startIndex
        guard index != bytes.endIndex else { return nil }
        var isNegative = false
        if bytes[index] == UInt8(ascii: "-") || bytes[index] == UInt8(ascii: "+") {
            isNegative = bytes[index] == UInt8(ascii: "-")
            bytes.formIndex(after: &index)
            guard index != bytes.endIndex else { return nil }
        }
        var number = 0
        while index != bytes.endIndex {
            let digit = bytes[index] &- UInt8(ascii: "0")
            guard digit < 10 else { return nil }
            let (scaled, overflowed) = number.multipliedReportingOverflow(by: 10)
            // Subtracting the digits of a negative number reaches `Int.min`, which has no positive counterpart.
            let (next, carried) =
                isNegative
                ? scaled.subtractingReportingOverflow(Int(digit))
                : scaled.addingReportingOverflow(Int(digit))
            if overflowed || carried { return nil }
            number = next
            bytes.formIndex(after: &index)
        }
        return number
    }

    /// Parses a double in the format of Redis, including `inf`, `-inf` and `nan`.
    static func double(_ text: String) -> Double? {
        switch text {
        case "inf", "+inf": return .infinity
        case "-inf": return -.infinity
        case "nan", "-nan": return .nan
        default:
            // `Double(_:)` also accepts hexadecimal numbers and "infinity", which no server sends.
            guard text.utf8.allSatisfy({ Self.isDecimal($0) }) else { return nil }
            return Double(text)
        }
    }

    private static func isDecimal(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "+"), UInt8(ascii: "."),
            UInt8(ascii: "e"), UInt8(ascii: "E"):
            true
        default: false
        }
    }
}
