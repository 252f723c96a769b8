// SPDX-License-Identifier: Apache-2.0

import ACPCore
import Foundation
import Testing

@Suite("JSON values")
struct JSONValueTests {
    @Suite("Numbers")
    struct Numbers {
        @Test(
            "A number is kept exactly and written again",
            arguments: [
                ("0", .integer(0)), ("-1", .integer(-1)), ("9007199254740993", .integer(9_007_199_254_740_993)),
                ("9223372036854775807", .integer(.max)), ("-9223372036854775808", .integer(.min)),
                ("9223372036854775808", .unsigned(9_223_372_036_854_775_808)),
                ("18446744073709551615", .unsigned(.max)),
                ("0.1", .number(0.1)), ("-2.5", .number(-2.5)), ("0.30000000000000004", .number(0.1 + 0.2)),
                ("5e-324", .number(.leastNonzeroMagnitude)),
                ("1.7976931348623157e+308", .number(.greatestFiniteMagnitude)),
                ("1.8446744073709552e+19", .number(18_446_744_073_709_551_616)),
                ("18446744073709551616", .largeInteger(JSONValue.LargeInteger("18446744073709551616")!)),
                ("-9223372036854775809", .largeInteger(JSONValue.LargeInteger("-9223372036854775809")!)),
            ] as [(String, JSONValue)])
        func exact(text: String, value: JSONValue) throws {
            #expect(try decode(JSONValue.self, text) == value)
            #expect(try encode(value) == text)
            #expect(try decode([String: JSONValue].self, #"{"n":[\#(text)]}"#) == ["n": [value]])
        }

        @Test(
            "A number without a fraction is an integer, whatever its notation",
            arguments: [
                ("1.0", .integer(1)), ("1e3", .integer(1000)), ("1E+2", .integer(100)), ("-0", .integer(0)),
                ("-0.0", .integer(0)), ("1e19", .unsigned(10_000_000_000_000_000_000)),
                ("9223372036854775807.0", .integer(.max)),
            ] as [(String, JSONValue)])
        func whole(text: String, value: JSONValue) throws {
            #expect(try decode(JSONValue.self, text) == value)
            #expect(try roundTrip(value) == value)
        }

        @Test("A Double without a fraction is written, and therefore read, as an integer")
        func wholeDouble() throws {
            #expect(try encode(JSONValue.number(2)) == "2")
            #expect(try roundTrip(JSONValue.number(2)) == .integer(2))
        }

        @Test("An integer too large for 64 bits keeps all its digits in every object")
        func large() throws {
            let digits = "123456789012345678901234567890"
            let value = try decode(JSONValue.self, digits)
            #expect(value == .largeInteger(try #require(JSONValue.LargeInteger(digits))))
            #expect(value.doubleValue == 1.2345678901234568e29 && value.intValue == nil)
            for (type, json) in [
                (MessagePart.self, #"{"content_type":"text/plain","content_encoding":"plain","x":[\#(digits)]}"#),
                (Event.self, #"{"type":"generic","generic":{"a":\#(digits)}}"#),
                (JSONObject.self, #"{"a":-\#(digits)}"#),
            ] as [(any Codable.Type, String)] {
                func check<Value: Codable>(_ type: Value.Type) throws {
                    #expect(try encode(decode(type, json)) == json)
                }
                try check(type)
            }
            // Foundation's coders support 38 digits.
            let other = try JSONEncoder().encode(["a": value])
            #expect(String(decoding: other, as: UTF8.self) == #"{"a":\#(digits)}"#)
            #expect(throws: EncodingError.self) {
                try JSONEncoder().encode(decode(JSONValue.self, String(repeating: "7", count: 50)))
            }
        }

        @Test("A number has at most 4300 digits")
        func longest() throws {
            let most = String(repeating: "7", count: 4_300)
            #expect(try encode(decode(JSONValue.self, most)) == most)
            #expect(try decode(JSONValue.self, most).doubleValue == nil)
            #expect(
                refusal(JSONValue.self, "[" + most + "7]")?.message
                    == "the body is not valid JSON: this number has more than 4300 digits (line 1, column 2)")
        }

        @Test(
            "A large integer cannot be created from any other text",
            arguments: [
                "", "-", "1", "1e30", "0123", "18446744073709551615",
                "-9223372036854775808", "123456789012345678901,2", "1234567890123456789012.5",
                "+1234567890123456789012",
            ])
        func notLarge(text: String) {
            #expect(JSONValue.LargeInteger(text) == nil)
        }

        @Test("A property of a Swift type receives all digits that the type holds, and other numbers are rejected")
        func fields() throws {
            struct Fields: Codable, Equatable {
                var decimal: Decimal
                var large: Int128
                var small: Int8
            }
            let json =
                #"{"decimal":0.1234567890123456789012345,"large":-170141183460469231731687303715884105728,"small":-128}"#
            #expect(try encode(decode(Fields.self, json)) == json)
            #expect(
                refusal(Fields.self, #"{"decimal":1,"large":1,"small":128}"#)?.message
                    == "small: the number does not fit 8 bits: one from -128 to 127 is expected")
            #expect(
                refusal(CitationMetadata.self, #"{"start_index":1.5}"#)?.message
                    == "start_index: a number without a fraction is expected")
        }

        @Test("Random integers and doubles survive a round trip")
        func random() throws {
            var random = SeededGenerator(seed: 11)
            var values: [JSONValue] = []
            for _ in 0..<1_000 {
                values.append(.integer(.random(in: .min ... .max, using: &random)))
                let double = Double(bitPattern: random.next())
                if double.isFinite, double != double.rounded() { values.append(.number(double)) }
            }
            #expect(try roundTrip(values) == values)
        }
    }

