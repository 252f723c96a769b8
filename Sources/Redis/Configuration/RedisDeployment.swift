// SPDX-License-Identifier: Apache-2.0

/// How the servers are set up that a client works with.
public enum RedisDeployment: Hashable, Sendable {
    /// One server, at ``RedisConfiguration/address``.
    case standalone
    /// A master with replicas, watched by Sentinels: the client asks them who is the master, and follows failovers.
    case sentinel(RedisSentinelConfiguration)
    /// A Redis Cluster: the keys are spread over several masters.
    case cluster(RedisClusterConfiguration)
}

/// Which Sentinels to ask, and for whom.
///
/// User name, password, database and TLS of ``RedisConfiguration`` are those of the master and its replicas; the
/// Sentinels have their own, or none.
public struct RedisSentinelConfiguration: Hashable, Sendable {
    /// Where the Sentinels listen. One that is up is enough; all should be listed.
    public var sentinels: [RedisAddress]
    /// The name under which the Sentinels know the master.
    public var masterName: String
    /// User name and password of the Sentinels. Default: none.
    public var credentials: RedisCredentials?
    /// Encryption of the connections to the Sentinels. Default: none.
    public var tls: RedisTLSConfiguration?
    /// How often the Sentinels are asked although nothing happened. They are asked at once when something did, and tell
    /// of failovers by themselves. Default: 30 seconds.
    public var refreshInterval: Duration = .seconds(30)

    /// The port of Sentinels, 26379.
    public static let defaultPort = 26379

    /// Makes a configuration.
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
            throw RedisError(.invalidConfiguration, "No Sentinel is listed: name at least one, better all of them.")
        }
        for address in sentinels { try address.validate() }
        guard !masterName.isEmpty else {
            throw RedisError(
                .invalidConfiguration,
                "The name of the master is empty: use the one of \"sentinel monitor\" in the Sentinels' configuration.")
        }
        guard refreshInterval > .zero else {
            throw RedisError(.invalidConfiguration, "The refresh interval of the Sentinels must be longer than zero.")
        }
    }
}

/// Where to find a Redis Cluster.
public struct RedisClusterConfiguration: Hashable, Sendable {
    /// Some nodes of the cluster. The others are found through them; one that is up is enough.
    public var nodes: [RedisAddress]
    /// How often the slot map is read although nothing happened. It is read at once when something did.
    /// Default: 30 seconds.
    public var refreshInterval: Duration = .seconds(30)

    /// Makes a configuration.
    public init(nodes: [RedisAddress]) {
        self.nodes = nodes
    }

    func validate() throws {
        guard !nodes.isEmpty else {
            throw RedisError(
                .invalidConfiguration, "No node of the cluster is listed: name at least one, better several.")
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
                    "The database is \(database); a Redis Cluster has database 0 only. Use a prefix to keep keys apart."
                )
            }
        }
    }
}
