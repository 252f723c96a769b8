// SPDX-License-Identifier: Apache-2.0

import ACPStorage
import Redis

/// What a storage's Redis servers report about themselves, for operators.
package struct RedisInspection: Sendable, Hashable {
    /// The number of masters: 1, or that of a cluster.
    package var masters = 0
    /// The versions of the masters. Empty if the user may not read them.
    package var versions: Set<String> = []
    /// The eviction policies, other than `noeviction`, of masters with a memory limit.
    package var evictionPolicies: Set<String> = []
    /// Whether every master writes changes to a file as they happen (`appendonly`). `nil` if it is not known.
    package var isAppendOnly: Bool?
}

extension RedisStorage {
    /// Returns what the servers report about themselves. A server that does not permit the user to read it is skipped.
    ///
    /// - Throws: `StorageError` if the servers cannot be reached.
    package func inspect() async throws -> RedisInspection {
        var inspection = RedisInspection()
        for server in try await executor.masterClients() {
            inspection.masters += 1
            if let version = try await field("redis_version", of: "server", server) {
                inspection.versions.insert(version)
            }
            if let policy = try await eviction.policy(of: server) { inspection.evictionPolicies.insert(policy) }
            if let value = try await field("aof_enabled", of: "persistence", server) {
                inspection.isAppendOnly = (inspection.isAppendOnly ?? true) && value == "1"
            }
        }
        return inspection
    }

    private func field(
        _ name: String, of section: RedisArgument, _ server: RedisExecutor
    ) async throws(StorageError) -> String? {
        let task = RedisTask.reading("the server's settings", at: keys.pattern)
        let reply = try await EvictionCheck.allowed { () async throws(StorageError) in
            try await server.send(.read("INFO", section), task)
        }
        return EvictionCheck.fields(reply?.string ?? "")[name]
    }
}
