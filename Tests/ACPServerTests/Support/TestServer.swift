// SPDX-License-Identifier: Apache-2.0

import ACPClient
import ACPServer
@_exported import ACPTestSupport
import AsyncHTTPClient
import Foundation
import Logging
import NIOCore
import NIOHTTP1
import ServiceLifecycle
import Testing

/// A server on a free port of this machine, and the ways to reach it.
struct RunningServer: Sendable {
    let server: ACPServer
    let port: Int
    let group: ServiceGroup
    let client: ACPClient
    /// When the server has ended.
    let end: Signal<Void>

    var url: String { "http://127.0.0.1:\(port)" }
}

/// Serves while the body runs, then shuts down.
func withServer<Result: Sendable>(
    _ storage: any Storage = MemoryStorage(),
    configuration: ServerConfiguration = .quick,
    logger: Logger = .silent,
    token: String? = nil,
    agents: (ACPServer) throws -> Void = { try $0.addExamples() },
    _ body: @escaping @Sendable (RunningServer) async throws -> Result
) async throws -> Result {
    let server = ACPServer(storage: storage, configuration: configuration, logger: logger)
    try agents(server)
    let port = Signal<Int>()
    let end = Signal<Void>()
    let service = ServedOnFreePort(server: server, port: port)
    let group = ServiceGroup(configuration: .init(services: [.init(service: service)], logger: .silent))
    return try await withThrowingTaskGroup(of: Void.self) { tasks in
        tasks.addTask {
            defer { end.send() }
            try await group.run()
        }
        let number = try await port.wait()
        let client = try ACPClient("http://127.0.0.1:\(number)", configuration: .quick(token: token))
        let outcome: Swift.Result<Result, any Error>
        do {
            outcome = .success(
                try await body(RunningServer(server: server, port: number, group: group, client: client, end: end)))
        } catch {
            outcome = .failure(error)
        }
        try await client.close()
        await group.triggerGracefulShutdown()
        try await tasks.waitForAll()
        return try outcome.get()
    }
}

private struct ServedOnFreePort: Service {
    let server: ACPServer
    let port: Signal<Int>

    func run() async throws { try await server.runService { port.send($0) } }
}

extension ServerConfiguration {
    /// Waits for nothing that a test does not ask for.
    static var quick: ServerConfiguration { ServerConfiguration(port: 0, engine: .quick) }

    func with(_ change: (inout ServerConfiguration) throws -> Void) rethrows -> ServerConfiguration {
        var configuration = self
        try change(&configuration)
        return configuration
    }
}

extension EngineConfiguration {
    static var quick: EngineConfiguration {
        EngineConfiguration(
            cancellationGrace: .seconds(60), shutdownGrace: .milliseconds(50), storageTimeout: .seconds(10))
    }
}

extension ACPClient.Configuration {
    static func quick(token: String? = nil) -> Self {
        Self(
            bearerToken: token,
            reconnection: .init(initialDelay: .milliseconds(1), maximumDelay: .milliseconds(4), maximumAttempts: 3))
    }
}

extension Logger {
    static var silent: Logger { Logger(label: "test") { _ in SwiftLogNoOpLogHandler() } }
}

extension ACPServer {
    func addExamples() throws {
        try addAgent("echo", description: "Echoes everything") { context in
            for message in context.input { try await context.yield(message) }
        }
        try addAgent("greeter") { context in "Hello, \(context.input.first?.text ?? "World")!" }
        try addAgent("counter") { context in
            let count = (try await context.session.state(as: Int.self) ?? 0) + 1
            try await context.session.setState(count)
            return "Count: \(count)"
        }
        try addAgent("questioner") { context in
            let name = try await context.awaitMessage("What is your name?")
            return "Hello, \(name.text)!"
        }
        try addAgent("failer") { _ in throw ACPError("out_of_luck", "this agent always fails", data: ["luck": 0]) }
    }
}

extension SessionDescriptor {
    /// The same with URLs that bear neither signatures nor marks of their origin.
    var plain: SessionDescriptor {
        SessionDescriptor(
            id: id, history: history.map { SessionLink($0).identity }, state: state.map { SessionLink($0).identity })
    }
}

// MARK: - Raw requests

/// A complete response.
struct ReceivedResponse: Sendable {
    let status: Int
    let headers: HTTPHeaders
    let body: [UInt8]

    var text: String { String(decoding: body, as: UTF8.self) }

    /// Sends a request and reads the whole response.
    static func receive(
        _ method: HTTPMethod, _ url: String, _ body: HTTPClientRequest.Body? = nil, _ headers: HTTPHeaders = [:]
    ) async throws -> ReceivedResponse {
        var request = HTTPClientRequest(url: url)
        request.method = method
        request.headers = headers
        request.body = body
        let response = try await HTTPClient.shared.execute(request, timeout: .seconds(60))
        let bytes = try await response.body.collect(upTo: 1 << 28)
        return ReceivedResponse(
            status: Int(response.status.code), headers: response.headers, body: Array(bytes.readableBytesView))
    }

