// SPDX-License-Identifier: Apache-2.0

import ACPTestSupport
public import Redis

/// A master with two replicas, monitored by three Sentinels, on loopback ports.
public final class RedisTestSentinels: Sendable {
    /// The configuration of servers and Sentinels.
    public struct Options: Sendable {
        /// The name of the master in the configuration of the Sentinels.
        public var masterName = "mymaster"
        /// The user name and password of the servers. Defaults to `nil`.
        public var credentials: RedisCredentials?
        /// The password of the Sentinels. Defaults to `nil`.
        public var sentinelPassword: String?
        /// Whether servers listen with TLS. Defaults to `false`.
        public var tls = false
        /// Whether every write is persisted, so that killed servers restart with all of them. Defaults to `false`.
        public var appendOnly = false
        /// The time in milliseconds after which a silent server is considered down.
        public var downAfter = 1000

        /// Creates options for servers without passwords.
        public init() {}
    }

    /// The servers, the first of which is the initial master.
    public let servers: [RedisTestServer]
    /// The Sentinels.
    public let sentinels: [RedisTestServer]
    /// The configuration of servers and Sentinels.
    public let options: Options

    /// Starts all processes and waits until the replicas are synchronized and the Sentinels know each other.
    /// - Throws: ``TestServerError``.
    public static func start(_ configure: (inout Options) -> Void = { _ in }) async throws -> RedisTestSentinels {
        var options = Options()
        configure(&options)
        let setup = options
        var lines = ["repl-diskless-sync-delay 0", "repl-ping-replica-period 1", "repl-timeout 10"]
        if let credentials = setup.credentials { lines += ["masterauth \(credentials.password)"] }
        if setup.credentials?.username != nil { lines += ["masteruser \(setup.credentials?.username ?? "")"] }
        if setup.tls { lines.append("tls-replication yes") }
        let common = lines
        let master = try await RedisTestServer.start { Self.set(&$0, setup, common) }
        var servers = [master]
        for _ in 0..<2 {
            let replication = common + ["replicaof 127.0.0.1 \(master.port)"]
            servers.append(
                try await RedisTestServer.start {
                    Self.set(&$0, setup, replication)
                    $0.certificates = master.certificates
                })
        }
        for replica in servers.dropFirst() {
            let isInStep = try await poll(for: .seconds(30)) {
                let info = try await replica.send("INFO", "replication", credentials: setup.credentials).string
                return info?.contains("master_link_status:up") == true
            }
            guard isInStep else { throw TestServerError("A replica did not synchronize with its master.") }
        }
        var sentinels: [RedisTestServer] = []
        for _ in 0..<3 {
            let certificates = master.certificates
            let sentinel = try await RedisTestServer.start { options in
                options.isSentinel = true
                options.extra = Self.sentinelLines(setup, master: master.port)
                if setup.tls {
                    options.tls = true
                    options.certificates = certificates
                    options.extra.append("tls-replication yes")
                }
            }
            sentinels.append(sentinel)
        }
        let all = RedisTestSentinels(servers, sentinels, setup)
        try await all.waitUntilAllKnowEachOther()
        return all
    }

    private static func set(_ server: inout RedisTestServer.Options, _ options: Options, _ lines: [String]) {
        server.extra = lines
        server.appendOnly = options.appendOnly
        server.tls = options.tls
        guard let credentials = options.credentials else { return }
        if let username = credentials.username {
            server.acl = ["user default off", "user \(username) on >\(credentials.password) ~* &* +@all"]
        } else {
            server.password = credentials.password
        }
    }

    private static func sentinelLines(_ options: Options, master: Int) -> [String] {
        let name = options.masterName
        var lines = [
            "sentinel monitor \(name) 127.0.0.1 \(master) 2",
            "sentinel down-after-milliseconds \(name) \(options.downAfter)",
            "sentinel failover-timeout \(name) 6000",
            "sentinel parallel-syncs \(name) 2",
        ]
        if let credentials = options.credentials {
            if let username = credentials.username { lines.append("sentinel auth-user \(name) \(username)") }
            lines.append("sentinel auth-pass \(name) \(credentials.password)")
        }
        if let password = options.sentinelPassword {
            lines += ["requirepass \(password)", "sentinel sentinel-pass \(password)"]
        }
        return lines
    }

    private init(_ servers: [RedisTestServer], _ sentinels: [RedisTestServer], _ options: Options) {
        self.servers = servers
        self.sentinels = sentinels
        self.options = options
    }

    private var sentinelCredentials: RedisCredentials? {
        options.sentinelPassword.map { RedisCredentials(password: $0) }
    }

    private func waitUntilAllKnowEachOther() async throws {
        for sentinel in sentinels {
            let knowsAll = try await poll(for: .seconds(40), every: .milliseconds(100)) {
                let master = try await sentinel.send(
                    "SENTINEL", "MASTER", options.masterName, credentials: sentinelCredentials)
                return master["num-other-sentinels"]?.int == sentinels.count - 1
                    && master["num-slaves"]?.int == servers.count - 1
            }
            guard knowsAll else { throw TestServerError("The Sentinels did not discover each other and the replicas.") }
        }
    }

    /// The Sentinel URL for clients.
    public var url: String {
        let user = options.credentials.map { "\($0.username ?? ""):\($0.password)@" } ?? ""
        let hosts = sentinels.map { "127.0.0.1:\($0.port)" }.joined(separator: ",")
        var url = "redis\(options.tls ? "s" : "")+sentinel://\(user)\(hosts)/\(options.masterName)/0"
        var query: [String] = []
        if let password = options.sentinelPassword { query.append("sentinel_password=\(password)") }
        if let certificates = servers[0].certificates { query.append("tls_ca=\(certificates.authority)") }
        if !query.isEmpty { url += "?" + query.joined(separator: "&") }
        return url
    }

    /// Returns the server that the Sentinels report as master.
    public func master() async throws -> RedisTestServer? {
        for sentinel in sentinels where sentinel.isRunning {
            let reply = try? await sentinel.send(
                "SENTINEL", "GET-MASTER-ADDR-BY-NAME", options.masterName, credentials: sentinelCredentials)
            if let port = reply?.array?.last?.int { return servers.first { $0.port == port } }
        }
        return nil
    }

    /// Waits until another server is the master and has that role.
    /// - Returns: The new master.
    @discardableResult
    public func waitForFailover(from old: RedisTestServer) async throws -> RedisTestServer {
        var found: RedisTestServer?
        let isDone = try await poll(for: .seconds(60), every: .milliseconds(20)) {
            guard let master = try await self.master(), master !== old else { return false }
            found = master
            return await master.role(credentials: options.credentials) == "master"
        }
        guard isDone, let found else { throw TestServerError("The Sentinels did not promote a replica.") }
        return found
    }

    /// Waits until a server is a replica that is synchronized with the master.
    public func waitUntilReplica(_ server: RedisTestServer) async throws {
        let isReplica = try await poll(for: .seconds(60), every: .milliseconds(100)) {
            let info = try? await server.send("INFO", "replication", credentials: options.credentials).string
            return info?.contains("role:slave") == true && info?.contains("master_link_status:up") == true
        }
        guard isReplica else { throw TestServerError("The old master did not become a replica.") }
    }

    /// Ends all processes.
    public func stop() {
        for server in sentinels + servers { server.stop() }
    }
}
