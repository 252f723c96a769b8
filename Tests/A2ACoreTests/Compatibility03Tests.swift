// SPDX-License-Identifier: Apache-2.0

import A2ACore
import ACPCore
import Testing

@Suite("Version 0.3")
struct Compatibility03Tests {
    static func object(_ json: String) throws -> JSONObject { try #require(try tree(json).objectValue) }

    @Test("Each method but the list of tasks has its name of 0.3")
    func methods() {
        for method in A2A.Method.allCases where method != .listTasks {
            #expect(A2A.V03.methodName(method).flatMap(A2A.V03.method(named:)) == method)
        }
        #expect(A2A.V03.methodName(.listTasks) == nil)
        #expect(A2A.V03.method(named: "SendMessage") == nil)
    }

    @Test("Each state has its name of 0.3", arguments: A2A.TaskState.allCases)
    func states(state: A2A.TaskState) {
        #expect(A2A.V03.state(named: A2A.V03.stateName(state)) == state)
    }

    @Test("A message has its form of 0.3, and is the same after a round trip")
    func message() throws {
        var message = Fixture.message
        // The media type of a text has no place there.
        message.parts[0].mediaType = nil
        message.parts.append(.data([1, nil]))
        let object = A2A.V03.object(message)
        #expect(
            try object
                == Self.object(
                    """
                    {"kind":"message","messageId":"m1","contextId":"c1","taskId":"t1","role":"agent","parts":[\
                    {"kind":"text","text":"Hi"},\
                    {"kind":"file","file":{"bytes":"AP8Q","mimeType":"image/png","name":"x.png"}},\
                    {"kind":"file","file":{"uri":"https://example.com/a"},"metadata":{"k_1":[1,2.5,null]}},\
                    {"kind":"data","data":{"count":42,"list":[true,null,"x"]}},\
                    {"kind":"data","data":{"value":[1,null]},"metadata":{"data_part_compat":true}}],\
                    "metadata":{"urn:x":{"snake_key":9007199254740993}},"extensions":["urn:x"],"referenceTaskIds":["t0"]}
                    """))
        #expect(try A2A.V03.message(object) == message)
    }

    @Test("A task and the elements of a stream are the same after a round trip")
    func events() throws {
        var task = Fixture.task
        task.history[0].parts[0].mediaType = nil
        task.status.message?.parts[0].mediaType = nil
        let events: [A2A.StreamResponse] = [
            .task(task), .message(task.history[0]),
            .statusUpdate(
                A2A.TaskStatusUpdateEvent(taskID: "t1", contextID: "c1", status: task.status, metadata: ["a": 1])),
            .artifactUpdate(
                A2A.TaskArtifactUpdateEvent(
                    taskID: "t1", contextID: "c1", artifact: Fixture.artifact, isAppended: true, isLastChunk: true)),
        ]
        for (event, kind) in zip(events, ["task", "message", "status-update", "artifact-update"]) {
            let object = try #require(A2A.V03.object(event))
            #expect(object["kind"] == .string(kind))
            #expect(try A2A.V03.streamResponse(object) == event)
        }
        #expect(try A2A.V03.streamResponse(["kind": "other"]) == .unknown(["kind": "other"]))
        #expect(A2A.V03.object(.unknown([:])) == nil)
    }

    @Test("A status update is final if the task has ended or waits", arguments: A2A.TaskState.allCases)
    func final(state: A2A.TaskState) {
        let event = A2A.StreamResponse.statusUpdate(
            A2A.TaskStatusUpdateEvent(taskID: "t", contextID: "c", status: A2A.TaskStatus(state: state)))
        #expect(A2A.V03.object(event)?["final"] == .bool(state.isTerminal || state.isInterrupted))
        #expect(A2A.V03.object(event, isFinal: true)?["final"] == true)
        #expect(A2A.V03.object(event, isFinal: false)?["final"] == false)
    }

