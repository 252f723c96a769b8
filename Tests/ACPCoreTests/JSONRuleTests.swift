// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

@testable import ACPCore

@Suite("JSON syntax and its interpretation")
struct JSONRuleTests {
    typealias Kind = Codable & Sendable

    @Test(
        "A syntax error names the fault and its position",
        arguments: [
            ("", "it is empty (line 1, column 1)"),
            ("[1,]", "a comma in an array must be followed by another element (line 1, column 4)"),
            (#"{"a":1, }"#, "a comma in an object must be followed by another member (line 1, column 9)"),
            ("01", "a number must not begin with 0 (line 1, column 1)"),
            (#"{"a":-01}"#, "a number must not begin with 0 (line 1, column 6)"),
            ("[1.]", "a digit must follow the decimal point (line 1, column 4)"),
            ("+1", "a number must not begin with + (line 1, column 1)"),
            (".5", "a number must not begin with a decimal point (line 1, column 1)"),
            ("[NaN]", "NaN is not a value in JSON (line 1, column 2)"),
            ("Infinity", "Infinity is not a value in JSON (line 1, column 1)"),
            ("-Infinity", "a digit must follow the minus sign (line 1, column 2)"),
            ("1e", "it ends too early: a digit must follow the exponent's sign or letter (line 1, column 3)"),
            (
                "[1e999]",
                "this number is out of range: it is larger than a 64-bit floating-point number can be (line 1, column 2)"
            ),
            ("True", "True is not a value in JSON (line 1, column 1)"),
            ("'a'", "strings must be in double quotes (line 1, column 1)"),
            ("{a:1}", "a member's name in double quotes is expected (line 1, column 2)"),
            ("// c", "comments are not allowed (line 1, column 1)"),
            ("{\n  \"ä\": 1\n  \"b\": 2\n}", "a comma or } must follow a member of an object (line 3, column 3)"),
            (#"["ä", x]"#, "x is not a value in JSON (line 1, column 7)"),
            (#"{"a" 1}"#, "a colon must follow the name of a member (line 1, column 6)"),
            (#"["\q"]"#, "a backslash in a string must begin an escape that JSON knows (line 1, column 3)"),
            (#"["\u12"]"#, "\\u must be followed by four hexadecimal digits (line 1, column 3)"),
            ("[\"\t\"]", "a control character in a string must be written as an escape (line 1, column 3)"),
            ("[1] 2", "nothing may follow the value (line 1, column 5)"),
        ])
    func faults(json: String, fault: String) {
        #expect(refusal(JSONValue.self, json)?.message == "the body is not valid JSON: \(fault)")
        #expect(refusal(RunCreateRequest.self, json)?.message == "the body is not valid JSON: \(fault)")
        #expect(refusal(AgentManifest.self, json)?.message == "the body is not valid JSON: \(fault)")
    }

    @Test("A trailing comma is rejected in skipped members as well")
    func trailingCommas() {
        for json in [#"{"parts":[],"x":[1,]}"#, #"{"parts":[],"x":{"a":1,}}"#, #"{"parts":[],}"#, #"{"parts":[{},]}"#] {
            #expect(refusal(Message.self, json)?.message.contains("must be followed by another") == true, "\(json)")
        }
        #expect(refusal(AgentsListResponse.self, #"{"agents":[],"x":[1,]}"#)?.code == .invalidInput)
    }

    @Test("The last of several members with the same name is used, in objects and in fields of all types")
    func duplicates() throws {
        #expect(try encode(decode(JSONValue.self, #"{"a":1,"b":2,"a":3}"#)) == #"{"a":3,"b":2}"#)
        #expect(try decode(JSONValue.self, #"{"a":1,"\u0061":2}"#) == ["a": 2])
        #expect(try decode(MessagePart.self, #"{"content":"a","content":"b"}"#).content == "b")
        #expect(try decode(MessagePart.self, #"{"content":5,"content":"b"}"#).content == "b")
        #expect(try decode(MessagePart.self, #"{"x":1,"x":2}"#).extra == ["x": 2])
        #expect(refusal(MessagePart.self, #"{"content":"b","content":5}"#)?.code == .invalidInput)
        #expect(try decode(Event.self, #"{"type":"error","generic":1,"type":"generic"}"#) == .generic(1))
        #expect(
            try decode(PartMetadata.self, #"{"kind":"x","url":"u","kind":"citation"}"#)
                == .citation(CitationMetadata(url: "u")))
        #expect(try decode(AwaitRequest.self, #"{"type":"message","type":"x"}"#) == .other(["type": "x"]))
        #expect(try decode(AgentManifest.self, #"{"name":"a","name":"b"}"#).name == "b")
        #expect(
            refusal(RunCreateRequest.self, #"{"agent_name":"a","input":[],"input":null}"#)?.message
                == "input is null: an array is expected")
    }

    @Test(
        "A number with a fraction is not an integer, even if the nearest Double is one",
        arguments: [
            "1.0000000000000001", "4503599627370496.5", "4503599627370497.5", "9007199254740993.5",
            "51111111111111113.1",
            "1e-400",
        ])
    func fractions(text: String) throws {
        guard case .number = try decode(JSONValue.self, text) else {
            Issue.record("\(text) became an integer")
            return
        }
        let fault = "start_index: a number without a fraction is expected"
        #expect(refusal(CitationMetadata.self, #"{"start_index":\#(text)}"#)?.message == fault)
        let part = #"{"metadata":{"kind":"citation","start_index":\#(text)}}"#
        #expect(refusal(MessagePart.self, part)?.code == .invalidInput)
    }

    @Test(
        "Members keep the order of the document in values of all types",
        arguments: [
            (JSONValue.self, #"{"z":1,"a":{"y":[{"c":1,"b":2}],"x":null},"m":2}"#),
            (JSONObject.self, #"{"z":1,"a":2,"m":3}"#),
            (
                MessagePart.self,
                #"{"content_type":"text/plain","content_encoding":"plain","metadata":{"kind":"trajectory","#
                    + #""tool_input":{"q":1,"b":2,"a":3}},"z":1,"a":{"d":1,"c":2}}"#
            ),
            (PartMetadata.self, #"{"kind":"new","z":1,"a":2}"#),
            (Event.self, #"{"type":"generic","generic":{"z":1,"a":2,"é":3,"b":4}}"#),
            (Event.self, #"{"z":1,"type":"new.kind","a":2}"#),
            (AwaitRequest.self, #"{"z":1,"a":2}"#),
            (ACPError.self, #"{"code":"c","message":"m","data":{"z":1,"a":2}}"#),
            (
                AgentManifest.self,
                #"{"name":"a","description":"","input_content_types":["*/*"],"output_content_types":["*/*"],"#
                    + #""metadata":{"annotations":{"z":1,"a":{"y":1,"b":2}},"own":{"z":1,"a":2}}}"#
            ),
        ] as [(any Kind.Type, String)])
    func order(type: any Kind.Type, json: String) throws {
        func check<Value: Codable>(_ type: Value.Type) throws {
            #expect(try encode(decode(type, json)) == json)
            #expect(try encode(ACPJSON.decodeThoroughly(type, from: Array(json.utf8))) == json)
        }
        try check(type)
    }

    @Test("A Swift dictionary, which has no order, is sorted by name wherever it is written")
    func dictionaries() throws {
        struct State: Codable {
            var values: [String: [String: Int]]
            var free: JSONValue
        }
        let state = State(values: ["z": ["y": 1, "b": 2], "a": [:]], free: ["z": 1, "a": 2])
        #expect(try encode(state) == #"{"values":{"a":{},"z":{"b":2,"y":1}},"free":{"z":1,"a":2}}"#)
        #expect(JSONObject(["z": 1, "a": 2] as [String: JSONValue]).keys == ["a", "z"])
    }

    @Test("Types with a special form in Foundation's JSON have the same form")
    func foundationTypes() throws {
        struct Values: Codable, Equatable {
            var date = Date(timeIntervalSinceReferenceDate: 1.5)
            var data = Data([1, 2, 255])
            var url = URL(string: "https://example.com/a?b=c")!
            var decimal = Decimal(string: "12.34")!
            var float: Float = 0.1
            var numbers: [Int: String] = [2: "b"]
            var nothing: Int?
            var nested: [[String: Double?]] = [["x": nil]]
        }
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.withoutEscapingSlashes, .sortedKeys]
        let theirs = try encoder.encode(Values())
        #expect(try decode(JSONValue.self, encode(Values())) == ACPJSON.decode(JSONValue.self, from: theirs))
        #expect(try roundTrip(Values()) == Values())
        #expect(try ACPJSON.decode(Values.self, from: theirs) == Values())
    }

    @Test("A class can write the members of its superclass into a separate object")
    func superclasses() throws {
        class Base: Codable {
            var a = 1
        }
        final class Derived: Base {
            var b = 2
            enum Keys: CodingKey { case b }
            override init() { super.init() }
            required init(from decoder: any Decoder) throws {
                let container = try decoder.container(keyedBy: Keys.self)
                b = try container.decode(Int.self, forKey: .b)
                try super.init(from: container.superDecoder())
            }
            override func encode(to encoder: any Encoder) throws {
                var container = encoder.container(keyedBy: Keys.self)
                try container.encode(b, forKey: .b)
                try super.encode(to: container.superEncoder())
            }
        }
        #expect(try encode(Derived()) == #"{"b":2,"super":{"a":1}}"#)
        let back = try decode(Derived.self, #"{"b":3,"super":{"a":4}}"#)
        #expect(back.a == 4 && back.b == 3)
    }

    @Suite("Objects")
    struct Objects {
        @Test(
            "An object works like a dictionary and keeps its order, with few members and with many",
            arguments: [3, 11, 12, 13, 200])
        func changing(count: Int) throws {
            var object = JSONObject()
            for number in 0..<count { object["k\(number)"] = .integer(Int64(number)) }
            #expect(object.keys == (0..<count).map { "k\($0)" })
            #expect((0..<count).allSatisfy { object["k\($0)"] == .integer(Int64($0)) })
            object["k1"] = "changed"
            #expect(object.keys[1] == "k1" && object["k1"] == "changed" && object.count == count)
            #expect(object.removeValue(forKey: "k0") == 0 && object["k0"] == nil && object.count == count - 1)
            object["k0"] = 0
            #expect(object.keys.last == "k0" && object["k2"] == 2)
            object["k2"] = nil
            #expect(object["k2"] == nil && object["nobody"] == nil)
            #expect(object.filter { $0.key == "k0" } == ["k0": 0])
            #expect(object.mapValues { _ in nil }.allSatisfy { $0.value == .null })
            #expect(object.merging(["k0": 7, "new": 8]) { old, _ in old }["new"] == 8)
            object["counted", default: 0] = 5
            #expect(object["counted"] == 5)
        }

        @Test("Objects with the same members in any order are equal and have the same hash")
        func equality() throws {
            let members = (0..<40).map { ("k\($0)", JSONValue.integer($0)) }
            let one = JSONObject(uniqueKeysWithValues: members)
            let other = JSONObject(uniqueKeysWithValues: members.reversed())
            #expect(one == other && one.hashValue == other.hashValue && one.keys != other.keys)
            var third = other
            third["k7"] = nil
            #expect(third != one)
            third["k8"] = 7
            #expect(third != one)
        }

        @Test("Names that are equal as Swift strings are different names if their bytes differ")
        func names() throws {
            let json = "{\"\u{e9}\":1,\"e\u{301}\":2}"
            let object = try decode(JSONObject.self, json)
            #expect(object.count == 2 && object["\u{e9}"] == 1 && object["e\u{301}"] == 2)
            #expect(try Array(encode(object).utf8) == Array(json.utf8))
        }

        @Test("An object of very many members is read in linear time")
        func many() throws {
            let json = "{" + (0..<50_000).map { "\"k\($0)\":\($0)" }.joined(separator: ",") + "}"
            let object = try decode(JSONObject.self, json)
            #expect(object.count == 50_000 && object["k49999"] == 49_999)
        }
    }
}
