// SPDX-License-Identifier: Apache-2.0

import ACPTestSupport
import Testing

@Suite("Inputs of the fuzzer for configuration files")
struct SettingsCorpusTests {
    @Test(
        "No secret of a configuration file is printed, and what is printed can be read",
        arguments: try FuzzInput.corpus("Settings"))
    func replay(input: FuzzInput) throws {
        try checkSettings(input.bytes)
    }
}
