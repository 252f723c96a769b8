// SPDX-License-Identifier: Apache-2.0

import ACPTestSupport
import NIOHTTP1
import Testing

@testable import A2AServer

@Suite("Odd JSON over A2A")
struct BindingJSONTests {
    @Test(
        "A request of JSON-RPC that is none gets an error with its id, as far as it has one",
        arguments: [
            ("", -32700, "null"), ("{", -32700, "null"), ("nonsense", -32700, "null"), ("\u{1}", -32700, "null"),
            (#"{"jsonrpc":"2.0","id":1,"method":"ListTasks"} x"#, -32700, "null"),
            ("[]", -32600, "null"), ("7", -32600, "null"), ("null", -32600, "null"), ("{}", -32600, "null"),
            (#"[{"jsonrpc":"2.0","id":1,"method":"ListTasks"}]"#, -32600, "null"),
            (#"{"jsonrpc":"1.0","id":7,"method":"ListTasks"}"#, -32600, "7"),
            (#"{"id":7,"method":"ListTasks"}"#, -32600, "7"),
            (#"{"jsonrpc":"2.0","id":"a"}"#, -32600, #""a""#),
            (#"{"jsonrpc":"2.0","id":"a","method":3}"#, -32600, #""a""#),
            (#"{"jsonrpc":"2.0","id":{},"method":"ListTasks"}"#, -32600, "null"),
            (#"{"jsonrpc":"2.0","id":"é\n","method":"Nope"}"#, -32601, #""é\n""#),
            (#"{"jsonrpc":"2.0","id":2,"method":"message/send"}"#, -32601, "2"),
            (#"{"jsonrpc":"2.0","id":2,"method":"listtasks"}"#, -32601, "2"),
            (#"{"jsonrpc":"2.0","id":2,"method":"GetTask"}"#, -32602, "2"),
            (#"{"jsonrpc":"2.0","id":2,"method":"GetTask","params":[]}"#, -32602, "2"),
            (#"{"jsonrpc":"2.0","id":2,"method":"GetTask","params":"x"}"#, -32602, "2"),
            (#"{"jsonrpc":"2.0","id":2,"method":"ListTasks","params":{"pageSize":"many"}}"#, -32602, "2"),
            (#"{"jsonrpc":"2.0","id":2,"method":"ListTasks","params":{"pageSize":101}}"#, -32602, "2"),
            (#"{"jsonrpc":"2.0","id":2,"method":"ListTasks","params":{"status":"DONE"}}"#, -32602, "2"),
        ])
    func envelopes(json: String, code: Int64, id: String) async throws {
        try await withBindings { server async throws in
            let response = try await server.send(.POST, "/a2a/echo", json)
            #expect(response.status == 200 && response.type == "application/json")
            #expect(
                response.text.hasPrefix(#"{"jsonrpc":"2.0","id":\#(id),"error":{"code":\#(code),"#), "\(response.text)")
        }
    }

    @Test(
        "Requests of JSON-RPC may have any id, none, null as parameters, and unknown members",
        arguments: [
            (#""id":"x","#, #""x""#), (#""id":-5,"#, "-5"), (#""id":null,"#, "null"), ("", "null"),
            (#""id":"","#, #""""#), (#""id":1,"params":null,"#, "1"), (#""id":1,"extra":{"a":[1]},"#, "1"),
        ])
    func ids(members: String, id: String) async throws {
        try await withBindings { server async throws in
            let response = try await server.send(
                .POST, "/a2a/echo", #"{\#(members)"method":"ListTasks","jsonrpc":"2.0"}"#)
            #expect(response.text.hasPrefix(#"{"jsonrpc":"2.0","id":\#(id),"result":{"#), "\(response.text)")
        }
    }

    @Test("Names may be in snake case, numbers texts, and unknown members are ignored", arguments: TestBinding.allCases)
    func lenience(binding: TestBinding) async throws {
        try await withBindings { server async throws in
            let message =
                #"{"message":{"message_id":"m","role":1,"parts":[{"text":"x","media_type":"text/plain","new":1}],"context_id":"ctx-1","task_id":null},"configuration":{"history_length":"0","return_immediately":false,"future":{}},"metadata":null}"#
            let sent = try await binding.call(.sendMessage, on: server, message: message)
            guard case .task(let task) = try binding.result(sent, as: A2A.SendMessageResponse.self) else { return }
            #expect(task.contextID == "ctx-1" && task.history.isEmpty && task.status.state == .completed)
        }
    }

    @Test("What is not JSON gets 400 over HTTP", arguments: ["", "{", "[]", "7", "null", "\u{feff}{}"])
    func bodies(json: String) async throws {
        try await withBindings { server async throws in
            let response = try await server.send(.POST, "/a2a/echo/message:send", json)
            let error = try #require(response.error)
            #expect(response.status == 400 && [-32700, -32602].contains(error.code.number), "\(response.text)")
        }
    }

    @Test("Bodies above the limits are refused in the form of the binding")
    func limits() async throws {
        let configuration = ServerConfiguration.binding.with {
            $0.maximumBodySize = 20_000
            $0.limits.maximumValues = 300
            $0.limits.maximumParts = 20
        }
        try await withBindings(server: configuration) { server async throws in
            let large = BindingServer.message(String(repeating: "x", count: 20_000))
            let values = #"{"metadata":[\#(Array(repeating: "1", count: 400).joined(separator: ","))]}"#
            let parts = Array(repeating: #"{"text":"x"}"#, count: 21).joined(separator: ",")
            let message = #"{"message":{"messageId":"m","role":"ROLE_USER","parts":[\#(parts)]}}"#
            let depth = String(repeating: "[", count: 5_000) + String(repeating: "]", count: 5_000)
            for (body, status, rpcStatus) in [
                (large, 413, 413), (values, 400, 400), (message, 400, 200), (depth, 400, 400),
            ] {
                let http = try await server.send(.POST, "/a2a/echo/message:send", body)
                #expect(http.status == status && http.error != nil, "\(http.text)")
                let rpc = try await server.call("SendMessage", body)
                #expect(rpc.status == rpcStatus && rpc.json["jsonrpc"] == "2.0" && rpc.error != nil, "\(rpc.text)")
            }
            let compressed = try await server.send(
                .POST, "/a2a/echo", "{}", headers: ["A2A-Version": "1.0", "Content-Encoding": "gzip"])
            #expect(compressed.status == 415 && compressed.headers.first(name: "Accept-Encoding") == "identity")
            #expect(try await server.task().status.state == .completed)
        }
    }

    @Test("Parameters in the query are read like those in a body")
    func queries() async throws {
        try await withBindings { server async throws in
            let first = try await server.task()
            _ = try await server.task("again")
            func list(_ query: String) async throws -> BindingResponse {
                try await server.send(.GET, "/a2a/echo/tasks?\(query)")
            }
            let page = try await list("pageSize=1&includeArtifacts=true&historyLength=0").decode(
                A2A.ListTasksResponse.self)
            #expect(page.tasks.count == 1 && page.totalSize == 2 && page.pageSize == 1)
            #expect(page.tasks[0].history.isEmpty && !page.tasks[0].artifacts.isEmpty)
            let next = try await list("page_size=1&pageToken=\(page.nextPageToken)").decode(A2A.ListTasksResponse.self)
            #expect(next.tasks.map(\.id) == [first.id])
            let context = try await list("contextId=\(try #require(first.contextID))&status=TASK_STATE_COMPLETED")
            #expect(try context.decode(A2A.ListTasksResponse.self).tasks.map(\.id) == [first.id])
            for (query, field) in [
                ("pageSize=0", "pageSize"), ("pageSize=x", "pageSize"), ("status=DONE", "status"),
                ("includeArtifacts=1", "includeArtifacts"), ("statusTimestampAfter=today", "statusTimestampAfter"),
                ("historyLength=-1", "historyLength"), ("contextId=%20", "contextId"),
            ] {
                let response = try await list(query)
                #expect(
                    response.status == 400 && response.error?.violations.first?.field == field,
                    "\(query): \(response.text)")
            }
            let history = try await server.send(.GET, "/a2a/echo/tasks/\(first.id)?historyLength=0")
            #expect(try history.decode(A2A.Task.self).history.isEmpty)
        }
    }
}
