// SPDX-License-Identifier: Apache-2.0

import ACPCore
import Foundation
import Testing

/// Input from the network may be anything: it must result in an error, never in a crash.
@Suite("Hostile JSON")
struct HostileJSONTests {
    static func nested(_ levels: Int, open: String = "[", close: String = "]", core: String = "1") -> String {
        String(repeating: open, count: levels) + core + String(repeating: close, count: levels)
    }

    @Suite("Nesting")
    struct Nesting {
        @Test("Values up to the maximum depth are read and written", arguments: [1, 100, 127, 128])
        func allowed(levels: Int) throws {
            for text in [nested(levels), nested(levels, open: #"{"a":"#, close: "}")] {
                let value = try decode(JSONValue.self, text)
                #expect(try encode(value) == text)
            }
        }

        /// 512 and 513 levels are around Foundation's own limit, at which it has been observed to trap.
        @Test(
            "Values beyond the maximum depth are rejected, however they are created",
            arguments: [129, 511, 512, 513, 514, 600, 10_000, 100_000])
        func refused(levels: Int) {
            for text in [
                nested(levels), nested(levels, open: #"{"a":"#, close: "}"),
                nested(levels, close: "", core: ""), nested(levels, open: #"{"a":"#, close: "", core: ""),
                nested(levels, open: "[ ", close: "\n]"), nested(levels, open: #"[{"a":"#, close: "}]"),
                nested(levels, open: #"["\"]",["#, close: "]]"), nested(levels, close: "", core: #"""#),
            ] {
                let error = refusal(JSONValue.self, text)
                #expect(error == ACPError(.invalidInput, "the JSON is nested deeper than 128 levels"))
            }
        }

        @Test(
            "Values beyond the maximum depth are rejected in every object, also in members that are skipped",
            arguments: [513, 100_000])
        func everywhere(levels: Int) {
            let deep = nested(levels)
            let refusals = [
                refusal(MessagePart.self, #"{"x":\#(deep)}"#),
                refusal(Message.self, #"{"parts":[],"x":\#(deep)}"#),
                refusal(RunCreateRequest.self, #"{"agent_name":"a","input":[{"parts":[{"x":\#(deep)}]}]}"#),
                refusal(RunResumeRequest.self, #"{"await_resume":{"x":\#(deep)}}"#),
                refusal(AgentManifest.self, #"{"name":"a","metadata":{"annotations":{"x":\#(deep)}}}"#),
                refusal(Event.self, #"{"type":"generic","generic":\#(deep)}"#),
                refusal(Event.self, #"{"type":"new","x":\#(deep)}"#),
                refusal(ACPError.self, #"{"code":"a","message":"b","data":{"x":\#(deep)}}"#),
            ]
            #expect(refusals.allSatisfy { $0?.message == "the JSON is nested deeper than 128 levels" })
        }

        @Test("Brackets within strings do not count as nesting")
        func strings() throws {
            let brackets = String(repeating: "[{", count: 1_000)
            let part = MessagePart.text(brackets + #"\"# + brackets + "\"" + brackets)
            #expect(try roundTrip(part) == part)
            #expect(try decode(JSONValue.self, #"["\\",["\"",["\\\"[",[1]]]]"#) == ["\\", ["\"", ["\\\"[", [1]]]])
        }

        @Test("Many values beside each other do not count as nesting")
        func wide() throws {
            let text = "[" + Array(repeating: "[[]]", count: 2_000).joined(separator: ",") + "]"
            #expect(try decode(JSONValue.self, text).arrayValue?.count == 2_000)
        }

        @Test("A thread with a small stack can read and write values of the maximum depth")
        func smallStack() async {
            let text = nested(128, open: #"{"a":"#, close: "}")
            let result = await withCheckedContinuation { continuation in
                let thread = Thread {
                    continuation.resume(returning: (try? decode(JSONValue.self, text)).flatMap { try? encode($0) })
                }
                thread.stackSize = 512 * 1024
                thread.start()
            }
            #expect(result == text)
        }

        @Test("A value that is nested too deep to be read is not written either")
        func writing() throws {
            var value: JSONValue = 1
            for _ in 0..<129 { value = [value] }
            let error = try #require(throws: ACPError.self) { try ACPJSON.encode(value) }
            #expect(
                error
                    == ACPError(.serverError, "a value cannot be written as JSON: it is nested deeper than 128 levels"))
        }

        @Test("A part that is accepted by an event also fits into the run's last event and into a list of events")
        func room() throws {
            var levels = 1
            var part = MessagePart(extra: ["x": [1]])
            while true {
                let next = MessagePart(extra: ["x": try decode(JSONValue.self, nested(levels + 1))])
                guard (try? EncodedEvent(.messagePart(next))) != nil else { break }
                part = next
                levels += 1
            }
            #expect(levels >= 100)
            let message = Message(parts: [part])
            let run = Fixture.run(.completed, output: [message])
            let events: [Event] = [.messageCreated(message), .messageCompleted(message), .runCompleted(run)]
            for event in events { #expect(try EncodedEvent(event).decode() == event) }
            #expect(try roundTrip(RunEventsListResponse(events: events)).events == events)
            #expect(try roundTrip(RunsListResponse(runs: [run], total: 1)).runs == [run])
        }
    }

    @Suite("Text")
    struct Text {
        @Test(
            "Invalid UTF-8 is rejected",
            arguments: [
                [0xff], [0xc0, 0x80], [0xed, 0xa0, 0x80], [0xf4, 0x90, 0x80, 0x80], [0xe2, 0x82], [0x80],
            ] as [[UInt8]])
        func invalidUTF8(bytes: [UInt8]) {
            for (prefix, suffix) in [(#"{"content":""#, #""}"#), (#"{"other":""#, #""}"#), (#"{"a"#, #"":1}"#)] {
                let json = Array(prefix.utf8) + bytes + Array(suffix.utf8)
                #expect(throws: ACPError.self) { try ACPJSON.decode(MessagePart.self, from: json) }
                #expect(throws: ACPError.self) { try ACPJSON.decode(JSONValue.self, from: json) }
            }
        }

        @Test(
            "Half of a surrogate pair is rejected",
            arguments: [
                #""\ud800""#, #""\udc00""#, #""\ud800x""#, #""\ud800\ud800""#, #""\udc00\ud800""#, #""\ud800\n""#,
            ])
        func loneSurrogates(text: String) {
            #expect(refusal(JSONValue.self, text)?.code == .invalidInput)
            #expect(refusal(MessagePart.self, #"{"content":\#(text)}"#)?.code == .invalidInput)
            #expect(refusal(MessagePart.self, #"{\#(text):1}"#)?.code == .invalidInput)
            #expect(
                refusal(MessagePart.self, #"{"other":\#(text)}"#)?.message
                    .contains("half of a surrogate pair is not a character (line 1, column ") == true)
        }

        @Test("A whole surrogate pair is one character")
        func surrogatePair() throws {
            #expect(try decode(JSONValue.self, #""\ud83d\ude42""#) == "🙂")
        }

        @Test(
            "Encodings other than UTF-8 are rejected", arguments: [String.Encoding.utf16, .utf16LittleEndian, .utf32])
        func otherEncodings(encoding: String.Encoding) throws {
            let json = try #require(#"{"type":"generic","generic":1}"#.data(using: encoding))
            #expect(throws: ACPError(.invalidInput, "the body is not valid JSON: UTF-8 is expected")) {
                try ACPJSON.decode(JSONValue.self, from: json)
            }
        }
    }

    @Suite("Syntax")
    struct Syntax {
        @Test(
            "Text that is not JSON is rejected",
            arguments: [
                "", " ", "{", "}", "[", "]", "{]", "[1", "[1 2]", #"{"a"}"#, #"{"a":}"#, #"{"a":1"#, #"{a:1}"#,
                "{'a':1}",
                "[1,]", #"{"a":1,}"#, "[1,,2]", "[,1]", #"{,"a":1}"#, #"[{"a":[1,],"b":2}]"#, "[1]]", "tru", "nul",
                "True", "NaN", "Infinity", "-", "01", "+1", ".5", "1.", "1e", "0x10", "{} {}", "1 2",
                #"""#, #""\"#, #""\x""#, #""\u12""#, #""\u12G4""#, "\"a\nb\"", "\"\u{1}\"", "// c\n1", "/* c */ 1",
                "\u{0}",
                "]]]]", "<html>",
            ])
        func refused(text: String) {
            #expect(refusal(JSONValue.self, text)?.code == .invalidInput)
            #expect(refusal(RunCreateRequest.self, text)?.code == .invalidInput)
            #expect(refusal(Event.self, text)?.code == .invalidInput)
        }

        @Test(
            "A number out of range is rejected",
            arguments: ["1e999", "-1e999", "1" + String(repeating: "0", count: 400) + ".5", "1e99999999999999999999"])
        func outOfRange(text: String) {
            #expect(refusal(JSONValue.self, text)?.code == .invalidInput)
            #expect(
                refusal(MessagePart.self, #"{"x":\#(text)}"#)?.message
                    .contains("this number is out of range") == true)
            #expect(refusal(AgentStatus.self, #"{"success_rate":\#(text)}"#)?.code == .invalidInput)
            #expect(refusal(CitationMetadata.self, #"{"start_index":\#(text)}"#)?.code == .invalidInput)
        }

        @Test("A number too small to be distinguished from zero is zero, and a very long number is read")
        func small() throws {
            #expect(try decode(JSONValue.self, "1e-999").doubleValue == 0)
            #expect(try decode(JSONValue.self, "0." + String(repeating: "3", count: 10_000)).doubleValue == 1.0 / 3)
        }

        @Test("Every truncated or changed request results in a value or an error")
        func mutations() {
            let seed = Array(
                #"""
                {"agent_name":"echo","session":{"id":"a","history":["http://x"]},"input":[{"role":"user","parts":[
                {"content":"h\u00e9\ud83d\ude42\n","x":[1,-2.5e3,true,false,null,{"a":{}}]},
                {"metadata":{"kind":"citation","start_index":1}}],
                "created_at":"2025-01-01T00:00:00.123Z"}],"mode":"sync"}
                """#.utf8)
            func read(_ json: [UInt8]) {
                _ = try? ACPJSON.decode(RunCreateRequest.self, from: json)
                _ = try? ACPJSON.decode(JSONValue.self, from: json)
                _ = try? EncodedEvent(json: json).decode()
            }
            for count in 0..<seed.count { read(Array(seed[..<count])) }
            var random = SeededGenerator(seed: 5)
            for _ in 0..<1_000 {
                var json = seed
                for _ in 0..<Int.random(in: 1...4, using: &random) {
                    let index = Int.random(in: 0..<json.count, using: &random)
                    switch Int.random(in: 0..<3, using: &random) {
                    case 0: json[index] = UInt8.random(in: 0...255, using: &random)
                    case 1: json.remove(at: index)
                    default: json.insert(Array("[]{}\",:\\e-.0u".utf8).randomElement(using: &random)!, at: index)
                    }
                }
                read(json)
            }
        }
    }
}
