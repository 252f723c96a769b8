// SPDX-License-Identifier: Apache-2.0

import ACPTestSupport
import NIOHTTP1
import Testing

@testable import A2AServer

@Suite("A2A versions, extensions, media types and tenants")
struct BindingNegotiationTests {
    @Test(
        "The header has precedence over the query, and a patch number is ignored",
        arguments: [
            ("1.0", nil, true), ("1.0.1", nil, true), (" 1.0 ", nil, true), (nil, "1.0", true), ("", "1.0", true),
            ("1.0", "0.3", true), (nil, nil, false), ("", nil, false), ("0.3", nil, false), ("1.1", nil, false),
            ("2.0", "1.0", false), ("one", nil, false), (nil, "0.3", false),
        ] as [(String?, String?, Bool)])
    func versions(header: String?, query: String?, isSupported: Bool) async throws {
        try await withBindings { server async throws in
            let headers: HTTPHeaders = header.map { ["A2A-Version": $0] } ?? [:]
            let suffix = query.map { "?A2A-Version=\($0)" } ?? ""
            let http = try await server.send(.GET, "/a2a/echo/tasks\(suffix)", headers: headers)
            #expect(http.status == (isSupported ? 200 : 400), "\(http.text)")
            let rpc = try await server.call("ListTasks", at: "/a2a/echo\(suffix)", headers: headers)
            #expect(rpc.status == 200 && (rpc.error == nil) == isSupported, "\(rpc.text)")
            if !isSupported {
                #expect(http.error?.code == .versionNotSupported && rpc.error?.code == .versionNotSupported)
                #expect(http.error?.metadata["supportedVersions"] == "1.0")
            }
        }
    }

    @Test("The extensions that are known become active, and are named in the response", arguments: TestBinding.allCases)
    func extensions(binding: TestBinding) async throws {
        let configuration = A2AConfiguration(extensions: [
            A2A.AgentExtension(uri: "urn:a", isRequired: true), A2A.AgentExtension(uri: "urn:b"),
            A2A.AgentExtension(uri: "urn:c"),
        ])
        try await withBindings(configuration) { server async throws in
            let headers: HTTPHeaders = ["A2A-Version": "1.0", "A2A-Extensions": "urn:b, urn:other ,urn:a", "X": "y"]
            for method in [A2A.Method.sendMessage, .sendStreamingMessage, .listTasks] {
                let response = try await binding.call(method, on: server, headers: headers)
                #expect(response.status == 200 && response.headers["A2A-Extensions"] == ["urn:b, urn:a"], "\(response)")
            }
            let several = try await binding.call(
                .listTasks, on: server,
                headers: HTTPHeaders([("A2A-Version", "1.0"), ("A2A-Extensions", "urn:a"), ("A2A-Extensions", "urn:c")])
            )
            #expect(several.headers["A2A-Extensions"] == ["urn:a, urn:c"])
        }
        try await withBindings { server async throws in
            let response = try await binding.call(
                .listTasks, on: server, headers: ["A2A-Version": "1.0", "A2A-Extensions": "urn:b"])
            #expect(response.status == 200 && response.headers["A2A-Extensions"].isEmpty)
        }
    }

    @Test(
        "HTTP responses have the media type of the request",
        arguments: [
            ("application/json", nil, "application/json"),
            ("application/json; charset=utf-8", nil, "application/json"),
            ("application/a2a+json", nil, "application/a2a+json"),
            ("Application/A2A+JSON", "application/json", "application/a2a+json"),
            ("application/cloudevents+json", nil, "application/a2a+json"),
        ] as [(String, String?, String)])
    func mirrored(type: String, accept: String?, expected: String) async throws {
        try await withBindings { server async throws in
            var headers: HTTPHeaders = ["A2A-Version": "1.0", "Content-Type": type]
            if let accept { headers.add(name: "Accept", value: accept) }
            let response = try await server.send(
                .POST, "/a2a/echo/message:send", BindingServer.message(), headers: headers)
            #expect(response.status == 200 && response.type == expected, "\(response.text)")
            let rpc = try await server.call("ListTasks", headers: headers)
            #expect(rpc.status == 200 && rpc.type == "application/json")
        }
    }

