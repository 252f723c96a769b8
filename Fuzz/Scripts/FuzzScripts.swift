// SPDX-License-Identifier: Apache-2.0

// A libFuzzer target for the keys and arguments of Redis scripts. scripts/fuzz compiles it with the properties, which are in
// Tests/ACPRedisTests/ScriptProperties.swift, and runs it.

/// Checks the properties for one input.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzScripts(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    runBlocking(start, count) { try await checkScripts($0) }
}
