// SPDX-License-Identifier: Apache-2.0

import ACPTestSupport
import Testing

@Suite("Inputs of the fuzzer for Redis URLs")
struct RedisURLCorpusTests {
    @Test("Errors and descriptions contain no password")
    func replay() throws {
        for input in try FuzzInput.corpus("RedisURL") {
            for position in 0..<UInt8(64) {
                #expect(throws: Never.self, "\(input)") { try checkRedisURL([position] + input.bytes.dropFirst()) }
            }
        }
    }
}
