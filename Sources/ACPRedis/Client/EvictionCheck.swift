// SPDX-License-Identifier: Apache-2.0

import ACPStorage
import Logging
import Redis
import Synchronization

/// Looks once whether the servers delete keys when their memory is used up, and warns of it.
///
/// It does so after the first call that a process makes on its start: a sign of life, or a heartbeat. Where the user may not see
/// the servers' settings it stays silent.
final class EvictionCheck: Sendable {
    private let link: RedisLink
    private let logger: Logger
    private let isDone = Mutex(false)

    init(_ link: RedisLink, logger: Logger) {
        self.link = link
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
            for server in try await link.masterClients() {
                guard let settings = try await settings(of: server), settings.isLimited else { continue }
                policies.insert(settings.policy)
            }
            policies.remove("noeviction")
            guard !policies.isEmpty else { return }
            logger.warning(
                """
                Redis deletes keys when its memory is used up: runs and sessions then lose parts, or disappear before their \
                time. Set maxmemory-policy to noeviction, so that new runs are refused instead.
                """,
                metadata: ["maxmemory-policy": "\(policies.sorted().joined(separator: ", "))"])
        } catch {
            // It does not work now: the next call of its kind tries again.
            isDone.withLock { $0 = !error.isTransient }
        }
    }

    /// - Returns: Nil if the user may not see them.
    private func settings(of server: RedisLink) async throws(StorageError) -> (policy: String, isLimited: Bool)? {
        let task = RedisTask.reading("the server's settings", at: link.pattern)
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

    /// - Returns: Nil if the server refused.
    private static func allowed(
        _ call: () async throws(StorageError) -> RESPValue
    ) async throws(StorageError) -> RESPValue? {
        do throws(StorageError) {
            return try await call()
        } catch {
            guard error.code == .refused else { throw error }
            return nil
        }
    }

    /// The lines of INFO.
    static func fields(_ info: String) -> [String: String] {
        var fields: [String: String] = [:]
        for line in info.split(whereSeparator: \.isNewline) {
            guard let colon = line.firstIndex(of: ":") else { continue }
            fields[String(line[..<colon])] = String(line[line.index(after: colon)...])
        }
        return fields
    }
}
