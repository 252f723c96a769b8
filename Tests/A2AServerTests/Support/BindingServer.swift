// SPDX-License-Identifier: Apache-2.0

import A2AServer
import ACPTestSupport
import AsyncHTTPClient
import Foundation
import Logging
import NIOCore
import NIOHTTP1
import ServiceLifecycle
import Testing

/// A server of both protocols on a free port of this machine.
struct BindingServer: Sendable {
    let server: ACPServer
    let port: Int
    let group: ServiceGroup

    var url: String { "http://127.0.0.1:\(port)" }
}

/// Serves while the body runs, then shuts down.
func withBindings<Result: Sendable>(
    _ configuration: A2AConfiguration = A2AConfiguration(),
    server serverConfiguration: ServerConfiguration = .binding,
    logger: Logger = .silentBinding,
    agents: (ACPServer) throws -> Void = { try $0.addBindingAgents() },
    _ body: @escaping @Sendable (BindingServer) async throws -> Result
) async throws -> Result {
    let server = ACPServer(storage: MemoryStorage(), configuration: serverConfiguration, logger: logger)
    try agents(server)
    try server.addA2A(configuration)
    let port = Signal<Int>()
    let service = BindingService(server: server, port: port)
    let group = ServiceGroup(configuration: .init(services: [.init(service: service)], logger: .silentBinding))
    return try await withThrowingTaskGroup(of: Void.self) { tasks in
        tasks.addTask { try await group.run() }
        let serving = BindingServer(server: server, port: try await port.wait(), group: group)
        let outcome: Swift.Result<Result, any Error>
        do {
            outcome = .success(try await body(serving))
        } catch {
            outcome = .failure(error)
        }
        await group.triggerGracefulShutdown()
        try await tasks.waitForAll()
        return try outcome.get()
    }
}

private struct BindingService: Service {
    let server: ACPServer
    let port: Signal<Int>

    func run() async throws { try await server.runService { port.send($0) } }
}

extension ServerConfiguration {
    /// Waits for nothing that a test does not ask for.
    static var binding: ServerConfiguration {
        ServerConfiguration(
            port: 0,
            engine: EngineConfiguration(
                cancellationGrace: .seconds(60), shutdownGrace: .milliseconds(50), storageTimeout: .seconds(10)))
    }

    func with(_ change: (inout ServerConfiguration) throws -> Void) rethrows -> ServerConfiguration {
        var configuration = self
        try change(&configuration)
        return configuration
    }
}

extension A2AConfiguration {
    func with(_ change: (inout A2AConfiguration) throws -> Void) rethrows -> A2AConfiguration {
        var configuration = self
        try change(&configuration)
        return configuration
    }
}

extension Logger {
    static var silentBinding: Logger { Logger(label: "test") { _ in SwiftLogNoOpLogHandler() } }
}

extension ACPServer {
    func addBindingAgents() throws {
        try addAgent("echo", description: "Echoes everything") { context in
            for message in context.input { try await context.yield(message) }
        }
        try addAgent("questioner") { context in
            let name = try await context.awaitMessage("What is your name?")
            return "Hello, \(name.text)!"
        }
    }
}

// MARK: - Requests

/// A complete response.
struct BindingResponse: Sendable {
    let status: Int
    let headers: HTTPHeaders
    let body: [UInt8]

    var text: String { String(decoding: body, as: UTF8.self) }
    var type: String? { headers.first(name: "Content-Type") }
    var json: JSONValue { (try? ACPJSON.decode(JSONValue.self, from: body)) ?? .null }

    func decode<Value: A2AObject>(_ type: Value.Type = Value.self) throws -> Value {
        try A2AJSON.decode(type, from: body)
    }

    /// The result of JSON-RPC.
    func result<Value: A2AObject>(_ type: Value.Type = Value.self) throws -> Value {
        try A2A.JSONRPC.Response(json: body).result(as: type)
    }

    /// The error of either binding.
    var error: A2AError? {
        if json["jsonrpc"] != nil { return json["error"]?.objectValue.map { A2AError(jsonRPC: $0) } }
        return json["error"] == nil ? nil : A2AError(httpStatus: status, body: body)
    }
}

extension BindingServer {
    func send(
        _ method: HTTPMethod, _ path: String, _ body: String? = nil, headers: HTTPHeaders = ["A2A-Version": "1.0"]
    ) async throws -> BindingResponse {
        var request = HTTPClientRequest(url: url + path)
        request.method = method
        request.headers = headers
        if let body {
            request.body = .bytes(Array(body.utf8))
            if !headers.contains(name: "Content-Type") {
                request.headers.add(name: "Content-Type", value: "application/json")
            }
        }
        let response = try await HTTPClient.shared.execute(request, timeout: .seconds(60))
        let bytes = try await response.body.collect(upTo: 1 << 28)
        return BindingResponse(
            status: Int(response.status.code), headers: response.headers, body: Array(bytes.readableBytesView))
    }

