// SPDX-License-Identifier: Apache-2.0

import ACPCore
import Testing

/// JSON as the reference implementation writes it: with all members, those without a value as null.
@Suite("JSON of the reference implementation")
struct ReferenceJSONTests {
    static let message = #"""
        {"role":"agent/echo","parts":[
          {"name":null,"content_type":"text/plain","content":"Hi","content_encoding":"plain","content_url":null,
           "metadata":null},
          {"name":"x.png","content_type":"image/png","content":"aGk=","content_encoding":"base64","content_url":null,
           "metadata":null,"priority":3,"nested":{"a":[null,true,0.1]}},
          {"name":null,"content_type":"text/plain","content":null,"content_encoding":"plain",
           "content_url":"https://example.com/a.txt","metadata":{"kind":"citation","start_index":0,"end_index":4,
           "url":"https://example.com","title":null,"description":null}},
          {"name":null,"content_type":"text/plain","content":null,"content_encoding":"plain","content_url":null,
           "metadata":{"kind":"trajectory","message":null,"tool_name":"search","tool_input":{"q":"swift"},
           "tool_output":{"hits":[1,2.5]}}}],
         "created_at":"2025-05-07T11:22:33.123456Z","completed_at":"2025-05-07T11:22:34Z"}
        """#

    static let openMessage = #"""
        {"role":"agent","parts":[],"created_at":"2025-05-07T11:22:33.123456Z","completed_at":null}
        """#

    static func run(_ status: RunStatus, await request: String = "null", output: String = "") -> String {
        let error = status == .failed ? #"{"code":"server_error","message":"no","data":{"retry":true}}"# : "null"
        let finished = status.isTerminal ? #""2025-05-07T11:22:34Z""# : "null"
        return #"""
            {"run_id":"44e480bc-7e0d-4a0c-a6a0-1d0c3a1a7a10","agent_name":"echo",
             "session_id":"9f6a2b1c-0d3e-4f5a-8b7c-6d5e4f3a2b1c","status":"\#(status.rawValue)",
             "await_request":\#(request),"output":[\#(output)],"error":\#(error),
             "created_at":"2025-05-07T11:22:33.123456Z","finished_at":\#(finished)}
            """#
    }

    static let awaiting = run(.awaiting, await: #"{"type":"message","message":\#(openMessage)}"#)

    @Test("Complete and open messages are read")
    func messages() throws {
        #expect(try decode(Message.self, ReferenceJSONTests.message) == Fixture.message)
        #expect(try decode(Message.self, ReferenceJSONTests.openMessage) == Fixture.openMessage)
    }

    @Test("Runs are read in every status", arguments: RunStatus.allCases)
    func runs(status: RunStatus) throws {
        let json = status == .awaiting ? ReferenceJSONTests.awaiting : ReferenceJSONTests.run(status)
        #expect(try decode(Run.self, json) == Fixture.run(status))
    }

    @Test("A run with output is read")
    func output() throws {
        let run = try decode(Run.self, ReferenceJSONTests.run(.completed, output: ReferenceJSONTests.message))
        #expect(run == Fixture.run(.completed, output: [Fixture.message]))
    }

    static let events: [(String, Event)] = [
        (#"{"type":"run.created","run":\#(run(.created))}"#, .runCreated(Fixture.run())),
        (#"{"type":"run.in-progress","run":\#(run(.inProgress))}"#, .runInProgress(Fixture.run(.inProgress))),
        (#"{"type":"run.awaiting","run":\#(awaiting)}"#, .runAwaiting(Fixture.run(.awaiting))),
        (
            #"{"type":"run.completed","run":\#(run(.completed, output: message))}"#,
            .runCompleted(Fixture.run(.completed, output: [Fixture.message]))
        ),
        (#"{"type":"run.cancelled","run":\#(run(.cancelled))}"#, .runCancelled(Fixture.run(.cancelled))),
        (#"{"type":"run.failed","run":\#(run(.failed))}"#, .runFailed(Fixture.run(.failed))),
        (#"{"type":"message.created","message":\#(openMessage)}"#, .messageCreated(Fixture.openMessage)),
        (
            #"{"type":"message.part","part":{"name":null,"content_type":"text/plain","content":"Hi","#
                + #""content_encoding":"plain","content_url":null,"metadata":null}}"#,
            .messagePart(.text("Hi"))
        ),
        (#"{"type":"message.completed","message":\#(message)}"#, .messageCompleted(Fixture.message)),
        (#"{"type":"generic","generic":{"step":3}}"#, .generic(["step": 3])),
        (
            #"{"type":"error","error":{"code":"server_error","message":"x","data":null}}"#,
            .error(ACPError(.serverError, "x"))
        ),
    ]

    @Test("All eleven events are read", arguments: events)
    func event(json: String, event: Event) throws {
        #expect(try decode(Event.self, json) == event)
        let encoded = try EncodedEvent(json: Array(json.utf8))
        #expect(encoded.kind == event.kind)
        #expect(try encoded.decode() == event)
    }

    @Test("Requests are read")
    func requests() throws {
        let create = try decode(
            RunCreateRequest.self,
            #"""
            {"agent_name":"echo","session_id":"9f6a2b1c-0d3e-4f5a-8b7c-6d5e4f3a2b1c","session":null,
             "input":[\#(ReferenceJSONTests.message)],"mode":"stream"}
            """#)
        #expect(
            create
                == RunCreateRequest(
                    agentName: "echo", input: [Fixture.message], mode: .stream, sessionID: Fixture.sessionID))
        let resume = try decode(
            RunResumeRequest.self,
            #"{"await_resume":{"type":"message","message":\#(ReferenceJSONTests.openMessage)},"mode":"async"}"#)
        #expect(resume == RunResumeRequest(awaitResume: .message(Fixture.openMessage), mode: .async))
    }

    @Test("Sessions are read")
    func sessions() throws {
        let session = try decode(
            SessionDescriptor.self,
            #"""
            {"id":"9f6a2b1c-0d3e-4f5a-8b7c-6d5e4f3a2b1c","history":["http://localhost:8000/resources/1"],
             "state":"http://localhost:8000/resources/2"}
            """#)
        #expect(
            session
                == SessionDescriptor(
                    id: Fixture.sessionID, history: ["http://localhost:8000/resources/1"],
                    state: "http://localhost:8000/resources/2"))
    }

    @Test("Manifests are read, and their annotations are kept, including null")
    func manifests() throws {
        let json = #"""
            {"name":"echo","description":"d","metadata":{"annotations":{"beeai_ui":{"ui_type":"chat",
             "user_greeting":null,
             "display_name":null,"tools":[{"name":"a","description":null,"x":1}]},"other":[1]},"documentation":null,
             "license":null,"programming_language":null,"natural_languages":["en"],"framework":null,
             "capabilities":[{"name":"c","description":"d"}],"domains":null,"tags":["Chat"],
             "created_at":"2025-05-07T11:22:33.123456Z","updated_at":null,
             "author":{"name":"A","email":null,"url":"https://a.example/"},"contributors":null,
             "links":[{"type":"homepage","url":"https://a.example/"}],"dependencies":[{"type":"tool","name":"w"}],
             "recommended_models":["m"],"own":1},"input_content_types":["*/*"],"output_content_types":["*/*"]}
            """#
        let manifest = try decode(AgentManifest.self, json)
        let annotations: JSONObject = [
            "beeai_ui": [
                "ui_type": "chat", "user_greeting": nil, "display_name": nil,
                "tools": [["name": "a", "description": nil, "x": 1]],
            ],
            "other": [1],
        ]
        #expect(
            manifest
                == AgentManifest(
                    name: "echo", description: "d",
                    metadata: AgentMetadata(
                        annotations: annotations, naturalLanguages: ["en"],
                        capabilities: [AgentCapability(name: "c", description: "d")], tags: ["Chat"],
                        createdAt: Fixture.start, author: AgentMetadata.Person(name: "A", url: "https://a.example/"),
                        links: [AgentLink(type: .homepage, url: "https://a.example/")],
                        dependencies: [AgentDependency(type: .tool, name: "w")], recommendedModels: ["m"],
                        extra: ["own": 1])))
        #expect(try tree(manifest)["metadata"]?["annotations"] == .object(annotations))
        #expect(try tree(manifest)["metadata"]?["own"] == 1)
    }

    @Test("The minimal JSON that the specification allows is read")
    func smallest() throws {
        let run = try decode(
            Run.self,
            #"{"agent_name":"a","run_id":"r","status":"created","output":[],"created_at":"2025-05-07T11:22:34Z"}"#)
        #expect(run == Run(id: "r", agentName: "a", createdAt: Fixture.end))
        let create = try decode(RunCreateRequest.self, #"{"agent_name":"a","input":[]}"#)
        #expect(create == RunCreateRequest(agentName: "a", input: []))
        #expect(try decode(AgentManifest.self, #"{"name":"a"}"#) == AgentManifest(name: "a"))
        #expect(try decode(SessionDescriptor.self, #"{"id":"s"}"#) == SessionDescriptor(id: "s"))
        #expect(try decode(ACPError.self, #"{"code":"c","message":"m"}"#) == ACPError("c", "m"))
        #expect(try decode(MessagePart.self, "{}") == MessagePart())
    }
}
