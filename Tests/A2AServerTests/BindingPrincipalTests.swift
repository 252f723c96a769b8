// SPDX-License-Identifier: Apache-2.0

import ACPTestSupport
import HTTPTypes
import Hummingbird
import NIOHTTP1
import Testing

@testable import A2AServer

/// Every method and route of A2A with every kind of caller.
@Suite("Access to A2A by principals")
struct BindingPrincipalTests {
    private enum Caller: String, CaseIterable {
        case nobody, wrong, owner, reader, other, administrator

        var headers: HTTPHeaders {
            switch self {
            case .nobody: ["A2A-Version": "1.0"]
            default: ["A2A-Version": "1.0", "Authorization": "Bearer \(rawValue)-token"]
            }
        }

        var principal: Principal? {
            switch self {
            case .nobody, .wrong: nil
            case .owner: Principal(id: "alice")
            case .reader: Principal(id: "alice", roles: [.read])
            case .other: Principal(id: "bob")
            case .administrator: Principal(id: "ops", roles: [.administer])
            }
        }

        static var tokens: [AccessToken] {
            allCases.compactMap { caller in
                caller.principal.map {
                    AccessToken($0.id, token: "\(caller.rawValue)-token", roles: $0.roles)
                }
            }
        }
    }

    private static func configuration(isolation: Bool = true) throws -> ServerConfiguration {
        try .binding.with {
            $0.authentication = try .tokens(Caller.tokens)
            $0.isolation = isolation
        }
    }

    private static let a2a = A2AConfiguration(
        defaultAgent: "questioner", push: PushConfiguration(allowsPrivateAddresses: true), servesVersion03: true,
        extendedCard: { $1 })

    /// What a method needs, and what another principal gets if principals are isolated. All are listed, so that a new
    /// method does not compile without a decision.
    private static func rule(_ method: A2A.Method) -> (role: Principal.Role, isAboutTask: Bool) {
        switch method {
        case .sendMessage, .sendStreamingMessage: (.call, false)
        case .getTask, .subscribeToTask, .getTaskPushNotificationConfig, .listTaskPushNotificationConfigs: (.read, true)
        case .listTasks, .getExtendedAgentCard: (.read, false)
        case .cancelTask, .createTaskPushNotificationConfig, .deleteTaskPushNotificationConfig: (.call, true)
        }
    }

    private func awaitingTask(_ server: BindingServer) async throws -> A2A.Task {
        let response = try await server.call(
            "SendMessage", BindingServer.message(), at: "/a2a/questioner", headers: Caller.owner.headers)
        guard case .task(let task) = try response.result(A2A.SendMessageResponse.self) else {
            throw NeverHappened(description: response.text)
        }
        let config = try await TestBinding.jsonRPC.call(
            .createTaskPushNotificationConfig, on: server, agent: "questioner", task: task.id,
            headers: Caller.owner.headers)
        #expect(config.error == nil, "\(config.text)")
        return task
    }

