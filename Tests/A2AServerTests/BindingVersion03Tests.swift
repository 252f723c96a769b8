// SPDX-License-Identifier: Apache-2.0

import ACPTestSupport
import NIOHTTP1
import Testing

@testable import A2AServer

@Suite("A2A version 0.3")
struct BindingVersion03Tests {
    private static let configuration = A2AConfiguration(servesVersion03: true)

    private static func message(_ text: String = "hi", task: String? = nil, blocking: Bool = true) -> String {
        let named = task.map { #","taskId":"\#($0)""# } ?? ""
        return
            #"{"message":{"kind":"message","messageId":"m1","role":"user","parts":[{"kind":"text","text":"\#(text)"}]\#(named)},"configuration":{"blocking":\#(blocking)}}"#
    }

    @Test("Messages are sent, and tasks are read and cancelled, in the forms of version 0.3")
    func methods() async throws {
        try await withBindings(Self.configuration) { server async throws in
            func call(_ method: String, _ params: String, agent: String = "echo") async throws -> JSONValue {
                let response = try await server.call(method, params, at: "/a2a/\(agent)", headers: [:])
                #expect(response.status == 200)
                return response.json
            }
            let sent = try await call("message/send", Self.message())
            #expect(sent["id"] == 1 && sent["result"]?["kind"] == "task")
            #expect(sent["result"]?["status"]?["state"] == "completed")
            let id = try #require(sent["result"]?["id"]?.stringValue)
            #expect(try await call("tasks/get", #"{"id":"\#(id)"}"#)["result"]?["id"] == .string(id))
            #expect(try await call("tasks/cancel", #"{"id":"\#(id)"}"#)["error"]?["code"] == -32002)
            #expect(try await call("tasks/get", #"{"id":"none"}"#)["error"]?["code"] == -32001)
            #expect(try await call("tasks/get", "{}")["error"]?["code"] == -32602)
            #expect(try await call("tasks/list", "{}")["error"]?["code"] == -32601)
            #expect(try await call("SendMessage", BindingServer.message())["error"]?["code"] == -32009)
            #expect(try await call("message/send", #"{"message":{"kind":"message"}}"#)["error"]?["code"] == -32602)

            let asked = try await call("message/send", Self.message(), agent: "questioner")
            #expect(asked["result"]?["status"]?["state"] == "input-required")
            let task = try #require(asked["result"]?["id"]?.stringValue)
            let answered = try await call("message/send", Self.message("Ada", task: task), agent: "questioner")
            #expect(
                answered["result"]?["artifacts"]?.arrayValue?.first?["parts"] == [
                    ["kind": "text", "text": "Hello, Ada!"]
                ])
        }
    }

    @Test("Streams have the last element marked, and errors are streams as well")
    func streams() async throws {
        try await withBindings(Self.configuration) { server async throws in
            let stream = try await server.call("message/stream", Self.message(), headers: ["A2A-Version": "0.3.0"])
            #expect(stream.type == "text/event-stream")
            let results = try stream.frames.map { frame in
                try ACPJSON.decode(JSONValue.self, from: Array(frame.json.utf8))["result"] ?? .null
            }
            #expect(results.map { $0["kind"] } == ["task", "status-update", "artifact-update", "status-update"])
            #expect(results.map { $0["final"] } == [nil, false, nil, true])
            #expect(results.last?["status"]?["state"] == "completed")

            let failed = try await server.call("tasks/resubscribe", #"{"id":"none"}"#, headers: [:])
            #expect(failed.type == "text/event-stream")
            let error = try ACPJSON.decode(JSONValue.self, from: Array(try #require(failed.frames.first).json.utf8))
            #expect(error["error"]?["code"] == -32001 && error["id"] == 1)
        }
    }

    @Test("Push notification configurations have the forms of version 0.3")
    func pushConfigs() async throws {
        try await withBindings(Self.configuration) { server async throws in
            let task = try await server.task()
            func call(_ method: String, _ params: String) async throws -> JSONValue {
                try await server.call("tasks/pushNotificationConfig/\(method)", params, headers: [:]).json
            }
            let config = #""pushNotificationConfig":{"id":"c1","url":"https://example.com/hook"}"#
            let expected: JSONValue = [
                "taskId": .string(task.id.rawValue),
                "pushNotificationConfig": ["id": "c1", "url": "https://example.com/hook"],
            ]
            #expect(try await call("set", #"{"taskId":"\#(task.id)",\#(config)}"#)["result"] == expected)
            #expect(try await call("get", #"{"id":"\#(task.id)"}"#)["result"] == expected)
            #expect(
                try await call("get", #"{"id":"\#(task.id)","pushNotificationConfigId":"c1"}"#)["result"] == expected)
            #expect(try await call("list", #"{"id":"\#(task.id)"}"#)["result"] == [expected])
            let deleted = try await call("delete", #"{"id":"\#(task.id)","pushNotificationConfigId":"c1"}"#)
            #expect(deleted["error"] == nil && deleted["result"] == .null)
            #expect(try await call("get", #"{"id":"\#(task.id)"}"#)["error"]?["code"] == -32001)
            #expect(try await call("set", #"{"taskId":"\#(task.id)"}"#)["error"]?["code"] == -32602)
        }
    }

    @Test("Clients of version 1.0 are served as before, and HTTP speaks version 1.0 only")
    func both() async throws {
        try await withBindings(Self.configuration) { server async throws in
            #expect(try await server.task().status.state == .completed)
            #expect(try await server.call("message/send", Self.message()).error?.code == .methodNotFound)
            let http = try await server.send(.GET, "/a2a/echo/tasks", headers: [:])
            #expect(http.error?.code == .versionNotSupported)
        }
    }

    @Test("The card has the members of both versions")
    func card() async throws {
        let server = ServerConfiguration.binding.with { $0.authentication = .bearer("t") }
        try await withBindings(Self.configuration, server: server) { server async throws in
            let response = try await server.send(.GET, "/a2a/echo/.well-known/agent-card.json", headers: [:])
            let card = try response.decode(A2A.AgentCard.self)
            #expect(card.supportedInterfaces.map(\.protocolVersion) == ["1.0", "1.0", "0.3"])
            let object = try #require(response.json.objectValue)
            let old = try A2A.V03.agentCard(object)
            #expect(old.supportedInterfaces.map(\.url) == ["\(server.url)/a2a/echo"])
            #expect(object["preferredTransport"] == "JSONRPC" && object["protocolVersion"] == "0.3")
            #expect(object["securitySchemes"]?["bearer"]?["type"] == "http")
            #expect(object["securitySchemes"]?["bearer"]?["httpAuthSecurityScheme"]?["scheme"] == "Bearer")
            #expect(object["security"] == [["bearer": []]])
            #expect(card.securityRequirements == [A2A.SecurityRequirement(["bearer": []])])
        }
    }

    @Test("The extended card and active extensions have the names of version 0.3")
    func extensions() async throws {
        let configuration = Self.configuration.with {
            $0.extensions = [A2A.AgentExtension(uri: "urn:a")]
            $0.extendedCard = { _, card in card.with { $0.description = "More" } }
        }
        try await withBindings(configuration) { server async throws in
            let response = try await server.call(
                "agent/getAuthenticatedExtendedCard", headers: ["X-A2A-Extensions": "urn:a"])
            #expect(response.json["result"]?["description"] == "More")
            #expect(response.json["result"]?["url"] == .string("\(server.url)/a2a/echo"))
            #expect(response.headers["X-A2A-Extensions"] == ["urn:a"])
        }
    }
}
