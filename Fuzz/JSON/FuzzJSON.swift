// SPDX-License-Identifier: Apache-2.0

// A libFuzzer target for the JSON reader. scripts/fuzz compiles it with the properties, which are in
// Tests/ACPCoreTests/JSONProperties.swift, and runs it.

/// Checks the properties for one input.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzJSON(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt { run(start, count) { try checkJSON($0) } }