    @Suite("Literals and accessors")
    struct Accessors {
        static let value: JSONValue = [
            "string": "text", "integer": 3, "double": 2.5, "true": true, "null": nil, "array": [1, "two", [3]],
            "object": ["inner": ["x": -1]],
        ]

        @Test("Literals create the values that they look like")
        func literals() {
            #expect(
                Accessors.value
                    == .object([
                        "string": .string("text"), "integer": .integer(3), "double": .number(2.5), "true": .bool(true),
                        "null": .null, "array": .array([.integer(1), .string("two"), .array([.integer(3)])]),
                        "object": .object(["inner": .object(["x": .integer(-1)])]),
                    ]))
            #expect(([:] as JSONValue) == .object([:]))
            #expect(([] as JSONValue) == .array([]))
        }

        @Test("An accessor returns the value if it has the type, and nil otherwise")
        func accessors() {
            let value = Accessors.value
            #expect(value["string"]?.stringValue == "text")
            #expect(value["integer"]?.intValue == 3)
            #expect(value["integer"]?.doubleValue == 3)
            #expect(value["double"]?.doubleValue == 2.5)
            #expect(value["true"]?.boolValue == true)
            #expect(value["null"] == .null)
            #expect(value["array"]?.arrayValue?.count == 3)
            #expect(value["object"]?["inner"]?["x"]?.intValue == -1)
            #expect(value["missing"] == nil && value["string"]?["x"] == nil)
            let wrong: [JSONValue] = [nil, true, "1", [1], ["a": 1]]
            #expect(wrong.allSatisfy { $0.intValue == nil && $0.doubleValue == nil })
            #expect(([nil, 1, "true"] as [JSONValue]).allSatisfy { $0.boolValue == nil })
            #expect(([nil, 1, ["a": 1]] as [JSONValue]).allSatisfy { $0.stringValue == nil && $0.arrayValue == nil })
            #expect(([nil, 1, [1]] as [JSONValue]).allSatisfy { $0.objectValue == nil })
        }

        @Test("A number is an Int only if it fits exactly")
        func ints() {
            #expect(JSONValue.number(3).intValue == 3)
            #expect(JSONValue.number(3.5).intValue == nil)
            #expect(JSONValue.number(1e300).intValue == nil)
            #expect(JSONValue.number(.nan).intValue == nil)
            #expect(JSONValue.unsigned(.max).intValue == nil)
            #expect(JSONValue.unsigned(.max).doubleValue == 18_446_744_073_709_551_616)
        }

        @Test("Every value survives a round trip, also null in every place")
        func roundTrips() throws {
            #expect(try roundTrip(Accessors.value) == Accessors.value)
            for value in [nil, true, "", [nil], ["a": nil], [[], [:]]] as [JSONValue] {
                #expect(try roundTrip(value) == value)
            }
        }

        @Test("Strings keep all characters, and are written without line breaks")
        func strings() throws {
            let text = "\u{0}\u{1}\u{1f}\"\\/\r\n\t\u{7f}\u{2028}é日本🙂\u{feff}e\u{301}\u{10ffff}"
            let json = try encode(JSONValue.string(text))
            #expect(!json.utf8.contains(10) && !json.utf8.contains(13))
            // Swift strings are equal if they are canonically equivalent: compare the bytes.
            let back = try decode(JSONValue.self, json).stringValue
            #expect(Array(try #require(back).utf8) == Array(text.utf8))
        }

