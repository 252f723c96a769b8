// SPDX-License-Identifier: Apache-2.0

import Foundation

/// The parts of a Redis URL.
///
/// Foundation's URL types reject passwords that are not percent-encoded and accept forms that are invalid here, so that
/// a mistake would only appear as a failure to connect.
struct RedisURL {
    let scheme: String
    let credentials: RedisCredentials?
    let authority: String
    let path: String
    let options: [(String, String)]

    init(_ text: String) throws {
        // A URL read from a file ends with a line break.
        let text = text.trimmingCharacters(in: .whitespacesAndNewlines)
        guard let separator = text.range(of: "://") else {
            throw Self.error(
                "it has no scheme; use, for example, redis://localhost:6379, rediss://… or unix:///path.sock")
        }
        scheme = text[..<separator.lowerBound].lowercased()
        var rest = text[separator.upperBound...]
        // The last `@` of the authority ends the credentials, so that a password may contain one.
        let end = rest.prefix { $0 != "/" && $0 != "?" }.lastIndex(of: "@")
        if let end {
            credentials = try Self.credentials(rest[..<end])
            rest = rest[rest.index(after: end)...]
        } else {
            credentials = nil
        }
        var options: [(String, String)] = []
        if let query = rest.firstIndex(of: "?") {
            // What looks like an option may be a part of a password with a question mark, which no error may contain.
            let mayBePassword = rest[query...].contains("@")
            for option in rest[rest.index(after: query)...].split(separator: "&") {
                let pair = option.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
                guard pair.count == 2 else { throw Self.error("an option has no value") }
                guard !mayBePassword || Self.optionNames.contains(pair[0]) else {
                    throw Self.error("an option is unknown (a / or ? in a password must be percent-encoded)")
                }
                options.append((String(pair[0]), try Self.decode(String(pair[1]), "option \(pair[0])")))
            }
            rest = rest[..<query]
        }
        self.options = options
        let slash = rest.firstIndex(of: "/") ?? rest.endIndex
        authority = String(rest[..<slash])
        path = String(rest[slash...])
    }

    /// The names of all options.
    private static let optionNames: Set<Substring> = [
        "db", "client_name", "protocol", "read_from", "tls_ca", "tls_cert", "tls_key", "tls_server_name", "tls_verify",
        "sentinel_username", "sentinel_password", "sentinel_tls",
    ]

    static func error(_ problem: String) -> RedisError {
        RedisError(.invalidConfiguration, "The Redis URL is not valid: \(problem).")
    }

    static func decode(_ text: String, _ what: String) throws -> String {
        guard let decoded = text.removingPercentEncoding else {
            throw Self.error("the percent-encoding of the \(what) is invalid")
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
                "it has a user name without a password; for a password without a user name, use redis://:password@…")
        }
        let username = try Self.decode(String(text[..<colon]), "user name")
        let password = try Self.decode(String(text[text.index(after: colon)...]), "password")
        if password.isEmpty, username.isEmpty { return nil }
        return RedisCredentials(username: username.isEmpty ? nil : username, password: password)
    }

    /// Returns the host and port of a URL with one server.
    func hostAndPort() throws -> (String, Int) {
        if authority.contains(",") {
            throw Self.error(
                "it lists several hosts; redis:// and rediss:// accept one, redis+sentinel:// and redis+cluster:// several"
            )
        }
        return try Self.hostAndPort(authority, defaultPort: RedisAddress.defaultPort)
    }

    /// Returns the addresses of a URL with several servers.
    func addresses(defaultPort: Int) throws -> [RedisAddress] {
        try authority.split(separator: ",", omittingEmptySubsequences: false).map { part in
            guard !part.isEmpty else {
                throw Self.error("a host is missing: list them as in \(scheme)://host1,host2,host3")
            }
            let (host, port) = try Self.hostAndPort(String(part), defaultPort: defaultPort)
            return .tcp(host: host, port: port)
        }
    }

    private static func hostAndPort(_ authority: String, defaultPort: Int) throws -> (String, Int) {
        let host: Substring
        let rest: Substring
        if authority.hasPrefix("[") {
            guard let bracket = authority.firstIndex(of: "]") else {
                throw Self.error("the IPv6 address has no closing bracket")
            }
            // The percent sign before the zone of an address may be escaped (RFC 6874).
            host = authority[..<bracket].dropFirst().replacing("%25", with: "%")[...]
            rest = authority[bracket...].dropFirst()
        } else {
            let colon = authority.firstIndex(of: ":") ?? authority.endIndex
            host = authority[..<colon]
            rest = authority[colon...]
            guard rest.dropFirst().firstIndex(of: ":") == nil else {
                throw Self.error("an IPv6 address must be in brackets, as in redis://[::1]:6379")
            }
        }
        if rest.isEmpty { return (host.isEmpty ? "localhost" : String(host), defaultPort) }
        guard rest.hasPrefix(":"), let port = Int(rest.dropFirst()), (1...65535).contains(port) else {
            throw Self.error(
                "the port must be a number between 1 and 65535 (a / or ? in a password must be percent-encoded)")
        }
        return (host.isEmpty ? "localhost" : String(host), port)
    }
}
