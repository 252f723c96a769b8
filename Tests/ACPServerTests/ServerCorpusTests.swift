// SPDX-License-Identifier: Apache-2.0

import ACPTestSupport
import Testing

@Suite("Inputs of the fuzzers for connections, tokens and signatures")
struct ServerCorpusTests {
    @Test("Each accepted request has one response, and nothing after an error is a request")
    func connections() throws {
        for input in try FuzzInput.corpus("HTTP") {
            for time in 0..<UInt8(3) {
                for size in [UInt8(0), 1, 2, 6, 31] {
                    #expect(throws: Never.self, "\(input), responses of kind \(time), pieces of \(size + 1)") {
                        try checkConnection([time, size] + input.bytes.dropFirst(2))
                    }
                }
            }
        }
    }

    @Test("Accepted files of tokens come back, and errors contain nothing of them")
    func tokenFiles() throws {
        for input in try FuzzInput.corpus("TokenFile") {
            for position in 0..<UInt8(128) {
                for source in 0..<UInt8(2) {
                    #expect(throws: Never.self, "\(input), a secret at \(position)") {
                        try checkTokenFile([source, position] + input.bytes.dropFirst(2))
                    }
                }
            }
        }
    }

    @Test("Only genuine signatures of URLs are accepted", arguments: try FuzzInput.corpus("Signing"))
    func signing(input: FuzzInput) throws {
        try checkSigning(input.bytes)
    }
}
