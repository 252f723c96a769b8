// SPDX-License-Identifier: Apache-2.0

import A2ACore
import ACPCore

/// Makes random objects. The same seed gives the same ones. They are in the form in which they are read: a text that may be missing
/// is not empty, and times have milliseconds.
struct RandomObjects {
    private var random: SeededGenerator

    init(seed: UInt64) { random = SeededGenerator(seed: seed) }

    private mutating func oneIn(_ count: Int) -> Bool { Int.random(in: 0..<count, using: &random) == 0 }

    private mutating func maybe<Value>(_ make: (inout RandomObjects) -> Value) -> Value? {
        oneIn(2) ? nil : make(&self)
    }

    private mutating func list<Value>(_ make: (inout RandomObjects) -> Value) -> [Value] {
        (0..<Int.random(in: 0...3, using: &random)).map { _ in make(&self) }
    }

    private mutating func text() -> String {
        let pieces = [
            "a", "snake_case", "\"", "\\", "\n", "\u{0}", "é", "e\u{301}", "😀", "/", "null", " ", "\u{2028}",
            "ROLE_USER", "0",
        ]
        return (0...Int.random(in: 0...4, using: &random)).map { _ in pieces.randomElement(using: &random) ?? "a" }
            .joined()
    }

    /// A text that may be empty.
    private mutating func anyText() -> String { oneIn(6) ? "" : text() }

    private mutating func bool() -> Bool { Bool.random(using: &random) }

    private mutating func time() -> Timestamp {
        Timestamp(microseconds: Int64.random(in: -62_000_000_000...250_000_000_000, using: &random) * 1_000 * 1_000)
            + .milliseconds(Int64.random(in: 0..<1_000, using: &random))
    }

    private mutating func map<Value>(_ make: (inout RandomObjects) -> Value) -> [String: Value] {
        Dictionary(list { ($0.anyText(), make(&$0)) }) { _, last in last }
    }

    mutating func value(depth: Int = 3) -> JSONValue {
        switch Int.random(in: 0..<(depth > 0 ? 9 : 7), using: &random) {
        case 0: .null
        case 1: .bool(bool())
        case 2: .integer(Int64.random(in: .min ... .max, using: &random))
        case 3: .integer(Int64.random(in: -9...9, using: &random))
        case 4: .number(Double.random(in: -1...1, using: &random))
        case 5: .string(anyText())
        case 6: .unsigned(UInt64.random(in: (1 << 63)...(.max), using: &random))
        case 7: .array(list { $0.value(depth: depth - 1) })
        default: .object(object(depth: depth - 1))
        }
    }

    mutating func object(depth: Int = 3) -> JSONObject {
        JSONObject(list { ($0.anyText(), $0.value(depth: depth)) }) { _, last in last }
    }

    mutating func part() -> A2A.Part {
        let content: A2A.Part.Content? =
            switch Int.random(in: 0..<9, using: &random) {
            case 0: nil
            case 1, 2: .text(anyText())
            case 3, 4: .raw(list { UInt8.random(in: 0...255, using: &$0.random) })
            case 5, 6: .url(anyText())
            default: .data(value())
            }
        return A2A.Part(
            content, metadata: maybe { $0.object() }, filename: maybe { $0.text() }, mediaType: maybe { $0.text() })
    }

    mutating func message() -> A2A.Message {
        A2A.Message(
            id: A2A.MessageID(rawValue: anyText()), contextID: maybe { A2A.ContextID(rawValue: $0.text()) },
            taskID: maybe { A2A.TaskID(rawValue: $0.text()) },
            role: A2A.Role.allCases.randomElement(using: &random) ?? .user,
            parts: list { $0.part() }, metadata: maybe { $0.object() }, extensions: list { $0.anyText() },
            referenceTaskIDs: list { A2A.TaskID(rawValue: $0.anyText()) })
    }

    mutating func artifact() -> A2A.Artifact {
        A2A.Artifact(
            id: A2A.ArtifactID(rawValue: anyText()), name: maybe { $0.text() }, description: maybe { $0.text() },
            parts: list { $0.part() }, metadata: maybe { $0.object() }, extensions: list { $0.anyText() })
    }

    mutating func state() -> A2A.TaskState { A2A.TaskState.allCases.randomElement(using: &random) ?? .working }

    mutating func status() -> A2A.TaskStatus {
        A2A.TaskStatus(state: state(), message: maybe { $0.message() }, timestamp: maybe { $0.time() })
    }

    mutating func task() -> A2A.Task {
        A2A.Task(
            id: A2A.TaskID(rawValue: anyText()), contextID: maybe { A2A.ContextID(rawValue: $0.text()) },
            status: status(),
            artifacts: list { $0.artifact() }, history: list { $0.message() }, metadata: maybe { $0.object() })
    }

    mutating func streamResponse() -> A2A.StreamResponse {
        switch Int.random(in: 0..<5, using: &random) {
        case 0: .task(task())
        case 1: .message(message())
        case 2:
            .statusUpdate(
                A2A.TaskStatusUpdateEvent(
                    taskID: A2A.TaskID(rawValue: anyText()), contextID: A2A.ContextID(rawValue: anyText()),
                    status: status(), metadata: maybe { $0.object() }))
        case 3:
            .artifactUpdate(
                A2A.TaskArtifactUpdateEvent(
                    taskID: A2A.TaskID(rawValue: anyText()), contextID: A2A.ContextID(rawValue: anyText()),
                    artifact: artifact(), isAppended: bool(), isLastChunk: bool(), metadata: maybe { $0.object() }))
        default: .unknown(["fromTheFuture": value()])
        }
    }

