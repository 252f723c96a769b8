// SPDX-License-Identifier: Apache-2.0

import Foundation

extension RedisConfiguration {
    /// Makes a configuration from a URL.
    ///
    /// - `redis://[user:password@]host[:port][/db]`
    /// - `rediss://…`, the same over TLS
    /// - `unix://[user:password@]/path/to/redis.sock[?db=0]`
    ///
    /// User name, password and path may be percent-encoded; `redis://:password@host` has a password only. Options
    /// may follow: `db`, `client_name`, `protocol` (2 or 3), and with TLS `tls_ca`, `tls_cert`, `tls_key` (paths of PEM
    /// files), `tls_server_name` and `tls_verify` (`full`, `ca` or `none`).
    ///
    /// - Throws: ``RedisError`` with the code `invalidConfiguration`. Its message never contains the URL's password.
    public init(url: String) throws {
        try self.init(parsed: RedisURL(url))
    }

    /// Reads the environment variable `REDIS_URL`; without it, the configuration is that of `redis://localhost:6379`.
    /// - Throws: ``RedisError`` with the code `invalidConfiguration`.
    public static func fromEnvironment(
        _ environment: [String: String] = ProcessInfo.processInfo.environment
    ) throws -> RedisConfiguration {
        guard let url = environment["REDIS_URL"], !url.isEmpty else { return RedisConfiguration() }
        return try RedisConfiguration(url: url)
    }

    private init(parsed url: RedisURL) throws {
        switch url.scheme {
        case "redis", "rediss":
            let (host, port) = try url.hostAndPort()
            self.init(address: .tcp(host: host, port: port))
            let path = url.path.drop { $0 == "/" }
            if !path.isEmpty { self.database = try RedisURL.database(String(path)) }
            if url.scheme == "rediss" { self.tls = RedisTLSConfiguration() }
        case "unix", "redis+unix":
            guard url.authority.isEmpty, url.path.hasPrefix("/") else {
                throw RedisURL.error("a Unix socket needs an absolute path, as in unix:///run/redis/redis.sock")
            }
            self.init(address: .unixSocket(path: try RedisURL.decode(url.path, "path")))
        case "redis+sentinel", "redis+cluster", "rediss+sentinel", "rediss+cluster":
            throw RedisURL.error(
                "the scheme \(url.scheme):// is not supported yet; use redis://, rediss:// or unix://")
        default:
            throw RedisURL.error(
                "the scheme \"\(url.scheme)\" is not known; the accepted ones are redis://, rediss:// and unix://")
        }
        self.credentials = url.credentials
        for (name, value) in url.options { try self.apply(option: name, value) }
        try self.validate()
    }

    private mutating func apply(option name: String, _ value: String) throws {
        if name.hasPrefix("tls_"), self.tls == nil {
            throw RedisURL.error("the option \(name) needs TLS: use the scheme rediss://")
        }
        switch name {
        case "db": self.database = try RedisURL.database(value)
        case "client_name": self.clientName = value
        case "protocol":
            switch value {
            case "2": self.protocolVersion = .resp2
            case "3": self.protocolVersion = .resp3
            default: throw RedisURL.error("the option protocol must be 2 or 3")
            }
        case "tls_ca": self.tls?.certificateAuthorities = .file(value)
        case "tls_cert": self.tls?.clientCertificate = .file(value)
        case "tls_key": self.tls?.privateKey = .file(value)
        case "tls_server_name": self.tls?.serverName = value
        case "tls_verify":
            switch value {
            case "full": self.tls?.verification = .full
            case "ca": self.tls?.verification = .withoutHostname
            case "none": self.tls?.verification = .none
            default: throw RedisURL.error("the option tls_verify must be full, ca or none")
            }
        default:
            throw RedisURL.error(
                "the option \"\(name)\" is not known; the accepted ones are db, client_name, protocol, tls_ca, "
                    + "tls_cert, tls_key, tls_server_name and tls_verify"
            )
        }
    }
}

