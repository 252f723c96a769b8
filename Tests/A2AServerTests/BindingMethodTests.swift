// SPDX-License-Identifier: Apache-2.0

@testable import A2AServer
import ACPTestSupport
import NIOHTTP1
import Testing

/// A way to call the methods.
enum TestBinding: String, CaseIterable, Sendable, CustomTestStringConvertible {
    case jsonRPC
    case http
    /// HTTP with the agent as the tenant in the path.
    case tenantPath
    /// JSON-RPC at the endpoint that all agents share.
    case shared

    var testDescription: String { rawValue }

    /// Calls a method about a task.
    func call(
        _ method: A2A.Method, on server: BindingServer, agent: String = "echo", task: A2A.TaskID = "none",
        config: String = "c1", message: String = BindingServer.message(), headers: HTTPHeaders = ["A2A-Version": "1.0"]
    ) async throws -> BindingResponse {
        let params =
            switch method {
            case .sendMessage, .sendStreamingMessage: message
            case .getTask, .cancelTask, .subscribeToTask: #"{"id":"\#(task)"}"#
            case .listTasks, .getExtendedAgentCard: "{}"
            case .createTaskPushNotificationConfig:
                #"{"taskId":"\#(task)","id":"\#(config)","url":"https://example.com/hook"}"#
            case .getTaskPushNotificationConfig, .deleteTaskPushNotificationConfig:
                #"{"taskId":"\#(task)","id":"\#(config)"}"#
            case .listTaskPushNotificationConfigs: #"{"taskId":"\#(task)"}"#
            }
        switch self {
        case .jsonRPC:
            return try await server.call(method.rawValue, params, at: "/a2a/\(agent)", headers: headers)
        case .shared:
            let members = params.dropFirst() == "}" ? "}" : ",\(params.dropFirst())"
            return try await server.call(
                method.rawValue, #"{"tenant":"\#(agent)"\#(members)"#, at: "/a2a", headers: headers)
        case .http, .tenantPath:
            let call = A2A.HTTPCall(
                method, tenant: self == .http ? nil : agent, taskID: task,
                pushConfigID: A2A.PushConfigID(rawValue: config))
            return try await server.send(
                HTTPMethod(rawValue: call.verb), "/a2a/\(agent)\(call.path)",
                call.verb == "POST" && method != .subscribeToTask ? params : nil, headers: headers)
        }
    }

    var isJSONRPC: Bool { self == .jsonRPC || self == .shared }

    /// Reads the result of a method.
    func result<Value: A2AObject>(_ response: BindingResponse, as type: Value.Type = Value.self) throws -> Value {
        isJSONRPC ? try response.result(type) : try response.decode(type)
    }
}

@Suite("A2A methods over both bindings")
struct BindingMethodTests {
    @Test("Messages are sent, and tasks are read, listed and cancelled", arguments: TestBinding.allCases)
    func tasks(binding: TestBinding) async throws {
        try await withBindings { server async throws in
            let sent = try await binding.call(.sendMessage, on: server)
            #expect(sent.status == 200 && sent.type == "application/json", "\(sent.text)")
            guard case .task(let task) = try binding.result(sent, as: A2A.SendMessageResponse.self) else {
                Issue.record("no task: \(sent.text)")
                return
            }
            #expect(task.status.state == .completed)
            #expect(task.artifacts.first?.parts.first?.content == .text("hi"))

            let found = try await binding.call(.getTask, on: server, task: task.id)
            #expect(try binding.result(found, as: A2A.Task.self) == task)

            let list = try binding.result(
                try await binding.call(.listTasks, on: server), as: A2A.ListTasksResponse.self)
            #expect(list.tasks.map(\.id) == [task.id] && list.totalSize == 1 && list.nextPageToken == "")

            let cancelled = try await binding.call(.cancelTask, on: server, task: task.id)
            #expect(cancelled.error?.code == .taskNotCancelable)

            let waiting = try await server.task(at: "/a2a/questioner")
            #expect(waiting.status.state == .inputRequired)
            let canceled = try await binding.call(.cancelTask, on: server, agent: "questioner", task: waiting.id)
            #expect(try binding.result(canceled, as: A2A.Task.self).status.state == .canceled)
        }
    }

    @Test("A message with the task's id continues the task", arguments: TestBinding.allCases)
    func continued(binding: TestBinding) async throws {
        try await withBindings { server async throws in
            let waiting = try await server.task(at: "/a2a/questioner")
            let message = BindingServer.message("Ada", task: waiting.id)
            let sent = try await binding.call(.sendMessage, on: server, agent: "questioner", message: message)
            guard case .task(let task) = try binding.result(sent, as: A2A.SendMessageResponse.self) else {
                Issue.record("no task: \(sent.text)")
                return
            }
            #expect(task.id == waiting.id && task.status.state == .completed)
            #expect(task.artifacts.first?.parts.first?.content == .text("Hello, Ada!"))
        }
    }

