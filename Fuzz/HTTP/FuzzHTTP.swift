// SPDX-License-Identifier: Apache-2.0

// A libFuzzer target for HTTP connections. scripts/fuzz compiles it with the properties, which are in
// Tests/ACPServerTests/Connections/ConnectionProperties.swift, and runs it.

/// Checks the properties for one input.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzHTTP(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    run(start, count) { try checkConnection($0) }
}
