// SPDX-License-Identifier: Apache-2.0

// A libFuzzer target for URLs of PostgreSQL. scripts/fuzz compiles it with the properties, which are in
// Tests/ACPPostgresTests/PostgresURLProperties.swift, and runs it.

/// Checks the properties for one input.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzPostgresURL(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    run(start, count) { try checkPostgresURL($0) }
}