    @Test("Each binding streams the same elements", arguments: TestBinding.allCases)
    func streams(binding: TestBinding) async throws {
        try await withBindings { server async throws in
            let response = try await binding.call(.sendStreamingMessage, on: server)
            #expect(response.status == 200 && response.type == "text/event-stream", "\(response.text)")
            #expect(response.headers.first(name: "Cache-Control") == "no-store")
            let frames = response.frames
            #expect(frames.map(\.summary) == ["task SUBMITTED", "status WORKING", "artifact", "status COMPLETED"])
            let ids = frames.compactMap(\.id)
            #expect(ids.count == frames.count && ids == ids.sorted() && ids.first == 0)
            for frame in frames { #expect(frame.json.hasPrefix(#"{"jsonrpc":"2.0","id":1,"#) == binding.isJSONRPC) }
        }
    }

    @Test(
        "A stream of a message ends with a question, one of a subscription with the task",
        arguments: TestBinding.allCases)
    func questions(binding: TestBinding) async throws {
        try await withBindings { server async throws in
            let asked = try await binding.call(.sendStreamingMessage, on: server, agent: "questioner")
            #expect(asked.frames.map(\.summary) == ["task SUBMITTED", "status WORKING", "status INPUT_REQUIRED"])
            guard case .task(let task) = try #require(asked.frames.first).response() else { return }
            let (first, rest) = try await server.openStream(
                binding, .subscribeToTask, agent: "questioner", task: task.id
            ) {
                frame, server in
                guard frame.summary == "task INPUT_REQUIRED" else { return }
                _ = try await server.call(
                    "SendMessage", BindingServer.message("Ada", task: task.id), at: "/a2a/questioner")
            }
            #expect(first.summary == "task INPUT_REQUIRED")
            #expect(rest.map(\.summary) == ["status WORKING", "artifact", "status COMPLETED"])
        }
    }

    @Test("Both verbs subscribe over HTTP", arguments: [HTTPMethod.GET, .POST])
    func verbs(verb: HTTPMethod) async throws {
        try await withBindings { server async throws in
            let task = try await server.task()
            let response = try await server.send(verb, "/a2a/echo/tasks/\(task.id):subscribe")
            #expect(response.error?.code == .unsupportedOperation && response.status == 400, "\(response.text)")
        }
    }

    @Test("Paths are percent-decoded, and operations follow the last colon")
    func paths() async throws {
        try await withBindings { server async throws in
            let task = try await server.task()
            let encoded = task.id.rawValue.replacing("-", with: "%2D")
            #expect(try await server.send(.GET, "/a2a/echo/tasks/\(encoded)").decode(A2A.Task.self).id == task.id)
            #expect(try await server.send(.GET, "/a2a/%65cho/tasks/\(task.id)").status == 200)
            #expect(try await server.send(.POST, "/a2a/echo/tasks/\(encoded)%3Acancel").status == 405)
            #expect(
                try await server.send(.POST, "/a2a/echo/tasks/\(encoded):cancel").error?.code == .taskNotCancelable)
            let odd = try await server.send(.GET, "/a2a/echo/tasks/a:b:c")
            #expect(odd.error?.code == .taskNotFound && odd.error?.message.contains("a:b:c") == true)
            let slash = try await server.send(.GET, "/a2a/echo/tasks/a%2Fb")
            #expect(slash.error?.message.contains("a/b") == true)
            #expect(try await server.send(.GET, "/a2a/echo/tasks/").status == 200)
            #expect(try await server.send(.GET, "/a2a/echo/tasks//x").status == 404)
        }
    }

    @Test("A body that names another task than the path is rejected")
    func contradictions() async throws {
        try await withBindings { server async throws in
            let task = try await server.task()
            let response = try await server.send(.POST, "/a2a/echo/tasks/\(task.id):cancel", #"{"id":"other"}"#)
            #expect(response.error?.code == .invalidParams && response.error?.violations.map(\.field) == ["id"])
            let config = try await server.send(
                .POST, "/a2a/echo/tasks/\(task.id)/pushNotificationConfigs",
                #"{"taskId":"other","url":"https://e.com"}"#)
            #expect(config.error?.violations.map(\.field) == ["taskId"])
        }
    }

    @Test("Push notification configurations are created, read, listed and deleted", arguments: TestBinding.allCases)
    func pushConfigs(binding: TestBinding) async throws {
        try await withBindings { server async throws in
            let task = try await server.task()
            let created = try await binding.call(.createTaskPushNotificationConfig, on: server, task: task.id)
            let config = try binding.result(created, as: A2A.TaskPushNotificationConfig.self)
            #expect(config.id == "c1" && config.taskID == task.id && config.url == "https://example.com/hook")

            let found = try await binding.call(.getTaskPushNotificationConfig, on: server, task: task.id)
            #expect(try binding.result(found, as: A2A.TaskPushNotificationConfig.self).id == "c1")
            let list = try await binding.call(.listTaskPushNotificationConfigs, on: server, task: task.id)
            let configs = try binding.result(list, as: A2A.ListTaskPushNotificationConfigsResponse.self).configs
            #expect(configs.map(\.id) == ["c1"])

            // Another agent does not have the task.
            for method in A2A.Method.allCases where method.isAboutPushNotifications {
                let foreign = try await binding.call(method, on: server, agent: "questioner", task: task.id)
                #expect(foreign.error?.code == .taskNotFound, "\(method)")
            }

            for _ in 0..<2 {
                let deleted = try await binding.call(.deleteTaskPushNotificationConfig, on: server, task: task.id)
                #expect(deleted.status == 200 && deleted.error == nil)
                #expect(
                    deleted.text == (binding.isJSONRPC ? #"{"jsonrpc":"2.0","id":1,"result":null}"# : "{}"),
                    "\(deleted.text)")
            }
            let missing = try await binding.call(.getTaskPushNotificationConfig, on: server, task: task.id)
            #expect(missing.error?.code == .taskNotFound)
        }
    }

    @Test("Deleting returns null over JSON-RPC, and an empty object over HTTP")
    func nothing() throws {
        #expect(try MethodResult.nothing.encoded(PlainEncoder()) == Array("{}".utf8))
        let envelope = A2A.JSONRPC.ResponseEnvelope(id: .string("x"))
        #expect(
            try MethodResult.nothing.encoded(envelope) == Array(#"{"jsonrpc":"2.0","id":"x","result":null}"#.utf8))
    }
}
