// SPDX-License-Identifier: Apache-2.0

import A2ACore
import ACPCore
import Testing

/// An object with its JSON.
struct Sample: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let json: String
    let check: @Sendable (String) throws -> Void
    let write: @Sendable () throws -> String
    let codable: @Sendable () throws -> Void

    init<Value: A2AObject>(_ name: String, _ value: Value, _ json: String) {
        testDescription = name
        self.json = json
        check = { json in
            let read: Value = try decode(json)
            #expect(read == value)
        }
        write = { try encode(value) }
        codable = {
            let read: Value = try JSONValue(encoding: value).decode()
            #expect(read == value)
        }
    }
}

@Suite("Objects")
struct ObjectTests {
    static let message = """
        {"messageId":"m1","contextId":"c1","taskId":"t1","role":"ROLE_AGENT","parts":[\
        {"text":"Hi","mediaType":"text/plain"},\
        {"raw":"AP8Q","filename":"x.png","mediaType":"image/png"},\
        {"url":"https://example.com/a","metadata":{"k_1":[1,2.5,null]}},\
        {"data":{"count":42,"list":[true,null,"x"]}}],\
        "metadata":{"urn:x":{"snake_key":9007199254740993}},"extensions":["urn:x"],"referenceTaskIds":["t0"]}
        """
    static let artifact = """
        {"artifactId":"a1","name":"n","description":"d","parts":[{"text":"out"}],"metadata":{"k":1},"extensions":["urn:x"]}
        """
    static let status =
        #"{"state":"TASK_STATE_INPUT_REQUIRED","message":\#(message),"timestamp":"2026-01-02T03:04:05.678Z"}"#
    static let task = """
        {"id":"t1","contextId":"c1","status":\(status),"artifacts":[\(artifact)],"history":[\(message)],"metadata":{"k":"v"}}
        """
    static let pushConfig = """
        {"tenant":"acme","id":"p1","taskId":"t1","url":"https://example.com/hook","token":"secret",\
        "authentication":{"scheme":"Bearer","credentials":"abc"}}
        """
    static let card = """
        {"name":"Echo","description":"Says it again","supportedInterfaces":[\
        {"url":"https://example.com/echo","protocolBinding":"JSONRPC","tenant":"acme","protocolVersion":"1.0"},\
        {"url":"https://example.com/echo/v1","protocolBinding":"HTTP+JSON","protocolVersion":"1.0"}],\
        "provider":{"url":"https://example.com","organization":"Example"},"version":"1.2.3",\
        "documentationUrl":"https://example.com/docs","capabilities":{"streaming":true,"pushNotifications":false,\
        "extensions":[{"uri":"urn:x","description":"d","required":true,"params":{"a":1}}],"extendedAgentCard":true},\
        "securitySchemes":{"http":{"httpAuthSecurityScheme":{"scheme":"Bearer","bearerFormat":"JWT"}},\
        "key":{"apiKeySecurityScheme":{"description":"d","location":"header","name":"X-Key"}},\
        "mtls":{"mtlsSecurityScheme":{"description":"d"}},\
        "oauth":{"oauth2SecurityScheme":{"flows":{"authorizationCode":{"authorizationUrl":"https://a",\
        "tokenUrl":"https://t","refreshUrl":"https://r","scopes":{"read":"Reads"},"pkceRequired":true}},\
        "oauth2MetadataUrl":"https://m"}},"oidc":{"openIdConnectSecurityScheme":{"openIdConnectUrl":"https://o"}}},\
        "securityRequirements":[{"schemes":{"key":{},"oauth":{"list":["read"]}}}],\
        "defaultInputModes":["text/plain"],"defaultOutputModes":["text/plain"],\
        "skills":[{"id":"echo","name":"Echo","description":"Repeats","tags":["chat"],"examples":["hi"],\
        "inputModes":["text/plain"],"outputModes":["text/markdown"],\
        "securityRequirements":[{"schemes":{"http":{}}}]}],\
        "signatures":[{"protected":"e30","signature":"AAAA","header":{"x":1}}],\
        "iconUrl":"https://example.com/icon.png"}
        """

