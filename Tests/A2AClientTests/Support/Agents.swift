// SPDX-License-Identifier: Apache-2.0

import A2AClient
import ACPClient
import ACPCore
import HTTPTestSupport
import HTTPTypes
import Hummingbird
import NIOCore

extension HTTPField.Name {
    static let lastEventID = HTTPField.Name("Last-Event-ID")!
    static let idempotencyKey = HTTPField.Name("Idempotency-Key")!
    static let version = HTTPField.Name("A2A-Version")!
    static let extensions = HTTPField.Name("A2A-Extensions")!
}

/// Returns a card of an agent.
func card(
    _ interfaces: [A2A.AgentInterface], extensions: [A2A.AgentExtension] = []
) -> A2A.AgentCard {
    A2A.AgentCard(
        name: "Echo", description: "Repeats what it receives.", supportedInterfaces: interfaces, version: "1",
        capabilities: A2A.AgentCapabilities(streaming: true, extensions: extensions),
        defaultInputModes: ["text/plain"], defaultOutputModes: ["text/plain"],
        skills: [A2A.AgentSkill(id: "echo", name: "Echo", description: "Repeats.", tags: ["test"])])
}

/// Returns a response with an object of A2A.
func a2a(
    _ value: some A2AObject, status: HTTPResponse.Status = .ok, headers: HTTPFields = [:]
) throws -> Response {
    var headers = headers
    headers[.contentType] = "application/json"
    return Response(
        status: status, headers: headers, body: .init(byteBuffer: ByteBuffer(bytes: try A2AJSON.encode(value))))
}

/// Returns a response of JSON-RPC with a result.
func result(_ value: some A2AObject) throws -> Response {
    let json = A2A.JSONRPC.response(to: .string("1"), result: try A2AJSON.encode(value))
    return text(String(decoding: json, as: UTF8.self), type: "application/json")
}

/// Returns a response of JSON-RPC with an error.
func failure(_ error: A2AError) -> Response {
    text(
        String(decoding: A2A.JSONRPC.response(to: .string("1"), error: error), as: UTF8.self), type: "application/json")
}

/// Returns a response of HTTP+JSON with an error.
func httpFailure(_ error: A2AError, type: String = "application/json") -> Response {
    text(
        String(decoding: error.httpBody(), as: UTF8.self), type: type, status: .init(code: error.code.httpStatus))
}

/// Elements as events of a stream.
///
/// - Parameters:
///   - elements: The elements.
///   - first: The id of the first event. If `nil`, the events have no ids.
///   - isJSONRPC: Whether the elements are results of JSON-RPC.
func events(
    _ elements: [A2A.StreamResponse], numberedFrom first: Int? = nil, isJSONRPC: Bool = true
) throws -> [String] {
    try elements.enumerated().map { index, element in
        var json = try A2AJSON.encode(element)
        if isJSONRPC { json = A2A.JSONRPC.response(to: .string("1"), result: json) }
        let id = first.map { "id: \($0 + index)\n" } ?? ""
        return "\(id)data: \(String(decoding: json, as: UTF8.self))\r\n\r\n"
    }
}

/// A task that sends words, and its elements.
struct WordTask: Sendable {
    let id: A2A.TaskID = "task-1"
    let contextID: A2A.ContextID = "context-1"

    func status(_ state: A2A.TaskState, at second: Double = 0) -> A2A.TaskStatus {
        A2A.TaskStatus(state: state, timestamp: Timestamp("2026-01-02T03:04:0\(Int(second))Z"))
    }

    func task(_ state: A2A.TaskState, at second: Double = 0, words: [String] = []) -> A2A.Task {
        let artifacts = words.isEmpty ? [] : [A2A.Artifact(id: "a", parts: words.map { .text($0) })]
        return A2A.Task(id: id, contextID: contextID, status: status(state, at: second), artifacts: artifacts)
    }

    func changed(_ state: A2A.TaskState, at second: Double = 0) -> A2A.StreamResponse {
        .statusUpdate(.init(taskID: id, contextID: contextID, status: status(state, at: second)))
    }

    func word(_ text: String, isFirst: Bool = false) -> A2A.StreamResponse {
        .artifactUpdate(
            .init(
                taskID: id, contextID: contextID, artifact: A2A.Artifact(id: "a", parts: [.text(text)]),
                isAppended: !isFirst))
    }

    /// The task, WORKING, three words, COMPLETED.
    var elements: [A2A.StreamResponse] {
        [
            .task(task(.submitted)), changed(.working, at: 1), word("one ", isFirst: true), word("two "), word("three"),
            changed(.completed, at: 2),
        ]
    }
}

extension A2AClient.Configuration {
    /// Reconnects without the pauses that would only slow tests down.
    static var quick: Self {
        Self(reconnection: .init(initialDelay: .milliseconds(1), maximumDelay: .milliseconds(4)))
    }
}

extension ScriptedServer {
    /// Serves while the body runs, which receives a client of an agent whose card is known already.
    func serve<Result: Sendable>(
        _ binding: A2A.ProtocolBinding = .jsonRPC, tenant: String? = nil, extensions: [A2A.AgentExtension] = [],
        configuration: A2AClient.Configuration = .quick,
        _ body: @escaping @Sendable (A2AClient) async throws -> Result
    ) async throws -> Result {
        try await serveAtURL { url in
            let interface = A2A.AgentInterface(url: url + "/a2a/", binding: binding, tenant: tenant)
            let client = try A2AClient(card: card([interface], extensions: extensions), configuration: configuration)
            do {
                let result = try await body(client)
                try await client.close()
                return result
            } catch {
                try await client.close()
                throw error
            }
        }
    }
}

extension ScriptedServer.Seen {
    /// The parameters of a request of JSON-RPC.
    func params<Value: A2AObject>(_ type: Value.Type) throws -> Value {
        try A2A.JSONRPC.Request(json: body).params(as: type)
    }

    /// The method of a request of JSON-RPC.
    var rpcMethod: String? { try? A2A.JSONRPC.Request(json: body).method }
}

/// Returns the error of a call, or fails the test's expectation by returning `nil`.
func clientError(_ body: () async throws -> Void) async -> A2AClientError? {
    do {
        try await body()
        return nil
    } catch {
        return error as? A2AClientError
    }
}
