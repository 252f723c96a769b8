// SPDX-License-Identifier: Apache-2.0

import ACPCore
import Testing

@Suite("Objects")
struct ObjectTests {
    /// Returns whether a value of any type survives a round trip through JSON.
    static func survives<Value: Codable & Equatable>(_ value: Value) -> @Sendable () throws -> Bool
    where Value: Sendable {
        { try roundTrip(value) == value }
    }

    static let objects: [Sample<@Sendable () throws -> Bool>] = [
        Sample("error", survives(Fixture.error)),
        Sample("error with a code of its own", survives(ACPError("quota_exceeded", "no more"))),
        Sample(
            "citation", survives(CitationMetadata(url: "u", title: "t", description: "d", startIndex: 1, endIndex: 2))),
        Sample("empty citation", survives(PartMetadata.citation(CitationMetadata()))),
        Sample(
            "trajectory",
            survives(PartMetadata.trajectory(TrajectoryMetadata(message: "hm", toolOutput: ["text": "found"])))),
        Sample("unknown part metadata", survives(PartMetadata.other(["kind": "score", "value": 0.5, "list": [nil]]))),
        Sample("part metadata without a kind", survives(PartMetadata.other(["value": 1]))),
        Sample("part", survives(Fixture.part)),
        Sample("empty part", survives(MessagePart())),
        Sample("message", survives(Fixture.message)),
        Sample("open message", survives(Fixture.openMessage)),
        Sample("message without timestamps", survives(Message(parts: [], createdAt: nil, completedAt: nil))),
        Sample("await request", survives(AwaitRequest.message(Fixture.message))),
        Sample("await request of another kind", survives(AwaitRequest.other(["type": "form", "fields": ["a"]]))),
        Sample("await resume", survives(AwaitResume.message(Fixture.openMessage))),
        Sample("await resume of another kind", survives(AwaitResume.other([:]))),
        Sample("run", survives(Fixture.run(.completed, output: [Fixture.message, Fixture.openMessage]))),
        Sample("awaiting run", survives(Fixture.run(.awaiting))),
        Sample("failed run", survives(Fixture.run(.failed))),
        Sample("run without a session", survives(Run(id: "r", agentName: "a"))),
        Sample(
            "session", survives(SessionDescriptor(id: "s", history: ["http://a/1", "http://b/2"], state: "http://a/"))),
        Sample("empty session", survives(SessionDescriptor(id: Fixture.sessionID))),
        Sample(
            "create request",
            survives(
                RunCreateRequest(
                    agentName: "echo", input: [Fixture.message], mode: .async, sessionID: "s",
                    session: SessionDescriptor(id: "s", history: ["http://a/1"])))),
        Sample(
            "resume request",
            survives(RunResumeRequest(awaitResume: .message(Fixture.message), mode: .stream, runID: Fixture.runID))),
        Sample("manifest", survives(Fixture.manifest)),
        Sample("empty manifest", survives(AgentManifest(name: "a"))),
        Sample("list of agents", survives(AgentsListResponse(agents: [Fixture.manifest, AgentManifest(name: "b")]))),
        Sample("list of runs", survives(RunsListResponse(runs: [Fixture.run()], total: 12))),
        Sample("list of events", survives(RunEventsListResponse(events: Fixture.events))),
    ]

    @Test("Every object survives a round trip through JSON", arguments: objects)
    func roundTrips(object: Sample<@Sendable () throws -> Bool>) throws {
        #expect(try object.value())
    }

    @Suite("Runs")
    struct Runs {
        @Test("A run is written with the members of the specification, without empty ones")
        func keys() throws {
            #expect(
                try tree(Fixture.run()) == [
                    "run_id": "44e480bc-7e0d-4a0c-a6a0-1d0c3a1a7a10", "agent_name": "echo",
                    "session_id": "9f6a2b1c-0d3e-4f5a-8b7c-6d5e4f3a2b1c", "status": "created", "output": [],
                    "created_at": "2025-05-07T11:22:33.123456Z",
                ])
        }

        @Test("Output may be missing or null")
        func missingOutput() throws {
            let head = #"{"run_id":"r","agent_name":"a","status":"failed","created_at":"2025-05-07T11:22:34Z""#
            #expect(try decode(Run.self, head + "}").output == [])
            #expect(try decode(Run.self, head + #","output":null,"session_id":null}"#).output == [])
        }

