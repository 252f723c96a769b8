// SPDX-License-Identifier: Apache-2.0

import ACPTestSupport
import Testing

@Suite("Inputs of the fuzzer for A2A")
struct A2ACorpusTests {
    @Test(
        "Objects, errors, paths and queries come back after they were written", arguments: try FuzzInput.corpus("A2A"))
    func replay(input: FuzzInput) throws {
        // Inputs are read as all types: the first byte chooses one.
        for type in UInt8(ascii: "0")..<UInt8(ascii: "0") + 13 { try checkA2A([type] + input.bytes.dropFirst()) }
    }
}
