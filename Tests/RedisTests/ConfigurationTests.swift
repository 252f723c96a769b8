// SPDX-License-Identifier: Apache-2.0

import Redis
import Testing

@Suite("Configuration")
struct ConfigurationTests {
    struct Example: Sendable, CustomTestStringConvertible {
        var url: String
        var address: RedisAddress
        var credentials: RedisCredentials?
        var database = 0
        var isTLS = false
        var testDescription: String { url }
    }

    static let examples = [
        Example(url: "redis://localhost", address: .tcp(host: "localhost", port: 6379)),
        Example(url: "REDIS://example.com:7000/", address: .tcp(host: "example.com", port: 7000)),
        Example(url: "redis://", address: .tcp(host: "localhost", port: 6379)),
        Example(url: "redis://h/3", address: .tcp(host: "h", port: 6379), database: 3),
        Example(url: "redis://h?db=4", address: .tcp(host: "h", port: 6379), database: 4),
        Example(
            url: "redis://user:pass@h:1", address: .tcp(host: "h", port: 1),
            credentials: .init(username: "user", password: "pass")),
        Example(
            url: "redis://:pass@h", address: .tcp(host: "h", port: 6379), credentials: .init(password: "pass")),
        Example(
            url: "redis://us%65r:p%40ss%2F%3A:@h", address: .tcp(host: "h", port: 6379),
            credentials: .init(username: "user", password: "p@ss/::")),
        Example(
            url: "redis://user:p@ss@h", address: .tcp(host: "h", port: 6379),
            credentials: .init(username: "user", password: "p@ss")),
        Example(url: "rediss://h:1/2", address: .tcp(host: "h", port: 1), database: 2, isTLS: true),
        Example(url: "redis://[::1]:7000", address: .tcp(host: "::1", port: 7000)),
        Example(url: "rediss://[fe80::1]", address: .tcp(host: "fe80::1", port: 6379), isTLS: true),
        Example(url: "redis://[fe80::1%eth0]:7000", address: .tcp(host: "fe80::1%eth0", port: 7000)),
        Example(url: "RediSS://[fe80::1%25eth0]", address: .tcp(host: "fe80::1%eth0", port: 6379), isTLS: true),
        Example(url: " redis://h/3\r\n", address: .tcp(host: "h", port: 6379), database: 3),
        Example(url: "unix:///run/redis.sock", address: .unixSocket(path: "/run/redis.sock")),
        Example(
            url: "unix://:pw@/run/my%20redis.sock?db=2", address: .unixSocket(path: "/run/my redis.sock"),
            credentials: .init(password: "pw"), database: 2),
    ]

    @Test("URLs are parsed", arguments: examples)
    func urls(example: Example) throws {
        let configuration = try RedisConfiguration(url: example.url)
        #expect(configuration.address == example.address)
        #expect(configuration.credentials == example.credentials)
        #expect(configuration.database == example.database)
        #expect((configuration.tls != nil) == example.isTLS)
    }

    @Test("Options of a URL are parsed")
    func options() throws {
        let url = "rediss://h?client_name=w%2D7&protocol=2&tls_ca=/ca.pem&tls_verify=ca&tls_server_name=r"
        let configuration = try RedisConfiguration(url: url)
        #expect(configuration.clientName == "w-7")
        #expect(configuration.protocolVersion == .resp2)
        #expect(configuration.tls?.certificateAuthorities == .file("/ca.pem"))
        #expect(configuration.tls?.verification == .withoutHostname)
        #expect(configuration.tls?.serverName == "r")
    }

    static let mistakes = [
        ("localhost:6379", "redis://"), ("http://h", "redis://, rediss://, unix://"), ("redis://h:x", "port"),
        ("redis://h:70000", "port"), ("redis://h/x", "database"), ("redis://h/-1", "database"),
        ("redis://::1", "brackets"), ("redis://[::1", "bracket"), ("redis://user@h", "redis://:password@"),
        ("redis://h?x=1", "db, client_name"), ("redis://h?tls_ca=/ca", "rediss://"), ("redis://h?db", "value"),
        ("redis://a,b", "several"), ("unix://relative", "absolute"), ("redis://h?protocol=4", "2 or 3"),
        ("redis://u:%zz@h", "percent"), ("redis+cluster://h/1", "database 0"),
        ("redis://h?client_name=a%20b", "client name"), ("redis://u:secret/x@h", "percent-encoded"),
    ]

    @Test("An invalid URL is an error that has the remedy and hides the password", arguments: mistakes)
    func invalid(url: String, remedy: String) {
        do {
            _ = try RedisConfiguration(url: url)
            Issue.record("accepted")
        } catch {
            #expect((error as? RedisError)?.code == .invalidConfiguration)
            #expect("\(error)".contains(remedy), "\(error)")
            #expect(!"\(error)".contains("secret"))
        }
    }

    @Test("REDIS_URL is used, or localhost without it")
    func environment() throws {
        #expect(
            try RedisConfiguration.fromEnvironment(["REDIS_URL": "redis://h:1/2"]).address == .tcp(host: "h", port: 1))
        for environment in [[:], ["REDIS_URL": ""], ["REDIS_URL": " \n"]] {
            let configuration = try RedisConfiguration.fromEnvironment(environment)
            #expect(configuration.address == .tcp(host: "localhost", port: 6379))
        }
    }

    @Test("Descriptions of a configuration contain no password or key")
    func redaction() throws {
        var configuration = try RedisConfiguration(url: "rediss://user:hunter2@h")
        configuration.tls?.privateKey = .text("hunter2")
        var dumped = ""
        dump(configuration, to: &dumped)
        dump(configuration.credentials, to: &dumped)
        dump(configuration.tls, to: &dumped)
        for text in [
            "\(configuration)", String(reflecting: configuration), "\(configuration.credentials as Any)",
            String(reflecting: configuration.credentials), "\(configuration.tls as Any)", dumped,
        ] {
            #expect(!text.contains("hunter2"))
        }
        #expect("\(configuration)" == "rediss://user:***@h:6379/0")
    }

    @Test("Invalid options are refused")
    func validation() {
        let changes: [@Sendable (inout RedisConfiguration) -> Void] = [
            { $0.address = .tcp(host: "", port: 1) }, { $0.address = .tcp(host: "h", port: 0) },
            { $0.address = .unixSocket(path: String(repeating: "x", count: 200)) }, { $0.database = -1 },
            { $0.clientName = "a b" }, { $0.commandTimeout = .zero }, { $0.pool.maxConnections = 0 },
            { $0.pool.minIdleConnections = 9 }, { $0.pubSub.bufferLimit = 0 }, { $0.pool.maxBackoff = .zero },
            { $0.tls = RedisTLSConfiguration(clientCertificate: .text("x")) },
            { $0.tls = RedisTLSConfiguration(certificateAuthorities: .file("/nonexistent")) },
        ]
        for change in changes {
            var configuration = RedisConfiguration()
            change(&configuration)
            #expect(throws: RedisError.self) { try RedisClient(configuration) }
        }
    }
}
