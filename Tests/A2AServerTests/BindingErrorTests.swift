// SPDX-License-Identifier: Apache-2.0

import ACPTestSupport
import NIOHTTP1
import Testing

@testable import A2AServer

@Suite("A2A errors over both bindings")
struct BindingErrorTests {
    /// What a client does, and the error that it gets.
    struct Case: Sendable, CustomTestStringConvertible {
        var name: String
        var method: A2A.Method
        var task: A2A.TaskID = "none"
        var message = BindingServer.message()
        var configuration = A2AConfiguration(servesVersion03: false)
        var headers: HTTPHeaders = ["A2A-Version": "1.0"]
        var code: A2AError.Code
        var field: String?

        var testDescription: String { name }
    }

    static let cases: [Case] =
        [A2A.Method.getTask, .cancelTask, .subscribeToTask, .listTaskPushNotificationConfigs].map {
            Case(name: "\($0) of no task", method: $0, code: .taskNotFound)
        } + [
            Case(
                name: "answer to no task", method: .sendMessage, message: BindingServer.message(task: "none"),
                code: .taskNotFound),
            Case(
                name: "streamed answer to no task", method: .sendStreamingMessage,
                message: BindingServer.message(task: "none"), code: .taskNotFound),
            Case(
                name: "message without parts", method: .sendMessage,
                message: #"{"message":{"messageId":"m","role":"ROLE_USER","parts":[]}}"#, code: .invalidParams,
                field: "message.parts"),
            Case(
                name: "message without role", method: .sendStreamingMessage,
                message: #"{"message":{"messageId":"m","parts":[{"text":"x"}]}}"#, code: .invalidParams,
                field: "message.role"),
            Case(
                name: "field of another type", method: .sendMessage, message: #"{"message":{"messageId":7}}"#,
                code: .invalidParams, field: "message.messageId"),
            Case(
                name: "negative length of the history", method: .sendMessage,
                message: BindingServer.message(configuration: #"{"historyLength":-1}"#), code: .invalidParams,
                field: "configuration.historyLength"),
            Case(
                name: "streaming is off", method: .sendStreamingMessage,
                configuration: A2AConfiguration(hasStreaming: false), code: .unsupportedOperation),
            Case(
                name: "subscriptions are off", method: .subscribeToTask,
                configuration: A2AConfiguration(hasStreaming: false), code: .unsupportedOperation),
            Case(
                name: "a card has no streams", method: .sendStreamingMessage,
                configuration: A2AConfiguration(card: { _, card in card.with { $0.capabilities.streaming = nil } }),
                code: .unsupportedOperation),
            Case(name: "no extended card", method: .getExtendedAgentCard, code: .unsupportedOperation),
            Case(
                name: "a declared extended card is missing", method: .getExtendedAgentCard,
                configuration: A2AConfiguration(card: { _, card in
                    card.with { $0.capabilities.extendedAgentCard = true }
                }),
                code: .extendedAgentCardNotConfigured),
            Case(
                name: "a required extension is not named", method: .sendMessage,
                configuration: A2AConfiguration(extensions: [A2A.AgentExtension(uri: "urn:x", isRequired: true)]),
                headers: ["A2A-Version": "1.0", "A2A-Extensions": "urn:y"], code: .extensionSupportRequired),
            Case(name: "no version", method: .getTask, headers: [:], code: .versionNotSupported),
            Case(name: "version 2", method: .listTasks, headers: ["A2A-Version": "2.0"], code: .versionNotSupported),
            Case(
                name: "a cursor that is no number", method: .subscribeToTask,
                headers: ["A2A-Version": "1.0", "Last-Event-ID": "x"], code: .invalidParams, field: "Last-Event-ID"),
            Case(
                name: "a notification with a message while push is off", method: .sendMessage,
                message: BindingServer.message(
                    configuration: #"{"taskPushNotificationConfig":{"url":"https://example.com"}}"#),
                configuration: A2AConfiguration(hasPushNotifications: false), code: .pushNotificationNotSupported),
        ]
        + A2A.Method.allCases.filter(\.isAboutPushNotifications).map {
            Case(
                name: "\($0) while push is off", method: $0,
                configuration: A2AConfiguration(hasPushNotifications: false), code: .pushNotificationNotSupported)
        }

    @Test("Each binding reports an error with its codes and reason", arguments: cases, TestBinding.allCases)
    func reported(error: Case, binding: TestBinding) async throws {
        try await withBindings(error.configuration) { server async throws in
            let response = try await binding.call(
                error.method, on: server, task: error.task, message: error.message, headers: error.headers)
            #expect(response.type == "application/json")
            let received = try #require(response.error, "\(response.status) \(response.text)")
            #expect(received.code == error.code, "\(received)")
            #expect(received.domain == A2AError.protocolDomain)
            #expect(response.status == (binding.isJSONRPC ? 200 : error.code.httpStatus))
            if binding.isJSONRPC {
                #expect(response.json["id"] == 1)
                #expect(response.json["error"]?["code"] == .integer(Int64(error.code.number)))
            } else {
                #expect(response.json["error"]?["status"] == .string(error.code.grpcStatus.rawValue))
                #expect(response.json["error"]?["code"] == .integer(Int64(error.code.httpStatus)))
            }
            if let field = error.field { #expect(received.violations.first?.field == field, "\(received.violations)") }
        }
    }

    @Test("A path or an agent that does not exist is not found")
    func unknown() async throws {
        try await withBindings { server async throws in
            for (path, reason) in [
                ("/a2a/nobody", "AGENT_NOT_FOUND"), ("/a2a/nobody/message:send", "AGENT_NOT_FOUND"),
                ("/a2a/echo/message:sing", "NOT_FOUND"), ("/a2a/%20/message:send", "AGENT_NOT_FOUND"),
                ("/a2a/echo/a/b/c/d/e", "NOT_FOUND"), ("/a2a/echo/message:send/x", "NOT_FOUND"),
            ] {
                let response = try await server.send(.POST, path, "{}")
                #expect(response.status == 404 && response.error?.code.reason == reason, "\(path): \(response.text)")
            }
            let card = try await server.send(.GET, "/a2a/nobody/.well-known/agent-card.json", headers: [:])
            #expect(card.status == 404 && card.error?.code.reason == "AGENT_NOT_FOUND")
        }
    }

    @Test("A method that a path does not have gets 405, and OPTIONS the ones that it has")
    func methods() async throws {
        try await withBindings { server async throws in
            for (path, allowed) in [
                ("/a2a", "OPTIONS, POST"), ("/a2a/echo", "OPTIONS, POST"), ("/a2a/echo/", "OPTIONS, POST"),
                ("/a2a/echo/message:send", "OPTIONS, POST"), ("/a2a/echo/tasks", "GET, HEAD, OPTIONS"),
                ("/a2a/echo/tasks/x", "GET, HEAD, OPTIONS"), ("/a2a/echo/tasks/x:cancel", "OPTIONS, POST"),
                ("/a2a/echo/echo/tasks/x:subscribe", "GET, HEAD, OPTIONS, POST"),
                ("/a2a/echo/tasks/x/pushNotificationConfigs", "GET, HEAD, OPTIONS, POST"),
                ("/a2a/echo/tasks/x/pushNotificationConfigs/y", "DELETE, GET, HEAD, OPTIONS"),
                ("/a2a/echo/extendedAgentCard", "GET, HEAD, OPTIONS"),
                ("/.well-known/agent-card.json", "GET, HEAD, OPTIONS"),
                ("/a2a/echo/.well-known/agent-card.json", "GET, HEAD, OPTIONS"),
            ] {
                let refused = try await server.send(.PUT, path, "{}")
                #expect(refused.status == 405, "\(path): \(refused.status)")
                #expect(refused.headers.first(name: "Allow") == allowed, "\(path)")
                #expect(refused.error != nil || refused.json["error"] != nil, "\(refused.text)")
                let options = try await server.send(.OPTIONS, path)
                #expect(options.status == 204 && options.headers.first(name: "Allow") == allowed, "\(path)")
            }
            let head = try await server.send(.HEAD, "/a2a/echo/tasks")
            #expect(head.status == 200 && head.body.isEmpty)
            let missing = try await server.send(.HEAD, "/a2a/echo/tasks/x")
            #expect(missing.status == 404 && missing.body.isEmpty)
        }
    }

    @Test("ACP is served beside A2A, with its own errors")
    func coexistence() async throws {
        try await withBindings { server async throws in
            #expect(try await server.send(.GET, "/agents", headers: [:]).status == 200)
            let missing = try await server.send(.GET, "/runs/x", headers: [:])
            #expect(missing.status == 404 && missing.json["code"] == "not_found")
            let run = try await server.send(
                .POST, "/runs", #"{"agent_name":"echo","input":[{"parts":[{"content":"hi"}]}]}"#, headers: [:])
            let id = try #require(run.json["run_id"]?.stringValue)
            let task = try await server.send(.GET, "/a2a/echo/tasks/\(id)").decode(A2A.Task.self)
            #expect(task.status.state == .completed)
            #expect(try await server.send(.GET, "/a2a/questioner/tasks/\(id)").error?.code == .taskNotFound)
        }
    }

    @Test("A server that accepts no more runs says when to try again")
    func unavailable() async throws {
        let configuration = ServerConfiguration.binding.with {
            $0.engine.maximumActiveRuns = 1
            $0.engine.maximumQueuedRuns = 0
        }
        let gate = Signal<Void>()
        try await withBindings(
            server: configuration,
            agents: {
                try $0.addBindingAgents()
                try $0.addAgent("busy") { _ in try await gate.wait() }
            }
        ) { server async throws in
            _ = try await server.task(at: "/a2a/busy", configuration: #"{"returnImmediately":true}"#)
            let http = try await server.send(.POST, "/a2a/echo/message:send", BindingServer.message())
            #expect(http.status == 503 && http.headers.first(name: "Retry-After") == "1", "\(http.text)")
            #expect(http.error?.code.grpcStatus == .unavailable)
            let rpc = try await server.call("SendMessage", BindingServer.message())
            #expect(rpc.status == 200 && rpc.headers.first(name: "Retry-After") == "1", "\(rpc.text)")
            #expect(rpc.error?.code.reason == "UNAVAILABLE")
            gate.send()
        }
    }
}

extension A2A.AgentCard {
    func with(_ change: (inout A2A.AgentCard) -> Void) -> A2A.AgentCard {
        var card = self
        change(&card)
        return card
    }
}
