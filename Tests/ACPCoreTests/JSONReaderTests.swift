// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

@testable import ACPCore

/// Reading directly and reading with `Decodable` must agree, on values and on errors. Foundation's parser must
/// agree on what is JSON, see ``ForeignParser``.
@Suite("Direct reading of JSON")
struct JSONReaderTests {
    typealias Readable = JSONReadable & Encodable & Equatable & Sendable

    /// A type with a document that holds a value of this type.
    struct Document: Sendable, CustomTestStringConvertible {
        let type: any Readable.Type
        let json: String
        var testDescription: String { "\(type): \(json.prefix(60))" }

        init(_ type: any Readable.Type, _ json: String) {
            self.type = type
            self.json = json
        }

        /// Creates a document of a value. It is empty if the value cannot be written, which no test uses as a document.
        init(_ value: some Readable) {
            self.init(Swift.type(of: value), (try? encode(value)) ?? "")
        }
    }

    /// A request with whitespace, unknown members and everything else that it can hold.
    private static let request = #"""
        { "agent_name": "echo", "session": {"id": "a", "history": ["http://x", "http://y"], "state": null},
          "unknown": {"a": [1, -2.5, true, false, null, "x", {}], "b": {"c": []}}, "mode": "async",
          "input": [{"role": "agent/x", "created_at": "2025-01-01T01:00:00.123+02:00", "completed_at": null, "parts": [
            {"content": "h\u00e9\ud83d\ude42\n \"quoted\" \\ \/ ä 😀", "x": [1, -2.5, true, false, null, {"a": {}}]},
            {"content_type": "image/png", "content": "aGk=", "content_encoding": "base64", "name": "a", "own": 0.125},
            {"metadata": {"title": "t", "kind": "citation", "start_index": 1, "end_index": 20, "not known": []}},
            {"metadata": {"kind": "trajectory", "tool_name": "n", "tool_input": {"q": [1]}, "tool_output": null}},
            {"metadata": {"kind": "new", "x": [{"y": null}]}}, {"metadata": null, "content_url": "http://z"}]}] }
        """#

    /// Typical documents: the reader must read each of them directly.
    static let documents: [Document] = {
        let run = Fixture.run(.completed, output: [Fixture.message, Fixture.openMessage])
        let written: [Document] =
            Fixture.events.map { Document($0) } + [
                Document(run), Document(Fixture.run(.awaiting)), Document(Fixture.run(.failed)),
                Document(Fixture.message), Document(Fixture.openMessage), Document(Fixture.part),
                Document(RunCreateRequest(agentName: "echo", input: [Fixture.message], sessionID: "s")),
                Document(RunResumeRequest(awaitResume: .message(Fixture.message), mode: .stream, runID: "r")),
                Document(RunResumeRequest(awaitResume: .other(["x": ["y": nil]]))),
                Document(RunEventsListResponse(events: Fixture.events)),
                Document(RunsListResponse(runs: [run, run], total: 12)),
                Document([Fixture.message, Fixture.openMessage]), Document(Fixture.error),
                Document(["a": [1, -1, 2.5, nil, true], "b": ["c": "d"]] as JSONObject),
                Document(["text", "ä", "\n"]),
                Document(Fixture.start), Document(Fixture.manifest), Document(AgentsListResponse(agents: [])),
                Document(
                    SessionHistoryResponse(
                        history: [SessionHistoryEntry(url: "u", message: Fixture.message)], total: 1, nextOffset: 2)),
                Document(
                    ProcessesListResponse(processes: [
                        ProcessDescription(id: "p", isAlive: true, isCurrent: false, runCount: 1, runs: ["r"])
                    ])),
            ]
        return written + [
            Document(RunCreateRequest.self, request),
            Document(
                RunCreateRequest.self,
                #"{"agent_name":"echo","input":[{"role":"user","parts":[{"content":"Hello"}],"completed_at":null}]}"#),
            Document(Event.self, #"{"run":1,"part":{"content":"a"},"x":"y","type":"message.part"}"#),
            Document(Event.self, #"{"type":"new.kind","x":[1,{"y":"z"}]}"#),
            Document(AwaitRequest.self, #"{"message":{"parts":[],"created_at":null},"type":"message"}"#),
            Document(AwaitRequest.self, "{}"),
            Document(JSONValue.self, " [1, 0.5, \"a\", [], {}, {\"ä\": [null]}]\r\n"),
        ]
    }()

    /// Compares the result of the reader with those of `Decodable` and of Foundation.
    ///
    /// A document that one of them rejects must be rejected by the others as well, for the same reason.
    ///
    /// - Returns: Whether the reader returned a value.
    @discardableResult
    static func check<Value: Readable>(_ type: Value.Type, _ json: [UInt8]) -> Bool {
        ForeignParser.compare(json)
        // Evaluated for an issue only: creating the text takes longer than reading the document.
        func text() -> String { String(decoding: json.prefix(2_000), as: UTF8.self) }
        let (value, refusal) = outcome { () throws(ACPError) in try ACPJSON.decode(type, from: json) }
        let (expected, reason) = outcome { () throws(ACPError) in try ACPJSON.decodeThoroughly(type, from: json) }
        #expect(refusal == reason, "\(type) from \(text())")
        guard let value, let expected else { return false }
        #expect(value == expected || timeless(value) == timeless(expected), "\(type) from \(text())")
        return true
    }

    private static func outcome<Value>(_ read: () throws(ACPError) -> Value) -> (Value?, ACPError?) {
        do throws(ACPError) { return (try read(), nil) } catch { return (nil, error) }
    }

    /// Missing timestamps of a message become the current time, which differs between the two values.
    private static func timeless(_ value: some Encodable) -> JSONValue? {
        func timeless(_ value: JSONValue) -> JSONValue {
            switch value {
            case .array(let elements): .array(elements.map(timeless))
            case .object(let members): .object(members.mapValues(timeless))
            case .string(let text): Timestamp(text).map { $0 >= beginning } == true ? "now" : value
            default: value
            }
        }
        return (try? JSONValue(encoding: value)).map(timeless)
    }

    /// The documents themselves are older.
    private static let beginning = Timestamp.now + .seconds(-3_600)

    // MARK: Documents

    @Test("Documents of all types are read with the same result as by Decodable", arguments: documents)
    func reads(_ document: Document) {
        let isRead = Self.check(document.type, Array(document.json.utf8))
        #expect(isRead)
    }

    @Test("A missing timestamp of a message is the current time, and null is no timestamp")
    func missingTimestamps() throws {
        let before = Timestamp.now
        let message = try decode(Message.self, #"{"parts":[],"completed_at":null}"#)
        let createdAt = try #require(message.createdAt)
        #expect(createdAt >= before && createdAt <= Timestamp.now && message.completedAt == nil)
    }

    @Test("Callers that know a type only as Decodable get the same result", arguments: documents)
    func generic(_ document: Document) throws {
        func check<Value: Decodable & Equatable & Encodable>(_ type: Value.Type) throws {
            let json = Array(document.json.utf8)
            let value = try ACPJSON.decode(type, from: json)
            let other = try ACPJSON.decode(type, from: AnySequence(json))
            #expect(Self.timeless(value) == Self.timeless(try ACPJSON.decodeThoroughly(type, from: json)))
            #expect(Self.timeless(value) == Self.timeless(other))
        }
        try check(document.type)
    }

    // MARK: Variations

    @Test("A truncated document is never accepted", arguments: documents)
    func truncated(_ document: Document) {
        let json = Array(document.json.utf8)
        for count in 0..<json.count { Self.check(document.type, Array(json[..<count])) }
        for rest in ["x", ",", "}", "]", " {}", "\u{0}", "\"", " 1"] { Self.check(document.type, json + rest.utf8) }
        Self.check(document.type, [0xef, 0xbb, 0xbf] + json)
    }

    @Test("All ways to read a document agree, whatever its notation", arguments: documents)
    func scrambled(_ document: Document) throws {
        let tree = try decode(JSONValue.self, document.json)
        var scrambler = JSONScrambler(seed: UInt64(document.json.utf8.count))
        var readable = 0
        let rounds = RandomCases.count(150)
        for round in 0..<rounds {
            // Every other document is one that a correct writer could produce.
            scrambler.rarity = round.isMultiple(of: 2) ? 60 : 5_000
            if Self.check(document.type, Array(scrambler.text(tree).utf8)) { readable += 1 }
        }
        #expect(readable > rounds / 5)
    }

    @Test("All ways to read a document agree, whichever bytes of it are changed", arguments: documents)
    func damaged(_ document: Document) {
        let json = Array(document.json.utf8)
        var scrambler = JSONScrambler(seed: UInt64(json.count) << 32)
        for _ in 0..<RandomCases.count(400) { Self.check(document.type, scrambler.damage(json)) }
    }

    @Test("All ways to read unusual documents agree", arguments: JSONScrambler.oddities)
    func odd(text: String) {
        Self.check(JSONValue.self, Array(text.utf8))
        for (type, before, after) in [
            (JSONValue.self, "[", "]"), (JSONObject.self, #"{"x":"#, "}"),
            (MessagePart.self, #"{"content":"#, "}"), (MessagePart.self, #"{"own":"#, "}"),
            (MessagePart.self, #"{"content_url":"u","content":"#, "}"), (MessagePart.self, #"{"metadata":"#, "}"),
            (MessagePart.self, #"{"metadata":{"kind":"citation","start_index":"#, "}}"),
            (MessagePart.self, #"{"metadata":{"kind":"trajectory","tool_input":"#, "}}"),
            (MessagePart.self, #"{"metadata":{"title":"t","kind":"#, "}}"),
            (Message.self, #"{"created_at":null,"completed_at":null,"parts":"#, "}"),
            (Message.self, #"{"parts":[],"completed_at":null,"created_at":"#, "}"),
            (Message.self, #"{"parts":[],"created_at":null,"completed_at":null,"role":"#, "}"),
            (Message.self, #"{"parts":[],"created_at":null,"completed_at":null,"not known":"#, "}"),
            (Event.self, #"{"type":"generic","generic":"#, "}"), (Event.self, #"{"type":"#, #","generic":1}"#),
            (Event.self, #"{"type":"generic","generic":1,"run":"#, "}"), (Event.self, #"{"type":"new","run":"#, "}"),
            (RunCreateRequest.self, #"{"agent_name":"a","input":[],"mode":"#, "}"),
            (RunCreateRequest.self, #"{"agent_name":"a","input":[],"session_id":"#, "}"),
            (RunCreateRequest.self, #"{"agent_name":"a","input":[],"session":"#, "}"),
            (RunCreateRequest.self, #"{"agent_name":"a","input":[],"session":{"id":"a","history":"#, "}}"),
            (RunResumeRequest.self, #"{"await_resume":"#, "}"),
            (RunResumeRequest.self, #"{"await_resume":{"type":"#, #","message":{"parts":[]}}}"#),
            (ACPError.self, #"{"code":"c","message":"m","data":"#, "}"),
        ] as [(any Readable.Type, String, String)] {
            Self.check(type, Array((before + text + after).utf8))
        }
    }
}
