// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import ACPCore

/// Strings and numbers, in more forms than documents usually have.
@Suite("Direct reading of strings and numbers")
struct JSONReaderScalarTests {
    private func reads(_ json: String) -> Bool { JSONReaderTests.check(JSONValue.self, Array(json.utf8)) }

    @Test("Integers that fit into an Int64 and short fractions are read")
    func numbers() {
        for text in ["0", "7", "-1", "9223372036854775807", "-9223372036854775807", "2.5", "-0.5", "0.1", "99.125"] {
            #expect(reads(text), "\(text)")
        }
    }

    @Test("All other numbers are read as well, and text that is not a number is rejected")
    func otherNumbers() {
        for text in [
            "-0", "1.0", "0.0", "1e2", "1.5E-7", "9223372036854775808", "9007199254740993.5", "18446744073709551616",
        ] {
            #expect(reads(text), "\(text)")
        }
        for text in ["1e400", "01", "1.", ".5", "+1", "NaN", "-", "1e", "1e+"] { #expect(!reads(text), "\(text)") }
    }

    @Test("Fractions are exact to the last bit")
    func fractions() {
        var random = SeededGenerator(seed: 11)
        var readable = 0
        for _ in 0..<5_000 {
            let whole = UInt64.random(in: 0...(1 << UInt64.random(in: 1...54, using: &random)), using: &random)
            let digits = (0..<Int.random(in: 1...18, using: &random)).map { _ in Int.random(in: 0...9, using: &random) }
            if reads("\(whole).\(digits.map(String.init).joined())") { readable += 1 }
        }
        #expect(readable > 1_000)
    }

    @Test("The escapes that JSON defines are read, and all others are rejected")
    func escapes() {
        for byte in UInt8(0)...255 {
            let json = Array("\"a\\".utf8) + [byte] + Array("b\"".utf8)
            let isRead = JSONReaderTests.check(JSONValue.self, json)
            #expect(isRead == Array("\"\\/bfnrt".utf8).contains(byte), "\(byte)")
        }
    }

    @Test("Every character can be escaped, and half of a surrogate pair cannot")
    func codeUnits() {
        let edges = [
            0, 1, 0x1f, 0x7f, 0x80, 0x7ff, 0x800, 0xd7ff, 0xd800, 0xdbff, 0xdc00, 0xdfff, 0xe000, 0xfeff, 0xffff,
        ]
        for unit in edges + Array(stride(from: 3, through: 0xffff, by: 101)) {
            let digits = String(unit, radix: 16)
            let isCharacter = Unicode.Scalar(UInt32(unit)) != nil
            #expect(reads("\"\\u" + String(repeating: "0", count: 4 - digits.count) + digits + "x\"") == isCharacter)
        }
        for value in Array(stride(from: UInt32(0x1_0000), through: 0x10_ffff, by: 4_093)) + [0x10_ffff] {
            guard let scalar = Unicode.Scalar(value) else { continue }
            let escapes = String(Character(scalar)).utf16.map { "\\u" + String($0, radix: 16) }
            #expect(reads("\"" + escapes.joined() + "\""))
        }
    }

    @Test("The end of a string is found at every offset")
    func offsets() {
        let special = [
            #"""#, #"\""#, #"\\"#, #"\u0041"#, "\u{1f}", "\u{20}", "\u{21}", "#", "[", "]", "ä", "😀", "\u{7f}",
        ]
        for length in 0...18 {
            for text in special {
                for rest in 0...9 {
                    let plain = String(repeating: "a", count: length) + text + String(repeating: "b", count: rest)
                    let isRead = reads(#"[""# + plain + #"",""]"#)
                    #expect(isRead == (text != #"""# && text != "\u{1f}"))
                }
            }
        }
    }

    @Test("Bytes that are not UTF-8 are rejected in values, in names and in skipped members")
    func invalidUTF8() {
        var random = SeededGenerator(seed: 12)
        for _ in 0..<4_000 {
            let bytes = (0..<Int.random(in: 1...4, using: &random)).map { _ in
                [UInt8.random(in: 0x80...0xff, using: &random), 0xc3, 0xe2, 0xed, 0xf0, 0x61, 0x5c]
                    .randomElement(using: &random) ?? 0
            }
            let isValid = String(validating: bytes, as: UTF8.self) != nil && !bytes.contains(UInt8(ascii: "\\"))
            for (before, after) in [
                (#"{"content":""#, #""}"#), (#"{"own":["#, #""]}"#), (#"{"metadata":{"kind":"new",""#, #"":1}}"#),
            ] {
                let quote = before.hasSuffix("[") ? "\"" : ""
                let json = Array((before + quote).utf8) + bytes + Array(after.utf8)
                let isRead = JSONReaderTests.check(MessagePart.self, json)
                if isRead { #expect(String(validating: json, as: UTF8.self) != nil) }
                if isValid { #expect(isRead) }
            }
        }
    }

    @Test("A document is read up to 128 levels deep")
    func depth() {
        for levels in [1, 127, 128] { #expect(reads(HostileJSONTests.nested(levels))) }
        for levels in [129, 130, 100_000] { #expect(!reads(HostileJSONTests.nested(levels))) }
        let skipped = #"{"parts":[],"created_at":null,"completed_at":null,"x":"#
        #expect(JSONReaderTests.check(Message.self, Array((skipped + HostileJSONTests.nested(127) + "}").utf8)))
        #expect(!JSONReaderTests.check(Message.self, Array((skipped + HostileJSONTests.nested(128) + "}").utf8)))
    }
}
