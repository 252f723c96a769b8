// SPDX-License-Identifier: Apache-2.0

import ACPCore
import Testing

@Suite("Events")
struct EventTests {
    static let kinds: [Event.Kind] = [
        .runCreated, .runInProgress, .runAwaiting, .runCompleted, .runCancelled, .runFailed, .messageCreated,
        .messagePart, .messageCompleted, .generic, .error,
    ]

    @Test("All eleven events survive a round trip through JSON", arguments: Fixture.events)
    func roundTrips(event: Event) throws {
        #expect(try roundTrip(event) == event)
        #expect(try tree(event)["type"]?.stringValue == event.kind.rawValue)
    }

    @Test("Each event has its kind, and run events have their run")
    func kinds() {
        #expect(Fixture.events.map(\.kind) == EventTests.kinds)
        #expect(
            Fixture.events.map { $0.run?.status }
                == [.created, .inProgress, .awaiting, .completed, .cancelled, .failed, nil, nil, nil, nil, nil])
    }

    @Test("Three kinds end a run, and a fourth settles it")
    func terminal() {
        #expect(EventTests.kinds.filter(\.isTerminal) == [.runCompleted, .runCancelled, .runFailed])
        #expect(EventTests.kinds.filter(\.isSettled) == [.runAwaiting, .runCompleted, .runCancelled, .runFailed])
        #expect(!Event.Kind(rawValue: "run.completed.not").isTerminal)
    }

    @Test(
        "An event of an unknown kind is kept as it was received",
        arguments: [
            #"{"type":"run.paused","run":{"run_id":"r"},"reason":null}"#, #"{"type":""}"#, #"{"type":"Run.created"}"#,
            #"{"type":"a\"b\\c","n":[1,2.5,[]]}"#,
        ])
    func unknown(json: String) throws {
        let event = try decode(Event.self, json)
        let members = try #require(try decode(JSONValue.self, json).objectValue)
        #expect(event == .unknown(members))
        #expect(event.kind.rawValue == members["type"]?.stringValue)
        #expect(try tree(event) == .object(members))
        #expect(event.run == nil)
        let encoded = try EncodedEvent(event)
        #expect(try encoded.decode() == event && EncodedEvent(json: encoded.json).kind == event.kind)
    }

    @Test(
        "A generic event holds any JSON value, including null",
        arguments: [nil, true, 3, 0.1, "text", [1, nil], ["a": ["b": [:]]]] as [JSONValue])
    func generic(value: JSONValue) throws {
        #expect(try roundTrip(Event.generic(value)) == .generic(value))
        #expect(try EncodedEvent(.generic(value)).decode() == .generic(value))
    }

    @Test(
        "An event without its type or its content is rejected, and the error names the member",
        arguments: [
            ("{}", "type is missing"), (#"{"type":null}"#, "type is null: a string is expected"),
            (#"{"type":5}"#, "type has the wrong type: a string is expected"),
            ("[]", "the body has the wrong type: an object is expected"),
            (#"{"type":"run.created"}"#, "run is missing"), (#"{"type":"message.part"}"#, "part is missing"),
            (#"{"type":"message.created","message":[]}"#, "message has the wrong type: an object is expected"),
            (
                #"{"type":"message.completed","message":{"parts":[{},{"name":1}]}}"#,
                "message.parts[1].name has the wrong type: a string is expected"
            ),
            (#"{"type":"generic"}"#, "generic is missing"),
            (#"{"type":"error","error":{"code":"c"}}"#, "error.message is missing"),
        ])
    func refused(json: String, message: String) {
        #expect(refusal(Event.self, json) == ACPError(.invalidInput, message))
    }

    @Suite("Encoded events")
    struct Encoded {
        @Test(
            "An encoded event decodes to the event, and its bytes create the same encoded event",
            arguments: Fixture.events)
        func roundTrips(event: Event) throws {
            let encoded = try EncodedEvent(event)
            #expect(encoded.kind == event.kind)
            #expect(try encoded.decode() == event)
            #expect(try EncodedEvent(json: encoded.json) == encoded)
            #expect(try ACPJSON.decode(JSONValue.self, from: encoded.json) == tree(event))
        }

        @Test("The type is the first member, and there are no line breaks", arguments: Fixture.events)
        func form(event: Event) throws {
            let json = try EncodedEvent(event).json
            #expect(json.starts(with: #"{"type":"\#(event.kind.rawValue)","#.utf8))
            #expect(!json.contains(10) && !json.contains(13))
        }

        @Test("Line breaks in text are escaped")
        func lineBreaks() throws {
            let event = Event.messagePart(.text("a\nb\r\nc\u{85}d\u{2028}e"))
            let encoded = try EncodedEvent(event)
            #expect(!encoded.json.contains(10) && !encoded.json.contains(13))
            #expect(try encoded.decode() == event)
        }

        @Test("The JSON of a run is wrapped without changes")
        func runJSON() throws {
            let run = Fixture.run(.completed, output: [Fixture.message])
            let runJSON = try ACPJSON.encode(run)
            let encoded = EncodedEvent(kind: .runCompleted, runJSON: runJSON)
            #expect(encoded.json == Array(#"{"type":"run.completed","run":"#.utf8) + runJSON + [UInt8(ascii: "}")])
            #expect(try encoded.decode() == .runCompleted(run))
        }

        @Test("The kind is found without reading the rest")
        func notDecoded() throws {
            #expect(try EncodedEvent(json: Array(#"{"type":"run.created","run":"#.utf8)).kind == .runCreated)
            let broken = try EncodedEvent(json: Array(#"{"type":"generic","generic":nonsense}"#.utf8))
            #expect(broken.kind == .generic)
            #expect(throws: ACPError.self) { try broken.decode() }
        }

        @Test(
            "The kind is found in JSON of any form",
            arguments: [
                (#"{"run":{"type":"inner"},"type":"run.created"}"#, "run.created"),
                (#"{ "type": "message.part", "part": {} }"#, "message.part"),
                ("{\n\t\"type\"\n:\n\"generic\"}", "generic"), (#"{"ty\u0070e":"generic"}"#, "generic"),
                (#"{"type":"run\u002ecreated"}"#, "run.created"), (#"{"type":"a\"b"}"#, "a\"b"),
                (#"{"type":"\\"}"#, "\\"),
                (#"{"type":""}"#, ""),
                (
                    #"{"type":"a.kind.with.a.name.much.longer.than.any.of.ours"}"#,
                    "a.kind.with.a.name.much.longer.than.any.of.ours"
                ),
            ])
        func anyForm(json: String, kind: String) throws {
            #expect(try EncodedEvent(json: Array(json.utf8)).kind.rawValue == kind)
        }

        @Test(
            "JSON without a type is rejected",
            arguments: [
                "", "{}", "[]", "null", "5", #"{"type":5}"#, #"{"type":null}"#, #"{"type":"#, #"{"type":"abc"#, "\u{0}",
            ])
        func refused(json: String) {
            #expect(throws: ACPError.self) { try EncodedEvent(json: Array(json.utf8)) }
        }
    }

    @Test("An event that holds a run's id instead of the run is kept, and names the run")
    func runIDOnly() throws {
        for json in [
            #"{"type":"run.completed","run_id":"r-1"}"#, #"{"run":null,"type":"run.completed","run_id":"r-1","x":1}"#,
        ] {
            let event = try decode(Event.self, json)
            #expect(event.kind == .runCompleted && event.run == nil && event.runID == "r-1")
            #expect(try encode(event) == json)
        }
        #expect(Event.runCreated(Fixture.run()).runID == Fixture.runID && Event.generic(1).runID == nil)
        #expect(refusal(Event.self, #"{"type":"run.completed"}"#)?.message == "run is missing")
        #expect(refusal(Event.self, #"{"type":"run.completed","run_id":"a b"}"#)?.message == "run is missing")
    }
}
