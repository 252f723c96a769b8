// SPDX-License-Identifier: Apache-2.0

import ACPTestSupport
import NIOConcurrencyHelpers
public import Redis

/// A Redis Cluster on loopback ports, by default with three masters and a replica each.
public final class RedisTestCluster: Sendable {
    /// The configuration of a cluster.
    public struct Options: Sendable {
        /// The number of masters. Defaults to 3.
        public var masters = 3
        /// The number of replicas of each master. Defaults to 1.
        public var replicasPerMaster = 1
        /// The user name and password of all servers. Defaults to `nil`.
        public var credentials: RedisCredentials?
        /// Whether servers listen with TLS. Defaults to `false`.
        public var tls = false
        /// The time in milliseconds after which a silent server is considered down.
        public var nodeTimeout = 1000
        /// Whether all slots are unavailable when some have no master.
        public var requiresFullCoverage = false
        /// Whether every write is persisted, so that killed servers restart with all of them. Defaults to `false`.
        public var appendOnly = false
        /// Additional lines of the configuration of all servers.
        public var extra: [String] = []

        /// Creates options for servers without passwords.
        public init() {}
    }

    /// The configuration of the cluster.
    public let options: Options
    private let members = NIOLockedValueBox<[RedisTestServer]>([])

    /// All servers: first the initial masters, then their replicas in the same order.
    public var servers: [RedisTestServer] { members.withLockedValue { $0 } }

    /// Starts a cluster and waits until all nodes agree on a healthy state.
    /// - Throws: ``TestServerError``.
    public static func start(_ configure: (inout Options) -> Void = { _ in }) async throws -> RedisTestCluster {
        var options = Options()
        configure(&options)
        let cluster = RedisTestCluster(options)
        do {
            try await cluster.create()
        } catch {
            cluster.stop()
            throw error
        }
        return cluster
    }

    private init(_ options: Options) {
        self.options = options
    }

    /// The cluster URL for clients.
    public var url: String { url(listing: servers) }

    /// Returns the cluster URL with some of the servers.
    public func url(listing servers: [RedisTestServer]) -> String {
        let user = options.credentials.map { "\($0.username ?? ""):\($0.password)@" } ?? ""
        let hosts = servers.map { "127.0.0.1:\($0.port)" }.joined(separator: ",")
        let tls = self.servers.first?.certificates.map { "?tls_ca=\($0.authority)" } ?? ""
        return "redis\(options.tls ? "s" : "")+cluster://\(user)\(hosts)\(tls)"
    }

    // MARK: Setup

    private func create() async throws {
        for _ in 0..<options.masters * (1 + options.replicasPerMaster) { try await launch() }
        let all = servers
        for (index, server) in all.prefix(options.masters).enumerated() {
            // Distinct epochs from the start avoid conflicts that would have to be resolved first.
            try await send(to: server, "CLUSTER", "SET-CONFIG-EPOCH", "\(index + 1)")
        }
        for server in all.dropFirst() { try await meet(server) }
        // The slots are distributed evenly.
        let count = options.masters
        for (index, server) in all.prefix(count).enumerated() {
            let start = 16_384 * index / count
            let end = 16_384 * (index + 1) / count - 1
            try await send(to: server, "CLUSTER", "ADDSLOTSRANGE", "\(start)", "\(end)")
        }
        try await waitUntilAllKnow(all.count)
        for (index, replica) in all.dropFirst(count).enumerated() {
            let id = try await self.id(of: all[index % count])
            try await replicate(replica, id)
        }
        try await waitUntilOK()
    }

    private func launch() async throws {
        let bus = try FreePort.find()
        let options = self.options
        let certificates = servers.first?.certificates
        let server = try await RedisTestServer.start { server in
            server.appendOnly = options.appendOnly
            server.tls = options.tls
            server.certificates = certificates
            server.extra =
                [
                    "cluster-enabled yes", "cluster-config-file nodes.conf", "cluster-port \(bus)",
                    "cluster-node-timeout \(options.nodeTimeout)", "cluster-replica-validity-factor 0",
                    "cluster-require-full-coverage \(options.requiresFullCoverage ? "yes" : "no")",
                    // Replicas must not migrate to other masters.
                    "cluster-allow-replica-migration no",
                    "repl-diskless-sync-delay 0", "repl-ping-replica-period 1",
                ] + (options.tls ? ["tls-cluster yes", "tls-replication yes"] : []) + options.extra
            guard let credentials = options.credentials else { return }
            server.extra.append("masterauth \(credentials.password)")
            if let username = credentials.username {
                server.extra.append("masteruser \(username)")
                server.acl = ["user default off", "user \(username) on >\(credentials.password) ~* &* +@all"]
            } else {
                server.password = credentials.password
            }
        }
        buses.withLockedValue { $0[server.port] = bus }
        members.withLockedValue { $0.append(server) }
    }