    static let samples: [Sample] = [
        Sample("message", Fixture.message, message),
        Sample("artifact", Fixture.artifact, artifact),
        Sample("status", Fixture.status, status),
        Sample("task", Fixture.task, task),
        Sample(
            "status update",
            A2A.TaskStatusUpdateEvent(
                taskID: "t1", contextID: "c1", status: Fixture.status, metadata: ["k": 1]),
            #"{"taskId":"t1","contextId":"c1","status":\#(status),"metadata":{"k":1}}"#),
        Sample(
            "artifact update",
            A2A.TaskArtifactUpdateEvent(
                taskID: "t1", contextID: "c1", artifact: Fixture.artifact, isAppended: true, isLastChunk: true,
                metadata: ["k": 1]),
            #"{"taskId":"t1","contextId":"c1","artifact":\#(artifact),"append":true,"lastChunk":true,"metadata":{"k":1}}"#
        ),
        Sample("stream: task", A2A.StreamResponse.task(Fixture.task), #"{"task":\#(task)}"#),
        Sample("stream: message", A2A.StreamResponse.message(Fixture.message), #"{"message":\#(message)}"#),
        Sample(
            "stream: status update",
            A2A.StreamResponse.statusUpdate(
                A2A.TaskStatusUpdateEvent(taskID: "t1", contextID: "c1", status: Fixture.status)),
            #"{"statusUpdate":{"taskId":"t1","contextId":"c1","status":\#(status)}}"#),
        Sample(
            "stream: artifact update",
            A2A.StreamResponse.artifactUpdate(
                A2A.TaskArtifactUpdateEvent(taskID: "t1", contextID: "c1", artifact: Fixture.artifact)),
            #"{"artifactUpdate":{"taskId":"t1","contextId":"c1","artifact":\#(artifact)}}"#),
        Sample("send response: task", A2A.SendMessageResponse.task(Fixture.task), #"{"task":\#(task)}"#),
        Sample("send response: message", A2A.SendMessageResponse.message(Fixture.message), #"{"message":\#(message)}"#),
        Sample(
            "send request", Fixture.sendRequest,
            """
            {"tenant":"acme","message":\(message),"configuration":{"acceptedOutputModes":["text/plain"],\
            "taskPushNotificationConfig":\(pushConfig),"historyLength":0,"returnImmediately":true},"metadata":{"k":false}}
            """),
        Sample(
            "get task", A2A.GetTaskRequest(tenant: "acme", id: "t1", historyLength: 3),
            #"{"tenant":"acme","id":"t1","historyLength":3}"#),
        Sample(
            "list tasks",
            A2A.ListTasksRequest(
                tenant: "acme", contextID: "c1", status: .working, pageSize: 10, pageToken: "p", historyLength: 0,
                statusTimestampAfter: Fixture.time, includesArtifacts: false),
            """
            {"tenant":"acme","contextId":"c1","status":"TASK_STATE_WORKING","pageSize":10,"pageToken":"p",\
            "historyLength":0,"statusTimestampAfter":"2026-01-02T03:04:05.678Z","includeArtifacts":false}
            """),
        Sample(
            "list of tasks",
            A2A.ListTasksResponse(tasks: [Fixture.task], nextPageToken: "n", pageSize: 1, totalSize: 2),
            #"{"tasks":[\#(task)],"nextPageToken":"n","pageSize":1,"totalSize":2}"#),
        Sample(
            "cancel task", A2A.CancelTaskRequest(tenant: "acme", id: "t1", metadata: ["k": 1]),
            #"{"tenant":"acme","id":"t1","metadata":{"k":1}}"#),
        Sample(
            "subscribe", A2A.SubscribeToTaskRequest(tenant: "acme", id: "t1"), #"{"tenant":"acme","id":"t1"}"#),
        Sample("extended card", A2A.GetExtendedAgentCardRequest(tenant: "acme"), #"{"tenant":"acme"}"#),
        Sample("push configuration", Fixture.pushConfig, pushConfig),
        Sample(
            "get push configuration",
            A2A.GetTaskPushNotificationConfigRequest(tenant: "acme", taskID: "t1", id: "p1"),
            #"{"tenant":"acme","taskId":"t1","id":"p1"}"#),
        Sample(
            "delete push configuration",
            A2A.DeleteTaskPushNotificationConfigRequest(tenant: "acme", taskID: "t1", id: "p1"),
            #"{"tenant":"acme","taskId":"t1","id":"p1"}"#),
        Sample(
            "list push configurations",
            A2A.ListTaskPushNotificationConfigsRequest(tenant: "acme", taskID: "t1", pageSize: 5, pageToken: "p"),
            #"{"tenant":"acme","taskId":"t1","pageSize":5,"pageToken":"p"}"#),
        Sample(
            "list of push configurations",
            A2A.ListTaskPushNotificationConfigsResponse(configs: [Fixture.pushConfig], nextPageToken: "n"),
            #"{"configs":[\#(pushConfig)],"nextPageToken":"n"}"#),
        Sample("card", Fixture.card, card),
        Sample(
            "client credentials",
            flow(.clientCredentials(A2A.ClientCredentialsFlow(tokenURL: "https://t", scopes: [:]))),
            #"{"flows":{"clientCredentials":{"tokenUrl":"https://t","scopes":{}}}}"#),
        Sample(
            "implicit flow", flow(.implicit(A2A.ImplicitFlow(authorizationURL: "https://a", scopes: ["x": "y"]))),
            #"{"flows":{"implicit":{"authorizationUrl":"https://a","scopes":{"x":"y"}}}}"#),
        Sample(
            "password flow", flow(.password(A2A.PasswordFlow(tokenURL: "https://t", refreshURL: "https://r"))),
            #"{"flows":{"password":{"tokenUrl":"https://t","refreshUrl":"https://r"}}}"#),
        Sample(
            "device code flow",
            flow(
                .deviceCode(
                    A2A.DeviceCodeFlow(
                        deviceAuthorizationURL: "https://d", tokenURL: "https://t", scopes: ["a": "b", "c": "d"]))),
            """
            {"flows":{"deviceCode":{"deviceAuthorizationUrl":"https://d","tokenUrl":"https://t",\
            "scopes":{"a":"b","c":"d"}}}}
            """),
    ]

    private static func flow(_ flow: A2A.OAuthFlows) -> A2A.OAuth2SecurityScheme {
        A2A.OAuth2SecurityScheme(flows: flow)
    }

    @Test("Each object is written in its form", arguments: samples)
    func writing(sample: Sample) throws {
        #expect(try sample.write() == sample.json)
    }

    @Test("Each object is read from names in camel case", arguments: samples)
    func camelCase(sample: Sample) throws {
        try sample.check(sample.json)
    }

    @Test("Each object is read from names in snake case", arguments: samples)
    func snakeCase(sample: Sample) throws {
        let snake = inSnakeCase(try tree(sample.json))
        let json = String(decoding: try ACPJSON.encode(snake), as: UTF8.self)
        try sample.check(json)
        if !["subscribe", "extended card", "cancel task", "artifact"].contains(sample.testDescription) {
            #expect(json.contains("_"))
        }
    }

    @Test(
        "Each object is read with unknown fields at all levels, and with nulls for fields that it has not",
        arguments: samples)
    func unknownFields(sample: Sample) throws {
        // The members of these are not fields.
        let free = ["metadata", "data", "params", "header", "scopes"]
        let maps = ["schemes", "securitySchemes"]
        func extended(_ value: JSONValue) -> JSONValue {
            switch value {
            case .array(let elements): return .array(elements.map(extended))
            case .object(let members):
                var more: JSONObject = ["notKnown": ["x": [1, nil, ["y": 2]]], "tenant_": nil]
                for (name, value) in members {
                    if free.contains(name) {
                        more[name] = value
                    } else if maps.contains(name), let entries = value.objectValue {
                        more[name] = .object(entries.mapValues(extended))
                    } else {
                        more[name] = extended(value)
                    }
                }
                for name in ["metadata", "contextId", "taskId", "extensions", "artifact"] where more[name] == nil {
                    more[name] = .null
                }
                return .object(more)
            default: return value
            }
        }
        let json = try ACPJSON.encode(extended(try tree(sample.json)))
        try sample.check(String(decoding: json, as: UTF8.self))
    }

    @Test("Each object can be held by types of an application, by Codable", arguments: samples)
    func codable(sample: Sample) throws {
        try sample.codable()
    }

    @Test("No sample breaks a rule")
    func complete() throws {
        #expect(Fixture.card.violations.isEmpty)
        #expect(Fixture.task.violations.isEmpty)
        #expect(Fixture.sendRequest.violations.isEmpty)
        #expect(Fixture.pushConfig.violations.isEmpty)
    }
}