        @Test("Names that differ in case are different, escapes in names are decoded, and no name is read as an index")
        func keys() throws {
            let value = try decode(JSONValue.self, #"{"a":1,"A":2,"0":3,"":4,"\u0062":5,"a.b[0]":6}"#)
            #expect(value == ["a": 1, "A": 2, "0": 3, "": 4, "b": 5, "a.b[0]": 6])
            #expect(try roundTrip(value) == value)
        }
    }

    @Suite("Conversion to and from Swift types")
    struct Conversion {
        struct Person: Codable, Equatable {
            var name: String
            var age: Int?
            var scores: [String: Double]
        }

        @Test("An Encodable value is converted to JSON, and JSON to a Decodable value")
        func conversion() throws {
            let person = Person(name: "Ada", age: 36, scores: ["logic": 9.5])
            let value = try JSONValue(encoding: person)
            #expect(value == ["name": "Ada", "age": 36, "scores": ["logic": 9.5]])
            #expect(try value.decode(as: Person.self) == person)
            #expect(try JSONValue(encoding: value) == value)
            #expect(try JSONValue(encoding: "text") == "text")
            #expect(try JSONValue(encoding: Int?.none) == .null)
            #expect(try JSONValue(encoding: [1, 2]) == [1, 2])
        }

        @Test("JSON of another form is rejected, and the error names the member")
        func wrongShape() throws {
            let value: JSONValue = ["name": "Ada", "scores": ["logic": "high"]]
            let error = try #require(throws: ACPError.self) { try value.decode(as: Person.self) }
            #expect(error.code == .invalidInput)
            #expect(error.message == "scores.logic has the wrong type: a number is expected")
        }

        @Test(
            "A number that JSON cannot represent is rejected, and the error names its path",
            arguments: [Double.infinity, -Double.infinity, Double.nan])
        func infinite(number: Double) throws {
            let person = Person(name: "Ada", age: nil, scores: ["logic": number])
            for attempt in [
                { _ = try JSONValue(encoding: person) },
                { _ = try ACPJSON.encode(["scores": ["logic": JSONValue.number(number)]]) },
                { _ = try MessagePart.json(person) },
            ] as [() throws -> Void] {
                let error = try #require(throws: ACPError.self) { try attempt() }
                #expect(error.code == .serverError)
                #expect(error.message.hasPrefix("scores.logic cannot be written as JSON: \(number)"), "\(error)")
            }
        }

        @Test("An infinite number in an event is rejected when the event is encoded")
        func infiniteEvent() throws {
            for event in [
                .generic(["steps": [1, .number(.infinity)]]),
                .messagePart(MessagePart(extra: ["steps": [1, .number(.infinity)]])),
            ] as [Event] {
                let error = try #require(throws: ACPError.self) { try EncodedEvent(event) }
                #expect(error.message.hasPrefix("steps[1] cannot be written as JSON: inf"), "\(error)")
            }
        }

        @Test("An error of a type's own encode(to:) is reported without its description")
        func ownError() throws {
            struct Broken: Encodable {
                struct Failure: Error {}
                func encode(to encoder: any Encoder) throws { throw Failure() }
            }
            struct Refusing: Encodable {
                func encode(to encoder: any Encoder) throws { throw ACPError(.conflict, "not now") }
            }
            let error = try #require(throws: ACPError.self) { try ACPJSON.encode(Broken()) }
            #expect(
                error.code == .serverError && error.message.contains("encode(to:)")
                    && !error.message.contains("Failure"))
            #expect(throws: ACPError(.conflict, "not now")) { try ACPJSON.encode(Refusing()) }
        }
    }

    @Test("JSON can be read from an array, a slice, Data and any other sequence of bytes")
    func sources() throws {
        let bytes = Array(#"{"a":[1,2]}"#.utf8)
        let expected: JSONValue = ["a": [1, 2]]
        #expect(try ACPJSON.decode(JSONValue.self, from: bytes) == expected)
        #expect(try ACPJSON.decode(JSONValue.self, from: (bytes + bytes)[..<bytes.count]) == expected)
        #expect(try ACPJSON.decode(JSONValue.self, from: Data(bytes)) == expected)
        #expect(try ACPJSON.decode(JSONValue.self, from: (Data([32, 32]) + Data(bytes)).dropFirst(2)) == expected)
        #expect(try ACPJSON.decode(JSONValue.self, from: bytes.lazy.map { $0 }) == expected)
        #expect(try ACPJSON.decode(JSONValue.self, from: #" {"a":[1,2]} "#.utf8) == expected)
    }
}
