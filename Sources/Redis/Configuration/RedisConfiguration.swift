// SPDX-License-Identifier: Apache-2.0

public import Logging
public import Metrics
public import NIOCore
public import Tracing

/// The servers and options of a ``RedisClient``.
///
/// ```swift
/// var configuration = try RedisConfiguration(url: "rediss://worker:secret@redis.example.com:6380/1")
/// configuration.clientName = "worker-7"
/// configuration.pool.maxConnections = 4
/// ```
///
/// Descriptions and reflections of a configuration never contain a password.
public struct RedisConfiguration: Sendable {
    /// The address of the server. Defaults to `localhost`, port 6379.
    ///
    /// Behind Sentinel and on a cluster this is the first listed address, and ``deployment`` determines the servers.
    public var address: RedisAddress
    /// The kind of deployment: one server, a master behind Sentinel, or a cluster. Defaults to one server.
    public var deployment: RedisDeployment = .standalone
    /// A Boolean value that indicates whether commands that only read are sent to replicas, if some are available.
    /// Defaults to `false`.
    ///
    /// Replicas may return slightly outdated data: a value that was written just now may be missing.
    /// ``RedisCommand/onMaster`` exempts a command.
    public var readsFromReplicas = false
    /// The user name and password. Defaults to `nil`.
    public var credentials: RedisCredentials?
    /// The number of the logical database. Defaults to 0.
    public var database: Int
    /// The name of the connections, as shown by `CLIENT LIST`. Must not contain spaces or line breaks. Defaults to
    /// `nil`.
    public var clientName: String?
    /// The encryption of the connections. If `nil`, which is the default, connections are not encrypted.
    public var tls: RedisTLSConfiguration?
    /// The version of the protocol. Defaults to ``ProtocolVersion/automatic``.
    public var protocolVersion: ProtocolVersion = .automatic

    /// The time limit for one attempt to connect: name resolution, TCP, TLS and authentication together. Defaults to 5
    /// seconds.
    public var connectTimeout: Duration = .seconds(5)
    /// The time limit for a command that has no ``RedisCommand/timeout``, including the wait for a connection, all
    /// attempts and retries. Defaults to 5 seconds.
    ///
    /// A connection that delivers no bytes for this long while a command waits for its reply is considered dead and is
    /// closed.
    public var commandTimeout: Duration = .seconds(5)

    /// The options of the connection pool of each server.
    public var pool = RedisPoolConfiguration()
    /// The options of subscriptions.
    public var pubSub = RedisPubSubConfiguration()
    /// The limits for data received from the server.
    public var limits = RESPLimits()

    /// The logger. Defaults to a logger with the label `RedisClient`.
    public var logger = Logger(label: "RedisClient")
    /// The metrics factory. If `nil`, the factory with which `MetricsSystem` was bootstrapped when the client is
    /// created.
    public var metricsFactory: (any MetricsFactory)?
    /// The tracer. If `nil`, the tracer with which `InstrumentationSystem` was bootstrapped when the client is created.
    /// Without a tracer, tracing has no overhead.
    public var tracer: (any Tracer)?
    /// The event loops. If `nil`, NIO's process-wide group is used.
    public var eventLoopGroup: (any EventLoopGroup)?

    /// Creates a configuration for one server.
    ///
    /// - Parameters:
    ///   - host: The host name or IP address. Defaults to `localhost`.
    ///   - port: The port. Defaults to 6379.
    ///   - database: The number of the logical database. Defaults to 0.
    ///   - username: The user name. Ignored without a password.
    ///   - password: The password. If `nil`, the client does not authenticate.
    ///   - tls: The encryption. If `nil`, connections are not encrypted.
    ///   - clientName: The name of the connections.
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

    /// Creates a configuration for one server with an address of any kind.
    ///
    /// - Parameters:
    ///   - address: The address.
    ///   - credentials: The user name and password.
    ///   - database: The number of the logical database. Defaults to 0.
    ///   - tls: The encryption. If `nil`, connections are not encrypted.
    ///   - clientName: The name of the connections.
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

    /// Creates a configuration for a master monitored by Sentinels.
    /// - Parameters:
    ///   - sentinels: The Sentinels, and the name of the master in their configuration.
    ///   - credentials: The user name and password of the master and its replicas.
    ///   - database: The number of the logical database.
    ///   - tls: The encryption of the connections to the master and its replicas.
    ///   - clientName: The name of the connections.
    public init(
        sentinels: RedisSentinelConfiguration, credentials: RedisCredentials? = nil, database: Int = 0,
        tls: RedisTLSConfiguration? = nil, clientName: String? = nil
    ) {
        self.init(
            address: sentinels.sentinels.first ?? .tcp(host: "localhost", port: RedisSentinelConfiguration.defaultPort),
            credentials: credentials, database: database, tls: tls, clientName: clientName)
        deployment = .sentinel(sentinels)
    }

    /// Creates a configuration for a Redis Cluster.
    /// - Parameters:
    ///   - cluster: Some nodes of the cluster.
    ///   - credentials: The user name and password of all nodes.
    ///   - tls: The encryption of the connections to all nodes.
    ///   - clientName: The name of the connections.
    public init(
        cluster: RedisClusterConfiguration, credentials: RedisCredentials? = nil, tls: RedisTLSConfiguration? = nil,
        clientName: String? = nil
    ) {
        self.init(
            address: cluster.nodes.first ?? .tcp(host: "localhost", port: RedisAddress.defaultPort),
            credentials: credentials, tls: tls, clientName: clientName)
        deployment = .cluster(cluster)
    }

    /// A choice of the protocol version.
    public enum ProtocolVersion: Hashable, Sendable {
        /// RESP3, or RESP2 if the server does not support RESP3.
        case automatic
        /// RESP2 only.
        case resp2
        /// RESP3 only: connecting to a server that does not support it fails.
        case resp3
    }

    /// Checks the options that can be checked without a server. ``RedisClient/init(_:)`` calls it.
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
    /// The URL of the configuration, without the password.
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

    /// The contents of ``description``, so that reflection does not reveal secrets.
    public var customMirror: Mirror { Mirror(self, children: ["url": description]) }
}

/// The address of a server.
public enum RedisAddress: Hashable, Sendable, CustomStringConvertible {
    /// A host name or IP address (an IPv6 address without brackets) and a port.
    case tcp(host: String, port: Int)
    /// The path of a Unix domain socket.
    case unixSocket(path: String)

    /// The default port of Redis, 6379.
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
            // The size of `sun_path` on Linux, without the terminating zero.
            guard path.utf8.count <= 107 else {
                throw RedisError(
                    .invalidConfiguration,
                    "The path of the Unix socket has \(path.utf8.count) bytes; the system allows 107."
                )
            }
        }
    }
}

/// A user name and a password. Its description contains neither the password nor its length.
public struct RedisCredentials: Hashable, Sendable, CustomStringConvertible, CustomReflectable {
    /// The ACL user. If `nil`, the user `default`.
    public var username: String?
    /// The password.
    public var password: String

    /// Creates credentials.
    ///
    /// - Parameters:
    ///   - username: The ACL user. If `nil`, the user `default`.
    ///   - password: The password.
    public init(username: String? = nil, password: String) {
        self.username = username
        self.password = password
    }

    /// The user name, with asterisks in place of the password.
    public var description: String { "\(username ?? ""):***" }

    /// The contents of ``description``, so that reflection does not reveal secrets.
    public var customMirror: Mirror { Mirror(self, children: ["username": username as Any]) }
}
