// SPDX-License-Identifier: Apache-2.0

public import Logging
public import Metrics
public import NIOCore
public import Tracing

/// How a ``RedisClient`` finds its servers, and how it behaves.
///
/// ```swift
/// var configuration = try RedisConfiguration(url: "rediss://worker:secret@redis.example.com:6380/1")
/// configuration.clientName = "worker-7"
/// configuration.pool.maxConnections = 4
/// ```
///
/// Nothing that prints a configuration shows a password.
public struct RedisConfiguration: Sendable {
    /// Where the server listens. Behind Sentinel and on a cluster, the first one listed; what counts there is
    /// ``deployment``. Default: `localhost`, port 6379.
    public var address: RedisAddress
    /// Whether there is one server, or several behind Sentinel or in a cluster. Default: one.
    public var deployment: RedisDeployment = .standalone
    /// Commands that only read go to replicas, where there are some that work. What is read there may be a little out
    /// of date: something that was written just now may be missing. ``RedisCommand/onMaster`` exempts a command.
    /// Default: no.
    public var readsFromReplicas = false
    /// User name and password. Default: none.
    public var credentials: RedisCredentials?
    /// The number of the logical database. Default: 0.
    public var database: Int
    /// A name for the connections, shown by `CLIENT LIST`. No spaces or line breaks. Default: none.
    public var clientName: String?
    /// Encryption. Default: none.
    public var tls: RedisTLSConfiguration?
    /// Which protocol version to speak. Default: ``ProtocolVersion/automatic``.
    public var protocolVersion: ProtocolVersion = .automatic

    /// How long one attempt to connect may take: name resolution, TCP, TLS and authentication together.
    /// Default: 5 seconds.
    public var connectTimeout: Duration = .seconds(5)
    /// How long a command may take in all, unless it has a limit of its own: the wait for a connection, attempts and
    /// retries included. A connection on which a command waited for so long, and on which nothing at all was read
    /// meanwhile, is taken for dead and closed. Default: 5 seconds.
    public var commandTimeout: Duration = .seconds(5)

    /// The pool of connections.
    public var pool = RedisPoolConfiguration()
    /// Subscriptions.
    public var pubSub = RedisPubSubConfiguration()
    /// What is accepted from the server.
    public var limits = RESPLimits()

    /// Where events of the connections are logged. Default: a logger named `RedisClient`.
    public var logger = Logger(label: "RedisClient")
    /// Where metrics go. Nil means the factory that `MetricsSystem` was bootstrapped with when the client is made.
    public var metricsFactory: (any MetricsFactory)?
    /// Where spans go. Nil means the tracer that `InstrumentationSystem` was bootstrapped with when the client is made;
    /// without one, spans cost nothing.
    public var tracer: (any Tracer)?
    /// The event loops that do the work. Nil means NIO's process-wide group.
    public var eventLoopGroup: (any EventLoopGroup)?

    /// Makes a configuration from fields.
    public init(
        host: String = "localhost",
        port: Int = RedisAddress.defaultPort,
        database: Int = 0,
        username: String? = nil,
        password: String? = nil,
        tls: RedisTLSConfiguration? = nil,
        clientName: String? = nil
    ) {
        self.init(
            address: .tcp(host: host, port: port),
            credentials: password.map { RedisCredentials(username: username, password: $0) },
            database: database,
            tls: tls,
            clientName: clientName
        )
    }

    /// Makes a configuration for any kind of address.
    public init(
        address: RedisAddress,
        credentials: RedisCredentials? = nil,
        database: Int = 0,
        tls: RedisTLSConfiguration? = nil,
        clientName: String? = nil
    ) {
        self.address = address
        self.credentials = credentials
        self.database = database
        self.tls = tls
        self.clientName = clientName
    }

    /// Makes a configuration for a master that Sentinels watch.
    /// - Parameters:
    ///   - sentinels: The Sentinels, and the name under which they know the master.
    ///   - credentials: User name and password of the master and its replicas.
    ///   - database: The number of the logical database.
    ///   - tls: Encryption of the connections to the master and its replicas.
    public init(
        sentinels: RedisSentinelConfiguration, credentials: RedisCredentials? = nil, database: Int = 0,
        tls: RedisTLSConfiguration? = nil, clientName: String? = nil
    ) {
        self.init(
            address: sentinels.sentinels.first ?? .tcp(host: "localhost", port: RedisSentinelConfiguration.defaultPort),
            credentials: credentials, database: database, tls: tls, clientName: clientName)
        deployment = .sentinel(sentinels)
    }

