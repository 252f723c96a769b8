// SPDX-License-Identifier: Apache-2.0

import ACPPlayground
import ACPRedis
import ACPSQLite
import ACPServer
import ACPStorage
import Foundation
import Logging
import Metrics

/// A server for the tests of the playground, with agents that produce what its page has to show.
///
///     PlaygroundTestServer PORT STORAGE [TOKEN]
///
/// The storage is `memory`, `sqlite:PATH` or a URL of Redis. Its runs are taken over after one second.
@main
enum PlaygroundTestServer {
    static func main() async throws {
        let arguments = CommandLine.arguments
        guard arguments.count >= 3, let port = Int(arguments[1]) else {
            FileHandle.standardError.write(Data("usage: PlaygroundTestServer PORT STORAGE [TOKEN]\n".utf8))
            exit(64)
        }
        LoggingSystem.bootstrap { label in
            var handler = StreamLogHandler.standardError(label: label)
            handler.logLevel = .warning
            return handler
        }
        let metrics = PrometheusMetrics()
        MetricsSystem.bootstrap(metrics)
        var configuration = ServerConfiguration(port: port)
        configuration.engine.lease = .seconds(1)
        configuration.engine.shutdownGrace = .milliseconds(200)
        configuration.metrics = MetricsEndpoint(metrics)
        if arguments.count > 3 { configuration.authentication = .bearer(arguments[3]) }
        let storage = try storage(arguments[2])
        let server = ACPServer(storage: storage, configuration: configuration, logger: Logger(label: "acp"))
        try server.addTestAgents()
        try server.addPlayground(PlaygroundConfiguration(storageStatistics: statistics(of: storage)))
        try await server.runService { port in
            print("Serving on http://127.0.0.1:\(port)")
            fflush(nil)
        }
        try await storage.close()
    }

    private static func storage(_ text: String) throws -> any Storage {
        if text == "memory" { return MemoryStorage() }
        if text.hasPrefix("sqlite:") { return try SQLiteStorage(path: String(text.dropFirst("sqlite:".count))) }
        return try RedisStorage(url: text)
    }

    private static func statistics(of storage: any Storage) -> (@Sendable () async throws -> JSONObject)? {
        guard let storage = storage as? SQLiteStorage else { return nil }
        return {
            let statistics = try await storage.statistics()
            let tables = statistics.tables.map {
                JSONValue.object(["name": .string($0.name), "rows": .integer(Int64($0.rows))])
            }
            return [
                "storage": "SQLite", "file_bytes": .integer(Int64(statistics.fileBytes)), "tables": .array(tables),
            ]
        }
    }
}
