// SPDX-License-Identifier: Apache-2.0

import Foundation
import RedisTestSupport

/// The storages whose costs are measured.
enum CostSubject: CaseIterable {
    case memory, sqlite, postgres, redis, cluster

    /// The number of masters of the cluster.
    static let masters = 3

    var title: String {
        switch self {
        case .memory: "memory"
        case .sqlite: "SQLite"
        case .postgres: "PostgreSQL"
        case .redis: "Redis"
        case .cluster: "Redis Cluster"
        }
    }

    /// Whether several processes can use it.
    var isShared: Bool {
        switch self {
        case .memory, .sqlite: false
        case .postgres, .redis, .cluster: true
        }
    }

    func start(in folder: URL) async throws -> Backing {
        switch self {
        case .memory: return try await Backing.start(.memory, in: folder)
        case .sqlite: return try await Backing.start(.sqlite, in: folder)
        case .redis: return try await Backing.start(.redis, in: folder)
        case .cluster: return try await Backing.startCluster(masters: Self.masters)
        case .postgres:
            let backing = try await Backing.startPostgres(
                settings: [
                    "shared_preload_libraries = 'pg_stat_statements'", "pg_stat_statements.track_utility = on",
                ])
            try backing.postgres?.sql("CREATE EXTENSION pg_stat_statements")
            return backing
        }
    }
}