        @Test("The text of a run is that of its messages, one per line")
        func text() {
            #expect(Fixture.run(output: ["one", "two"]).text == "one\ntwo")
            #expect(Fixture.run().text == "")
        }

        @Test("Checking a failed or cancelled run throws, and checking any other run returns it")
        func checked() throws {
            for status in RunStatus.allCases where status != .failed && status != .cancelled {
                #expect(try Fixture.run(status).checked() == Fixture.run(status))
            }
            #expect(throws: Fixture.error) { try Fixture.run(.failed).checked() }
            #expect(throws: ACPError(.cancelled, "run \(Fixture.runID) was cancelled")) {
                try Fixture.run(.cancelled).checked()
            }
            var silent = Fixture.run(.failed)
            silent.error = nil
            let error = try #require(throws: ACPError.self) { try silent.checked() }
            #expect(error.code == .serverError)
        }
    }

    @Suite("Manifests")
    struct Manifests {
        @Test("Content types are never empty, and description and metadata are always written")
        func defaults() throws {
            let manifest = AgentManifest(name: "a", inputContentTypes: [], outputContentTypes: [])
            let json: JSONValue = [
                "name": "a", "description": "", "metadata": [:], "input_content_types": ["*/*"],
                "output_content_types": ["*/*"],
            ]
            #expect(try tree(manifest) == json)
            let empty =
                #"{"name":"a","description":null,"metadata":null,"input_content_types":[],"output_content_types":[]}"#
            #expect(try decode(AgentManifest.self, empty) == AgentManifest(name: "a"))
        }

        @Test("Metadata keeps unknown members, and a known member overrides an unknown one with the same name")
        func extra() throws {
            let metadata = AgentMetadata(license: "MIT", extra: ["license": "other", "own": nil])
            #expect(try tree(metadata) == ["license": "MIT", "own": nil])
            #expect(try tree(AgentMetadata(extra: ["license": "other"])) == [:])
            #expect(
                try decode(AgentMetadata.self, #"{"own":null,"license":null}"#) == AgentMetadata(extra: ["own": nil]))
        }

        @Test("Kinds of links and dependencies that the specification does not define are kept")
        func kinds() throws {
            #expect(try decode(AgentLink.self, #"{"type":"chat","url":"u"}"#).type.rawValue == "chat")
            #expect(try decode(AgentDependency.self, #"{"type":"memory","name":"n"}"#).type?.rawValue == "memory")
            #expect(try tree(AgentLink(type: .sourceCode, url: "u")) == ["type": "source-code", "url": "u"])
        }
    }

    @Suite("Requests")
    struct Requests {
        @Test("The mode defaults to sync", arguments: [#""#, #","mode":null"#, #","mode":"sync""#])
        func mode(text: String) throws {
            #expect(try decode(RunCreateRequest.self, #"{"agent_name":"a","input":[]\#(text)}"#).mode == .sync)
            #expect(try decode(RunResumeRequest.self, #"{"await_resume":{}\#(text)}"#).mode == .sync)
        }

        @Test("Every mode is read and written", arguments: RunMode.allCases)
        func modes(mode: RunMode) throws {
            let request = RunCreateRequest(agentName: "a", input: [], mode: mode)
            #expect(try tree(request)["mode"]?.stringValue == mode.rawValue)
            #expect(try roundTrip(request) == request)
        }

        @Test("An answer is a message, or any other object that is kept as it was received")
        func resume() throws {
            #expect(
                try decode(
                    AwaitResume.self,
                    #"{"type":"message","message":{"role":"user","parts":[],"created_at":null,"#
                        + #""completed_at":null}}"#
                ).message == Message(parts: [], createdAt: nil, completedAt: nil))
            for other in [#"{}"#, #"{"answer":42}"#, #"{"type":5}"#, #"{"type":"choice","message":"x"}"#] {
                let resume = try decode(AwaitResume.self, other)
                #expect(resume.message == nil)
                #expect(try tree(resume) == decode(JSONValue.self, other))
            }
        }
    }
}
