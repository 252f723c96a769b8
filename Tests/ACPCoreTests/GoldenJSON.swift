// SPDX-License-Identifier: Apache-2.0

import ACPCore
import Testing

/// A value with the exact bytes of its JSON.
struct Golden: Sendable, CustomTestStringConvertible {
    typealias Kind = Codable & Equatable & Sendable

    let testDescription: String
    let value: any Kind
    let json: String

    init(_ name: String, _ value: any Kind, _ json: String) {
        testDescription = name
        self.value = value
        self.json = json
    }

    /// All types of the wire format, with all of their members.
    static let all = values + runs + requests
}

extension Golden {
    /// Values, and messages with their parts.
    static let values: [Golden] = [
        Golden(
            "ACPError: code and message", ACPError(.notFound, "gone"),
            #"{"code":"not_found","message":"gone"}"#),
        Golden(
            "ACPError: with data", Fixture.error,
            #"{"code":"server_error","message":"no","data":{"retry":true}}"#),
        Golden(
            "RunID", Fixture.runID,
            #""44e480bc-7e0d-4a0c-a6a0-1d0c3a1a7a10""#),
        Golden(
            "SessionID", Fixture.sessionID,
            #""9f6a2b1c-0d3e-4f5a-8b7c-6d5e4f3a2b1c""#),
        Golden(
            "AgentName", AgentName("echo"),
            #""echo""#),
        Golden(
            "Timestamp: with microseconds", Fixture.start,
            #""2025-05-07T11:22:33.123456Z""#),
        Golden(
            "Timestamp: whole seconds", Fixture.end,
            #""2025-05-07T11:22:34Z""#),
        Golden(
            "RunStatus", RunStatus.inProgress,
            #""in-progress""#),
        Golden(
            "RunMode", RunMode.stream,
            #""stream""#),
        Golden(
            "ACPError.Code", ACPError.Code.serverError,
            #""server_error""#),
        Golden(
            "Event.Kind", Event.Kind.runInProgress,
            #""run.in-progress""#),
        Golden(
            "Message.Role: user", Message.Role.user,
            #""user""#),
        Golden(
            "Message.Role: agent", Message.Role.agent("echo"),
            #""agent/echo""#),
        Golden(
            "MessagePart.ContentEncoding", MessagePart.ContentEncoding.base64,
            #""base64""#),
        Golden(
            "AgentLink.Kind", AgentLink.Kind.sourceCode,
            #""source-code""#),
        Golden(
            "AgentDependency.Kind", AgentDependency.Kind.tool,
            #""tool""#),
        Golden(
            "MessagePart: empty", MessagePart(),
            #"{"content_type":"text/plain","content_encoding":"plain"}"#),
        Golden(
            "MessagePart: content and unknown members", Fixture.part,
            #"{"name":"x.png","content_type":"image/png","content":"aGk=","content_encoding":"base"#
                + #"64","priority":3,"nested":{"a":[null,true,0.1]}}"#),
        Golden(
            "MessagePart: every member",
            MessagePart(
                name: "a\"b", contentType: "text/html", content: "<p>\t/\\ \u{1} ä 😀 \r\n</p>",
                metadata: .citation(CitationMetadata(url: "https://example.com/?a=b&c")),
                extra: ["z": 1, "a": [nil, 2.5]]),
            #"{"name":"a\"b","content_type":"text/html","content":"<p>\t/\\ \u0001 ä 😀 \r\n</p>",""#
                + #"content_encoding":"plain","metadata":{"kind":"citation","url":"https://example.com/?"#
                + #"a=b&c"},"z":1,"a":[null,2.5]}"#),
        Golden(
            "MessagePart: content elsewhere", MessagePart(contentURL: "https://example.com/a.txt"),
            #"{"content_type":"text/plain","content_encoding":"plain","content_url":"https://examp"#
                + #"le.com/a.txt"}"#),
        Golden(
            "CitationMetadata", CitationMetadata(url: "u", title: "t", description: "d", startIndex: 1, endIndex: 20),
            #"{"start_index":1,"end_index":20,"url":"u","title":"t","description":"d"}"#),
        Golden(
            "CitationMetadata: empty", CitationMetadata(),
            #"{}"#),
        Golden(
            "TrajectoryMetadata",
            TrajectoryMetadata(message: "m", toolName: "t", toolInput: ["b": 1, "a": 2], toolOutput: ["o": [1, "x"]]),
            #"{"message":"m","tool_name":"t","tool_input":{"b":1,"a":2},"tool_output":{"o":[1,"x"]}}"#),
        Golden(
            "PartMetadata: citation",
            PartMetadata.citation(
                CitationMetadata(url: "u", title: "t", description: "d", startIndex: 1, endIndex: 20)),
            #"{"kind":"citation","start_index":1,"end_index":20,"url":"u","title":"t","description"#
                + #"":"d"}"#),
        Golden(
            "PartMetadata: trajectory",
            PartMetadata.trajectory(
                TrajectoryMetadata(message: "m", toolName: "t", toolInput: [:], toolOutput: ["o": 1])),
            #"{"kind":"trajectory","message":"m","tool_name":"t","tool_input":{},"tool_output":{"o"#
                + #"":1}}"#),
        Golden(
            "PartMetadata: another kind", PartMetadata.other(["z": 1, "kind": "score", "value": 0.5]),
            #"{"z":1,"kind":"score","value":0.5}"#),
        Golden(
            "Message: complete", Fixture.message,
            #"{"role":"agent/echo","parts":[{"content_type":"text/plain","content":"Hi","content_e"#
                + #"ncoding":"plain"},{"name":"x.png","content_type":"image/png","content":"aGk=","conte"#
                + #"nt_encoding":"base64","priority":3,"nested":{"a":[null,true,0.1]}},{"content_type":""#
                + #"text/plain","content_encoding":"plain","content_url":"https://example.com/a.txt","me"#
                + #"tadata":{"kind":"citation","start_index":0,"end_index":4,"url":"https://example.com""#
                + #"}},{"content_type":"text/plain","content_encoding":"plain","metadata":{"kind":"traje"#
                + #"ctory","tool_name":"search","tool_input":{"q":"swift"},"tool_output":{"hits":[1,2.5]"#
                + #"}}}],"created_at":"2025-05-07T11:22:33.123456Z","completed_at":"2025-05-07T11:22:34Z"#
                + #""}"#),
        Golden(
            "Message: with members of other protocols",
            Message(
                parts: [], createdAt: Fixture.start, completedAt: nil, extra: ["a2a": ["messageId": "m"], "z": nil]),
            #"{"role":"user","parts":[],"created_at":"2025-05-07T11:22:33.123456Z","completed_at":"#
                + #"null,"a2a":{"messageId":"m"},"z":null}"#),
        Golden(
            "Message: open", Fixture.openMessage,
            #"{"role":"agent","parts":[],"created_at":"2025-05-07T11:22:33.123456Z","completed_at""#
                + #":null}"#),
    ]
}
