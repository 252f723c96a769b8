// SPDX-License-Identifier: Apache-2.0

import ACPCore
import Testing

@Suite("Errors")
struct ErrorTests {
    @Test("An error is written in the form of the specification")
    func json() throws {
        #expect(try tree(ACPError(.notFound, "no run")) == ["code": "not_found", "message": "no run"])
        #expect(try tree(Fixture.error) == ["code": "server_error", "message": "no", "data": ["retry": true]])
        #expect(try decode(ACPError.self, #"{"code":"x","message":"m","data":null,"more":1}"#) == ACPError("x", "m"))
        #expect(Fixture.error.description == "server_error: no")
    }

    @Suite("Naming the invalid member of a request")
    struct Paths {
        static func part(_ json: String) -> String { #""input":[{"parts":[{},\#(json)]}]"# }

        static let requests: [(String, String)] = [
            ("", "agent_name is missing"),
            (#""agent_name":null"#, "agent_name is null: a string is expected"),
            (#""agent_name":5"#, "agent_name has the wrong type: a string is expected"),
            (
                #""agent_name":"e cho""#,
                #"agent_name: "e cho" is not a valid agent name (1 to 63 characters of A-Z a-z 0-9 - _)"#
            ),
            (#""agent_name":"a""#, "input is missing"),
            (#""agent_name":"a","input":{}"#, "input has the wrong type: an array is expected"),
            (#""agent_name":"a","input":[null]"#, "input[0] is null: an object is expected"),
            (#""agent_name":"a","input":["hi"]"#, "input[0] has the wrong type: an object is expected"),
            (#""agent_name":"a","input":[{"parts":[]},{}]"#, "input[1].parts is missing"),
            (
                #""agent_name":"a","input":[{"role":"robot","parts":[]}]"#,
                #"input[0].role: "robot" is not a role: user, agent or agent/NAME is expected"#
            ),
            (
                #""agent_name":"a","input":[{"parts":[],"completed_at":"noon"}]"#,
                #"input[0].completed_at: "noon" is not an RFC 3339 timestamp such as 2025-05-07T11:22:33.123456Z"#
            ),
            (#""agent_name":"a",\#(part("5"))"#, "input[0].parts[1] has the wrong type: an object is expected"),
            (
                #""agent_name":"a",\#(part(#"{"content":["x"]}"#))"#,
                "input[0].parts[1].content has the wrong type: a string is expected"
            ),
            (
                #""agent_name":"a",\#(part(#"{"content_encoding":"gzip"}"#))"#,
                #"input[0].parts[1].content_encoding: "gzip" is not a content encoding: plain or base64 is expected"#
            ),
            (
                #""agent_name":"a",\#(part(#"{"content":"x","content_url":"y"}"#))"#,
                "input[0].parts[1].content_url: content and content_url exclude each other: give one of them"
            ),
            (
                #""agent_name":"a",\#(part(#"{"metadata":"x"}"#))"#,
                "input[0].parts[1].metadata has the wrong type: an object is expected"
            ),
            (
                #""agent_name":"a",\#(part(#"{"metadata":{"kind":"citation","start_index":"1"}}"#))"#,
                "input[0].parts[1].metadata.start_index has the wrong type: a number is expected"
            ),
            (
                #""agent_name":"a","input":[],"mode":"fast""#,
                #"mode: "fast" is not a mode: sync, async or stream is expected"#
            ),
            (#""agent_name":"a","input":[],"mode":true"#, "mode has the wrong type: a string is expected"),
            (
                #""agent_name":"a","input":[],"session_id":"a b""#,
                #"session_id: "a b" is not a valid session id (1 to 128 characters of A-Z a-z 0-9 . _ ~ -)"#
            ),
            (
                #""agent_name":"a","input":[],"session":{"id":"s","history":["u",1]}"#,
                "session.history[1] has the wrong type: a string is expected"
            ),
            (#""agent_name":"a","input":[],"session":{}"#, "session.id is missing"),
        ]

        @Test("An invalid member is named by its path when a run is created", arguments: requests)
        func create(members: String, message: String) {
            #expect(refusal(RunCreateRequest.self, "{\(members)}") == ACPError(.invalidInput, message))
        }

        @Test(
            "An invalid member is named by its path when a run is resumed",
            arguments: [
                ("", "await_resume is missing"),
                (#""await_resume":null"#, "await_resume is null: an object is expected"),
                (#""await_resume":"yes""#, "await_resume has the wrong type: an object is expected"),
                (#""await_resume":{"type":"message"}"#, "await_resume.message is missing"),
                (
                    #""await_resume":{"type":"message","message":{"parts":[{"content":1}]}}"#,
                    "await_resume.message.parts[0].content has the wrong type: a string is expected"
                ),
                (
                    #""await_resume":{},"mode":"later""#,
                    #"mode: "later" is not a mode: sync, async or stream is expected"#
                ),
                (
                    #""await_resume":{},"run_id":"a/b""#,
                    #"run_id: "a/b" is not a valid run id (1 to 128 characters of A-Z a-z 0-9 . _ ~ -)"#
                ),
            ])
        func resume(members: String, message: String) {
            #expect(refusal(RunResumeRequest.self, "{\(members)}") == ACPError(.invalidInput, message))
        }

        @Test(
            "A body that is not an object, or not JSON, is named as the body",
            arguments: [
                ("[]", "the body has the wrong type: an object is expected"),
                ("null", "the body is null: an object is expected"),
                (#""text""#, "the body has the wrong type: an object is expected"),
            ])
        func body(json: String, message: String) {
            #expect(refusal(RunCreateRequest.self, json) == ACPError(.invalidInput, message))
            #expect(refusal(RunCreateRequest.self, "{")?.message.hasPrefix("the body is not valid JSON") == true)
        }

        @Test("A body of a single value is reported as the body, not as invalid JSON")
        func alone() {
            #expect(
                refusal(RunID.self, #""a b""#)?.message.hasPrefix(#"the body: "a b" is not a valid run id"#) == true)
            #expect(
                refusal(Timestamp.self, #""noon""#)?.message.hasPrefix(#"the body: "noon" is not an RFC 3339"#) == true)
        }

        @Test("Rejected text is truncated, so that an error cannot become as large as a request")
        func cut() throws {
            let long = String(repeating: "x", count: 100_000)
            for json in [
                #"{"agent_name":"\#(long)"}"#, #"{"agent_name":"a","session_id":"\#(long)"}"#,
                #"{"agent_name":"a","input":[{"role":"\#(long)","parts":[]}]}"#,
                #"{"agent_name":"a","input":[{"parts":[],"created_at":"\#(long)"}]}"#,
                #"{"agent_name":"a","input":[{"parts":[{"content_encoding":"\#(long)"}]}]}"#,
                #"{"agent_name":"a","input":[],"mode":"\#(long)"}"#,
            ] {
                let error = try #require(refusal(RunCreateRequest.self, json))
                #expect(error.message.utf8.count < 400)
            }
        }
    }
}
