// SPDX-License-Identifier: Apache-2.0

import ACPServer
import ACPStorage
import ACPTestSupport
import AsyncHTTPClient
import Logging
import NIOCore
import NIOHTTP1
import ServiceLifecycle

@testable import ACPPlayground

/// A server with a playground on a free port of this machine.
struct PlaygroundServer: Sendable {
    let port: Int

    func get(_ path: String, _ headers: [String: String] = [:]) async throws -> HTTPClientResponse {
        var request = HTTPClientRequest(url: "http://127.0.0.1:\(port)\(path)")
        request.headers = HTTPHeaders(headers.map { ($0.key, $0.value) })
        return try await HTTPClient.shared.execute(request, timeout: .seconds(60))
    }
}

extension HTTPClientResponse {
    func bytes() async throws -> [UInt8] {
        Array(try await body.collect(upTo: 1 << 24).readableBytesView)
    }
}

/// Serves while the body runs, then shuts down.
func withPlayground(
    _ playground: PlaygroundConfiguration = PlaygroundConfiguration(),
    configuration: ServerConfiguration = ServerConfiguration(port: 0),
    storage: any Storage = MemoryStorage(),
    _ body: @escaping @Sendable (PlaygroundServer) async throws -> Void
) async throws {
    let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
    let server = ACPServer(storage: storage, configuration: configuration, logger: logger)
    try server.addPlayground(playground)
    let port = Signal<Int>()
    try await withThrowingTaskGroup(of: Void.self) { tasks in
        let group = ServiceGroup(
            configuration: .init(services: [.init(service: Served(server: server, port: port))], logger: logger))
        tasks.addTask { try await group.run() }
        let running = PlaygroundServer(port: try await port.wait())
        do {
            try await body(running)
        } catch {
            await group.triggerGracefulShutdown()
            throw error
        }
        await group.triggerGracefulShutdown()
        try await tasks.waitForAll()
    }
}

private struct Served: Service {
    let server: ACPServer
    let port: Signal<Int>

    func run() async throws { try await server.runService { port.send($0) } }
}
