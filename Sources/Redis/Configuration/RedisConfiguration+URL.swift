// SPDX-License-Identifier: Apache-2.0

import Foundation

extension RedisConfiguration {
    /// Creates a configuration from a URL.
    ///
    /// - `redis://[user:password@]host[:port][/db]`
    /// - `rediss://…`, with TLS
    /// - `unix://[user:password@]/path/to/redis.sock[?db=0]`
    /// - `redis+sentinel://[user:password@]host[:port],host[:port],…/master-name[/db]`, and `rediss+sentinel://…` with
    ///   TLS to the Sentinels and the servers
    /// - `redis+cluster://[user:password@]host[:port],host[:port],…`, and `rediss+cluster://…` with TLS
    ///
    /// User name, password and path may be percent-encoded; `redis://:password@host` has a password only. These options
    /// are accepted as query parameters: `db`, `client_name`, `protocol` (2 or 3); with TLS `tls_ca`, `tls_cert`,
    /// `tls_key` (paths of PEM files), `tls_server_name` and `tls_verify` (`full`, `ca` or `none`); behind Sentinel and
    /// on a cluster `read_from=replicas`. Sentinels have their own credentials and encryption: `sentinel_username`,
    /// `sentinel_password`, and `sentinel_tls` (`yes` or `no`; defaults to the encryption of the scheme).
    ///
    /// ```swift
    /// let configuration = try RedisConfiguration(
    ///     url: "rediss+sentinel://app:secret@s1.example,s2.example,s3.example/mymaster?read_from=replicas")
    /// ```
    ///
    /// - Parameter url: The URL.
    /// - Throws: ``RedisError`` with the code `invalidConfiguration`. Its message never contains the password.
    public init(url: String) throws {
        try self.init(parsed: RedisURL(url))
    }

    /// Returns the configuration in the environment variable `REDIS_URL`.
    ///
    /// Surrounding white space is ignored. If the variable is not set or is empty, the configuration is that of
    /// `redis://localhost:6379`.
    ///
    /// - Parameter environment: The environment. Defaults to that of the process.
    /// - Throws: ``RedisError`` with the code `invalidConfiguration`.
    public static func fromEnvironment(
        _ environment: [String: String] = ProcessInfo.processInfo.environment
    ) throws -> RedisConfiguration {
        guard let url = environment["REDIS_URL"], url.contains(where: { !$0.isWhitespace }) else {
            return RedisConfiguration()
        }
        return try RedisConfiguration(url: url)
    }

    private init(parsed url: RedisURL) throws {
        switch url.scheme {
        case "redis", "rediss":
            let (host, port) = try url.hostAndPort()
            self.init(address: .tcp(host: host, port: port))
            let path = url.path.drop { $0 == "/" }
            if !path.isEmpty { database = try RedisURL.database(String(path)) }
            if url.scheme == "rediss" { tls = RedisTLSConfiguration() }
        case "unix", "redis+unix":
            guard url.authority.isEmpty, url.path.hasPrefix("/") else {
                throw RedisURL.error("a Unix socket requires an absolute path, as in unix:///run/redis/redis.sock")
            }
            self.init(address: .unixSocket(path: try RedisURL.decode(url.path, "path")))
        case "redis+sentinel", "rediss+sentinel":
            try self.init(sentinel: url)
        case "redis+cluster", "rediss+cluster":
            try self.init(cluster: url)
        default:
            throw RedisURL.error(
                "the scheme \"\(url.scheme)\" is unknown; use one of redis://, rediss://, unix://, "
                    + "redis+sentinel:// and redis+cluster:// (rediss+… for TLS)")
        }
        credentials = url.credentials
        // The encryption of the connections determines how other options are interpreted.
        for (name, value) in url.options where name == "sentinel_tls" { try apply(option: name, value) }
        for (name, value) in url.options where name != "sentinel_tls" { try apply(option: name, value) }
        try validate()
    }

    private init(sentinel url: RedisURL) throws {
        let path = url.path.split(separator: "/", omittingEmptySubsequences: true)
        guard let name = path.first, path.count <= 2 else {
            throw RedisURL.error(
                "the name of the master must follow the Sentinels, as in \(url.scheme)://host1,host2,host3/mymaster/0"
            )
        }
        // It would be a part of a password, which descriptions would contain.
        guard !name.contains("@") else {
            throw RedisURL.error(
                "the name of the master contains an @ (a / or ? in a password must be percent-encoded)")
        }
        let tls = url.scheme.hasPrefix("rediss") ? RedisTLSConfiguration() : nil
        let sentinels = RedisSentinelConfiguration(
            sentinels: try url.addresses(defaultPort: RedisSentinelConfiguration.defaultPort),
            masterName: try RedisURL.decode(String(name), "name of the master"), tls: tls)
        self.init(
            sentinels: sentinels, database: path.count == 2 ? try RedisURL.database(String(path[1])) : 0, tls: tls)
    }

