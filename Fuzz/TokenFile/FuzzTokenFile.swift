// SPDX-License-Identifier: Apache-2.0

// A libFuzzer target for files of tokens. scripts/fuzz compiles it with the properties, which are in
// Tests/ACPServerTests/Access/TokenFileProperties.swift, and runs it.

/// Checks the properties for one input.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzTokenFile(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    run(start, count) { try checkTokenFile($0) }
}
