// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import ACPCore

@Suite("Paths in errors")
struct JSONPathTests {
    typealias Kind = JSONReadable & Sendable

    static let run = #""run_id":"r","agent_name":"a","status":"awaiting","created_at":"2025-05-07T11:22:34Z""#

    static let cases: [(any Kind.Type, String, String)] = [
        (
            RunsListResponse.self,
            #"{"total":1,"runs":[{\#(run)},{\#(run),"output":[{"parts":[{"metadata":"#
                + #"{"kind":"citation","end_index":1.5}}]}]}]}"#,
            "runs[1].output[0].parts[0].metadata.end_index: a number without a fraction is expected"
        ),
        (
            Run.self, #"{\#(run),"await_request":{"type":"message","message":{"parts":[],"role":5}}}"#,
            "await_request.message.role has the wrong type: a string is expected"
        ),
        (
            Run.self, #"{\#(run.replacing("awaiting", with: "paused"))}"#,
            #"status: "paused" is not a status of a run: created, in-progress, awaiting, cancelling, cancelled, completed, "#
                + "failed are known"
        ),
        (Run.self, #"{\#(run),"error":{"code":"c"}}"#, "error.message is missing"),
        (
            RunEventsListResponse.self, #"{"events":[{"type":"generic","generic":1},{"type":"run.failed","run":{}}]}"#,
            "events[1].run.run_id is missing"
        ),
        (
            RunEventsListResponse.self, #"{"events":[],"next_offset":99999999999999999999}"#,
            "next_offset: the number does not fit 64 bits: one from \(Int.min) to \(Int.max) is expected"
        ),
        (
            Event.self, #"{"type":"message.part","part":{"metadata":{"kind":3}}}"#,
            "part.metadata.kind has the wrong type: a string is expected"
        ),
        (
            Event.self, #"{"type":"error","error":{"code":"c","message":"m","data":[]}}"#,
            "error.data has the wrong type: an object is expected"
        ),
        (
            SessionHistoryResponse.self, #"{"total":1,"history":[{"url":"u"},{"message":null}]}"#,
            "history[1].url is missing"
        ),
        (
            ProcessesListResponse.self,
            #"{"processes":[{"process_id":"p","alive":true,"this":0,"run_count":1,"run_ids":[]}]}"#,
            "processes[0].this has the wrong type: true or false is expected"
        ),
        (
            ProcessDescription.self, #"{"process_id":"p","alive":true,"this":true,"run_count":1,"run_ids":["r","/"]}"#,
            #"run_ids[1]: "/" is not a valid run id (1 to 128 characters of A-Z a-z 0-9 . _ ~ -)"#
        ),
        (
            AgentsListResponse.self, #"{"agents":[{"name":"a","metadata":{"links":[{"type":"homepage"}]}}]}"#,
            "agents[0].metadata.links[0].url is missing"
        ),
        (
            AgentManifest.self, #"{"name":"a","status":{"success_rate":"high"}}"#,
            "status.success_rate has the wrong type: a number is expected"
        ),
        (
            AgentManifest.self, #"{"name":"a","metadata":{"updated_at":"now"}}"#,
            #"metadata.updated_at: "now" is not an RFC 3339 timestamp such as 2025-05-07T11:22:33.123456Z"#
        ),
        (
            AgentMetadata.self, #"{"contributors":[{"name":"A"},{"name":"B","email":[]}]}"#,
            "contributors[1].email has the wrong type: a string is expected"
        ),
        (
            SessionDescriptor.self, #"{"id":"s","history":["a",null]}"#, "history[1] is null: a string is expected"
        ),
    ]

    @Test("An error names the member by its whole path, whatever the type", arguments: cases)
    func paths(type: any Kind.Type, json: String, message: String) {
        func check<Value: Decodable>(_ type: Value.Type) { #expect(refusal(type, json)?.message == message) }
        check(type)
    }

    @Test("A document that is not JSON is rejected as such, whatever other faults come before")
    func syntaxFirst() {
        for json in [
            #"{"agent_name":5,"input":[{"parts":[7]}],}"#, #"{"agent_name":5,"input":[1,]}"#,
            #"{"agent_name":{"a":tru}}"#, #"{"agent_name":"a b","mode":3} x"#, #"{"input":[{"parts":[{}"#,
        ] {
            #expect(refusal(RunCreateRequest.self, json)?.message.hasPrefix("the body is not valid JSON") == true)
        }
    }

    @Test("A member that is repeated with a valid value is read, wherever it is")
    func replaced() throws {
        #expect(
            try decode(AgentManifest.self, #"{"name":5,"metadata":[],"name":"a","metadata":{}}"#)
                == AgentManifest(name: "a"))
        let run = try decode(Run.self, #"{\#(Self.run),"output":[{"parts":[1]}],"output":[]}"#)
        #expect(run.output == [])
        #expect(try decode(Event.self, #"{"type":5,"generic":1,"type":"generic"}"#) == .generic(1))
        #expect(try decode(Event.self, #"{"type":"new","type":"generic","generic":null}"#) == .generic(nil))
    }
}