    /// Makes a configuration for a Redis Cluster.
    /// - Parameters:
    ///   - cluster: Some of its nodes.
    ///   - credentials: User name and password of all nodes.
    ///   - tls: Encryption of the connections to all nodes.
    public init(
        cluster: RedisClusterConfiguration, credentials: RedisCredentials? = nil, tls: RedisTLSConfiguration? = nil,
        clientName: String? = nil
    ) {
        self.init(
            address: cluster.nodes.first ?? .tcp(host: "localhost", port: RedisAddress.defaultPort),
            credentials: credentials, tls: tls, clientName: clientName)
        deployment = .cluster(cluster)
    }

    /// Which version of the protocol to speak.
    public enum ProtocolVersion: Hashable, Sendable {
        /// RESP3, and RESP2 with a server that does not know it.
        case automatic
        /// RESP2 only.
        case resp2
        /// RESP3 only: connecting to a server that does not know it fails.
        case resp3
    }

    /// Checks what can be checked without a server.
    /// - Throws: ``RedisError`` with the code `invalidConfiguration`.
    public func validate() throws {
        func require(_ condition: Bool, _ message: @autoclosure () -> String) throws {
            guard condition else { throw RedisError(.invalidConfiguration, message()) }
        }
        try address.validate()
        try deployment.validate(database: database)
        try require(database >= 0, "The database is \(database); it must be 0 or more.")
        if let clientName {
            try require(
                !clientName.isEmpty && clientName.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F },
                "The client name must consist of printable ASCII characters without spaces."
            )
        }
        try require(connectTimeout > .zero, "The connect timeout must be longer than zero.")
        try require(commandTimeout > .zero, "The command timeout must be longer than zero.")
        try pool.validate()
        try pubSub.validate()
    }
}

extension RedisConfiguration: CustomStringConvertible, CustomReflectable {
    /// The address and the options that have no secrets.
    public var description: String {
        let scheme = tls == nil ? "redis" : "rediss"
        let user = credentials.map { "\($0)@" } ?? ""
        switch deployment {
        case .sentinel(let sentinel):
            let hosts = sentinel.sentinels.map(\.description).joined(separator: ",")
            return "\(scheme)+sentinel://\(user)\(hosts)/\(sentinel.masterName)/\(database)"
        case .cluster(let cluster):
            return "\(scheme)+cluster://\(user)\(cluster.nodes.map(\.description).joined(separator: ","))"
        case .standalone:
            return switch address {
            case .tcp: "\(scheme)://\(user)\(address)/\(database)"
            case .unixSocket: "\(address)?db=\(database)"
            }
        }
    }

    /// Shows no more than ``description`` does.
    public var customMirror: Mirror { Mirror(self, children: ["url": description]) }
}

/// Where a server listens.
public enum RedisAddress: Hashable, Sendable, CustomStringConvertible {
    /// A name or IP address (an IPv6 address without brackets) and a port.
    case tcp(host: String, port: Int)
    /// The path of a Unix domain socket.
    case unixSocket(path: String)

    /// The port of Redis, 6379.
    public static let defaultPort = 6379

    /// `host:port`, or `unix://path`.
    public var description: String {
        switch self {
        case .tcp(let host, let port): host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
        case .unixSocket(let path): "unix://\(path)"
        }
    }

    func validate() throws {
        switch self {
        case .tcp(let host, let port):
            guard !host.isEmpty else { throw RedisError(.invalidConfiguration, "The host is empty.") }
            guard (1...65535).contains(port) else {
                throw RedisError(.invalidConfiguration, "The port is \(port); it must be between 1 and 65535.")
            }
        case .unixSocket(let path):
            guard !path.isEmpty else {
                throw RedisError(.invalidConfiguration, "The path of the Unix socket is empty.")
            }
            // The size of sun_path on Linux, less its terminator.
            guard path.utf8.count <= 107 else {
                throw RedisError(
                    .invalidConfiguration,
                    "The path of the Unix socket has \(path.utf8.count) bytes; the system allows 107."
                )
            }
        }
    }
}

/// A user name and a password. Printing it shows neither the password nor its length.
public struct RedisCredentials: Hashable, Sendable, CustomStringConvertible, CustomReflectable {
    /// The ACL user; nil means the user `default`.
    public var username: String?
    /// The password.
    public var password: String

    /// Makes credentials.
    public init(username: String? = nil, password: String) {
        self.username = username
        self.password = password
    }

    /// The user name, with asterisks in the place of the password.
    public var description: String { "\(username ?? ""):***" }

    /// Shows no more than ``description`` does.
    public var customMirror: Mirror { Mirror(self, children: ["username": username as Any]) }
}
