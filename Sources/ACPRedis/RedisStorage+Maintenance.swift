// SPDX-License-Identifier: Apache-2.0

import ACPStorage
import Redis

extension RedisStorage {
    /// About how many keys the server looks at in one step of a walk through all keys.
    private static let scanStep = 1_000

    /// Deletes everything under ``prefix`` that belongs to this storage, and nothing else: not what other applications keep
    /// there, and not a storage under a longer prefix that begins alike. Others are not held up meanwhile.
    public func removeAll() async throws {
        tracked.forgetAll()
        for server in try await link.masterClients() {
            var cursor = KeyCursor.start
            while let keys = try await nextKeys(&cursor, on: server) {
                if keys.isEmpty { continue }
                let names = keys.map { RedisArgument.text($0.key) }
                // On a cluster the keys of one command have to be in one slot.
                let requests =
                    link.isCluster
                    ? names.map { RedisRequest("UNLINK", [$0], isIdempotent: true) }
                    : [RedisRequest("UNLINK", names, isIdempotent: true)]
                _ = try await link.sendEach(requests, .writing("Removing all", at: self.keys.pattern))
            }
        }
    }

    /// What the storage keeps, and how much memory it takes.
    ///
    /// Walks through all keys of the database, step by step, without holding up others. Meant for people and monitoring, not
    /// for every request.
    ///
    /// - Parameter sample: Of how many keys of each kind the size is measured; the others are taken to be like them.
    public func statistics(sample: Int = 100) async throws -> RedisStorageStatistics {
        var found: [RedisKeys.Kind: Set<String>] = [:]
        let servers = try await link.masterClients()
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
            let sizes = try await link.sendEach(
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

    /// How far a walk through all keys has come.
    private enum KeyCursor {
        case start
        case at(String)
        case end
    }

    /// Some keys of the storage, perhaps none, or nil at the end of the walk. A key may come twice; one that is there all the
    /// time comes.
    private func nextKeys(
        _ cursor: inout KeyCursor, on server: RedisLink
    ) async throws(StorageError) -> [(key: String, kind: RedisKeys.Kind)]? {
        let position: String
        switch cursor {
        case .start: position = "0"
        case .at(let text): position = text
        case .end: return nil
        }
        let task = RedisTask.reading("the names of all keys", at: keys.pattern)
        try link.checkOpen()
        let reply = try await server.send(
            .read("SCAN", .text(position), "MATCH", .text(keys.pattern), "COUNT", .number(Self.scanStep)), task)
        guard let parts = reply.array, parts.count == 2, let next = parts[0].string, let names = parts[1].array
        else { throw task.corrupt("the reply to SCAN is no cursor with keys") }
        cursor = next == "0" ? .end : .at(next)
        return names.compactMap { name in
            guard let key = name.string, let kind = keys.kind(of: key) else { return nil }
            return (key, kind)
        }
    }
}

/// What a ``RedisStorage`` keeps, and how much memory it takes.
public struct RedisStorageStatistics: Sendable, Hashable {
    /// One kind of keys, by the word behind the prefix.
    public struct Kind: Sendable, Hashable {
        /// For example `run`, `events`, `agent_runs`.
        public var name: String
        /// How many keys there are.
        public var keys: Int
        /// How much memory they take, estimated from a sample.
        public var approximateBytes: Int
    }

    /// The kinds of which there are keys.
    public var kinds: [Kind]
    /// How much memory the server uses in all, in bytes; on a cluster, all masters together.
    public var serverMemoryUsed: Int?
    /// How much it may use. Nil if there is no limit; on a cluster, if a master has none.
    public var serverMemoryLimit: Int?
    /// What the server does when the limit is reached. Anything but `noeviction` makes runs disappear before their time.
    public var evictionPolicy: String?

    /// How many keys there are in all.
    public var keys: Int { kinds.reduce(0) { $0 + $1.keys } }
    /// How much memory they take, about.
    public var approximateBytes: Int { kinds.reduce(0) { $0 + $1.approximateBytes } }
}
