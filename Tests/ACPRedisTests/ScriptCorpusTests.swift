// SPDX-License-Identifier: Apache-2.0

import ACPTestSupport
import Testing

@Suite("Inputs of the fuzzer for scripts")
struct ScriptCorpusTests {
    @Test("Keys and arguments of scripts are those that they declare", arguments: try FuzzInput.corpus("Scripts"))
    func replay(input: FuzzInput) async throws {
        try await checkScripts(input.bytes)
    }

    @Test("Keys and arguments of scripts are those that they declare, for commits of all kinds")
    func random() async throws {
        var generator = SeededGenerator(seed: 20)
        for _ in 0..<500 {
            try await checkScripts((0..<120).map { _ in UInt8.random(in: 0...255, using: &generator) })
        }
    }
}