    private let buses = NIOLockedValueBox<[Int: Int]>([:])

    private func meet(_ server: RedisTestServer) async throws {
        guard let first = servers.first, let bus = buses.withLockedValue({ $0[first.port] }) else { return }
        try await send(to: server, "CLUSTER", "MEET", "127.0.0.1", "\(first.port)", "\(bus)")
    }

    private func replicate(_ replica: RedisTestServer, _ master: String) async throws {
        // The replica may not know the master yet.
        let isDone = try await poll(for: .seconds(20), every: .milliseconds(50)) {
            (try? await send(to: replica, "CLUSTER", "REPLICATE", master)) != nil
        }
        guard isDone else { throw TestServerError("A node did not become a replica.") }
    }

    /// Sends a command to a server.
    @discardableResult
    public func send(to server: RedisTestServer, _ words: String...) async throws -> RESPValue {
        try await server.send(words: words, credentials: options.credentials)
    }

    // MARK: State

    /// Returns the ID of a server in the cluster.
    public func id(of server: RedisTestServer) async throws -> String {
        guard let id = try await send(to: server, "CLUSTER", "MYID").string else {
            throw TestServerError("A node did not report its ID.")
        }
        return id
    }

    /// Returns the view that a server has of the cluster, a line per node.
    private func nodes(seenBy server: RedisTestServer) async throws -> [[Substring]] {
        let text = try await send(to: server, "CLUSTER", "NODES").string ?? ""
        return text.split(whereSeparator: \.isNewline).map { $0.split(separator: " ") }
    }

    private func waitUntilAllKnow(_ count: Int) async throws {
        let allKnow = try await poll(for: .seconds(30), every: .milliseconds(50)) {
            for server in servers where server.isRunning {
                let nodes = try await self.nodes(seenBy: server)
                guard nodes.count(where: { !$0[2].contains("handshake") && !$0[2].contains("noaddr") }) == count else {
                    return false
                }
            }
            return true
        }
        guard allKnow else { throw TestServerError("The nodes of the cluster did not discover each other.") }
    }

    /// Waits until all running servers agree that all slots are served and replicas are synchronized.
    public func waitUntilOK() async throws {
        let isOK = try await poll(for: .seconds(60), every: .milliseconds(50)) {
            for server in servers where server.isRunning {
                guard let info = try? await send(to: server, "CLUSTER", "INFO").string,
                    info.contains("cluster_state:ok"), info.contains("cluster_slots_assigned:16384"),
                    let replication = try? await send(to: server, "INFO", "replication").string,
                    !replication.contains("master_link_status:down")
                else { return false }
                let nodes = try await self.nodes(seenBy: server)
                guard !nodes.contains(where: { $0[2].contains("handshake") }) else { return false }
                // A server that does not yet know the offset of a replica reports it to clients as loading.
                let shards = try await send(to: server, "CLUSTER", "SHARDS")
                guard !Self.words(in: shards).contains("loading") else { return false }
            }
            return try await agree()
        }
        guard isOK else { throw TestServerError("The cluster did not reach a healthy state.") }
    }

    private static func words(in value: RESPValue) -> [String] {
        if let pairs = value.pairs { return pairs.flatMap { words(in: $0.key) + words(in: $0.value) } }
        if let elements = value.array { return elements.flatMap(words) }
        return value.string.map { [$0] } ?? []
    }

    /// Whether all running servers see the same masters with the same slots.
    private func agree() async throws -> Bool {
        var views: Set<[String]> = []
        for server in servers where server.isRunning {
            let nodes = try await self.nodes(seenBy: server).filter { $0[2].contains("master") && $0.count > 8 }
            views.insert(
                nodes.map { ([$0[0]] + $0[8...].filter { !$0.hasPrefix("[") }).joined(separator: " ") }.sorted())
        }
        return views.count == 1
    }

    /// Returns the server that serves the slot of a key.
    public func master(ofKey key: String) async throws -> RedisTestServer {
        guard let first = servers.first(where: \.isRunning),
            let slot = try await send(to: first, "CLUSTER", "KEYSLOT", key).int
        else { throw TestServerError("No node of the cluster is running.") }
        return try await master(ofSlot: slot)
    }

    /// Returns the server that serves a slot.
    public func master(ofSlot slot: Int) async throws -> RedisTestServer {
        for server in servers where server.isRunning {
            for node in (try? await nodes(seenBy: server)) ?? [] where node.count > 8 {
                guard node[2].contains("master"), !node[2].contains("fail") else { continue }
                let holds = node[8...].contains { range in
                    let bounds = range.split(separator: "-").compactMap { Int($0) }
                    return bounds.first.map { $0 <= slot && slot <= (bounds.last ?? $0) } ?? false
                }
                let port = Int(node[1].prefix { $0 != "@" }.split(separator: ":").last ?? "")
                if holds, let found = servers.first(where: { $0.port == port }), found.isRunning { return found }
            }
        }
        throw TestServerError("No node serves slot \(slot).")
    }

