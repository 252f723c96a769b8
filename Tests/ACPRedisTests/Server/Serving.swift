// SPDX-License-Identifier: Apache-2.0

import ACPClient
import ACPServer
import AsyncHTTPClient
import Logging
import NIOCore
import NIOHTTP1
import RedisTestSupport
import ServiceLifecycle
import Testing

/// A server on a free port of this machine, with clients for it.
struct Serving: Sendable {
    let server: ACPServer
    let url: String
    /// Resumes broken streams repeatedly.
    let client: ACPClient

    /// Sends a request and reads the response, whatever its status.
    func send(_ method: String, _ path: String, _ json: String? = nil) async throws -> Answer {
        var request = HTTPClientRequest(url: url + path)
        request.method = .RAW(value: method)
        if let json { request.body = .bytes(Array(json.utf8)) }
        let response = try await HTTPClient.shared.execute(request, timeout: .seconds(60))
        let body = try await response.body.collect(upTo: 1 << 20)
        return Answer(
            status: Int(response.status.code), retryAfter: response.headers.first(name: "Retry-After"),
            body: Array(body.readableBytesView))
    }
}

struct Answer {
    let status: Int
    let retryAfter: String?
    let body: [UInt8]

    /// Expects a response 503 with an ACP error that states the reason.
    func expectUnavailable(sourceLocation: SourceLocation = #_sourceLocation) {
        let text = String(decoding: body, as: UTF8.self)
        #expect(status == 503, "\(text)", sourceLocation: sourceLocation)
        #expect(retryAfter == "1", sourceLocation: sourceLocation)
        let error = try? ACPJSON.decode(ACPError.self, from: body)
        #expect(error?.code == .unavailable, "\(text)", sourceLocation: sourceLocation)
        #expect(error?.message.isEmpty == false, "\(text)", sourceLocation: sourceLocation)
    }
}

/// Serves while the body runs, then shuts down.
func serving(
    _ storage: any Storage, configuration: ServerConfiguration = ServerConfiguration(),
    agents: (ACPServer) throws -> Void = { _ in }, _ body: @escaping @Sendable (Serving) async throws -> Void
) async throws {
    let silent = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
    var configuration = configuration
    configuration.port = 0
    let server = ACPServer(storage: storage, configuration: configuration, logger: silent)
    try server.addAgent("echo") { context in
        for message in context.input { try await context.yield(message) }
    }
    try agents(server)
    let (ports, listening) = AsyncStream.makeStream(of: Int.self)
    let group = ServiceGroup(
        configuration: .init(services: [.init(service: Service(server: server, listening: listening))], logger: silent))
    try await withThrowingTaskGroup(of: Void.self) { tasks in
        tasks.addTask {
            defer { listening.finish() }
            try await group.run()
        }
        let port = try #require(await ports.first { _ in true }, "the server did not start")
        let url = "http://127.0.0.1:\(port)"
        let client = try ACPClient(
            url,
            configuration: .init(
                reconnection: .init(
                    initialDelay: .milliseconds(5), maximumDelay: .milliseconds(50), maximumAttempts: 1_000)))
        let result: Result<Void, any Error>
        do {
            result = .success(try await body(Serving(server: server, url: url, client: client)))
        } catch {
            result = .failure(error)
        }
        try await client.close()
        await group.triggerGracefulShutdown()
        try await tasks.waitForAll()
        try result.get()
    }
}

private struct Service: ServiceLifecycle.Service {
    let server: ACPServer
    let listening: AsyncStream<Int>.Continuation

    func run() async throws { try await server.runService { listening.yield($0) } }
}