    mutating func pushConfig() -> A2A.TaskPushNotificationConfig {
        A2A.TaskPushNotificationConfig(
            tenant: maybe { $0.text() }, id: maybe { A2A.PushConfigID(rawValue: $0.text()) },
            taskID: maybe { A2A.TaskID(rawValue: $0.text()) }, url: anyText(), token: maybe { $0.text() },
            authentication: maybe { A2A.AuthenticationInfo(scheme: $0.anyText(), credentials: $0.maybe { $0.text() }) })
    }

    mutating func sendRequest() -> A2A.SendMessageRequest {
        A2A.SendMessageRequest(
            tenant: maybe { $0.text() }, message: message(),
            configuration: maybe {
                A2A.SendMessageConfiguration(
                    acceptedOutputModes: $0.list { $0.anyText() }, pushNotificationConfig: $0.maybe { $0.pushConfig() },
                    historyLength: $0.maybe { Int(Int32.random(in: .min ... .max, using: &$0.random)) },
                    returnsImmediately: $0.bool())
            }, metadata: maybe { $0.object() })
    }

    mutating func listRequest() -> A2A.ListTasksRequest {
        var status: A2A.TaskState? = state()
        if status == .unspecified { status = nil }
        return A2A.ListTasksRequest(
            tenant: maybe { $0.text() }, contextID: maybe { A2A.ContextID(rawValue: $0.text()) }, status: status,
            pageSize: maybe { Int.random(in: -5...100, using: &$0.random) }, pageToken: maybe { $0.text() },
            historyLength: maybe { Int.random(in: -5...100, using: &$0.random) },
            statusTimestampAfter: maybe { $0.time() },
            includesArtifacts: maybe { $0.bool() })
    }

    mutating func flows() -> A2A.OAuthFlows {
        switch Int.random(in: 0..<6, using: &random) {
        case 0:
            .authorizationCode(
                A2A.AuthorizationCodeFlow(
                    authorizationURL: anyText(), tokenURL: anyText(), refreshURL: maybe { $0.text() },
                    scopes: map { $0.anyText() }, requiresPKCE: bool()))
        case 1:
            .clientCredentials(
                A2A.ClientCredentialsFlow(
                    tokenURL: anyText(), refreshURL: maybe { $0.text() }, scopes: map { $0.anyText() }))
        case 2:
            .implicit(
                A2A.ImplicitFlow(
                    authorizationURL: maybe { $0.text() }, refreshURL: maybe { $0.text() }, scopes: map { $0.anyText() }
                ))
        case 3:
            .password(
                A2A.PasswordFlow(
                    tokenURL: maybe { $0.text() }, refreshURL: maybe { $0.text() }, scopes: map { $0.anyText() }))
        case 4:
            .deviceCode(
                A2A.DeviceCodeFlow(
                    deviceAuthorizationURL: anyText(), tokenURL: anyText(), refreshURL: maybe { $0.text() },
                    scopes: map { $0.anyText() }))
        default: .unknown(["other": value()])
        }
    }

    mutating func scheme() -> A2A.SecurityScheme {
        switch Int.random(in: 0..<6, using: &random) {
        case 0:
            .apiKey(
                A2A.APIKeySecurityScheme(description: maybe { $0.text() }, location: anyText(), name: anyText()))
        case 1:
            .httpAuth(
                A2A.HTTPAuthSecurityScheme(
                    description: maybe { $0.text() }, scheme: anyText(), bearerFormat: maybe { $0.text() }))
        case 2:
            .oauth2(
                A2A.OAuth2SecurityScheme(
                    description: maybe { $0.text() }, flows: flows(), metadataURL: maybe { $0.text() }))
        case 3: .openIDConnect(A2A.OpenIDConnectSecurityScheme(description: maybe { $0.text() }, url: anyText()))
        case 4: .mutualTLS(A2A.MutualTLSSecurityScheme(description: maybe { $0.text() }))
        default: .unknown(["other": value()])
        }
    }

    mutating func requirement() -> A2A.SecurityRequirement { A2A.SecurityRequirement(map { $0.list { $0.anyText() } }) }

    mutating func card() -> A2A.AgentCard {
        A2A.AgentCard(
            name: anyText(), description: anyText(),
            supportedInterfaces: list {
                A2A.AgentInterface(
                    url: $0.anyText(), binding: A2A.ProtocolBinding(rawValue: $0.anyText()),
                    tenant: $0.maybe { $0.text() },
                    protocolVersion: $0.anyText())
            },
            provider: maybe { A2A.AgentProvider(url: $0.anyText(), organization: $0.anyText()) }, version: anyText(),
            documentationURL: maybe { $0.anyText() },
            capabilities: A2A.AgentCapabilities(
                streaming: maybe { $0.bool() }, pushNotifications: maybe { $0.bool() },
                extensions: list {
                    A2A.AgentExtension(
                        uri: $0.maybe { $0.text() }, description: $0.maybe { $0.text() }, isRequired: $0.bool(),
                        params: $0.maybe { $0.object() })
                }, extendedAgentCard: maybe { $0.bool() }),
            securitySchemes: map { $0.scheme() }, securityRequirements: list { $0.requirement() },
            defaultInputModes: list { $0.anyText() }, defaultOutputModes: list { $0.anyText() },
            skills: list {
                A2A.AgentSkill(
                    id: $0.anyText(), name: $0.anyText(), description: $0.anyText(), tags: $0.list { $0.anyText() },
                    examples: $0.list { $0.anyText() }, inputModes: $0.list { $0.anyText() },
                    outputModes: $0.list { $0.anyText() }, securityRequirements: $0.list { $0.requirement() })
            },
            signatures: list {
                A2A.AgentCardSignature(
                    protected: $0.anyText(), signature: $0.anyText(), header: $0.maybe { $0.object() })
            }, iconURL: maybe { $0.anyText() })
    }
}