    @Test(
        "A client that does not ask to wait does not wait",
        arguments: [
            (#"{}"#, true), (#"{"configuration":{}}"#, true), (#"{"configuration":{"blocking":false}}"#, true),
            (#"{"configuration":{"blocking":true}}"#, false), (#"{"configuration":{"blocking":null}}"#, true),
        ])
    func blocking(json: String, returnsImmediately: Bool) throws {
        let request = try A2A.V03.sendMessageRequest(Self.object(json))
        #expect(request.configuration?.returnsImmediately == returnsImmediately)
    }

    @Test("Requests are the same after a round trip")
    func requests() throws {
        var config = Fixture.pushConfig
        config.tenant = nil
        let ofTask = try A2A.V03.taskPushNotificationConfig(A2A.V03.object(config))
        #expect(ofTask == config)
        #expect(A2A.V03.object(config)["pushNotificationConfig"]?["authentication"]?["schemes"] == ["Bearer"])
        config.taskID = nil
        let send = A2A.SendMessageRequest(
            message: A2A.Message(id: "m", role: .user, parts: [.text("x")]),
            configuration: A2A.SendMessageConfiguration(
                acceptedOutputModes: ["a"], pushNotificationConfig: config, historyLength: 3), metadata: ["a": 1])
        #expect(try A2A.V03.sendMessageRequest(A2A.V03.object(send)) == send)
        let get = A2A.GetTaskRequest(id: "t", historyLength: 2)
        #expect(try A2A.V03.getTaskRequest(A2A.V03.object(get)) == get)
        #expect(try A2A.V03.getTaskRequest(["id": "t", "historyLength": 0]).historyLength == nil)
        let cancel = A2A.CancelTaskRequest(id: "t", metadata: ["a": 1])
        #expect(try A2A.V03.cancelTaskRequest(A2A.V03.object(cancel)) == cancel)
        let subscribe = A2A.SubscribeToTaskRequest(id: "t")
        #expect(try A2A.V03.subscribeToTaskRequest(A2A.V03.object(subscribe)) == subscribe)
        let getConfig = A2A.GetTaskPushNotificationConfigRequest(taskID: "t", id: "p")
        #expect(try A2A.V03.getTaskPushNotificationConfigRequest(A2A.V03.object(getConfig)) == getConfig)
        let delete = A2A.DeleteTaskPushNotificationConfigRequest(taskID: "t", id: "p")
        #expect(try A2A.V03.deleteTaskPushNotificationConfigRequest(A2A.V03.object(delete)) == delete)
        let list = A2A.ListTaskPushNotificationConfigsRequest(taskID: "t")
        #expect(try A2A.V03.listTaskPushNotificationConfigsRequest(A2A.V03.object(list)) == list)
    }

    @Test(
        "A wrong member is named",
        arguments: [
            (#"{"message":1}"#, "message"), (#"{"message":{"role":"robot"}}"#, "message.role"),
            (#"{"message":{"parts":[{"kind":"text","text":"a"},{"kind":"video"}]}}"#, "message.parts[1].kind"),
            (#"{"message":{"parts":[{"kind":"file","file":{"bytes":"a","uri":"b"}}]}}"#, "message.parts[0].file"),
            (#"{"message":{"parts":[{"kind":"file","file":{"bytes":"?"}}]}}"#, "message.parts[0].file.bytes"),
            (#"{"message":{"parts":[3]}}"#, "message.parts[0]"),
            (#"{"configuration":{"historyLength":"x"}}"#, "configuration.historyLength"),
        ])
    func wrong(json: String, field: String) throws {
        let object = try Self.object(json)
        let error = #expect(throws: A2AError.self) { try A2A.V03.sendMessageRequest(object) }
        #expect(fields(error) == [field])
    }

    @Test("A card of 0.3 is read, with its interfaces")
    func readCard() throws {
        let object = try Self.object(
            """
            {"name":"a","description":"d","version":"1","protocolVersion":"0.3.0","url":"https://a/rpc",\
            "preferredTransport":"JSONRPC","additionalInterfaces":[{"url":"https://a/rpc","transport":"JSONRPC"},\
            {"url":"https://a/v1","transport":"HTTP+JSON"}],"capabilities":{"streaming":true,"stateTransitionHistory":true},\
            "supportsAuthenticatedExtendedCard":true,"defaultInputModes":["text/plain"],"defaultOutputModes":["text/plain"],\
            "skills":[{"id":"s","name":"s","description":"s","tags":["t"],"security":[{"k":[]}]}],\
            "securitySchemes":{"k":{"type":"apiKey","in":"header","name":"X"},"o":{"type":"oauth2","flows":{\
            "password":{"tokenUrl":"p","scopes":{}},"clientCredentials":{"tokenUrl":"t","scopes":{"a":"b"}}}},\
            "x":{"type":"new"}},"security":[{"o":["a"]},{"k":[]}]}
            """)
        #expect(A2A.V03.isAgentCard(object))
        let card = try A2A.V03.agentCard(object)
        #expect(
            card.supportedInterfaces == [
                A2A.AgentInterface(url: "https://a/rpc", binding: .jsonRPC, protocolVersion: "0.3.0"),
                A2A.AgentInterface(url: "https://a/v1", binding: .httpJSON, protocolVersion: "0.3.0"),
            ])
        #expect(card.capabilities == A2A.AgentCapabilities(streaming: true, extendedAgentCard: true))
        #expect(
            card.securitySchemes == [
                "k": .apiKey(A2A.APIKeySecurityScheme(location: "header", name: "X")),
                "o": .oauth2(
                    A2A.OAuth2SecurityScheme(
                        flows: .clientCredentials(A2A.ClientCredentialsFlow(tokenURL: "t", scopes: ["a": "b"])))),
                "x": .unknown(["type": "new"]),
            ])
        #expect(
            card.securityRequirements == [A2A.SecurityRequirement(["o": ["a"]]), A2A.SecurityRequirement(["k": []])])
        #expect(card.skills[0].securityRequirements == [A2A.SecurityRequirement(["k": []])])
    }

    @Test("A card with interfaces of 0.3 is the same after a round trip, without its other interfaces")
    func writeCard() throws {
        var card = Fixture.card
        card.signatures = []
        #expect(A2A.V03.object(card) == nil)
        card.supportedInterfaces = card.supportedInterfaces.map {
            A2A.AgentInterface(url: $0.url, binding: $0.binding, protocolVersion: "0.3.0")
        }
        // PKCE has no place there.
        card.securitySchemes["oauth"] = .oauth2(
            A2A.OAuth2SecurityScheme(flows: .implicit(A2A.ImplicitFlow(authorizationURL: "a", scopes: ["x": "y"]))))
        let object = try #require(A2A.V03.object(card))
        #expect(A2A.V03.isAgentCard(object))
        #expect(try A2A.V03.agentCard(object) == card)
    }
}
