// SPDX-License-Identifier: Apache-2.0

import Foundation
import RedisTestSupport

/// The storages that are compared.
enum StorageKind: String, CaseIterable, Sendable {
    case memory, sqlite, postgres, redis

    var title: String {
        switch self {
        case .memory: "memory"
        case .sqlite: "SQLite"
        case .postgres: "PostgreSQL"
        case .redis: "Redis"
        }
    }
}

/// A fresh, empty storage, with the server that it requires. It ends with ``stop()`` or the last reference to it.
final class Backing: Sendable {
    /// The text for `openStorage`.
    let form: String
    let redis: RedisTestServer?
    let cluster: RedisTestCluster?
    let postgres: PostgresTestServer?
    /// The path of the database, if it is a file.
    let file: String?

    /// The Redis servers, none for other storages.
    var redisServers: [RedisTestServer] { cluster?.servers ?? redis.map { [$0] } ?? [] }

    static func start(_ kind: StorageKind, in folder: URL) async throws -> Backing {
        switch kind {
        case .memory:
            return Backing(form: "memory")
        case .sqlite:
            let name = "runs-\(UInt32.random(in: 0 ... .max)).sqlite"
            let path = folder.appendingPathComponent(name).path
            return Backing(form: "sqlite:\(path)", file: path)
        case .redis:
            let server = try await RedisTestServer.start()
            return Backing(form: server.url, redis: server)
        case .postgres:
            return try await startPostgres()
        }
    }

    /// - Parameter settings: Additional lines of the configuration.
    static func startPostgres(settings: [String] = []) async throws -> Backing {
        let server = try await PostgresTestServer.start(settings: settings)
        return Backing(form: server.url, postgres: server)
    }

    /// Starts a Redis Cluster of masters without replicas, among which the slots are distributed evenly.
    static func startCluster(masters: Int) async throws -> Backing {
        let cluster = try await RedisTestCluster.start { options in
            options.masters = masters
            options.replicasPerMaster = 0
        }
        return Backing(form: cluster.url, cluster: cluster)
    }

    private init(
        form: String, redis: RedisTestServer? = nil, cluster: RedisTestCluster? = nil,
        postgres: PostgresTestServer? = nil, file: String? = nil
    ) {
        self.form = form
        self.redis = redis
        self.cluster = cluster
        self.postgres = postgres
        self.file = file
    }

    func stop() {
        redis?.stop()
        cluster?.stop()
        postgres?.stop()
    }
}
