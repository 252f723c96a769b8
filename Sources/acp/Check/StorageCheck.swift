// SPDX-License-Identifier: Apache-2.0

import ACPCore
import ACPPostgres
import ACPRedis
import ACPSQLite
import ACPStorage
import Foundation
import Logging

/// Connects to the storage, and checks that runs can be written to it. Neither files nor tables are created.
struct StorageCheck {
    private static let name = "storage"

    let values: SettingValues

    init(_ values: SettingValues) { self.values = values }

    func results() async -> [CheckResult] {
        let settings = ServeSettings.storage
        guard !settings.definitions.contains(where: { values.isFaulty($0) }) else { return [.skipped(Self.name)] }
        let access = StorageAccess(values)
        do {
            switch access.specification {
            case .memory: return [.warning(Self.name, "in memory: runs and sessions are lost when the server ends")]
            case .sqlite(let path): return try await [sqlite(path)]
            case .redis: return try await redis(access)
            case .postgres(let url): return try await [postgres(url)]
            }
        } catch {
            let message = (error as? StorageError)?.message ?? "\(error)"
            return [.failed(Self.name, "\(message) (\(values.name(of: settings.url)))")]
        }
    }

    // MARK: Backends

    private func sqlite(_ path: String?) async throws -> CheckResult {
        guard let path = try path ?? DataFolder.existingStorage() else {
            return .ok(Self.name, "a SQLite file in the user's data folder will be created")
        }
        guard let statistics = try await SQLiteStorage.inspect(path) else {
            return .ok(Self.name, "\(path) will be created")
        }
        return .ok(Self.name, "\(path) has \(statistics.fileBytes) bytes, and can be written")
    }

    private func redis(_ access: StorageAccess) async throws -> [CheckResult] {
        let storage = try access.specification.open(
            prefix: access.prefix, timeToLive: access.timeToLive, logger: Self.logger)
        return try await closing(storage) {
            let time = try await storage.ping()
            try await probe(storage)
            var results = [CheckResult]()
            guard let redis = storage as? RedisStorage else { return results }
            let found = try await redis.inspect()
            let versions = found.versions.isEmpty ? "" : " \(found.versions.sorted().joined(separator: ", "))"
            let masters = found.masters == 1 ? "" : ", \(found.masters) masters"
            results.append(
                .ok(Self.name, "Redis\(versions)\(masters) responded in \(time.milliseconds), and can be written"))
            if !found.evictionPolicies.isEmpty {
                let policies = found.evictionPolicies.sorted().joined(separator: ", ")
                results.append(
                    .warning(
                        Self.name,
                        "maxmemory-policy is \(policies): runs disappear when the memory is used up. Set it to noeviction"
                    ))
            }
            if found.isAppendOnly == false {
                results.append(
                    .warning(
                        Self.name,
                        "appendonly is off: the last runs are lost if Redis ends unexpectedly. Set it to yes"))
            }
            return results
        }
    }

    private func postgres(_ url: String?) async throws -> CheckResult {
        var configuration: PostgresStorage.Configuration = url.map { .init(url: $0) } ?? .fromEnvironment()
        configuration.skipsMigrations = true
        let storage = try PostgresStorage(configuration, logger: Self.logger)
        return try await closing(storage) {
            let found = try await storage.inspect()
            let server = "PostgreSQL \(found.serverVersion)"
            if found.isReadOnly {
                return .failed(Self.name, "\(server) is read-only, perhaps a standby: use the primary server")
            }
            guard let version = found.tables, version >= found.requiredTables else {
                let state = found.tables.map { "has tables of version \($0)" } ?? "has no tables"
                guard found.canCreateTables else {
                    return .failed(
                        Self.name,
                        "\(server) \(state), and this role may not create tables: run the output of acp storage schema as another role"
                    )
                }
                return .ok(Self.name, "\(server) \(state), those of version \(found.requiredTables) will be created")
            }
            let time = try await storage.ping()
            try await probe(storage)
            return .ok(
                Self.name,
                "\(server), tables of version \(version), responded in \(time.milliseconds), and can be written")
        }
    }

    /// Sends a heartbeat, which requires the same permissions as a commit.
    private func probe(_ storage: any Storage) async throws {
        let process = ProcessID()
        try await storage.coordination.heartbeat(of: process, timeToLive: .seconds(5))
        try await storage.coordination.leave(process)
        try await storage.coordination.forget(process)
    }

    private func closing<Result>(
        _ storage: any Storage, _ body: () async throws -> Result
    ) async throws -> Result {
        do {
            let result = try await body()
            try await storage.close()
            return result
        } catch {
            try? await storage.close()
            throw error
        }
    }

    /// Logs nothing, since the result of the check is printed.
    private static let logger = Logger(label: "acp.check") { _ in SwiftLogNoOpLogHandler() }
}

extension Duration {
    fileprivate var milliseconds: String {
        let (seconds, attoseconds) = components
        return "\(seconds * 1_000 + attoseconds / 1_000_000_000_000_000) ms"
    }
}
