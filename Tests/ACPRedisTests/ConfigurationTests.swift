// SPDX-License-Identifier: Apache-2.0

import ACPStorage
import Redis
import Testing

@testable import ACPRedis

@Suite("Configuration of the Redis storage")
struct ConfigurationTests {
    /// One invalid value.
    struct Fault: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let words: String
        var isOfClient = false
        let apply: @Sendable (inout RedisStorage.Configuration) -> Void
    }

    static let faults: [Fault] = [
        Fault(testDescription: "empty prefix", words: "prefix is empty") { $0.prefix = "" },
        Fault(testDescription: "no time to live", words: "time to live is 0") { $0.timeToLive = .zero },
        Fault(testDescription: "less than a millisecond", words: "a millisecond") {
            $0.timeToLive = .microseconds(999)
        },
        Fault(testDescription: "more than 100 years", words: "100 years") { $0.timeToLive = .seconds(1 << 40) },
        Fault(testDescription: "negative database", words: "database is -1", isOfClient: true) {
            $0.redis.database = -1
        },
        Fault(testDescription: "empty pool", words: "pool", isOfClient: true) { $0.redis.pool.maxConnections = 0 },
    ]

    @Test("An invalid value is reported by its name, by validation and by the initializer", arguments: faults)
    func invalid(_ fault: Fault) throws {
        var changed = RedisStorage.Configuration()
        fault.apply(&changed)
        let configuration = changed
        let checks: [() throws -> Void] = [{ try configuration.validate() }, { _ = try RedisStorage(configuration) }]
        for check in checks {
            let error = try #require(throws: StorageError.self) { try check() }
            #expect(error.code == .invalidConfiguration)
            #expect(error.message.contains(fault.words), "\(error)")
            #expect((error.cause is RedisError) == fault.isOfClient, "\(error)")
        }
    }

    @Test("A URL that cannot be read is reported without its password, with the client's error as the cause")
    func invalidURL() throws {
        let error = try #require(throws: StorageError.self) { try RedisStorage(url: "http://worker:s3cret@localhost") }
        #expect(error.code == .invalidConfiguration)
        #expect((error.cause as? RedisError)?.code == .invalidConfiguration)
        #expect(!"\(error)".contains("s3cret"))
    }

    @Test("A certificate that cannot be read is reported, with the client's error as the cause")
    func missingCertificate() throws {
        let error = try #require(throws: StorageError.self) {
            try RedisStorage(url: "rediss://localhost?tls_ca=/nowhere/ca.pem")
        }
        #expect(error.code == .invalidConfiguration)
        #expect(error.cause is RedisError)
    }

    @Test("The initializers for a URL and for an existing client follow the same rule")
    func otherInitializers() async throws {
        let client = try RedisClient(RedisConfiguration())
        let initializers: [() throws -> RedisStorage] = [
            { try RedisStorage(url: "redis://localhost", prefix: "") },
            { try RedisStorage(url: "redis://localhost", timeToLive: .zero) },
            { try RedisStorage(client: client, prefix: "") },
            { try RedisStorage(client: client, timeToLive: .seconds(1 << 40)) },
        ]
        for create in initializers {
            let error = try #require(throws: StorageError.self) { _ = try create() }
            #expect(error.code == .invalidConfiguration)
            #expect(error.cause == nil)
        }
        await client.close()
    }

    @Test("The defaults are a day, the prefix acp: and a server on this machine")
    func defaults() throws {
        let configuration = RedisStorage.Configuration()
        #expect(configuration.timeToLive == .seconds(86_400))
        #expect(configuration.prefix == "acp:")
        #expect(configuration.redis.address == .tcp(host: "localhost", port: 6379))
        let storage = try RedisStorage(configuration)
        #expect(storage.timeToLive == .seconds(86_400))
        #expect(storage.prefix == "acp:")
    }
}
