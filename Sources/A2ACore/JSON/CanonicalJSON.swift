// SPDX-License-Identifier: Apache-2.0

import ACPCore

/// The canonical form of JSON (RFC 8785): no spaces, members in the order of the UTF-16 code units of their names, numbers as
/// ECMAScript writes them.
enum CanonicalJSON {
    /// Returns the canonical form of a value.
    ///
    /// Numbers are those of 64-bit floating point: integers that such a number does not hold are rounded.
    ///
    /// - Throws: ``A2AError`` with code ``A2AError/Code-swift.struct/internalError`` if a number is infinite, or if the value is
    ///   nested deeper than ``ACPJSON/maximumDepth``.
    static func bytes(_ value: JSONValue) throws(A2AError) -> [UInt8] {
        var json: [UInt8] = []
        try write(value, to: &json, depth: 0)
        return json
    }

    private static func write(_ value: JSONValue, to json: inout [UInt8], depth: Int) throws(A2AError) {
        guard depth <= ACPJSON.maximumDepth else {
            throw A2AError(.internalError, "the JSON is nested deeper than \(ACPJSON.maximumDepth) levels")
        }
        switch value {
        case .null: json += "null".utf8
        case .bool(let value): json += (value ? "true" : "false").utf8
        case .integer, .unsigned, .largeInteger, .number:
            guard let number = value.doubleValue, let text = number.ecmaScriptDescription else {
                throw A2AError(.internalError, "a number is out of range, and has no canonical form")
            }
            json += text.utf8
        case .string(let text): write(text, to: &json)
        case .array(let elements):
            json.append(UInt8(ascii: "["))
            for (index, element) in elements.enumerated() {
                if index > 0 { json.append(UInt8(ascii: ",")) }
                try write(element, to: &json, depth: depth + 1)
            }
            json.append(UInt8(ascii: "]"))
        case .object(let members):
            json.append(UInt8(ascii: "{"))
            let sorted = members.sorted { $0.key.utf16.lexicographicallyPrecedes($1.key.utf16) }
            for (index, member) in sorted.enumerated() {
                if index > 0 { json.append(UInt8(ascii: ",")) }
                write(member.key, to: &json)
                json.append(UInt8(ascii: ":"))
                try write(member.value, to: &json, depth: depth + 1)
            }
            json.append(UInt8(ascii: "}"))
        }
    }

    private static func write(_ text: String, to json: inout [UInt8]) {
        json.append(UInt8(ascii: "\""))
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "\""): json += #"\""#.utf8
            case UInt8(ascii: "\\"): json += #"\\"#.utf8
            case 0x08: json += #"\b"#.utf8
            case 0x09: json += #"\t"#.utf8
            case 0x0a: json += #"\n"#.utf8
            case 0x0c: json += #"\f"#.utf8
            case 0x0d: json += #"\r"#.utf8
            case ..<0x20:
                let digits = Array("0123456789abcdef".utf8)
                json += #"\u00"#.utf8
                json.append(digits[Int(byte >> 4)])
                json.append(digits[Int(byte & 15)])
            default: json.append(byte)
            }
        }
        json.append(UInt8(ascii: "\""))
    }
}

extension Double {
    /// The number as ECMAScript writes it. If `nil`, it is infinite or no number.
    var ecmaScriptDescription: String? {
        guard isFinite else { return nil }
        guard self != 0 else { return "0" }
        // Swift writes the same digits, the fewest that name the number, with an exponent in other cases.
        let parts = magnitude.description.split(separator: "e")
        var exponent = parts.count > 1 ? Int(parts[1]) ?? 0 : 0
        let mantissa = parts[0].split(separator: ".", omittingEmptySubsequences: false)
        exponent += mantissa[0].utf8.count
        var digits = Array(mantissa.joined().utf8)
        while digits.first == UInt8(ascii: "0") {
            digits.removeFirst()
            exponent -= 1
        }
        while digits.last == UInt8(ascii: "0") { digits.removeLast() }
        // Now the number is 0.digits times ten to the exponent.
        func text(_ digits: some Sequence<UInt8>) -> String { String(decoding: Array(digits), as: UTF8.self) }
        func zeros(_ count: Int) -> String { String(repeating: "0", count: count) }
        let sign = self < 0 ? "-" : ""
        switch exponent {
        case digits.count...21: return sign + text(digits) + zeros(exponent - digits.count)
        case 1..<digits.count: return sign + text(digits[..<exponent]) + "." + text(digits[exponent...])
        case -5...0: return sign + "0." + zeros(-exponent) + text(digits)
        default:
            let fraction = digits.count > 1 ? "." + text(digits[1...]) : ""
            return sign + text(digits[..<1]) + fraction + "e" + (exponent > 0 ? "+" : "-")
                + String((exponent - 1).magnitude)
        }
    }
}
