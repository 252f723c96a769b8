// SPDX-License-Identifier: Apache-2.0

// A libFuzzer target for signed URLs. scripts/fuzz compiles it with the properties, which are in
// Tests/ACPServerTests/Sessions/SigningProperties.swift, and runs it.

/// Checks the properties for one input.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzSigning(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    run(start, count) { try checkSigning($0) }
}
