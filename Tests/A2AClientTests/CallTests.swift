// SPDX-License-Identifier: Apache-2.0

import ACPClient
import ACPCore
import HTTPTestSupport
import HTTPTypes
import Hummingbird
import NIOCore
import NIOHTTP1
import Synchronization
import Testing

@testable import A2AClient

@Suite("Calls of an agent")
struct CallTests {
    private let words = WordTask()

    /// The request of each method in both bindings.
    @Test func eachMethodHasTheFormOfItsBinding() throws {
        let rpc = Endpoint(interface: .init(url: "http://h/rpc/", binding: .jsonRPC, tenant: "acme"), isTrusted: true)
        let http = Endpoint(interface: .init(url: "http://h/v1/", binding: .httpJSON, tenant: "a b"), isTrusted: true)
        func check(
            _ method: A2A.Method, _ parameters: some CallParameters, _ verb: String, _ path: String, body: String?
        ) throws {
            let rpcRequest = try rpc.request(method, parameters)
            #expect(rpcRequest.target == .url("http://h/rpc/"))
            let sent = try A2A.JSONRPC.Request(json: Array((rpcRequest.body ?? ByteBuffer()).readableBytesView))
            #expect(sent.method == method.rawValue)
            #expect(String(decoding: sent.params ?? [], as: UTF8.self).contains(#""tenant":"acme""#))
            let request = try http.request(method, parameters)
            #expect(request.method.rawValue == verb)
            #expect(request.target == .url("http://h/v1/a%20b" + path))
            #expect(request.body.map { String(buffer: $0) } == body)
            #expect(rpcRequest.accept.hasPrefix("text/event-stream") == method.isStreaming)
        }
        let message = A2A.Message(id: "m", role: .user, parts: [.text("hi")])
        let body = #"{"message":{"messageId":"m","role":"ROLE_USER","parts":[{"text":"hi"}]}}"#
        try check(.sendMessage, A2A.SendMessageRequest(message: message), "POST", "/message:send", body: body)
        try check(
            .sendStreamingMessage, A2A.SendMessageRequest(message: message), "POST", "/message:stream", body: body)
        try check(
            .getTask, A2A.GetTaskRequest(id: "t/1", historyLength: 0), "GET", "/tasks/t%2F1?historyLength=0", body: nil)
        try check(
            .listTasks, A2A.ListTasksRequest(status: .working), "GET", "/tasks?status=TASK_STATE_WORKING", body: nil)
        try check(.cancelTask, A2A.CancelTaskRequest(id: "t"), "POST", "/tasks/t:cancel", body: "{}")
        try check(
            .cancelTask, A2A.CancelTaskRequest(id: "t", metadata: ["why": "late"]), "POST", "/tasks/t:cancel",
            body: #"{"metadata":{"why":"late"}}"#)
        try check(.subscribeToTask, A2A.SubscribeToTaskRequest(id: "t"), "POST", "/tasks/t:subscribe", body: nil)
        try check(
            .createTaskPushNotificationConfig, A2A.TaskPushNotificationConfig(taskID: "t", url: "http://me"), "POST",
            "/tasks/t/pushNotificationConfigs", body: #"{"url":"http://me"}"#)
        try check(
            .getTaskPushNotificationConfig, A2A.GetTaskPushNotificationConfigRequest(taskID: "t", id: "c"), "GET",
            "/tasks/t/pushNotificationConfigs/c", body: nil)
        try check(
            .listTaskPushNotificationConfigs, A2A.ListTaskPushNotificationConfigsRequest(taskID: "t", pageToken: "p"),
            "GET", "/tasks/t/pushNotificationConfigs?pageToken=p", body: nil)
        try check(
            .deleteTaskPushNotificationConfig, A2A.DeleteTaskPushNotificationConfigRequest(taskID: "t", id: "c"),
            "DELETE", "/tasks/t/pushNotificationConfigs/c", body: nil)
        try check(.getExtendedAgentCard, A2A.GetExtendedAgentCardRequest(), "GET", "/extendedAgentCard", body: nil)
    }

    @Test(arguments: [A2A.ProtocolBinding.jsonRPC, .httpJSON])
    func aMessageIsSentWithVersionExtensionsKeyAndToken(binding: A2A.ProtocolBinding) async throws {
        let task = words.task(.completed, words: ["done"])
        let server = ScriptedServer([
            { _ in
                binding == .jsonRPC
                    ? try result(A2A.SendMessageResponse.task(task)) : try a2a(A2A.SendMessageResponse.task(task))
            }
        ])
        var configuration = A2AClient.Configuration.quick
        configuration.bearerToken = "secret"
        configuration.extensions = ["urn:x", "urn:y"]
        try await server.serve(binding, configuration: configuration) { client in
            let response = try await client.sendMessage("hi")
            #expect(response == .task(task))
            #expect(response.text == "done")
            _ = try await client.sendMessage("hi")
        }
        let seen = try #require(server.seen.first)
        #expect(seen.line == (binding == .jsonRPC ? "POST /a2a/" : "POST /a2a/message:send"))
        #expect(seen.headers[.version] == "1.0")
        #expect(seen.headers[.extensions] == "urn:x, urn:y")
        #expect(seen.headers[.authorization] == "Bearer secret")
        let keys = server.seen.compactMap { $0.headers[.idempotencyKey] }
        #expect(Set(keys).count == 2)
    }

    @Test func aDirectMessageIsReturned() async throws {
        let message = A2A.Message(role: .agent, parts: [.text("hello")])
        try await ScriptedServer([{ _ in try result(A2A.SendMessageResponse.message(message)) }]).serve { client in
            let response = try await client.sendMessage("hi")
            #expect(response.message == message)
            #expect(response.text == "hello")
        }
    }

    @Test(arguments: [A2A.ProtocolBinding.jsonRPC, .httpJSON])
    func errorsOfTheServerHaveTheirKind(binding: A2A.ProtocolBinding) async throws {
        let error = A2AError(.taskNotFound, "there is no task t", metadata: ["taskId": "t"])
        let server = ScriptedServer([{ _ in binding == .jsonRPC ? failure(error) : httpFailure(error) }])
        try await server.serve(binding) { client in
            let caught = await clientError { _ = try await client.task("t") }
            #expect(caught?.code == .serverError)
            #expect(caught?.serverError?.code == .taskNotFound)
            #expect(caught?.serverError?.metadata == ["taskId": "t"])
            #expect(caught?.status == (binding == .jsonRPC ? 200 : 404))
            #expect(caught?.taskID == "t")
            #expect(caught?.message.contains("there is no task t") == true)
        }
    }

    @Test(arguments: [
        ("not json", "text/html", 502), ("{}", "application/json", 401), (#"{"detail":"no"}"#, "application/json", 403),
    ])
    func errorsWithoutAnErrorObjectHaveTheirStatus(body: String, type: String, status: Int) async throws {
        let server = ScriptedServer([{ _ in text(body, type: type, status: .init(code: status)) }])
        for binding in [A2A.ProtocolBinding.jsonRPC, .httpJSON] {
            try await server.serve(binding) { client in
                let error = await clientError { _ = try await client.task("t") }
                #expect(error?.code == .serverError)
                #expect(error?.status == status)
                if type == "text/html" { #expect(error?.message.contains("Is http://") == true) }
            }
        }
    }

    @Test func aResponseThatIsNotA2AIsAnErrorThatShowsIt() async throws {
        try await ScriptedServer([{ _ in text("<html>hello") }]).serve { client in
            let error = await clientError { _ = try await client.task("t") }
            #expect(error?.code == .invalidResponse)
            #expect(error?.message.contains("<html>hello") == true)
        }
        let redirect = ScriptedServer([{ _ in Response(status: .found, headers: [.location: "http://other.org/"]) }])
        try await redirect.serve { client in
            let error = await clientError { _ = try await client.task("t") }
            #expect(error?.message.contains("redirected to http://other.org/") == true)
        }
    }

    @Test func theTokenIsNotInErrorsEvenIfTheServerRepeatsIt() async throws {
        let token = "very-secret-token"
        let error = A2AError(
            .unauthenticated, "bad token \(token)", metadata: ["token": token],
            details: [["@type": "x", "token": .string(token)]])
        let replies: [ScriptedServer.Handler] = [
            { _ in failure(error) }, { _ in httpFailure(error) }, { _ in text("bad \(token)", status: .forbidden) },
            { _ in text("bad \(token)") },
        ]
        var configuration = A2AClient.Configuration.quick
        configuration.bearerToken = token
        configuration.headers = ["X-API-Key": "another-secret"]
        for reply in replies {
            try await ScriptedServer([reply]).serve(configuration: configuration) { client in
                let caught = await clientError { _ = try await client.task("t") }
                #expect(caught != nil)
                #expect(!"\(String(reflecting: caught))".contains(token))
            }
        }
        #expect(!String(reflecting: configuration).contains(token))
        let invalid = #expect(throws: A2AClientError.self) {
            _ = try A2AClient("http://h", configuration: .init(bearerToken: "se cret"))
        }
        #expect(invalid?.description.contains("se cret") == false)
    }

    @Test func aServerThatDoesNotRunIsReportedAtOnce() async throws {
        let url = try await ScriptedServer([{ _ in text("") }]).serveAtURL { $0 }
        let agent = card(
            [A2A.AgentInterface(url: url, binding: .jsonRPC)],
            extensions: [A2A.AgentExtension(uri: A2A.Extensions.idempotentSending)])
        let client = try A2AClient(card: agent)
        let error = await clientError { _ = try await client.sendMessage("hi") }
        #expect(error?.code == .cannotConnect)
        try await client.close()
        do {
            let error = await clientError { _ = try await client.task("t") }
            #expect(error?.code == .closed)
        }
    }

    // MARK: - Repeated sends

    /// Responses whose connection is lost before the response is complete.
    private let lost: ScriptedServer.Handler = { _ in
        Response(
            status: .ok, headers: [.contentType: "application/json"],
            body: ResponseBody { writer in
                try await writer.write(.init(string: "{"))
                throw Cut()
            })
    }

    @Test func aSendWhoseResponseWasLostIsRepeatedWithTheSameKeyAndMessage() async throws {
        let task = words.task(.completed)
        let server = ScriptedServer([lost, lost, { _ in try result(A2A.SendMessageResponse.task(task)) }])
        let extensions = [A2A.AgentExtension(uri: A2A.Extensions.idempotentSending)]
        try await server.serve(extensions: extensions) { client in
            let response = try await client.sendMessage("hi")
            #expect(response == .task(task))
        }
        #expect(server.seen.count == 3)
        #expect(Set(server.seen.map { $0.headers[.idempotencyKey] }).count == 1)
        #expect(Set(server.seen.map(\.body)).count == 1)
    }

    @Test func aSendIsNotRepeatedIfTheServerDoesNotRecognizeIt() async throws {
        let server = ScriptedServer([lost])
        try await server.serve { client in
            do {
                let error = await clientError { _ = try await client.sendMessage("hi") }
                #expect(error?.code == .connectionLost)
            }
        }
        #expect(server.seen.count == 1)
    }

    @Test func aCallThatOnlyReadsIsNotRepeatedAfterALostResponseButSendsNoKey() async throws {
        let server = ScriptedServer([lost])
        try await server.serve { client in
            do {
                let error = await clientError { _ = try await client.task("t") }
                #expect(error?.code == .connectionLost)
            }
        }
        #expect(server.seen.count == 1)
        #expect(server.seen.first?.headers[.idempotencyKey] == nil)
    }

    @Test func anInvalidIdempotencyKeyIsNotSent() async throws {
        let server = ScriptedServer([lost])
        try await server.serve { client in
            let error = await clientError {
                _ = try await client.sendMessage(A2A.Message("hi"), idempotencyKey: "a\nb")
            }
            #expect(error?.code == .invalidConfiguration)
        }
        #expect(server.seen.isEmpty)
    }

    // MARK: - Lists

    @Test func allPagesOfTasksAreReadWithoutRepetitions() async throws {
        func page(_ ids: [String], _ next: String) -> A2A.ListTasksResponse {
            A2A.ListTasksResponse(
                tasks: ids.map { A2A.Task(id: .init(rawValue: $0), status: .init(state: .working)) },
                nextPageToken: next, pageSize: 2, totalSize: 4)
        }
        let pages = [page(["1", "2"], "p2"), page(["2", "3"], "p3"), page([], "p4"), page(["4"], "")]
        let server = ScriptedServer(pages.map { page in { @Sendable _ in try result(page) } })
        try await server.serve { client in
            var ids: [String] = []
            let query = A2A.ListTasksRequest(contextID: "c", status: .working, pageSize: 2)
            for try await task in client.allTasks(query) { ids.append(task.id.rawValue) }
            #expect(ids == ["1", "2", "3", "4"])
        }
        let queries = try server.seen.map { try $0.params(A2A.ListTasksRequest.self) }
        #expect(queries.map(\.pageToken) == [nil, "p2", "p3", "p4"])
        #expect(queries.allSatisfy { $0.contextID == "c" && $0.status == .working && $0.pageSize == 2 })
    }

    @Test func aServerThatRepeatsItsFirstPageDoesNotKeepTheClientReading() async throws {
        let page = A2A.ListTasksResponse(
            tasks: [A2A.Task(id: "1", status: .init(state: .working))], nextPageToken: "same", pageSize: 1, totalSize: 9
        )
        let server = ScriptedServer([{ _ in try result(page) }])
        try await server.serve { client in
            var count = 0
            for try await _ in client.allTasks() { count += 1 }
            #expect(count == 1)
        }
        #expect(server.seen.count == 2)
    }

    @Test func pushConfigurationsAreCreatedReadListedAndDeleted() async throws {
        let config = A2A.TaskPushNotificationConfig(id: "c", taskID: "t", url: "http://me/hook", token: "x")
        let server = ScriptedServer([
            { _ in try result(config) }, { _ in try result(config) },
            { _ in try result(A2A.ListTaskPushNotificationConfigsResponse(configs: [config], nextPageToken: "2")) },
            { _ in try result(A2A.ListTaskPushNotificationConfigsResponse(configs: [config])) },
            { _ in text(#"{"jsonrpc":"2.0","id":"1","result":null}"#, type: "application/json") },
        ])
        try await server.serve(tenant: "acme") { client in
            let created = try await client.createPushConfig(.init(url: "http://me/hook", token: "x"), for: "t")
            #expect(created == config)
            let found = try await client.pushConfig("c", of: "t")
            #expect(found == config)
            let listed = try await client.pushConfigs(of: "t")
            #expect(listed == [config, config])
            try await client.deletePushConfig("c", of: "t")
        }
        #expect(
            server.seen.map(\.rpcMethod) == [
                "CreateTaskPushNotificationConfig", "GetTaskPushNotificationConfig", "ListTaskPushNotificationConfigs",
                "ListTaskPushNotificationConfigs", "DeleteTaskPushNotificationConfig",
            ])
        #expect(try server.seen[0].params(A2A.TaskPushNotificationConfig.self).tenant == "acme")
    }

    @Test func anEmptyResponseToADeletionIsASuccess() async throws {
        let server = ScriptedServer([
            { _ in Response(status: .noContent) }, { _ in text("{}", type: "application/json") },
        ])
        try await server.serve(.httpJSON) { client in
            try await client.deletePushConfig("c", of: "t")
            try await client.deletePushConfig("c", of: "t")
        }
    }

    @Test func aTaskIsCancelled() async throws {
        let task = words.task(.canceled)
        let server = ScriptedServer([{ _ in try result(task) }])
        try await server.serve { client in
            let cancelled = try await client.cancelTask("task-1", metadata: ["why": "late"])
            #expect(cancelled == task)
        }
        #expect(try server.seen[0].params(A2A.CancelTaskRequest.self).metadata == ["why": "late"])
    }
}
