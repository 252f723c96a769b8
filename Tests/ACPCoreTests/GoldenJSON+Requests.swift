// SPDX-License-Identifier: Apache-2.0

import ACPCore

extension Golden {
    /// Bodies of requests and responses, and agents.
    static let requests: [Golden] = [
        Golden(
            "RunCreateRequest: smallest", RunCreateRequest(agentName: "a", input: []),
            #"{"agent_name":"a","input":[],"mode":"sync"}"#),
        Golden(
            "RunCreateRequest: every member",
            RunCreateRequest(
                agentName: "a", input: [Fixture.openMessage], mode: .async, sessionID: "s",
                session: SessionDescriptor(id: "s", history: ["http://a/1"], state: "http://a/s")),
            #"{"agent_name":"a","session_id":"s","session":{"id":"s","history":["http://a/1"],"sta"#
                + #"te":"http://a/s"},"input":[{"role":"agent","parts":[],"created_at":"2025-05-07T11:22"#
                + #":33.123456Z","completed_at":null}],"mode":"async"}"#),
        Golden(
            "RunResumeRequest", RunResumeRequest(awaitResume: .other(["x": 1])),
            #"{"await_resume":{"x":1},"mode":"sync"}"#),
        Golden(
            "RunResumeRequest: every member",
            RunResumeRequest(awaitResume: .message(Fixture.openMessage), mode: .stream, runID: "r"),
            #"{"run_id":"r","await_resume":{"type":"message","message":{"role":"agent","parts":[],"#
                + #""created_at":"2025-05-07T11:22:33.123456Z","completed_at":null}},"mode":"stream"}"#),
        Golden(
            "SessionDescriptor: empty", SessionDescriptor(id: "s"),
            #"{"id":"s","history":[]}"#),
        Golden(
            "SessionDescriptor: every member",
            SessionDescriptor(id: "s", history: ["http://a/1", "http://b/2"], state: "http://a/s"),
            #"{"id":"s","history":["http://a/1","http://b/2"],"state":"http://a/s"}"#),
        Golden(
            "SessionHistoryEntry", SessionHistoryEntry(url: "http://a/1", message: Fixture.openMessage),
            #"{"url":"http://a/1","message":{"role":"agent","parts":[],"created_at":"2025-05-07T11"#
                + #":22:33.123456Z","completed_at":null}}"#),
        Golden(
            "SessionHistoryEntry: message elsewhere", SessionHistoryEntry(url: "http://a/1"),
            #"{"url":"http://a/1"}"#),
        Golden(
            "SessionHistoryResponse", SessionHistoryResponse(history: [SessionHistoryEntry(url: "u")], total: 7),
            #"{"history":[{"url":"u"}],"total":7}"#),
        Golden(
            "SessionHistoryResponse: with a next page", SessionHistoryResponse(history: [], total: 7, nextOffset: 3),
            #"{"history":[],"total":7,"next_offset":3}"#),
        Golden(
            "RunEventsListResponse", RunEventsListResponse(events: [.generic(1), .messagePart(MessagePart())]),
            #"{"events":[{"type":"generic","generic":1},{"type":"message.part","part":{"content_ty"#
                + #"pe":"text/plain","content_encoding":"plain"}}]}"#),
        Golden(
            "RunEventsListResponse: with a next page", RunEventsListResponse(events: [], nextOffset: 3),
            #"{"events":[],"next_offset":3}"#),
        Golden(
            "RunsListResponse", RunsListResponse(runs: [Fixture.run()], total: 12),
            #"{"runs":[{"run_id":"44e480bc-7e0d-4a0c-a6a0-1d0c3a1a7a10","agent_name":"echo","sessi"#
                + #"on_id":"9f6a2b1c-0d3e-4f5a-8b7c-6d5e4f3a2b1c","status":"created","output":[],"create"#
                + #"d_at":"2025-05-07T11:22:33.123456Z"}],"total":12}"#),
        Golden(
            "RunsListResponse: with a next page", RunsListResponse(runs: [], total: 12, nextOffset: 1),
            #"{"runs":[],"total":12,"next_offset":1}"#),
        Golden(
            "AgentsListResponse", AgentsListResponse(agents: [AgentManifest(name: "a")]),
            #"{"agents":[{"name":"a","description":"","input_content_types":["*/*"],"output_conten"#
                + #"t_types":["*/*"],"metadata":{}}]}"#),
        Golden(
            "ProcessesListResponse",
            ProcessesListResponse(
                processes: [
                    ProcessDescription(id: "h-1", isAlive: true, isCurrent: false, runCount: 2, runs: ["r", "q"])
                ]
            ),
            #"{"processes":[{"process_id":"h-1","alive":true,"this":false,"run_count":2,"run_ids":"#
                + #"["r","q"]}]}"#),
        Golden(
            "ProcessDescription", ProcessDescription(id: "h-1", isAlive: false, isCurrent: true, runCount: 0, runs: []),
            #"{"process_id":"h-1","alive":false,"this":true,"run_count":0,"run_ids":[]}"#),
        Golden(
            "AgentManifest: smallest", AgentManifest(name: "a"),
            #"{"name":"a","description":"","input_content_types":["*/*"],"output_content_types":[""#
                + #"*/*"],"metadata":{}}"#),
        Golden(
            "AgentManifest: every member", Fixture.manifest,
            #"{"name":"echo","description":"Says it again","input_content_types":["text/plain"],"o"#
                + #"utput_content_types":["text/*"],"metadata":{"annotations":{"ui":{"type":"chat","tool"#
                + ##"s":[{"name":"a","x":1}]},"other":null},"documentation":"# Echo","license":"Apache-2."##
                + #"0","programming_language":"Swift","natural_languages":["en"],"framework":"SimpleACP""#
                + #","capabilities":[{"name":"Echo","description":"Repeats"}],"domains":["tests"],"tags""#
                + #":["Chat"],"created_at":"2025-05-07T11:22:33.123456Z","updated_at":"2025-05-07T11:22:"#
                + #"34Z","author":{"name":"A","email":"a@example.com","url":"https://a.example"},"contri"#
                + #"butors":[{"name":"B"}],"links":[{"type":"homepage","url":"https://a.example"}],"depe"#
                + #"ndencies":[{"type":"tool","name":"weather"}],"recommended_models":["m"],"own":{"deep"#
                + #"":1}},"status":{"avg_run_tokens":10,"avg_run_time_seconds":0.5,"success_rate":99.5}}"#),
        Golden(
            "AgentMetadata: unknown members", AgentMetadata(license: "MIT", extra: ["own": nil]),
            #"{"license":"MIT","own":null}"#),
        Golden(
            "AgentMetadata: every member", Fixture.manifest.metadata,
            #"{"annotations":{"ui":{"type":"chat","tools":[{"name":"a","x":1}]},"other":null},"doc"#
                + ##"umentation":"# Echo","license":"Apache-2.0","programming_language":"Swift","natural_"##
                + #"languages":["en"],"framework":"SimpleACP","capabilities":[{"name":"Echo","descriptio"#
                + #"n":"Repeats"}],"domains":["tests"],"tags":["Chat"],"created_at":"2025-05-07T11:22:33"#
                + #".123456Z","updated_at":"2025-05-07T11:22:34Z","author":{"name":"A","email":"a@exampl"#
                + #"e.com","url":"https://a.example"},"contributors":[{"name":"B"}],"links":[{"type":"ho"#
                + #"mepage","url":"https://a.example"}],"dependencies":[{"type":"tool","name":"weather"}"#
                + #"],"recommended_models":["m"],"own":{"deep":1}}"#),
        Golden(
            "AgentStatus", AgentStatus(averageRunTokens: 10, averageRunTimeSeconds: 0.5, successRate: 99.5),
            #"{"avg_run_tokens":10,"avg_run_time_seconds":0.5,"success_rate":99.5}"#),
        Golden(
            "AgentStatus: empty", AgentStatus(),
            #"{}"#),
        Golden(
            "AgentCapability", AgentCapability(name: "n", description: "d"),
            #"{"name":"n","description":"d"}"#),
        Golden(
            "Person", AgentMetadata.Person(name: "A", email: "a@example.com", url: "https://a.example"),
            #"{"name":"A","email":"a@example.com","url":"https://a.example"}"#),
        Golden(
            "Person: name only", AgentMetadata.Person(name: "A"),
            #"{"name":"A"}"#),
        Golden(
            "AgentLink", AgentLink(type: .homepage, url: "u"),
            #"{"type":"homepage","url":"u"}"#),
        Golden(
            "AgentDependency", AgentDependency(type: .model, name: "n"),
            #"{"type":"model","name":"n"}"#),
        Golden(
            "JSONObject", ["z": 1, "a": ["c": nil, "b": true]] as JSONObject,
            #"{"z":1,"a":{"c":null,"b":true}}"#),
        Golden(
            "JSONValue: numbers",
            [0, -1, .integer(.min), .unsigned(.max), 2.5, 1e21, .number(.leastNonzeroMagnitude)] as JSONValue,
            #"[0,-1,-9223372036854775808,18446744073709551615,2.5,1e+21,5e-324]"#),
    ]
}