/// The parts of a URL. Foundation's URL types reject passwords that are not percent-encoded and accept much that makes
/// no sense here, so that a mistake would show only as a failure to connect.
private struct RedisURL {
    let scheme: String
    let credentials: RedisCredentials?
    let authority: String
    let path: String
    let options: [(String, String)]

    init(_ text: String) throws {
        guard let separator = text.range(of: "://") else {
            throw Self.error(
                "it has no scheme; write for example redis://localhost:6379, rediss://… or unix:///path.sock")
        }
        self.scheme = text[..<separator.lowerBound].lowercased()
        var rest = text[separator.upperBound...]
        // The last @ of the authority ends the credentials, so that one in a password does no harm.
        let end = rest.prefix { $0 != "/" && $0 != "?" }.lastIndex(of: "@")
        if let end {
            self.credentials = try Self.credentials(rest[..<end])
            rest = rest[rest.index(after: end)...]
        } else {
            self.credentials = nil
        }
        var options: [(String, String)] = []
        if let query = rest.firstIndex(of: "?") {
            for option in rest[rest.index(after: query)...].split(separator: "&") {
                let pair = option.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
                guard pair.count == 2 else { throw Self.error("an option has no value") }
                options.append((String(pair[0]), try Self.decode(String(pair[1]), "option \(pair[0])")))
            }
            rest = rest[..<query]
        }
        self.options = options
        let slash = rest.firstIndex(of: "/") ?? rest.endIndex
        self.authority = String(rest[..<slash])
        self.path = String(rest[slash...])
    }

    static func error(_ problem: String) -> RedisError {
        RedisError(.invalidConfiguration, "The Redis URL is not valid: \(problem).")
    }

    static func decode(_ text: String, _ what: String) throws -> String {
        guard let decoded = text.removingPercentEncoding else {
            throw Self.error("the percent-encoding of the \(what) is broken")
        }
        return decoded
    }

    static func database(_ text: String) throws -> Int {
        guard let database = Int(text), database >= 0 else {
            throw Self.error("the database must be a number, as in redis://host:6379/0")
        }
        return database
    }

    private static func credentials(_ text: Substring) throws -> RedisCredentials? {
        if text.isEmpty { return nil }
        guard let colon = text.firstIndex(of: ":") else {
            throw Self.error(
                "there is a user name without a password; for a password without a user name write redis://:password@…")
        }
        let username = try Self.decode(String(text[..<colon]), "user name")
        let password = try Self.decode(String(text[text.index(after: colon)...]), "password")
        if password.isEmpty, username.isEmpty { return nil }
        return RedisCredentials(username: username.isEmpty ? nil : username, password: password)
    }

    func hostAndPort() throws -> (String, Int) {
        let host: Substring
        let rest: Substring
        if self.authority.hasPrefix("[") {
            guard let bracket = self.authority.firstIndex(of: "]") else {
                throw Self.error("the IPv6 address has no closing bracket")
            }
            host = self.authority[..<bracket].dropFirst()
            rest = self.authority[bracket...].dropFirst()
        } else {
            let colon = self.authority.firstIndex(of: ":") ?? self.authority.endIndex
            host = self.authority[..<colon]
            rest = self.authority[colon...]
            guard rest.dropFirst().firstIndex(of: ":") == nil else {
                throw Self.error("an IPv6 address must stand in brackets, as in redis://[::1]:6379")
            }
        }
        if host.contains(",") {
            throw Self.error("it lists several hosts; redis:// and rediss:// take one")
        }
        if rest.isEmpty { return (host.isEmpty ? "localhost" : String(host), RedisAddress.defaultPort) }
        guard rest.hasPrefix(":"), let port = Int(rest.dropFirst()), (1...65535).contains(port) else {
            throw Self.error(
                "the port must be a number between 1 and 65535 (a / or ? in a password has to be percent-encoded)")
        }
        return (host.isEmpty ? "localhost" : String(host), port)
    }
}
