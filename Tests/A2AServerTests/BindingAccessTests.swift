// SPDX-License-Identifier: Apache-2.0

import ACPTestSupport
import Hummingbird
import NIOHTTP1
import ServiceLifecycle
import Testing

@testable import A2AServer

@Suite("Access to A2A, and mounting it")
struct BindingAccessTests {
    private static let guarded = ServerConfiguration.binding.with { $0.authentication = .bearer("secret-token") }

    @Test(
        "Requests without a valid token get 401 in the form of the binding",
        arguments: [nil, "Bearer wrong", "Basic secret-token"] as [String?])
    func refused(header: String?) async throws {
        try await withBindings(server: Self.guarded) { server async throws in
            var headers: HTTPHeaders = ["A2A-Version": "1.0"]
            if let header { headers.add(name: "Authorization", value: header) }
            for binding in TestBinding.allCases {
                for method in A2A.Method.allCases {
                    let response = try await binding.call(method, on: server, headers: headers)
                    #expect(response.status == 401, "\(method): \(response.text)")
                    #expect(response.headers.first(name: "WWW-Authenticate") == "Bearer")
                    let error = try #require(response.error)
                    #expect(error.code.reason == "UNAUTHENTICATED" && !response.text.contains("secret-token"))
                    #expect((response.json["jsonrpc"] != nil) == binding.isJSONRPC)
                    if binding.isJSONRPC { #expect(response.json["id"] == .null) }
                }
            }
            #expect(try await server.send(.POST, "/a2a/nobody", "{}", headers: headers).status == 401)
        }
    }

    @Test("A token admits, and cards need none")
    func admitted() async throws {
        try await withBindings(A2AConfiguration(defaultAgent: "echo"), server: Self.guarded) { server async throws in
            for binding in TestBinding.allCases {
                let response = try await binding.call(
                    .sendMessage, on: server, headers: ["A2A-Version": "1.0", "Authorization": "Bearer secret-token"])
                #expect(response.status == 200 && response.error == nil)
            }
            for path in ["/.well-known/agent-card.json", "/a2a/echo/.well-known/agent-card.json"] {
                let card = try await server.send(.GET, path, headers: [:]).decode(A2A.AgentCard.self)
                #expect(card.securitySchemes == ["bearer": .httpAuth(A2A.HTTPAuthSecurityScheme(scheme: "Bearer"))])
                #expect(card.securityRequirements == [A2A.SecurityRequirement(["bearer": []])])
            }
            #expect(try await server.send(.OPTIONS, "/a2a/echo", headers: [:]).status == 204)
        }
    }

    @Test("Agents that are added while the server runs are served")
    func later() async throws {
        try await withBindings { server async throws in
            #expect(try await server.call("ListTasks", at: "/a2a/late").status == 404)
            try server.server.addAgent("late") { _ in "late" }
            let task = try await server.task(at: "/a2a/late")
            #expect(task.artifacts.first?.parts.first?.content == .text("late"))
            #expect(try await server.send(.GET, "/a2a/late/.well-known/agent-card.json", headers: [:]).status == 200)
        }
    }

    @Test("Invalid configurations are refused, with the name of the property")
    func invalid() throws {
        let cases: [(A2AConfiguration, String)] = [
            (A2AConfiguration(version: ""), "version"),
            (A2AConfiguration(push: PushConfiguration(maximumAttempts: 0)), "push"),
            (A2AConfiguration(provider: A2A.AgentProvider(url: "", organization: "x")), "provider"),
            (A2AConfiguration(extensions: [A2A.AgentExtension()]), "extensions"),
            (A2AConfiguration(extensions: [A2A.AgentExtension(uri: "a,b")]), "extensions"),
            (A2AConfiguration(extensions: [A2A.AgentExtension(uri: "a"), A2A.AgentExtension(uri: "a")]), "extensions"),
            (
                A2AConfiguration(securitySchemes: ["x": .httpAuth(A2A.HTTPAuthSecurityScheme(scheme: ""))]),
                "securitySchemes"
            ),
            (A2AConfiguration(securityRequirements: [A2A.SecurityRequirement(["x": []])]), "securityRequirements"),
            (A2AConfiguration(cardLifetime: .seconds(-1)), "cardLifetime"),
        ]
        for (configuration, property) in cases {
            let server = ACPServer(storage: MemoryStorage(), logger: .silentBinding)
            let error = try #require(throws: ServerError.self) { try server.addA2A(configuration) }
            #expect(error.code == .invalidConfiguration && error.message.contains("A2AConfiguration.\(property)"))
            try server.addA2A()
            let second = try #require(throws: ServerError.self) { try server.addA2A() }
            #expect(second.code == .invalidConfiguration && second.message.contains("already"))
        }
    }

    @Test("Another application serves A2A alone, in a group and with its own routes")
    func mounted() async throws {
        let server = ACPServer(
            storage: MemoryStorage(),
            configuration: .binding.with { $0.publicURL = "https://agents.example.com/agents" }, logger: .silentBinding)
        try server.addBindingAgents()
        let router = Router(context: ServerRequestContext.self, options: .autoGenerateHeadEndpoints)
        router.get("own") { _, _ in "own" }
        try A2ARoutes(for: server).addRoutes(to: router.group("agents"))
        let port = Signal<Int>()
        let application = Application(
            router: router, configuration: ApplicationConfiguration(address: .hostname("127.0.0.1", port: 0)),
            onServerRunning: { port.send($0.localAddress?.port ?? 0) }, logger: .silentBinding)
        let group = ServiceGroup(
            configuration: .init(
                services: [.init(service: application), .init(service: server.engine)], logger: .silentBinding))
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask { try await group.run() }
            let serving = BindingServer(server: server, port: try await port.wait(), group: group)
            let task = try await serving.task(at: "/agents/a2a/echo")
            #expect(task.status.state == .completed)
            #expect(try await serving.send(.GET, "/agents/a2a/echo/tasks/\(task.id)").status == 200)
            let card = try await serving.send(
                .GET, "/agents/a2a/echo/.well-known/agent-card.json", headers: [:]
            ).decode(A2A.AgentCard.self)
            #expect(card.supportedInterfaces.first?.url == "https://agents.example.com/agents/a2a/echo")
            #expect(try await serving.send(.GET, "/own", headers: [:]).text == "own")
            #expect(try await serving.send(.GET, "/agents/agents", headers: [:]).status == 404)
            let failure = try await serving.send(.GET, "/agents/a2a/echo/tasks/none")
            #expect(failure.status == 404 && failure.error?.code == .taskNotFound)
            await group.triggerGracefulShutdown()
            try await tasks.waitForAll()
        }
    }
}
