// SPDX-License-Identifier: Apache-2.0

@testable import A2ACore
import ACPCore
import Testing

@Suite("Canonical JSON (RFC 8785)")
struct CanonicalJSONTests {
    static func canonical(_ json: String) throws -> String {
        String(decoding: try CanonicalJSON.bytes(try tree(json)), as: UTF8.self)
    }

    @Test(
        "Numbers are written as ECMAScript writes them",
        arguments: [
            (0x0000_0000_0000_0000, "0"), (0x8000_0000_0000_0000, "0"), (0x0000_0000_0000_0001, "5e-324"),
            (0x8000_0000_0000_0001, "-5e-324"), (0x7fef_ffff_ffff_ffff, "1.7976931348623157e+308"),
            (0xffef_ffff_ffff_ffff, "-1.7976931348623157e+308"), (0x4340_0000_0000_0000, "9007199254740992"),
            (0xc340_0000_0000_0000, "-9007199254740992"), (0x4430_0000_0000_0000, "295147905179352830000"),
            (0x44b5_2d02_c7e1_4af5, "9.999999999999997e+22"), (0x44b5_2d02_c7e1_4af6, "1e+23"),
            (0x44b5_2d02_c7e1_4af7, "1.0000000000000001e+23"), (0x444b_1ae4_d6e2_ef4e, "999999999999999700000"),
            (0x444b_1ae4_d6e2_ef4f, "999999999999999900000"), (0x444b_1ae4_d6e2_ef50, "1e+21"),
            (0x3eb0_c6f7_a0b5_ed8c, "9.999999999999997e-7"), (0x3eb0_c6f7_a0b5_ed8d, "0.000001"),
            (0x41b3_de43_5555_5553, "333333333.3333332"), (0x41b3_de43_5555_5554, "333333333.33333325"),
            (0x41b3_de43_5555_5555, "333333333.3333333"),
            (0xbecb_f647_612f_3696, "-0.0000033333333333333333"), (0x4314_3ff3_c1cb_0959, "1424953923781206.2"),
        ] as [(UInt64, String)])
    func numbers(bits: UInt64, text: String) {
        #expect(Double(bitPattern: bits).ecmaScriptDescription == text)
    }

    @Test(
        "Numbers in decimal are written in their shortest form",
        arguments: [
            ("1", "1"), ("-1", "-1"), ("1.0", "1"), ("1e0", "1"), ("1e3", "1000"), ("0.1", "0.1"), ("1.50", "1.5"),
            ("4.5", "4.5"),
            ("0.002", "0.002"), ("2e-3", "0.002"), ("1e-7", "1e-7"), ("1.5e-7", "1.5e-7"), ("1e30", "1e+30"),
            ("1E30", "1e+30"), ("100000000000000000000", "100000000000000000000"),
            ("1000000000000000000000", "1e+21"), ("9007199254740993", "9007199254740992"),
            ("-9223372036854775808", "-9223372036854776000"),
            ("18446744073709551615", "18446744073709552000"), ("333333333.33333329", "333333333.3333333"),
            ("123456789012345678901234567890", "1.2345678901234568e+29"), ("-0", "0"), ("-0.0", "0"),
        ])
    func decimals(json: String, text: String) throws {
        #expect(try Self.canonical(json) == text)
    }

    @Test("A number of random bits is read back as the same number")
    func randomNumbers() throws {
        var random = SeededGenerator(seed: 8785)
        for _ in 0..<20_000 {
            let number = Double(bitPattern: random.next())
            guard let text = number.ecmaScriptDescription else {
                #expect(!number.isFinite)
                continue
            }
            #expect(Double(text) == number)
        }
    }

    @Test("A number without a form is an error")
    func noNumber() {
        #expect(throws: A2AError.self) { try CanonicalJSON.bytes(.number(.nan)) }
        #expect(throws: A2AError.self) { try CanonicalJSON.bytes(.number(.infinity)) }
        let digits = String(repeating: "9", count: 400)
        #expect(throws: A2AError.self) { try Self.canonical(digits) }
    }

    @Test("Members are in the order of their UTF-16 code units, at all levels")
    func order() throws {
        // U+FB33 comes behind the surrogates of U+1F600, though its code point is smaller.
        let names = ["\u{20ac}", "\r", "\u{fb33}", "1", "\u{1f600}", "\u{80}", "\u{f6}", "a", "B", "", "aa", "_"]
        let object = JSONObject(uniqueKeysWithValues: names.enumerated().map { ($1, .integer(Int64($0))) })
        let sorted = try tree(String(decoding: try CanonicalJSON.bytes(["x": .object(object)]), as: UTF8.self))
        let expected = ["", "\r", "1", "B", "_", "a", "aa", "\u{80}", "\u{f6}", "\u{20ac}", "\u{1f600}", "\u{fb33}"]
        #expect(sorted["x"]?.objectValue?.keys == expected)
    }

    @Test(
        "Characters are written as they are, but those that must be escaped",
        arguments: [
            (#""\u0061\u00e9\ud83d\ude00""#, "\"aé😀\""), (#""\/""#, "\"/\""),
            (#""\"\\\b\f\n\r\t""#, #""\"\\\b\f\n\r\t""#),
            (#""\u0000\u001F""#, #""\u0000\u001f""#), (#""\u007f\u2028""#, "\"\u{7f}\u{2028}\""),
            ("\"e\\u0301\"", "\"e\u{301}\""),
        ])
    func characters(json: String, text: String) throws {
        #expect(try Array(Self.canonical(json).utf8) == Array(text.utf8))
    }

    @Test("There are no spaces, and lists keep their order")
    func spaces() throws {
        #expect(
            try Self.canonical(" { \"b\" : [ 3 , 1 , 2 , null , true , { } ] , \"a\" : [ ] } ")
                == #"{"a":[],"b":[3,1,2,null,true,{}]}"#)
    }

    @Test("The canonical form of a card has required fields and those that are set, and no others")
    func card() throws {
        let card: A2A.AgentCard = try decode(
            """
            {"name":"Example Agent","description":"","capabilities":{"streaming":false,"pushNotifications":false,\
            "extensions":[]},"skills":[],"signatures":[{"protected":"x","signature":"y"}],"securityRequirements":[],\
            "documentationUrl":"","provider":null,"notKnown":1}
            """)
        #expect(
            String(decoding: try card.canonicalJSON(), as: UTF8.self)
                == """
                {"capabilities":{"pushNotifications":false,"streaming":false},"defaultInputModes":[],\
                "defaultOutputModes":[],"description":"","documentationUrl":"","name":"Example Agent","skills":[],\
                "supportedInterfaces":[],"version":""}
                """)
        let small = String(decoding: try card.canonicalJSON(.withoutEmptyValues), as: UTF8.self)
        #expect(small == #"{"capabilities":{"pushNotifications":false,"streaming":false},"name":"Example Agent"}"#)
    }
}
