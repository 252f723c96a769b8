// SPDX-License-Identifier: Apache-2.0

import ACPTestSupport
import Testing

@Suite("Inputs of the fuzzer for PostgreSQL URLs")
struct PostgresURLCorpusTests {
    @Test("Errors and locations contain no password")
    func replay() throws {
        for input in try FuzzInput.corpus("PostgresURL") {
            for position in 0..<UInt8(64) {
                #expect(throws: Never.self, "\(input)") { try checkPostgresURL([position] + input.bytes.dropFirst()) }
            }
        }
    }
}
