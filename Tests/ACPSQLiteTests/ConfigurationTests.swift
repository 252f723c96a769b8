// SPDX-License-Identifier: Apache-2.0

import ACPSQLite
import ACPStorage
import Foundation
import Testing

@Suite("Configuration of the SQLite storage")
struct ConfigurationTests {
    /// One invalid value.
    struct Fault: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let words: String
        let apply: @Sendable (inout SQLiteStorage.Configuration) -> Void
    }

    static let faults: [Fault] = [
        Fault(testDescription: "empty path", words: "does not name a file") { $0.path = "" },
        Fault(testDescription: "memory", words: "does not name a file") { $0.path = ":memory:" },
        Fault(testDescription: "URL", words: "does not name a file") { $0.path = "file:runs.sqlite" },
        Fault(testDescription: "no time to live", words: "time to live is 0") { $0.timeToLive = .zero },
        Fault(testDescription: "negative time to live", words: "longer than zero") { $0.timeToLive = .seconds(-1) },
        Fault(testDescription: "more than 100 years", words: "100 years") { $0.timeToLive = .seconds(1 << 40) },
        Fault(testDescription: "small file", words: "65536 or more") { $0.maximumSize = 65_535 },
        Fault(testDescription: "no readers", words: "readers is 0") { $0.readers = 0 },
    ]

    @Test("An invalid value is reported by its name, by validation and by the initializer", arguments: faults)
    func invalid(_ fault: Fault) throws {
        let folder = try TemporaryFolder()
        var configuration = SQLiteStorage.Configuration(path: folder.path())
        fault.apply(&configuration)
        let checks: [() throws -> Void] = [{ try configuration.validate() }, { _ = try SQLiteStorage(configuration) }]
        for check in checks {
            let error = try #require(throws: StorageError.self) { try check() }
            #expect(error.code == .invalidConfiguration)
            #expect(error.message.contains(fault.words), "\(error)")
        }
        #expect(!FileManager.default.fileExists(atPath: folder.path()), "nothing is created")
    }
}
