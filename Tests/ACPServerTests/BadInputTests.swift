// SPDX-License-Identifier: Apache-2.0

import ACPClient
import ACPServer
import AsyncHTTPClient
import NIOHTTP1
import Testing

@Suite("Invalid input")
struct BadInputTests {
    static let bodies: [(body: String, says: String)] = [
        ("", "valid JSON"), ("{", "valid JSON"), ("not json", "valid JSON"), (#"{"agent_name":"echo"}"#, "input"),
        (#"{"agent_name":"echo",}"#, "comma"),
        ("null", "body"), ("[]", "body"), ("17", "body"),
        (String(repeating: "[", count: 100_000), "nested"), (String(repeating: #"{"a":"#, count: 50_000), "nested"),
        ("{}", "agent_name"), (#"{"agent_name":"echo"}"#, "input"), (#"{"agent_name":7,"input":[]}"#, "agent_name"),
        (#"{"agent_name":"a b","input":[{"parts":[]}]}"#, "agent_name"),
        (#"{"agent_name":"echo","input":[]}"#, "input"), (#"{"agent_name":"echo","input":"hi"}"#, "input"),
        (#"{"agent_name":"echo","input":[{}]}"#, "input[0].parts"),
        (#"{"agent_name":"echo","input":[{"parts":[]}],"mode":"later"}"#, "later"),
        (#"{"agent_name":"echo","input":[{"parts":[]}],"mode":1}"#, "mode"),
        (#"{"agent_name":"echo","input":[{"role":"robot","parts":[]}]}"#, "robot"),
        (#"{"agent_name":"echo","input":[{"parts":[{"content":7}]}]}"#, "input[0].parts[0].content"),
        (#"{"agent_name":"echo","input":[{"parts":[{"content":"a","content_url":"http://b"}]}]}"#, "content_url"),
        (#"{"agent_name":"echo","input":[{"parts":[{"content":"!","content_encoding":"base64"}]}]}"#, "base64"),
        (
            #"{"agent_name":"echo","input":[{"parts":[{"content":"a","content_encoding":"rot13"}]}]}"#,
            "content_encoding"
        ),
        (#"{"agent_name":"echo","input":[{"parts":[]}],"session_id":"a b"}"#, "session_id"),
        (#"{"agent_name":"echo","input":[{"parts":[]}],"session":{"id":7}}"#, "session.id"),
        (#"{"agent_name":"echo","input":[{"parts":[],"created_at":"yesterday"}]}"#, "created_at"),
    ]

    @Test("An invalid request for a run is rejected with 422, and the message describes the error")
    func runRequests() async throws {
        try await withServer { serving in
            for (body, says) in Self.bodies {
                let answer = try await serving.post("/runs", body)
                let error = try answer.expectError(422, .invalidInput)
                #expect(error.message.contains(says), "\(body.prefix(80)): \(error.message)")
                #expect(error.message.count < 500)
            }
            #expect(try await serving.client.runs().total == 0, "no run came of it")
            try await serving.expectStillServing()
        }
    }

    @Test("Bytes that are not text are rejected with 422")
    func binary() async throws {
        try await withServer { serving in
            for bytes: [UInt8] in [
                [0, 1, 2], [0xff, 0xfe, 0x7b], Array(#"{"agent_name":""#.utf8) + [0xc3, 0x28, 0x22],
            ] {
                try await serving.send(.POST, "/runs", .bytes(bytes)).expectError(422, .invalidInput)
            }
            try await serving.expectStillServing()
        }
    }

    @Test("An unknown agent is not found, in every mode", arguments: RunMode.allCases)
    func unknownAgent(mode: RunMode) async throws {
        try await withServer { serving in
            let error = try await serving.run("nobody", mode: mode).expectError(404, .notFound)
            #expect(error.message.contains("nobody"))
            try await serving.get("/agents/nobody").expectError(404, .notFound)
            try await serving.expectStillServing()
        }
    }

    @Test("An unknown run is not found by any operation")
    func unknownRun() async throws {
        try await withServer { serving in
            let id = RunID()
            let resume = #"{"await_resume":{"type":"message","message":{"parts":[]}}}"#
            let answers = [
                try await serving.get("/runs/\(id)"), try await serving.get("/runs/\(id)/events"),
                try await serving.get("/runs/\(id)/events", headers: ["Accept": "text/event-stream"]),
                try await serving.post("/runs/\(id)", resume), try await serving.send(.POST, "/runs/\(id)/cancel"),
                try await serving.send(.DELETE, "/runs/\(id)"),
            ]
            for answer in answers {
                #expect(try answer.expectError(404, .notFound).message.contains(id.rawValue))
            }
            for path in ["/runs/a%20b", "/runs/%00", "/runs/%", "/runs/\(String(repeating: "x", count: 2_000))"] {
                try await serving.get(path).expectError(404, .notFound)
            }
            try await serving.expectStillServing()
        }
    }

    @Test("An invalid answer is rejected with 422, and the run still accepts a valid one")
    func resumeRequests() async throws {
        try await withServer { serving in
            let id = try await serving.askedRun(.sync)
            let part = #"{"content":"a","content_url":"http://b"}"#
            for body in [
                "", "{}", #"{"await_resume":null}"#, #"{"await_resume":"Ada"}"#,
                #"{"await_resume":{"type":"message"}}"#,
                #"{"await_resume":{"type":"message","message":{"parts":[\#(part)]}}}"#,
                #"{"await_resume":{"type":"message","message":{"parts":[]}},"mode":"later"}"#,
            ] {
                try await serving.post("/runs/\(id)", body).expectError(422, .invalidInput)
            }
            #expect(try await serving.client.resume(id, with: "Ada").text == "Hello, Ada!")
        }
    }

    @Test(
        "An invalid query is rejected with 422, and the message names the parameter",
        arguments: [
            "/agents?limit=0", "/agents?limit=1001", "/agents?limit=x", "/agents?limit=", "/agents?offset=-1",
            "/runs?limit=0", "/runs?limit=99999999999999999999", "/runs?offset=1.5", "/runs?status=completed",
            "/runs?status=nonsense", "/runs?session_id=a%20b", "/runs?agent_name=", "/runs?agent_name=a&session_id=b",
            "/runs/ID/events?limit=0", "/runs/ID/events?offset=-1", "/runs/ID/events?limit=%zz",
        ])
    func queries(path: String) async throws {
        try await withServer { serving in
            let id = try await serving.client.run(agent: "echo", input: "x").id
            let answer = try await serving.get(path.replacing("ID", with: id.rawValue))
            let error = try answer.expectError(422, .invalidInput)
            let name = String(path.split(separator: "?")[1].prefix { $0 != "=" })
            #expect(error.message.contains(name) || error.message.contains(name.replacing("_", with: " ")))
            try await serving.expectStillServing()
        }
    }

    @Test("Pages far beyond the end are empty")
    func farPages() async throws {
        try await withServer { serving in
            let id = try await serving.client.run(agent: "echo", input: "x").id
            let far = "offset=9223372036854775807"
            for path in [
                "/agents?\(far)", "/agents?\(far)&limit=1000", "/runs?\(far)", "/runs/\(id)/events?\(far)",
                "/runs/\(id)/events?\(far)&limit=9223372036854775807", "/runs/\(id)/events?limit=9223372036854775807",
            ] {
                #expect(try await serving.get(path).status == 200, "\(path)")
            }
            #expect(try await serving.events("/runs/\(id)/events?\(far)").isEmpty)
            try await serving.expectStillServing()
        }
    }

    @Test(
        "A Last-Event-ID that is not an index is rejected with 422",
        arguments: ["x", "-1", "1.5", "", "9223372036854775807", "99999999999999999999"])
    func lastEventIDs(value: String) async throws {
        try await withServer { serving in
            let id = try await serving.client.run(agent: "echo", input: "x").id
            let answer = try await serving.get(
                "/runs/\(id)/events", headers: ["Accept": "text/event-stream", "Last-Event-ID": value])
            #expect(try answer.expectError(422, .invalidInput).message.contains("Last-Event-ID"))
            try await serving.expectStillServing()
        }
    }
}
