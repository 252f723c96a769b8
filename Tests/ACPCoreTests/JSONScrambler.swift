// SPDX-License-Identifier: Apache-2.0

import ACPCore

/// Writes a value as JSON in one of many notations, and sometimes as invalid JSON. The same seed
/// produces the same texts.
struct JSONScrambler {
    private var random: SeededGenerator
    /// The number of valid values for each invalid one.
    var rarity = 60

    init(seed: UInt64) { random = SeededGenerator(seed: seed) }

    /// Text in places where other text is expected.
    static let oddities: [String] =
        numbers + [
            "null", "true", "false", "{}", "[]", "[ ]", "{ }", "[1,]", "[,1]", #"{"a":1,}"#, #"{"a":1 "b":2}"#, "[[]]",
            "nul", "truex", "tru", "Null",
            #""""#, #""\u0000""#, #""\ud83d\ude42""#, #""\uD83D\uDE42""#, #""\ud83d""#, #""\ude42""#,
            #""\ud83d\ud83d""#,
            #""\ud83dx""#, #""\ufeffx""#, "\"\u{feff}x\"", "\"\u{e9}\"", "\"e\u{301}\"", #""\"\\\/\b\f\n\r\t""#,
            #""\q""#,
            #""\u12""#, #""\u+123""#, #""\uFfFf""#, "\"\t\"", "\"\u{7f}\u{2028}\"", #""\""#, #"""#, "'a'",
            #"{"a":1,"a":2}"#, "{\"\u{e9}\":1,\"e\u{301}\":2}", #"{"a":1,"\u0061":2}"#, #"{"\u0061":{"b":[null]}}"#,
            #"{"kind":"new"}"#, #"{"kind":null,"x":1}"#, #"{"x":[1],"kind":"citation","url":"u"}"#,
            #"{"type":"message","message":{"parts":[]}}"#, #"{"type":3,"message":1}"#,
            #""2025-05-07T11:22:33Z""#, #""2025-05-07T11:22:33.1234567+02:00""#, #""2025\u002d05-07T11:22:33Z""#,
            #""agent/b""#, #""sync""#, #""base64""#, #""in-progress""#, #""44E480BC-7E0D-4A0C-A6A0-1D0C3A1A7A10""#,
        ] + [1, 59, 60, 61, 62, 63, 64, 65, 127, 128, 129].map { HostileJSONTests.nested($0) }

    static let numbers: [String] = [
        "0", "-0", "7", "-1", "00", "01", "-01", "+1", "-", "1.", ".5", "1.0", "-1.0", "0.0", "-0.0", "2.5", "-0.5",
        "0.1",
        "1e2", "1E+2", "1e-2", "-1.5e3", "1.5e-7", "1e", "1e+", "1.e1", "100e-2", "0.30000000000000004",
        "0.3000000000000000044", "123456789.123456789", "0.000001", "0.0000000000000000001", "1.000000000000000000",
        "1.0000000000000001", "4503599627370496.5", "4503599627370497.5", "900719925474099.25", "9007199254740992.5",
        "9007199254740991", "9007199254740992", "9007199254740993", "9007199254740993.5", "999999999999999999",
        "9223372036854775807", "9223372036854775807.0", "9223372036854775808", "-9223372036854775807",
        "-9223372036854775808", "-9223372036854775809", "18446744073709551615", "18446744073709551616",
        "123456789012345678901234567890", "1e400", "-1e400", "1e-400", "5e-324", "1.7976931348623157e308", "0x10",
        "1_0",
        "NaN", "Infinity", "-Infinity", "1f", "1 2",
    ]

    mutating func text(_ value: JSONValue) -> String { space() + write(value) + space() }

    /// Changes a few bytes, whatever their meaning.
    mutating func damage(_ json: [UInt8]) -> [UInt8] {
        var json = json
        for _ in 0..<Int.random(in: 1...3, using: &random) where !json.isEmpty {
            let index = json.indices.randomElement(using: &random) ?? 0
            let other = json.indices.randomElement(using: &random) ?? 0
            let piece = json[min(index, other)..<min(max(index, other), min(index, other) + 40)]
            switch Int.random(in: 0..<6, using: &random) {
            case 0: json[index] = UInt8.random(in: 0...255, using: &random)
            case 1: json[index] ^= 1 << UInt8.random(in: 0..<8, using: &random)
            case 2: json.remove(at: index)
            case 3: json.insert(Array("[]{}\",:\\e-.0u1n \u{1}".utf8).randomElement(using: &random) ?? 0, at: index)
            case 4: json.insert(contentsOf: piece, at: index)
            default: json.removeSubrange(piece.startIndex..<piece.endIndex)
            }
        }
        return json
    }

    private mutating func write(_ value: JSONValue) -> String {
        if oneIn(rarity) { return Self.oddities.randomElement(using: &random) ?? "" }
        switch value {
        case .object(let members):
            var members = members.sorted { $0.key < $1.key }
            if oneIn(2) { members.shuffle(using: &random) }
            if oneIn(rarity / 3), let member = members.randomElement(using: &random) { members.append(member) }
            if oneIn(10) { members.insert(("not known", ["x": [1, nil]]), at: 0) }
            if oneIn(rarity / 6) { members.append(("k\u{e9}y", 1)) }
            var written: [String] = []
            for (name, value) in members where !oneIn(rarity / 2) {
                let key = oneIn(rarity) ? escaped(name, oneIn: 3) : escaped(name, oneIn: 100_000)
                written.append(space() + key + space() + ":" + space() + write(value) + space())
            }
            return "{" + written.joined(separator: ",") + "}"
        case .array(let elements):
            var written: [String] = []
            for element in elements { written.append(space() + write(element) + space()) }
            return "[" + written.joined(separator: ",") + "]"
        case .string(let text): return escaped(text, oneIn: oneIn(rarity / 15) ? 3 : 100_000)
        case .integer(let number): return "\(number)"
        case .unsigned(let number): return "\(number)"
        case .largeInteger(let number): return number.description
        case .number(let number): return "\(number)"
        case .bool(let value): return "\(value)"
        case .null: return "null"
        }
    }

    /// Returns a string in which some characters are escaped unnecessarily.
    private mutating func escaped(_ text: String, oneIn rarity: Int) -> String {
        var written = "\""
        for scalar in text.unicodeScalars {
            if oneIn(rarity) || scalar.value < 0x20 || scalar == "\"" || scalar == "\\" {
                for unit in String(Character(scalar)).utf16 {
                    let digits = String(unit, radix: 16, uppercase: oneIn(2))
                    written += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
                }
            } else {
                written.unicodeScalars.append(scalar)
            }
        }
        return written + "\""
    }

    private mutating func space() -> String {
        oneIn(12)
            ? [" ", "\n", "\t", "\r\n  ", "\u{a0}"][oneIn(rarity) ? 4 : Int.random(in: 0..<4, using: &random)] : ""
    }

    private mutating func oneIn(_ count: Int) -> Bool { Int.random(in: 0..<count, using: &random) == 0 }
}
