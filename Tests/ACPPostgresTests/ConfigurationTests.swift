// SPDX-License-Identifier: Apache-2.0

import ACPPostgres
import ACPStorage
import Testing

@Suite("Configuration of the PostgreSQL storage")
struct ConfigurationTests {
    /// One invalid value.
    struct Fault: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let words: String
        let apply: @Sendable (inout PostgresStorage.Configuration) -> Void
    }

    static let faults: [Fault] = [
        Fault(testDescription: "URL", words: "URL cannot be read") { $0.url = "http://a:s3cret@host" },
        Fault(testDescription: "own parameter", words: "must be yes or no") {
            $0.url = "postgres://a:s3cret@h/x?startup_options=perhaps"
        },
        Fault(testDescription: "no connections", words: "connections is 0") { $0.maximumConnections = 0 },
        Fault(testDescription: "pool timeout", words: "pool timeout is 0") { $0.poolTimeout = .zero },
        Fault(testDescription: "connect timeout", words: "between 2.0 seconds") { $0.connectTimeout = .seconds(1) },
        Fault(testDescription: "statement timeout", words: "statement timeout is") { $0.statementTimeout = .zero },
        Fault(testDescription: "endless statement timeout", words: "statement timeout is") {
            $0.statementTimeout = .seconds(1 << 40)
        },
        Fault(testDescription: "backoff", words: "backoff is -1") { $0.maximumBackoff = .seconds(-1) },
    ]

    @Test("An invalid value is reported by its name, by validation and by the initializer", arguments: faults)
    func invalid(_ fault: Fault) throws {
        var configuration = PostgresStorage.Configuration()
        fault.apply(&configuration)
        let checks: [() throws -> Void] = [
            { try configuration.validate() }, { _ = try PostgresStorage(configuration) },
        ]
        for check in checks {
            let error = try #require(throws: StorageError.self) { try check() }
            #expect(error.code == .invalidConfiguration)
            #expect(error.message.contains(fault.words), "\(error)")
            #expect(!"\(error)".contains("s3cret"))
        }
    }
}