    @Test(
        "HTTP responses to requests without a body have the media type that is accepted",
        arguments: [
            (nil, "application/a2a+json"), ("application/json", "application/json"), ("*/*", "application/a2a+json"),
            ("application/a2a+json, application/json", "application/a2a+json"),
        ] as [(String?, String)])
    func accepted(accept: String?, expected: String) async throws {
        try await withBindings { server async throws in
            var headers: HTTPHeaders = ["A2A-Version": "1.0"]
            if let accept { headers.add(name: "Accept", value: accept) }
            #expect(try await server.send(.GET, "/a2a/echo/tasks", headers: headers).type == expected)
            let failure = try await server.send(.GET, "/a2a/echo/tasks/x", headers: headers)
            #expect(failure.type == "application/json", "errors are in the form that all clients read")
        }
    }

    @Test("A body of another type than JSON gets 415", arguments: ["text/plain", "application/xml", "text/json", "x"])
    func otherTypes(type: String) async throws {
        try await withBindings { server async throws in
            let headers: HTTPHeaders = ["A2A-Version": "1.0", "Content-Type": type]
            for path in ["/a2a/echo", "/a2a/echo/message:send", "/a2a"] {
                let response = try await server.send(.POST, path, BindingServer.message(), headers: headers)
                #expect(response.status == 415 && response.type == "application/json", "\(path): \(response.text)")
                let error = try #require(response.error)
                #expect(error.code.number == -32005 && error.code.reason == "CONTENT_TYPE_NOT_SUPPORTED")
            }
            let task = try await server.task(at: "/a2a/questioner")
            let cancelled = try await server.send(
                .POST, "/a2a/questioner/tasks/\(task.id):cancel", "", headers: headers)
            #expect(cancelled.status == 200, "an empty body has no type")
        }
    }

    @Test("A tenant must be the agent, and names it where the path does not")
    func tenants() async throws {
        try await withBindings { server async throws in
            for tenant in ["", "echo"] {
                let params = BindingServer.message(tenant: tenant)
                #expect(try await server.call("SendMessage", params).error == nil)
                #expect(try await server.send(.POST, "/a2a/echo/message:send", params).status == 200)
            }
            #expect(try await server.call("ListTasks", #"{"tenant":null}"#).error == nil)
            #expect(try await server.send(.GET, "/a2a/echo/tasks?tenant=echo").status == 200)
            #expect(try await server.send(.GET, "/a2a/echo/echo/tasks?tenant=other").status == 200)
            let wrong = [
                try await server.call("SendMessage", BindingServer.message(tenant: "questioner")),
                try await server.call("ListTasks", #"{"tenant":"questioner"}"#),
                try await server.call("ListTasks", "{}", at: "/a2a"),
                try await server.call("ListTasks", #"{"tenant":"nobody"}"#, at: "/a2a"),
                try await server.call("ListTasks", #"{"tenant":"a/b"}"#, at: "/a2a/"),
                try await server.send(.GET, "/a2a/echo/questioner/tasks"),
                try await server.send(.GET, "/a2a/echo/tasks?tenant=questioner"),
                try await server.send(.POST, "/a2a/echo/message:send", BindingServer.message(tenant: "questioner")),
            ]
            for response in wrong {
                let error = try #require(response.error, "\(response.text)")
                #expect(error.code == .invalidParams && error.violations.map(\.field) == ["tenant"], "\(error)")
            }
        }
    }

    @Test("A key makes sending idempotent", arguments: TestBinding.allCases)
    func idempotency(binding: TestBinding) async throws {
        try await withBindings { server async throws in
            let headers: HTTPHeaders = ["A2A-Version": "1.0", "Idempotency-Key": "k1"]
            var ids: Set<A2A.TaskID> = []
            for _ in 0..<3 {
                let response = try await binding.call(.sendMessage, on: server, headers: headers)
                if case .task(let task) = try binding.result(response, as: A2A.SendMessageResponse.self) {
                    ids.insert(task.id)
                }
            }
            #expect(ids.count == 1)
            let other = try await binding.call(
                .sendMessage, on: server, message: BindingServer.message("other"), headers: headers)
            #expect(other.error?.code.reason == "IDEMPOTENCY_KEY_REUSED", "\(other.text)")
        }
    }
}