    /// Returns a replica of a master, once the master knows it.
    public func replica(of master: RedisTestServer) async throws -> RedisTestServer {
        let id = try await self.id(of: master)
        var replica: RedisTestServer?
        try await poll(for: .seconds(20), every: .milliseconds(50)) {
            for node in try await nodes(seenBy: master) where node.count > 3 && node[3] == id {
                let port = Int(node[1].prefix { $0 != "@" }.split(separator: ":").last ?? "")
                replica = servers.first { $0.port == port && $0.isRunning }
                if replica != nil { return true }
            }
            return false
        }
        guard let replica else { throw TestServerError("The master has no replica.") }
        return replica
    }

    // MARK: Changes

    /// Adds a master without slots.
    public func addNode() async throws -> RedisTestServer {
        try await launch()
        guard let server = servers.last else { throw TestServerError("No node was added.") }
        try await meet(server)
        try await waitUntilAllKnow(servers.count)
        // A new node refuses keys until it has heard from the masters.
        try await waitUntilOK()
        return server
    }

    /// Moves slots with all their keys to a server.
    public func move(slots: some Sequence<Int> & Sendable, to target: RedisTestServer) async throws {
        // One connection to each server is used for all slots.
        let clients = try servers.filter(\.isRunning).map { server in
            (server, try RedisClient(server.configuration(options.credentials)))
        }
        let outcome: Result<Void, any Error>
        do {
            outcome = .success(try await move(slots, to: target, with: clients))
        } catch {
            outcome = .failure(error)
        }
        for (_, client) in clients { await client.close() }
        try outcome.get()
    }

    private func move(
        _ slots: some Sequence<Int> & Sendable, to target: RedisTestServer,
        with clients: [(RedisTestServer, RedisClient)]
    ) async throws {
        func send(_ server: RedisTestServer, _ words: [String]) async throws -> RESPValue {
            guard let client = clients.first(where: { $0.0 === server })?.1 else {
                throw TestServerError("A node of the cluster is not running.")
            }
            return try await client.send(
                RedisCommand(words[0], arguments: words.dropFirst().map { RedisArgument($0) }))
        }
        let targetID = try await id(of: target)
        for slot in slots {
            let source = try await master(ofSlot: slot)
            if source === target { continue }
            let sourceID = try await send(source, ["CLUSTER", "MYID"]).string ?? ""
            _ = try await send(target, ["CLUSTER", "SETSLOT", "\(slot)", "IMPORTING", sourceID])
            _ = try await send(source, ["CLUSTER", "SETSLOT", "\(slot)", "MIGRATING", targetID])
            while let keys = try await send(source, ["CLUSTER", "GETKEYSINSLOT", "\(slot)", "100"]).array,
                !keys.isEmpty
            {
                var words = ["MIGRATE", "127.0.0.1", "\(target.port)", "", "0", "5000", "REPLACE"]
                if let credentials = options.credentials {
                    words +=
                        credentials.username.map { ["AUTH2", $0, credentials.password] } ?? [
                            "AUTH", credentials.password,
                        ]
                }
                _ = try await send(source, words + ["KEYS"] + keys.compactMap(\.string))
            }
            for server in [target, source] {
                _ = try await send(server, ["CLUSTER", "SETSLOT", "\(slot)", "NODE", targetID])
            }
        }
    }

    /// Begins the migration of a slot without moving any key.
    public func beginMoving(slot: Int, to target: RedisTestServer) async throws {
        let source = try await master(ofSlot: slot)
        try await send(to: target, "CLUSTER", "SETSLOT", "\(slot)", "IMPORTING", try await id(of: source))
        try await send(to: source, "CLUSTER", "SETSLOT", "\(slot)", "MIGRATING", try await id(of: target))
    }

    /// Removes a server without slots from the cluster and ends it.
    public func removeNode(_ server: RedisTestServer) async throws {
        let id = try await self.id(of: server)
        members.withLockedValue { $0.removeAll { $0 === server } }
        for other in servers where other.isRunning {
            _ = try? await send(to: other, "CLUSTER", "FORGET", id)
        }
        server.stop()
    }

    /// Waits until another server serves a slot.
    /// - Returns: The new master.
    @discardableResult
    public func waitForPromotion(ofSlot slot: Int, from old: RedisTestServer) async throws -> RedisTestServer {
        var found: RedisTestServer?
        let isDone = try await poll(for: .seconds(60), every: .milliseconds(20)) {
            guard let master = try? await self.master(ofSlot: slot), master !== old else { return false }
            found = master
            return true
        }
        guard isDone, let found else { throw TestServerError("No replica was promoted.") }
        return found
    }

    /// Ends all servers.
    public func stop() {
        for server in servers { server.stop() }
    }
}
