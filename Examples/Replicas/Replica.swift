// SPDX-License-Identifier: Apache-2.0

import ACPRedis
import ACPServer
import Foundation
import Logging
import ServiceLifecycle
import UnixSignals

/// One of several server processes that share their runs in Redis, behind a proxy. Any process serves any request; the runs
/// of a process that dies are recovered by the others.
@main
struct Replica {
    static func main() async throws {
        let logger = Logger(label: "replica")
        let port = ProcessInfo.processInfo.environment["PORT"].flatMap { Int($0) } ?? 8000
        // REDIS_URL, or redis://localhost:6379
        let storage = try RedisStorage(logger: logger)

        let server = ACPServer(
            storage: storage,
            configuration: ServerConfiguration(
                port: port,
                // A process that has not renewed its lease for so long has died: others recover its runs.
                engine: EngineConfiguration(lease: .seconds(3)),
                // The proxy is on this machine: its headers name the address that clients called.
                trustedProxies: try TrustedProxies(["127.0.0.0/8"])),
            logger: logger)

        // Its handler does the same each time, so that another process can execute it again from the start: what was sent
        // already is not sent twice.
        try server.addAgent("words", policy: AgentPolicy(recovery: .replay)) { context in
            for word in (context.input.first?.text ?? "").split(separator: " ") {
                try await context.yield("\(word) ")
                try await Task.sleep(for: .milliseconds(100))
            }
        }
        try server.addAgent("counter") { context in
            let count = try await context.session.updateState(as: Int.self) { ($0 ?? 0) + 1 }
            return "Call \(count)"
        }

        var configuration = ServiceGroupConfiguration(
            services: [.init(service: storage), .init(service: server)],
            gracefulShutdownSignals: [.sigterm, .sigint], logger: logger)
        configuration.maximumGracefulShutdownDuration = .seconds(60)
        try await ServiceGroup(configuration: configuration).run()
    }
}