    @Test(
        "Each caller gets what its role allows, and a foreign task is responded to like a missing one",
        arguments: TestBinding.allCases, [false, true])
    func methods(binding: TestBinding, isolation: Bool) async throws {
        try await withBindings(Self.a2a, server: try Self.configuration(isolation: isolation)) { server async throws in
            for method in A2A.Method.allCases where method != .sendStreamingMessage && method != .subscribeToTask {
                let rule = Self.rule(method)
                for caller in Caller.allCases {
                    let task = try await awaitingTask(server)
                    func call(_ task: A2A.TaskID) async throws -> BindingResponse {
                        try await binding.call(
                            method, on: server, agent: "questioner", task: task, headers: caller.headers)
                    }
                    let response = try await call(task.id)
                    let note = "\(method) as \(caller): \(response.text.prefix(300))"
                    switch caller.principal {
                    case nil:
                        #expect(response.status == 401 && response.error?.code.reason == "UNAUTHENTICATED", "\(note)")
                    case let principal? where !principal.can(rule.role):
                        #expect(response.error?.code.reason == "PERMISSION_DENIED", "\(note)")
                        #expect(response.status == (binding.isJSONRPC ? 200 : 403), "\(note)")
                    case _ where caller == .other && isolation && rule.isAboutTask:
                        let unknown = A2A.TaskID(RunID())
                        let missing = try await call(unknown)
                        #expect(response.error?.code == .taskNotFound, "\(note)")
                        #expect(response.status == missing.status)
                        #expect(
                            response.text.replacing(task.id.rawValue, with: unknown.rawValue) == missing.text, "\(note)"
                        )
                        let now = try await binding.call(
                            .getTask, on: server, agent: "questioner", task: task.id, headers: Caller.owner.headers)
                        #expect(try binding.result(now, as: A2A.Task.self).status.state == .inputRequired)
                    default:
                        #expect(response.status == 200 && response.error == nil, "\(note)")
                        let isForeignList = method == .listTasks && caller == .other && isolation
                        if isForeignList {
                            #expect(!response.text.contains(task.id.rawValue), "\(note)")
                        }
                    }
                }
            }
        }
    }

    @Test("Streams, and messages to a task, are restricted as well", arguments: [TestBinding.jsonRPC, .http])
    func streams(binding: TestBinding) async throws {
        try await withBindings(Self.a2a, server: try Self.configuration()) { server async throws in
            let task = try await awaitingTask(server)
            for id in [task.id, "unknown"] {
                for method in [A2A.Method.subscribeToTask, .getTask] {
                    let response = try await binding.call(
                        method, on: server, agent: "questioner", task: id, headers: Caller.other.headers)
                    #expect(response.error?.code == .taskNotFound, "\(response.text)")
                }
                for method in [A2A.Method.sendMessage, .sendStreamingMessage] {
                    let response = try await binding.call(
                        method, on: server, agent: "questioner", message: BindingServer.message("Eve", task: id),
                        headers: Caller.other.headers)
                    #expect(response.error?.code == .taskNotFound, "\(response.text)")
                }
            }
            for method in [A2A.Method.sendMessage, .sendStreamingMessage] {
                let refused = try await binding.call(
                    method, on: server, agent: "questioner", message: BindingServer.message("Eve", task: task.id),
                    headers: Caller.reader.headers)
                #expect(refused.error?.code.reason == "PERMISSION_DENIED")
            }
            let foreignContext = try #require(task.contextID)
            let message =
                #"{"message":{"messageId":"m1","role":"ROLE_USER","contextId":"\#(foreignContext)","parts":[{"text":"x"}]}}"#
            let refused = try await binding.call(
                .sendMessage, on: server, agent: "questioner", message: message, headers: Caller.other.headers)
            #expect(refused.error?.code.reason == "PERMISSION_DENIED", "\(refused.text)")
            let answered = try await binding.call(
                .sendMessage, on: server, agent: "questioner", message: BindingServer.message("Ada", task: task.id),
                headers: Caller.owner.headers)
            #expect(answered.text.contains("Hello, Ada!"))
        }
    }

    @Test("A task is listed with an exact total for each principal, and is the same run over ACP")
    func lists() async throws {
        try await withBindings(Self.a2a, server: try Self.configuration()) { server async throws in
            for caller in [Caller.owner, .other, .owner] {
                _ = try await server.call("SendMessage", BindingServer.message(), headers: caller.headers)
            }
            for (caller, total) in [(Caller.owner, 2), (.reader, 2), (.other, 1), (.administrator, 3)] {
                let response = try await server.call("ListTasks", headers: caller.headers)
                let list = try response.result(A2A.ListTasksResponse.self)
                #expect(list.totalSize == total && list.tasks.count == total)
                let runs = try await server.send(.GET, "/runs", headers: caller.headers).json
                #expect(runs["total"]?.intValue == total)
            }
        }
    }

    @Test("The routes of A2A are those that the table of callers covers")
    func routes() throws {
        let server = ACPServer(
            storage: MemoryStorage(), configuration: try Self.configuration(), logger: .silentBinding)
        let before = Set(server.router().routes.map { "\($0.method.rawValue) \($0.path.description)" })
        try server.addA2A(Self.a2a)
        let routes = Set(server.router().routes.map { "\($0.method.rawValue) \($0.path.description)" })
            .subtracting(before)
        let methods = ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
        let paths = ["/.well-known/agent-card.json", "/a2a", "/a2a/**"]
        #expect(
            routes.filter { !$0.hasPrefix("HEAD ") }
                == Set(methods.flatMap { method in paths.map { "\(method) \($0)" } }))
    }

    @Test("Cards are public, unless the configuration says otherwise")
    func cards() async throws {
        let paths = ["/.well-known/agent-card.json", "/a2a/echo/.well-known/agent-card.json"]
        try await withBindings(Self.a2a, server: try Self.configuration()) { server async throws in
            for path in paths { #expect(try await server.send(.GET, path, headers: [:]).status == 200) }
        }
        let closed = try Self.configuration().with { $0.publicRoutes.remove(.cards) }
        try await withBindings(Self.a2a, server: closed) { server async throws in
            for path in paths {
                #expect(try await server.send(.GET, path, headers: [:]).status == 401)
                #expect(try await server.send(.GET, path, headers: Caller.reader.headers).status == 200)
            }
        }
    }
}