    /// Calls a method over JSON-RPC.
    func call(
        _ method: String, _ params: String = "{}", id: String = "1", at path: String = "/a2a/echo",
        headers: HTTPHeaders = ["A2A-Version": "1.0"]
    ) async throws -> BindingResponse {
        try await send(
            .POST, path, #"{"jsonrpc":"2.0","id":\#(id),"method":"\#(method)","params":\#(params)}"#, headers: headers)
    }

    /// Sends a message, and returns its task.
    func task(
        _ text: String = "hi", at path: String = "/a2a/echo", configuration: String = "{}"
    ) async throws -> A2A.Task {
        let response = try await call(
            "SendMessage", Self.message(text, configuration: configuration), at: path)
        guard case .task(let task) = try response.result(A2A.SendMessageResponse.self) else {
            throw NeverHappened(description: "no task: \(response.text)")
        }
        return task
    }

    /// The parameters of a message.
    static func message(
        _ text: String = "hi", task: A2A.TaskID? = nil, configuration: String = "{}", tenant: String? = nil
    ) -> String {
        let named = task.map { #","taskId":"\#($0)""# } ?? ""
        let prefix = tenant.map { #""tenant":"\#($0)","# } ?? ""
        return
            #"{\#(prefix)"message":{"messageId":"m1","role":"ROLE_USER","parts":[{"text":"\#(text)"}]\#(named)},"configuration":\#(configuration)}"#
    }
}

/// An event of a stream, as it was sent.
struct SentFrame: Equatable, Sendable {
    var id: Int?
    var name: String?
    var json: String

    /// The element. Over JSON-RPC it is in an envelope.
    func response() throws -> A2A.StreamResponse {
        let bytes = Array(json.utf8)
        guard json.hasPrefix(#"{"jsonrpc""#) else { return try A2AJSON.decode(from: bytes) }
        return try A2A.JSONRPC.Response(json: bytes).result()
    }

    /// What the element is, for comparisons: `task SUBMITTED`, `status WORKING`, `artifact`.
    var summary: String {
        func name(_ state: A2A.TaskState) -> String { String(state.rawValue.dropFirst("TASK_STATE_".count)) }
        switch try? response() {
        case .task(let task): return "task \(name(task.status.state))"
        case .message: return "message"
        case .statusUpdate(let event): return "status \(name(event.status.state))"
        case .artifactUpdate: return "artifact"
        case .unknown, nil: return "unknown: \(json)"
        }
    }

    static func parse(_ text: String) -> [SentFrame] {
        text.components(separatedBy: "\n\n").compactMap { block in
            var frame = SentFrame(json: "")
            for line in block.split(separator: "\n") {
                if line.hasPrefix("id: ") { frame.id = Int(line.dropFirst(4)) }
                if line.hasPrefix("event: ") { frame.name = String(line.dropFirst(7)) }
                if line.hasPrefix("data: ") { frame.json += line.dropFirst(6) }
            }
            return frame.json.isEmpty ? nil : frame
        }
    }
}

extension BindingResponse {
    var frames: [SentFrame] { SentFrame.parse(text) }
}

extension BindingServer {
    /// Opens a stream, calls a closure with its first frame, and reads the stream to its end.
    func openStream(
        _ binding: TestBinding, _ method: A2A.Method, agent: String = "echo", task: A2A.TaskID,
        headers: HTTPHeaders = ["A2A-Version": "1.0"],
        then act: @Sendable (SentFrame, BindingServer) async throws -> Void = { _, _ in }
    ) async throws -> (first: SentFrame, rest: [SentFrame]) {
        var request = HTTPClientRequest(url: "\(url)/a2a/\(agent)")
        request.method = .POST
        request.headers = headers
        if binding.isJSONRPC {
            request.headers.add(name: "Content-Type", value: "application/json")
            request.body = .bytes(
                Array(#"{"jsonrpc":"2.0","id":1,"method":"\#(method.rawValue)","params":{"id":"\#(task)"}}"#.utf8))
        } else {
            request.url += A2A.HTTPCall(method, taskID: task).path
        }
        let response = try await HTTPClient.shared.execute(request, timeout: .seconds(60))
        var text = ""
        var first: SentFrame?
        for try await chunk in response.body {
            text += String(buffer: chunk)
            guard first == nil, text.contains("\n\n") else { continue }
            first = SentFrame.parse(text).first
            if let first { try await act(first, self) }
        }
        let frames = SentFrame.parse(text)
        return (try #require(frames.first, "\(text)"), Array(frames.dropFirst()))
    }
}
