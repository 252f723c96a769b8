// SPDX-License-Identifier: Apache-2.0

import ACPStorage
import Logging
import Redis
import Synchronization

/// Checks once whether the servers evict keys when their memory is used up, and logs a warning if they do.
///
/// It runs after the first ping or heartbeat of a process. If the user may not read the servers' settings, nothing is
/// logged.
final class EvictionCheck: Sendable {
    private let executor: RedisExecutor
    private let logger: Logger
    private let isDone = Mutex(false)

    init(_ executor: RedisExecutor, logger: Logger) {
        self.executor = executor
        self.logger = logger
    }

    func perform() async {
        let isDue = isDone.withLock { isDone in
            defer { isDone = true }
            return !isDone
        }
        guard isDue else { return }
        do throws(StorageError) {
            var policies: Set<String> = []
            for server in try await executor.masterClients() {
                if let policy = try await policy(of: server) { policies.insert(policy) }
            }
            guard !policies.isEmpty else { return }
            logger.warning(
                """
                Redis evicts keys when its memory is used up: runs and sessions then lose parts, or disappear before \
                they expire. Set maxmemory-policy to noeviction, so that new runs are refused instead.
                """,
                metadata: ["maxmemory-policy": "\(policies.sorted().joined(separator: ", "))"])
        } catch {
            // The servers cannot be reached now: the next ping or heartbeat tries again.
            isDone.withLock { $0 = !error.isTransient }
        }
    }

    /// Returns the policy of a server that evicts keys when its memory is used up. `nil` if it evicts none, or the user may
    /// not read its settings.
    func policy(of server: RedisExecutor) async throws(StorageError) -> String? {
        guard let settings = try await settings(of: server), settings.isLimited, settings.policy != "noeviction" else {
            return nil
        }
        return settings.policy
    }

    /// - Returns: `nil` if the user may not read them.
    private func settings(of server: RedisExecutor) async throws(StorageError) -> (policy: String, isLimited: Bool)? {
        let task = RedisTask.reading("the server's settings", at: executor.pattern)
        if let info = try await Self.allowed({ () async throws(StorageError) in
            try await server.send(.read("INFO", "memory"), task)
        }) {
            let fields = Self.fields(info.string ?? "")
            if let policy = fields["maxmemory_policy"], let limit = fields["maxmemory"] {
                return (policy, limit != "0")
            }
        }
        guard
            let reply = try await Self.allowed({ () async throws(StorageError) in
                try await server.send(.read("CONFIG", "GET", "maxmemory*"), task)
            })
        else { return nil }
        let pairs = (reply.pairs ?? []).map { ($0.key.string ?? "", $0.value.string ?? "") }
        let fields = Dictionary(pairs, uniquingKeysWith: { first, _ in first })
        guard let policy = fields["maxmemory-policy"], let limit = fields["maxmemory"] else { return nil }
        return (policy, limit != "0")
    }

    /// - Returns: `nil` if the server refused the call.
    static func allowed(
        _ call: () async throws(StorageError) -> RESPValue
    ) async throws(StorageError) -> RESPValue? {
        do throws(StorageError) {
            return try await call()
        } catch {
            guard error.code == .refused else { throw error }
            return nil
        }
    }

    /// Returns the fields of a reply to INFO.
    static func fields(_ info: String) -> [String: String] {
        var fields: [String: String] = [:]
        for line in info.split(whereSeparator: \.isNewline) {
            guard let colon = line.firstIndex(of: ":") else { continue }
            fields[String(line[..<colon])] = String(line[line.index(after: colon)...])
        }
        return fields
    }
}
