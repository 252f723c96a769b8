// SPDX-License-Identifier: Apache-2.0

// A libFuzzer target for configuration files. scripts/fuzz compiles it with the properties, which are in
// Tests/acpTests/SettingsProperties.swift, and runs it.

/// Checks the properties for one input.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzSettings(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    run(start, count) { try checkSettings($0) }
}
