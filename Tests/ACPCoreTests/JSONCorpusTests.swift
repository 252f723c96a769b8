// SPDX-License-Identifier: Apache-2.0

import ACPTestSupport
import Testing

@Suite("Inputs of the fuzzer for JSON")
struct JSONCorpusTests {
    @Test("Both ways to read JSON agree, and so does Foundation", arguments: try FuzzInput.corpus("JSON"))
    func replay(input: FuzzInput) throws {
        // Inputs are read as all types: the first byte chooses one.
        for type in UInt8(ascii: "0")..<UInt8(ascii: "0") + 15 { try checkJSON([type] + input.bytes.dropFirst()) }
    }
}
