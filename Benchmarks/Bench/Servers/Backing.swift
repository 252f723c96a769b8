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
    let postgres: PostgresTestServer?

    static func start(_ kind: StorageKind, in folder: URL) async throws -> Backing {
        switch kind {
        case .memory:
            return Backing(form: "memory")
        case .sqlite:
            let name = "runs-\(UInt32.random(in: 0 ... .max)).sqlite"
            return Backing(form: "sqlite:\(folder.appendingPathComponent(name).path)")
        case .redis:
            let server = try await RedisTestServer.start()
            return Backing(form: server.url, redis: server)
        case .postgres:
            let server = try await PostgresTestServer.start()
            return Backing(form: server.url, postgres: server)
        }
    }

    private init(form: String, redis: RedisTestServer? = nil, postgres: PostgresTestServer? = nil) {
        self.form = form
        self.redis = redis
        self.postgres = postgres
    }

    func stop() {
        redis?.stop()
        postgres?.stop()
    }
}
