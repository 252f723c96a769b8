// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

@testable import ACPCore

/// The writer and `Encodable` must agree on every value.
@Suite("Direct writing of JSON")
struct JSONWriterTests {
    private static let part = MessagePart(
        name: "a.txt", contentType: "text/plain", content: "tab\t quote\" slash/ back\\ \u{1} \u{7f} ä 😀 \r\n",
        metadata: .citation(
            CitationMetadata(url: "https://example.com/?a=b&c", title: "T", startIndex: 0, endIndex: 3)),
        extra: ["x": [1, 2.5, nil, true, ["y": "z"]], "content": "known keys are not repeated"])
    private static let message = Message(
        role: .agent("writer"), parts: [part, MessagePart(contentURL: "https://example.com/a")],
        createdAt: Timestamp(microseconds: 1_700_000_000_123_456), completedAt: nil)

    static let values: [any JSONWritable & Sendable] = [
        part,
        MessagePart(),
        MessagePart(metadata: .citation(CitationMetadata())),
        MessagePart(
            metadata: .trajectory(
                TrajectoryMetadata(message: "m", toolName: "t", toolInput: ["a": 1], toolOutput: ["o": [nil, "x"]]))),
        MessagePart(metadata: .other(["kind": "new", "value": 1e300])),
        message,
        Message("text"),
        Message(parts: [], createdAt: nil),
        Run(agentName: "a"),
        Run(
            agentName: "a_B", sessionID: "session-1", status: .awaiting, awaitRequest: .message(message),
            output: [message, message], error: ACPError("own_code", "m", data: ["k": [1, -2, 3.25]]),
            finishedAt: Timestamp(microseconds: -1)),
        Run(agentName: "a", awaitRequest: .other(["anything": ["goes"]])),
        AwaitResume.message(message),
        AwaitResume.other([:]),
        ACPError(.notFound, "gone"),
        RunsListResponse(runs: [Run(agentName: "a"), Run(agentName: "b")], total: 7),
        JSONValue.object([
            "min": .integer(.min), "max": .unsigned(.max), "zero": -0.0, "small": .number(.leastNonzeroMagnitude),
            "e": 1e21,
        ]),
        JSONValue.null,
    ]

    @Test("The writer writes the same JSON as Encodable", arguments: values)
    func agrees(_ value: any JSONWritable & Sendable) throws {
        let written = try value.written(depth: ACPJSON.maximumDepth)
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.withoutEscapingSlashes]
        let encoded = try encoder.encode(value)
        #expect(try ACPJSON.decode(JSONValue.self, from: written) == ACPJSON.decode(JSONValue.self, from: encoded))
        #expect(!written.contains(UInt8(ascii: "\n")))
    }

    @Test("Members are in the order of the specification")
    func order() throws {
        let run = Run(
            id: "r", agentName: "a", sessionID: "s", output: [], createdAt: Timestamp(microseconds: 0))
        let expected =
            #"{"run_id":"r","agent_name":"a","session_id":"s","status":"created","output":[],"#
            + #""created_at":"1970-01-01T00:00:00Z"}"#
        #expect(String(decoding: try ACPJSON.encode(run), as: UTF8.self) == expected)
    }

    @Test("Every character survives a round trip")
    func characters() throws {
        for scalar in (0...0x2ff).compactMap(Unicode.Scalar.init) {
            let text = "a\(Character(scalar))b"
            #expect(try ACPJSON.decode([String].self, from: ACPJSON.encode([text])) == [text])
        }
    }

    @Test(
        "a character is escaped wherever it stands in a text, and no other is",
        arguments: ["\"", "\\", "\0", "\u{1f}", " ", "\u{7f}", "ä", "\u{80}", "😀"] as [Character])
    func positions(character: Character) throws {
        let escaped = ["\"": #"\""#, "\\": #"\\"#, "\0": #"\u0000"#, "\u{1f}": #"\u001f"#][character] ?? "\(character)"
        for count in 0..<20 {
            for position in 0...count {
                let before = String(repeating: "x", count: position)
                let after = String(repeating: "y", count: count - position)
                let json = String(decoding: try ACPJSON.encode(["\(before)\(character)\(after)"]), as: UTF8.self)
                #expect(json == "[\"\(before)\(escaped)\(after)\"]")
            }
        }
    }

    @Test(
        "texts of any length stand between others as they were",
        arguments: [250...262, 510...514, 4_000...4_001, 99_999...100_000])
    func growth(lengths: ClosedRange<Int>) throws {
        for length in lengths {
            let text = String(repeating: "z", count: length)
            let json = String(decoding: try ACPJSON.encode(["a", text, "b", text]), as: UTF8.self)
            #expect(json == "[\"a\",\"\(text)\",\"b\",\"\(text)\"]")
        }
    }

    @Test("New ids are different UUIDs of version 4")
    func ids() throws {
        let ids = (0..<2_000).map { _ in RunID().rawValue }
        #expect(Set(ids).count == ids.count)
        for id in ids.prefix(100) {
            #expect(UUID(uuidString: id) != nil && id == id.lowercased() && Array(id)[14] == "4")
            #expect("89ab".contains(Array(id)[19]))
        }
    }
}