    func decode<Value: Decodable>(_ type: Value.Type = Value.self) throws -> Value {
        try ACPJSON.decode(type, from: body)
    }

    /// Checks that this is an error as ACP wants it.
    @discardableResult
    func expectError(
        _ status: Int, _ code: ACPError.Code, sourceLocation: SourceLocation = #_sourceLocation
    ) throws -> ACPError {
        #expect(self.status == status, "\(text.prefix(300))", sourceLocation: sourceLocation)
        #expect(headers.first(name: "Content-Type") == "application/json", sourceLocation: sourceLocation)
        let error = try decode(ACPError.self)
        #expect(error.code == code, "\(error)", sourceLocation: sourceLocation)
        #expect(!error.message.isEmpty, sourceLocation: sourceLocation)
        #expect(
            Set(try decode(JSONObject.self).keys).isSubset(of: ["code", "message", "data"]),
            sourceLocation: sourceLocation)
        return error
    }
}

extension RunningServer {
    /// Sends a request and reads the whole response.
    func send(
        _ method: HTTPMethod, _ path: String, _ body: HTTPClientRequest.Body? = nil, headers: HTTPHeaders = [:]
    ) async throws -> ReceivedResponse {
        try await ReceivedResponse.receive(method, url + path, body, headers)
    }

    func get(_ path: String, headers: HTTPHeaders = [:]) async throws -> ReceivedResponse {
        try await send(.GET, path, headers: headers)
    }

    func post(_ path: String, _ json: String, headers: HTTPHeaders = [:]) async throws -> ReceivedResponse {
        try await send(.POST, path, .bytes(Array(json.utf8)), headers: headers)
    }

    func run(_ agent: AgentName, _ text: String = "hi", mode: RunMode = .sync) async throws -> ReceivedResponse {
        try await post("/runs", Self.runJSON(agent, text, mode: mode))
    }

    static func runJSON(_ agent: AgentName, _ text: String = "hi", mode: RunMode = .sync) -> String {
        #"{"agent_name":"\#(agent)","mode":"\#(mode.rawValue)","input":[{"parts":[{"content":"\#(text)"}]}]}"#
    }

    /// Reads an event stream to its end.
    func events(
        _ path: String, _ method: HTTPMethod = .GET, json: String? = nil, after last: Int? = nil
    ) async throws -> [SentEvent] {
        var headers: HTTPHeaders = ["Accept": "text/event-stream"]
        if let last { headers.add(name: "Last-Event-ID", value: "\(last)") }
        let answer = try await send(method, path, json.map { .bytes(Array($0.utf8)) }, headers: headers)
        #expect(answer.status == 200, "\(answer.text.prefix(300))")
        #expect(answer.headers.first(name: "Content-Type") == "text/event-stream")
        return SentEvent.parse(answer.text)
    }

    /// Follows a run's events to the end of the stream.
    ///
    /// - Parameters:
    ///   - kind: The kind of the event that shows that the server serves the stream.
    ///   - arrived: Sent when that event has arrived. Shutting down before resets connections that are not accepted yet.
    func follow(_ run: RunID, until kind: String, _ arrived: Signal<Void>) async throws -> [SentEvent] {
        try await RawConnection.open(port) { connection in
            try await connection.send(
                rawRequest("GET /runs/\(run)/events", ["Accept: text/event-stream", "Connection: close"]))
            let head = try await connection.read(until: "\r\n\r\n")
            #expect(head.hasPrefix("HTTP/1.1 200 "), "\(head)")
            let first = try await connection.read(until: #""\#(kind)""#)
            arrived.send()
            let rest = try await connection.readToEnd()
            #expect(rest.hasSuffix("\r\n0\r\n\r\n"), "the stream ends, it is not cut")
            return SentEvent.parse(RawConnection.unchunked(first + rest))
        }
    }

    /// Shows that whatever came before has not hurt the server.
    func expectStillServing(sourceLocation: SourceLocation = #_sourceLocation) async throws {
        let run = try await client.run(agent: "echo", input: "still there")
        #expect(run.text == "still there", sourceLocation: sourceLocation)
    }
}

/// An event of a stream, as it was sent.
struct SentEvent: Equatable, Sendable {
    var id: Int?
    var json: String

    var event: Event? { try? ACPJSON.decode(Event.self, from: json.utf8) }
    var kind: String { event?.kind.rawValue ?? "?" }

    /// The events of a stream's text. Comments are left out.
    static func parse(_ text: String) -> [SentEvent] {
        text.components(separatedBy: "\n\n").compactMap { block in
            var event = SentEvent(json: "")
            for line in block.split(separator: "\n") {
                if line.hasPrefix("id: ") { event.id = Int(line.dropFirst(4)) }
                if line.hasPrefix("data: ") { event.json += line.dropFirst(6) }
            }
            return event.json.isEmpty ? nil : event
        }
    }
}