    private init(cluster url: RedisURL) throws {
        let database = try url.path.drop { $0 == "/" }.isEmpty ? 0 : RedisURL.database(String(url.path.dropFirst()))
        self.init(
            cluster: RedisClusterConfiguration(nodes: try url.addresses(defaultPort: RedisAddress.defaultPort)),
            tls: url.scheme.hasPrefix("rediss") ? RedisTLSConfiguration() : nil)
        self.database = database
    }

    private mutating func apply(option name: String, _ value: String) throws {
        if name.hasPrefix("sentinel_") { return try apply(sentinelOption: name, value) }
        if name == "read_from" { return try apply(readFrom: value) }
        if name.hasPrefix("tls_"), self.tls == nil, self.sentinel?.tls == nil {
            throw RedisURL.error("the option \(name) requires TLS: use the scheme rediss:// (or rediss+…)")
        }
        if name.hasPrefix("tls_"), var sentinel = self.sentinel, var tls = sentinel.tls {
            try tls.apply(option: name, value)
            sentinel.tls = tls
            deployment = .sentinel(sentinel)
        }
        if name.hasPrefix("tls_") {
            try self.tls?.apply(option: name, value)
            return
        }
        switch name {
        case "db": database = try RedisURL.database(value)
        case "client_name": clientName = value
        case "protocol":
            switch value {
            case "2": protocolVersion = .resp2
            case "3": protocolVersion = .resp3
            default: throw RedisURL.error("the option protocol must be 2 or 3")
            }
        default:
            throw RedisURL.error(
                "the option \"\(name)\" is unknown; use one of db, client_name, protocol, read_from, tls_ca, "
                    + "tls_cert, tls_key, tls_server_name, tls_verify, sentinel_username, sentinel_password and "
                    + "sentinel_tls"
            )
        }
    }

    private var sentinel: RedisSentinelConfiguration? {
        if case .sentinel(let sentinel) = deployment { sentinel } else { nil }
    }

    private mutating func apply(sentinelOption name: String, _ value: String) throws {
        guard var sentinel = self.sentinel else {
            throw RedisURL.error("the option \(name) requires the scheme redis+sentinel://")
        }
        switch name {
        case "sentinel_username":
            sentinel.credentials = RedisCredentials(username: value, password: sentinel.credentials?.password ?? "")
        case "sentinel_password":
            sentinel.credentials = RedisCredentials(username: sentinel.credentials?.username, password: value)
        case "sentinel_tls":
            switch value {
            case "yes": sentinel.tls = sentinel.tls ?? RedisTLSConfiguration()
            case "no": sentinel.tls = nil
            default: throw RedisURL.error("the option sentinel_tls must be yes or no")
            }
        default:
            throw RedisURL.error(
                "the option \"\(name)\" is unknown; use one of sentinel_username, sentinel_password and "
                    + "sentinel_tls")
        }
        deployment = .sentinel(sentinel)
    }

    private mutating func apply(readFrom value: String) throws {
        if case .standalone = deployment {
            throw RedisURL.error("the option read_from requires replicas: use redis+sentinel:// or redis+cluster://")
        }
        switch value {
        case "master": readsFromReplicas = false
        case "replicas": readsFromReplicas = true
        default: throw RedisURL.error("the option read_from must be master or replicas")
        }
    }
}

extension RedisTLSConfiguration {
    fileprivate mutating func apply(option name: String, _ value: String) throws {
        switch name {
        case "tls_ca": certificateAuthorities = .file(value)
        case "tls_cert": clientCertificate = .file(value)
        case "tls_key": privateKey = .file(value)
        case "tls_server_name": serverName = value
        case "tls_verify":
            switch value {
            case "full": verification = .full
            case "ca": verification = .withoutHostname
            case "none": verification = .none
            default: throw RedisURL.error("the option tls_verify must be full, ca or none")
            }
        default:
            throw RedisURL.error(
                "the option \"\(name)\" is unknown; use one of tls_ca, tls_cert, tls_key, tls_server_name and "
                    + "tls_verify")
        }
    }
}
