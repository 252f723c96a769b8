// SPDX-License-Identifier: Apache-2.0

// A libFuzzer target for the objects of A2A. scripts/fuzz compiles it with the properties, which are in
// Tests/A2ACoreTests/A2AProperties.swift, and runs it.

/// Checks the properties for one input.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzA2A(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt { run(start, count) { try checkA2A($0) } }
