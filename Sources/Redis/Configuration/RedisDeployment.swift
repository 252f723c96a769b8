// SPDX-License-Identifier: Apache-2.0

/// The arrangement of the servers that a client uses.
public enum RedisDeployment: Hashable, Sendable {
    /// One server, at ``RedisConfiguration/address``.
    case standalone
    /// A master with replicas, monitored by Sentinels. The client queries the Sentinels for the master and follows
    /// failovers.
    case sentinel(RedisSentinelConfiguration)
    /// A Redis Cluster, where keys are distributed over several masters.
    case cluster(RedisClusterConfiguration)
}

/// The Sentinels and the name of the master that they monitor.
///
/// The credentials, database and TLS options of ``RedisConfiguration`` apply to the master and its replicas. The
/// Sentinels have their own, or none.
public struct RedisSentinelConfiguration: Hashable, Sendable {
    /// The addresses of the Sentinels. One reachable Sentinel is sufficient; list all of them.
    public var sentinels: [RedisAddress]
    /// The name of the master, from `sentinel monitor` in the configuration of the Sentinels.
    public var masterName: String
    /// The user name and password for the Sentinels. Defaults to `nil`.
    public var credentials: RedisCredentials?
    /// The encryption of the connections to the Sentinels. If `nil`, which is the default, they are not encrypted.
    public var tls: RedisTLSConfiguration?
    /// How often the Sentinels are queried when nothing has happened. Defaults to 30 seconds.
    ///
    /// After failures they are queried immediately, and they announce failovers.
    public var refreshInterval: Duration = .seconds(30)

    /// The default port of Sentinels, 26379.
    public static let defaultPort = 26379

    /// Creates a configuration.
    ///
    /// - Parameters:
    ///   - sentinels: The addresses of the Sentinels.
    ///   - masterName: The name of the master in the configuration of the Sentinels.
    ///   - credentials: The user name and password for the Sentinels.
    ///   - tls: The encryption of the connections to the Sentinels.
    public init(
        sentinels: [RedisAddress], masterName: String, credentials: RedisCredentials? = nil,
        tls: RedisTLSConfiguration? = nil
    ) {
        self.sentinels = sentinels
        self.masterName = masterName
        self.credentials = credentials
        self.tls = tls
    }

    func validate() throws {
        guard !sentinels.isEmpty else {
            throw RedisError(.invalidConfiguration, "No Sentinel is listed: list at least one, preferably all of them.")
        }
        for address in sentinels { try address.validate() }
        guard !masterName.isEmpty else {
            throw RedisError(
                .invalidConfiguration,
                "The name of the master is empty: use the name of \"sentinel monitor\" in the Sentinels' configuration."
            )
        }
        guard refreshInterval > .zero else {
            throw RedisError(.invalidConfiguration, "The refresh interval of the Sentinels must be longer than zero.")
        }
    }
}

/// The nodes through which a client discovers a Redis Cluster.
public struct RedisClusterConfiguration: Hashable, Sendable {
    /// The addresses of some nodes. One reachable node is sufficient: the others are discovered through it.
    public var nodes: [RedisAddress]
    /// How often the slot map is read when nothing has happened. After failures and redirections it is read
    /// immediately. Defaults to 30 seconds.
    public var refreshInterval: Duration = .seconds(30)

    /// Creates a configuration.
    ///
    /// - Parameter nodes: The addresses of some nodes.
    public init(nodes: [RedisAddress]) {
        self.nodes = nodes
    }

    func validate() throws {
        guard !nodes.isEmpty else {
            throw RedisError(
                .invalidConfiguration, "No node of the cluster is listed: list at least one, preferably several.")
        }
        for address in nodes { try address.validate() }
        guard refreshInterval > .zero else {
            throw RedisError(.invalidConfiguration, "The refresh interval of the cluster must be longer than zero.")
        }
    }
}

extension RedisDeployment {
    func validate(database: Int) throws {
        switch self {
        case .standalone:
            break
        case .sentinel(let sentinel):
            try sentinel.validate()
        case .cluster(let cluster):
            try cluster.validate()
            guard database == 0 else {
                throw RedisError(
                    .invalidConfiguration,
                    "The database is \(database); a Redis Cluster supports database 0 only. Separate keys by a prefix."
                )
            }
        }
    }
}
