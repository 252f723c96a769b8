// SPDX-License-Identifier: Apache-2.0

import A2AServer
import ACPPostgres
import ACPRedis
import ACPSQLite
import ACPServer
import ACPStorage
import ArgumentParser
import Foundation
import Logging

/// The server of `make chaos`: agents whose output can be checked, on any storage. `--break` makes it violate one promise.
@main
struct ChaosServer: AsyncParsableCommand {
    @Option(help: "redis…://, postgres://, sqlite:PATH or memory.")
    var storage: String

    @Option var port = 0
    @Option var lease = 3.0
    @Option var grace = 2.0

    @Option(help: "How concurrent runs of one session are handled.", transform: { .init(rawValue: $0) ?? .overlap })
    var sessionRuns = AgentPolicy.SessionRuns.overlap

    @Option(name: .customLong("break"), help: "The promise that the storage violates.")
    var fault: StorageFault?

    @Option(help: "The share of operations that violate the promise.")
    var breakRate = 0.5

    func run() async throws {
        LoggingSystem.bootstrap { label in
            var handler = StreamLogHandler.standardError(label: label)
            handler.logLevel = .notice
            return handler
        }
        let logger = Logger(label: "chaos")
        let base = try open(logger: logger)
        let storage: any Storage = fault.map { BrokenStorage(base, $0, rate: breakRate) } ?? base
        let configuration = ServerConfiguration(
            host: "127.0.0.1", port: port,
            engine: EngineConfiguration(
                sessionRuns: sessionRuns, lease: .seconds(lease), shutdownGrace: .seconds(grace),
                awaitingRunsLeaveMemoryAfter: .milliseconds(200), inlineContentLimit: 4_096))
        let server = ACPServer(storage: storage, configuration: configuration, logger: logger)
        try server.addCheckedAgents()
        try server.addA2A(A2AConfiguration())
        try await server.runService { port in
            FileHandle.standardOutput.write(Data("Serving ACP on http://127.0.0.1:\(port)\n".utf8))
        }
        try await storage.close()
    }

    private func open(logger: Logger) throws -> any Storage {
        if storage == "memory" { return MemoryStorage() }
        if storage.hasPrefix("sqlite:") {
            return try SQLiteStorage(.init(path: String(storage.dropFirst("sqlite:".count))), logger: logger)
        }
        if storage.hasPrefix("postgres") { return try PostgresStorage(url: storage, logger: logger) }
        return try RedisStorage(url: storage, logger: logger)
    }
}

extension AgentPolicy.SessionRuns: ExpressibleByArgument {}
extension StorageFault: ExpressibleByArgument {}
