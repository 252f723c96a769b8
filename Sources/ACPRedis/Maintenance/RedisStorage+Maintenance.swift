// SPDX-License-Identifier: Apache-2.0

import ACPStorage
import Redis

extension RedisStorage {
    /// The approximate number of keys that the server examines in one step of a scan.
    private static let scanStep = 1_000

    /// Deletes every key under ``prefix`` that belongs to this storage, and no others: neither keys of other
    /// applications, nor those of a storage with a longer prefix that begins with this one. Other clients are not
    /// blocked meanwhile.
    public func removeAll() async throws {
        trackedRuns.forgetAll()
        for server in try await executor.masterClients() {
            var cursor = KeyCursor.start
            while let keys = try await nextKeys(&cursor, on: server) {
                if keys.isEmpty { continue }
                let names = keys.map { RedisArgument.text($0.key) }
                // On a cluster, the keys of one command must be in one slot.
                let requests =
                    executor.isCluster
                    ? names.map { RedisRequest("UNLINK", [$0], isIdempotent: true) }
                    : [RedisRequest("UNLINK", names, isIdempotent: true)]
                _ = try await executor.sendEach(requests, .writing("Removing all", at: self.keys.pattern))
            }
        }
    }

    /// Counts the storage's keys by kind, and estimates their memory.
    ///
    /// Scans all keys of the database in steps that do not block other clients. Meant for operators and monitoring, not
    /// for every request.
    ///
    /// - Parameter sample: The number of keys of each kind whose size is measured; the others are assumed to be like
    ///   them. Defaults to 100.
    public func statistics(sample: Int = 100) async throws -> RedisStorageStatistics {
        var found: [RedisKeys.Kind: Set<String>] = [:]
        let servers = try await executor.masterClients()
        for server in servers {
            var cursor = KeyCursor.start
            while let keys = try await nextKeys(&cursor, on: server) {
                for (key, kind) in keys { found[kind, default: []].insert(key) }
            }
        }
        var kinds: [RedisStorageStatistics.Kind] = []
        for kind in RedisKeys.Kind.allCases {
            guard let keys = found[kind] else { continue }
            let measured = keys.prefix(max(1, sample))
            let sizes = try await executor.sendEach(
                measured.map { .read("MEMORY", "USAGE", .text($0)) },
                .reading("the size of keys", at: self.keys.pattern)
            ).compactMap(\.int)
            let average = sizes.isEmpty ? 0 : Double(sizes.reduce(0, +)) / Double(sizes.count)
            kinds.append(
                .init(
                    name: kind.rawValue, keys: keys.count,
                    approximateBytes: Int((average * Double(keys.count)).rounded())))
        }
        var used: Int?
        var limits: [Int] = []
        var policies: Set<String> = []
        for server in servers {
            let info = try await server.send(.read("INFO", "memory"), .reading("the server's memory", at: prefix))
            let fields = EvictionCheck.fields(info.string ?? "")
            if let memory = fields["used_memory"].flatMap({ Int($0) }) { used = (used ?? 0) + memory }
            if let limit = fields["maxmemory"].flatMap({ Int($0) }), limit > 0 { limits.append(limit) }
            if let policy = fields["maxmemory_policy"] { policies.insert(policy) }
        }
        return RedisStorageStatistics(
            kinds: kinds, serverMemoryUsed: used,
            serverMemoryLimit: limits.count == servers.count ? limits.reduce(0, +) : nil,
            evictionPolicy: policies.isEmpty ? nil : policies.sorted().joined(separator: ", "))
    }

    /// The position of a scan through all keys.
    private enum KeyCursor {
        case start
        case at(String)
        case end
    }

    /// Returns some keys of the storage, perhaps none, or `nil` at the end of the scan. A key may be returned twice; a
    /// key that exists during the whole scan is returned.
    private func nextKeys(
        _ cursor: inout KeyCursor, on server: RedisExecutor
    ) async throws(StorageError) -> [(key: String, kind: RedisKeys.Kind)]? {
        let position: String
        switch cursor {
        case .start: position = "0"
        case .at(let text): position = text
        case .end: return nil
        }
        let task = RedisTask.reading("the names of all keys", at: keys.pattern)
        try executor.checkOpen()
        let reply = try await server.send(
            .read("SCAN", .text(position), "MATCH", .text(keys.pattern), "COUNT", .number(Self.scanStep)), task)
        guard let parts = reply.array, parts.count == 2, let next = parts[0].string, let names = parts[1].array
        else { throw task.corrupt("the reply to SCAN is not a cursor with keys") }
        cursor = next == "0" ? .end : .at(next)
        return names.compactMap { name in
            guard let key = name.string, let kind = keys.kind(of: key) else { return nil }
            return (key, kind)
        }
    }
}

/// The number of keys of a ``RedisStorage``, and their memory.
public struct RedisStorageStatistics: Sendable, Hashable {
    /// The keys of one kind, which is named by the word after the prefix.
    public struct Kind: Sendable, Hashable {
        /// The word after the prefix, for example `run`, `events`, `agent_runs`.
        public var name: String
        /// The number of keys.
        public var keys: Int
        /// The memory of the keys in bytes, estimated from a sample.
        public var approximateBytes: Int
    }

    /// The kinds of which there are keys.
    public var kinds: [Kind]
    /// The memory that the server uses in all, in bytes; on a cluster, the sum of all masters. `nil` if it is not
    /// known.
    public var serverMemoryUsed: Int?
    /// The memory limit of the server (`maxmemory`), in bytes; on a cluster, the sum of all masters. `nil` if a server
    /// has no limit.
    public var serverMemoryLimit: Int?
    /// The eviction policy of the server (`maxmemory-policy`). Every policy but `noeviction` can delete runs before
    /// they expire. `nil` if it is not known.
    public var evictionPolicy: String?

    /// The number of all keys.
    public var keys: Int { kinds.reduce(0) { $0 + $1.keys } }
    /// The approximate memory of all keys, in bytes.
    public var approximateBytes: Int { kinds.reduce(0) { $0 + $1.approximateBytes } }
}
