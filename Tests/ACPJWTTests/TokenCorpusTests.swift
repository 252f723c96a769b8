// SPDX-License-Identifier: Apache-2.0

import ACPTestSupport
import Testing

@Suite("Inputs of the fuzzer for JSON Web Tokens")
struct TokenCorpusTests {
    @Test("Nothing is accepted that is not signed as it should be", arguments: try FuzzInput.corpus("JWT"))
    func replay(input: FuzzInput) async throws {
        try await checkToken(input.bytes)
    }
}
